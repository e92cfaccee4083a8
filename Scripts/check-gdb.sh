#!/bin/sh
# Debugs the 16-, 32- and 64-bit programs with gdb, and with the stepper, on every engine that this host has: the same
# commands must lead to the same places with the same registers.
#
# Usage: Scripts/check-gdb.sh [TRIAD]
#   TRIAD   the program, .build/release/triad if not given
#   TRIAD_ENGINES in the environment names the engines, all that work here if it is not set.
#
# Needs gdb (Debian: gdb); 77 without it. Nothing depends on how fast the machine is: what is waited for is text.
set -u
cd "$(dirname "$0")/.." || exit 2
triad=$(realpath "${1:-.build/release/triad}") || exit 2
command -v gdb >/dev/null || { echo "gdb is not installed" >&2; exit 77; }
work=$(mktemp -d) || exit 2
guest=
trap '[ -z "$guest" ] || kill "$guest" 2>/dev/null; rm -rf "$work"' EXIT
engines=${TRIAD_ENGINES:-emulator simulator}
[ -n "${TRIAD_ENGINES:-}" ] || { "$triad" doctor | grep -q "^kvm usable *yes" && engines="$engines virtualizer"; }
failed=0

fail() {
  echo "FAIL $*"
  failed=$((failed + 1))
}

# start PROGRAM ENGINE ADDRESS [OPTION...]: a guest that waits for gdb; $target is what gdb connects to.
start() {
  rm -f "$work/socket"
  program_file=$1 on=$2 address=$3
  shift 3
  "$triad" run "$program_file" --on "$on" --gdb "$address" --wait "$@" >"$work/guest" 2>&1 &
  guest=$!
  target=
  while [ -z "$target" ] && kill -0 "$guest" 2>/dev/null; do
    target=$(sed -n 's/^\[gdb: target remote \(.*\)\]$/\1/p' "$work/guest")
    [ -n "$target" ] || sleep 0.05
  done
}

# finish: the guest ends by itself, in a minute at most.
finish() {
  tries=0
  while kill -0 "$guest" 2>/dev/null && [ $tries -lt 600 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  if kill "$guest" 2>/dev/null; then fail "the guest of \`$target\` did not end"; fi
  wait "$guest"
  guest=
}

# gdb_script: runs gdb with the commands of standard input; what it shows goes to standard output.
gdb_script() {
  {
    printf 'set confirm off\nset pagination off\nset width 0\nset tcp connect-timeout 60\nset remotetimeout 60\n'
    echo "target remote $target"
    cat
  } >"$work/commands"
  timeout 300 gdb -nx -batch -x "$work/commands" 2>"$work/errors"
}

# One program: where it has a breakpoint, and a place further on; the prefix of register names, and
# how far below the stack pointer there is something that will change.
check() {
  program=$1 place=$2 second=$3 prefix=$4 word=$5
  pc=${prefix}ip sp=${prefix}sp
  names="ip ax bx cx dx si di bp sp"
  # Both debuggers say `at` and these registers after each stop, without leading zeros.
  values=
  for name in $names; do values="$values, (unsigned long) \$$prefix$name"; done
  at="printf \"at %lx %lx %lx %lx %lx %lx %lx %lx %lx\\n\"$values"
  first=
  for engine in $engines; do
    start "$program" "$engine" "unix:$work/socket"
    gdb_script >"$work/$program.$engine" <<GDB
break *$place
continue
$at
x/4i \$pc
hbreak *$second
continue
$at
stepi 3
info registers eflags
$at
reverse-stepi 2
$at
reverse-continue
$at
reverse-continue
$at
reverse-continue
$at
delete
tbreak *$place
continue
$at
watch -location *(int*)(\$$sp - $word)
set \$watched = \$$sp - $word
continue
$at
x/i \$pc
reverse-continue
$at
delete
awatch -location *(short*)\$watched
continue
$at
delete
rwatch -location *(char*)\$watched
continue
$at
reverse-stepi
$at
delete
monitor walk $place
monitor exits
monitor trace on
stepi
monitor trace
monitor trace off
set var \$$sp = \$$sp
continue
GDB
    finish
    # gdb also says that it cannot find out what file the guest runs.
    if grep -v 'does not support$' "$work/errors" | cat - "$work/$program.$engine" |
      grep -qE 'rejected|Remote failure|not supported|does not support|Cannot|Error in|E[0-9][0-9]$'; then
      fail "$program on $engine: gdb complains"
      cat "$work/errors"
    fi
    grep -q 'exited' "$work/$program.$engine" || fail "$program on $engine: the guest did not end"
    grep -qi "^at $(printf '%x' $((place))) " "$work/$program.$engine" || fail "$program on $engine: no stop at $place"
    for word_of in watch rwatch awatch; do
      case $word_of in
      watch) text='^Hardware watchpoint .*: -location' ;;
      rwatch) text='^Hardware read watchpoint .*: -location' ;;
      awatch) text='^Hardware access (read/write) watchpoint .*: -location' ;;
      esac
      [ "$(grep -c "$text" "$work/$program.$engine")" -ge 2 ] || fail "$program on $engine: $word_of did not stop"
    done
    # What monitor commands show goes to gdb's standard error; engines tell different things of themselves.
    grep -q 'exits' "$work/errors" || fail "$program on $engine: monitor exits"
    grep -q '^n=' "$work/errors" || fail "$program on $engine: monitor trace"
    grep -q 'physical 0x' "$work/errors" || fail "$program on $engine: monitor walk"
    if [ -z "$first" ]; then
      first=$engine
    elif ! diff "$work/$program.$first" "$work/$program.$engine"; then
      fail "$program: $engine and $first differ under gdb"
    fi
    # The stepper goes the same way.
    cat >"$work/steps" <<STEPS
