// MinOS: the processes that behave, and the list of all.

#include "user.h"

// user-hostile.c
void vandal(u64), snoop(u64), meddler(u64), leaper(u64), jumper(u64), painter(u64), forger(u64), faker(u64);
void privileged(u64), divider(u64), wanderer(u64), faller(u64), digger(u64), breaker(u64), stepper(u64);
void impostor(u64), spinner(u64);

static void init(u64), talker(u64), primes(u64), crunch(u64), keeper(u64), reader(u64), sleeper(u64), storm(u64);
static void liar(u64);

const struct program programs[] = {
    {init, "init", 0},
    {talker, "talker", 0},
    {primes, "primes", 500},
    {crunch, "crunch", 0},
    {keeper, "keeper", 0},
    {reader, "reader", 0},
    {sleeper, "sleeper", 250},
    {storm, "storm", 40},
    {liar, "liar", 0},
    {vandal, "vandal", 0},
    {snoop, "snoop", 0},
    {meddler, "meddler", 0},
    {leaper, "leaper", 0},
    {jumper, "jumper", 0},
    {painter, "painter", 0},
    {forger, "forger", 0},
    {faker, "faker", 0},
    {faker, "farjumper", 1},
    {privileged, "switcher", 0},
    {privileged, "deaf", 1},
    {privileged, "halter", 2},
    {privileged, "remapper", 3},
    {privileged, "rewirer", 4},
    {privileged, "describer", 5},
    {privileged, "returner", 6},
    {privileged, "undefined", 7},
    {divider, "divider", 0},
    {wanderer, "wanderer", 0},
    {wanderer, "staggerer", 1},
    {faller, "faller", 0},
    {digger, "digger", 0},
    {breaker, "breaker", 0},
    {stepper, "stepper", 0},
    {impostor, "impostor", 0},
    {spinner, "spinner", 0},
};
const u64 program_count = sizeof programs / sizeof programs[0];

// Starts every other program, waits for all of them, then starts one again in a place that is free.
static void init(u64 unused) {
  (void)unused;
  u64 numbers[sizeof programs / sizeof programs[0]];
  u64 killed = 0;
  say("init: starting\n");
  for (u64 i = 1; i < program_count; i++) numbers[i] = call(CALL_SPAWN, i, 0);
  for (u64 i = 1; i < program_count; i++)
    if (call(CALL_JOIN, numbers[i], 0) >= 128) killed++;
  struct line line = {.count = 0};
  add_decimal(&line, killed);
  add(&line, " of init's children were killed\n");
  print(&line);
  call(CALL_JOIN, call(CALL_SPAWN, 1, 0), 0);
  leave(0);
}

// Says something thrice, and lets the others go on in between.
static void talker(u64 unused) {
  (void)unused;
  for (u64 i = 1; i <= 3; i++) {
    struct line line;
    line.count = 0;
    add(&line, "talker: number ");
    add_decimal(&line, i);
    add(&line, "\n");
    print(&line);
    call(CALL_YIELD, 0, 0);
  }
  leave(0);
}

// Counts primes by trial division.
static void primes(u64 limit) {
  u64 count = 0;
  for (uint32_t candidate = 2; candidate < limit; candidate++) {
    uint32_t divisor = 2;
    while (divisor * divisor <= candidate && candidate % divisor) divisor++;
    if (divisor * divisor > candidate) count++;
  }
  struct line line;
  line.count = 0;
  add(&line, "primes: ");
  add_decimal(&line, count);
  add(&line, " below ");
  add_decimal(&line, limit);
  add(&line, "\n");
  print(&line);
  leave(0);
}

static uint32_t crc32(const uint8_t *bytes, u64 count) {
  uint32_t crc = ~0u;
  for (u64 i = 0; i < count; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
  }
  return ~crc;
}

// Sorts pseudo-random words on its heap, and checks the sum; what goes wrong shows.
static void crunch(u64 unused) {
  (void)unused;
  u64 place = call(CALL_GROW, 1, 0);
  if (place == ~0ull) leave(2);
  uint32_t *words = (uint32_t *)place;
  uint32_t state = 2463534242u;
  for (int i = 0; i < 128; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    words[i] = state;
  }
  uint32_t before = crc32((const uint8_t *)words, 512);
  for (int i = 1; i < 128; i++) {
    uint32_t word = words[i];
    int j = i;
    for (; j > 0 && words[j - 1] > word; j--) words[j] = words[j - 1];
    words[j] = word;
  }
  uint32_t after = crc32((const uint8_t *)words, 512);
  struct line line;
  line.count = 0;
  add(&line, "crunch: crc ");
  add_hex(&line, before);
  add(&line, ", sorted ");
  add_hex(&line, after);
  add(&line, "\n");
  print(&line);
  leave(before == 0x94C7D6D4u && after == 0xEAAA06C8u ? 0 : 1);
}