break $place
continue
info registers
break $second
continue
info registers
stepi 3
info registers
back 2
info registers
reverse-continue
info registers
reverse-continue
info registers
reverse-continue
info registers
delete
tbreak $place
continue
info registers
watch $sp - $word, 4
continue
info registers
reverse-continue
info registers
STEPS
    "$triad" step "$program" --on "$engine" --commands "$work/steps" >"$work/stepper" ||
      fail "$program on $engine: the stepper's script"
    # The lines of `info registers` from one stop to the next, as gdb has been made to say them.
    awk -v names="$names" -v wide="$prefix" '
      function value(name) { return wide == "r" ? held[name] : substr(held[name], length(held[name]) > 8 ? length(held[name]) - 7 : 1) }
      /^r[a-z0-9]+ +0x/ {
        for (i = 1; i < NF; i += 2) held[substr($i, 2)] = substr($(i + 1), 3)
        if ($1 == "rip") {
          count = split(names, list, " ")
          line = "at"
          for (i = 1; i <= count; i++) line = line " " value(list[i])
          print line
        }
      }' "$work/stepper" >"$work/stepper.stops"
    grep '^at ' "$work/$program.$engine" | head -n "$(wc -l <"$work/stepper.stops")" >"$work/gdb.stops"
    [ "$(wc -l <"$work/stepper.stops")" -eq 10 ] || fail "$program on $engine: the stepper has not ten stops"
    diff "$work/gdb.stops" "$work/stepper.stops" || fail "$program on $engine: gdb and stepper differ"
  done
  echo "$program: $engines ($(grep -c '^at ' "$work/$program.$first") stops)"
}

check real16 0x7c07 0x7c09 e 4
check protected32 0x100060 0x100400 e 36
check long64 0x100018 0x100080 r 8

# A port of the loopback interface, and a guest that is left alone.
start long64 emulator tcp:0
gdb_script >"$work/tcp" <<GDB
stepi
detach
GDB
finish
grep -q 'detached' "$work/tcp" || fail "tcp: gdb could not detach"
grep -q 'long64: matrix crc 75814846' "$work/guest" || fail "tcp: the guest did not run on alone"
grep -q '127.0.0.1' "$work/guest" || fail "tcp: not on the loopback interface"

# gdb's interruption of a run to a watchpoint that nothing comes to.
printf '\353\376' >"$work/loop.bin"
for engine in $engines; do
  for try in 1 2 3; do
    start "$work/loop.bin" "$engine" "unix:$work/socket" --isa x86 --mode 16
    cat >"$work/loop.gdb" <<GDB
set confirm off
target remote $target
watch *(int*)0x9000
echo going\\n
continue
kill
GDB
    : >"$work/loop"
    sh -c 'echo $$ >"$1/gdb.pid"; exec gdb -nx -batch -x "$1/loop.gdb"' sh "$work" >"$work/loop" 2>&1 &
    script=$!
    until grep -q '^going' "$work/loop" || ! kill -0 $script 2>/dev/null; do sleep 0.05; done
    tries=0
    while sleep 0.3 && kill -INT "$(cat "$work/gdb.pid")" 2>/dev/null && [ $tries -lt 200 ]; do tries=$((tries + 1)); done
    kill $script 2>/dev/null
    wait $script
    kill "$guest" 2>/dev/null
    wait "$guest" 2>/dev/null
    guest=
    # An interruption that came before gdb's `continue` ended gdb, not the run.
    grep -q 'SIGINT' "$work/loop" && break
  done
  grep -q 'SIGINT' "$work/loop" || fail "loop on $engine: gdb could not interrupt the run"
done
echo "interrupted: $engines"

[ $failed -eq 0 ] && echo "gdb and stepper agree"
exit $((failed > 0))