// Reads the disk: a line of text in sector 0, a known pattern in sector 1; writes sector 2 and looks at it again.
static void keeper(u64 unused) {
  (void)unused;
  u64 place = call(CALL_GROW, 1, 0);
  if (place == ~0ull || call(CALL_LOAD, 0, place)) leave(2);
  char *bytes = (char *)place;
  say(bytes);
  if (call(CALL_LOAD, 1, place)) leave(3);
  uint32_t state = 12345;
  int good = 1;
  for (int i = 0; i < 512; i++) state = state * 1664525 + 1013904223;
  for (int i = 0; i < 512; i++) {
    state = state * 1664525 + 1013904223;
    if ((uint8_t)bytes[i] != state >> 24) good = 0;
    bytes[512 + i] = (char)(bytes[i] ^ 0x55);
  }
  if (call(CALL_STORE, 2, place + 512) || call(CALL_LOAD, 2, place)) leave(4);
  for (int i = 0; i < 512; i++)
    if (bytes[i] != bytes[512 + i]) good = 0;
  if (call(CALL_LOAD, 1 << 20, place) != ~0ull) good = 0;
  say(good ? "keeper: disk as it must be\n" : "keeper: disk is WRONG\n");
  leave(good ? 0 : 1);
}

// Gives the console's input back in capitals, a line at a time.
static void reader(u64 unused) {
  (void)unused;
  char text[80];
  u64 count;
  while ((count = call(CALL_READ, (u64)text, sizeof text))) {
    for (u64 i = 0; i < count; i++)
      if (text[i] >= 'a' && text[i] <= 'z') text[i] = (char)(text[i] - 32);
    say("reader: ");
    call(CALL_WRITE, (u64)text, count);
  }
  leave(0);
}

// Sleeps, and looks at the clock before and after.
static void sleeper(u64 duration) {
  u64 start = call(CALL_TIME, 0, 0);
  call(CALL_SLEEP, duration, 0);
  u64 good = call(CALL_TIME, 0, 0) - start >= duration;
  say(good ? "sleeper: slept well\n" : "sleeper: woken too early\n");
  leave(good ? 0 : 1);
}

// Makes the kernel reach for a device again and again.
static void storm(u64 count) {
  char bytes[512];
  for (; count; count--) call(CALL_LOAD, 1 << 20, (u64)bytes), call(CALL_TIME, 0, 0);
  leave(0);
}

// Tells the kernel lies: every call must be refused.
static void liar(u64 unused) {
  (void)unused;
  static const u64 ranges[][2] = {
      {0x100000, 8},                           // the kernel
      {USER_STACK - 16, 32},                   // over the end
      {USER_STACK, 1},                         // just behind it
      {USER_HEAP, 1},                          // nothing there yet
      {0xFFFFFFFFFFFFFFF0ull, 32},             // wraps round
      {USER_START, 0xFFFFFFFFFFFFFFFFull},     // wraps to the start
      {0x0000800000000000ull, 8},              // not canonical
      {0xFFFF800000000000ull, 8},              // the other half
      {USER_STACK - 3 * 4096, 16},             // the page below its stack
  };
  u64 believed = 0;
  for (u64 i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
    believed += call(CALL_WRITE, ranges[i][0], ranges[i][1]) != ~0ull;
    believed += call(CALL_READ, ranges[i][0], ranges[i][1]) != ~0ull;
    believed += call(CALL_LOAD, 0, ranges[i][0]) != ~0ull;
    // What a process can read it may store.
    if (ranges[i][0] != USER_START) believed += call(CALL_STORE, 0, ranges[i][0]) != ~0ull;
  }
  believed += call(CALL_READ, USER_START, 8) != ~0ull;  // its own text, which it cannot write either
  believed += call(CALL_LOAD, 0, USER_START) != ~0ull;
  believed += call(CALL_LOAD, ~0ull, USER_STACK - 1024) != ~0ull;
  believed += call(CALL_SPAWN, 1000, 0) != ~0ull;
  believed += call(CALL_GROW, 1000, 0) != ~0ull;
  believed += call(CALL_JOIN, call(CALL_SELF, 0, 0), 0) != ~0ull;
  believed += call(0xFFFF, 0, 0) != ~0ull;
  believed += call(~0ull, 0, 0) != ~0ull;
  say(believed ? "liar: a lie was believed\n" : "liar: all lies refused\n");
  leave(believed);
}
