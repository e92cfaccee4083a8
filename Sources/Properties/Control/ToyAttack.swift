/// Small supervisors in toy assembly that attack; none needs to end by itself.
struct ToyAttack: Sendable {
  var name: String
  var title: String
  var source: String

  /// Before every attack: each trap goes on behind the instruction, as a supervisor with all storage.
  static let prelude = """
            .include "toy.inc"
            .text
    _start: la      t0, trap
            sw      zero, TRAP_NEW(zero)
            sw      t0, TRAP_NEW + 4(zero)
            sw      zero, TRAP_NEW + 8(zero)
            getbound s3
            sw      s3, TRAP_NEW + 12(zero)
            j       main
    trap:   lw      k0, TRAP_OLD + 4(zero)
            addi    k0, k0, 4
            jr      k0
            .balign 4
    psw:    .word   0, 0, 0, 0
    main:

    """

  static let all: [ToyAttack] = privilege + time + devices + paging + code

  static let privilege: [ToyAttack] = [
    ToyAttack(
      name: "psw-sweep", title: "forges PSWs with every flag and bases through the whole address space",
      source: """
                li      s0, 0
        1:      andi    t0, s0, 7
                sw      t0, psw(zero)
                la      t0, 2f
                sw      t0, psw + 4(zero)
                slli    t0, s0, 24
                sw      t0, psw + 8(zero)
                li      t1, -1
                sw      t1, psw + 12(zero)
                lpsw    psw(zero)
        2:      lw      t0, 0(zero)
                sw      s0, 0x7000(zero)
                addi    s0, s0, 1
                j       1b
        """),
    ToyAttack(
      name: "base-below", title: "relocates itself so that addresses wrap to below its storage",
      source: """
                li      s0, 0x100
        1:      sw      zero, psw(zero)
                la      t0, 2f
                sw      t0, psw + 4(zero)
                li      t1, -4096
                sw      t1, psw + 8(zero)
                li      t1, -1
                sw      t1, psw + 12(zero)
                lpsw    psw(zero)
        2:      sw      s0, 0xFF0(zero)
                addi    s0, s0, -1
                bnez    s0, 1b
                out     zero, POWER(zero)
        """),
    ToyAttack(
      name: "user-escape", title: "runs a user with a bound beyond storage, who writes everywhere",
      source: """
                li      t0, PSW_USER
                sw      t0, psw(zero)
                la      t0, 1f
                sw      t0, psw + 4(zero)
                sw      zero, psw + 8(zero)
                li      t0, -1
                sw      t0, psw + 12(zero)
                lpsw    psw(zero)
        1:      li      s0, 0x8000
        2:      sw      s0, 0(s0)
                addi    s0, s0, 2044
                j       2b
        """),
    ToyAttack(
      name: "trap-area", title: "fills its own trap area with garbage and traps",
      source: """
                li      t0, -1
                li      s0, 0
        1:      sw      t0, 0(s0)
                addi    s0, s0, 4
                li      t1, 0x80
                bltu    s0, t1, 1b
                brk
        """),
    ToyAttack(
      name: "nested-escape", title: "plays a monitor for a guest of its own, whose storage reaches beyond",
      source: """
                li      s0, 64
        1:      li      t0, PSW_USER
                sw      t0, psw(zero)
                sw      zero, psw + 4(zero)
                addi    t1, s3, -256
                sw      t1, psw + 8(zero)
                slli    t1, s0, 6
                sw      t1, psw + 12(zero)
                li      t2, 0x51080000
                sw      t2, 0(t1)
                lpsw    psw(zero)
                addi    s0, s0, -1
                bnez    s0, 1b
        2:      sw      s0, 0(s3)
                addi    s3, s3, 4
                j       2b
        """),
  ]

  static let time: [ToyAttack] = [
    ToyAttack(
      name: "deaf-spin", title: "turns interrupts off and counts for ever",
      source: """
                setie   zero
                li      t0, 10
                out     t0, TIMER(zero)
        1:      addi    s0, s0, 1
                j       1b
        """),
    ToyAttack(
      name: "jump-to-self", title: "jumps to itself for ever as a user",
      source: """
                li      t0, PSW_USER
                sw      t0, psw(zero)
                la      t0, 1f
                sw      t0, psw + 4(zero)
                sw      s3, psw + 12(zero)
                lpsw    psw(zero)
        1:      j       1b
        """),
    ToyAttack(
      name: "timer-churn", title: "sets the timer anew with every value, again and again",
      source: """
                li      t1, 1
                setie   t1
        1:      addi    s0, s0, 1
                out     s0, TIMER(zero)
                xor     t0, t0, s0
                out     t0, TIMER(zero)
                in      t2, TIMER(zero)
                j       1b
        """),
    ToyAttack(
      name: "timer-now", title: "asks for an interrupt at every instruction",
      source: """
                li      t1, 1
        1:      out     t1, TIMER(zero)
                setie   t1
                add     s0, s0, t1
                j       1b
        """),
    ToyAttack(
      name: "exit-storm", title: "executes nothing but privileged instructions",
      source: """
        1:      getpsw  t0
                getclk  t0
                tlbflush
                setie   zero
                in      t0, TIME_LOW(zero)
                j       1b
        """),
    ToyAttack(
      name: "wait-deaf", title: "waits with interrupts off for an interrupt that never comes",
      source: """
                setie   zero
                wait
                j       main
        """),
  ]

  static let devices: [ToyAttack] = [
    ToyAttack(
      name: "port-scan", title: "reads every port and writes to all but the power switch",
      source: """
                li      s0, 0
        1:      in      t0, 0(s0)
                li      t1, POWER
                beq     s0, t1, 2f
                out     s0, 0(s0)
        2:      addi    s0, s0, 1
                j       1b
        """),
    ToyAttack(
      name: "doorbell-flood", title: "rings a port that no device answers at, without a pause",
      source: """
        1:      out     s0, 0x5A0(zero)
                addi    s0, s0, 1
                j       1b
        """),
    ToyAttack(
      name: "console-flood", title: "floods the console",
      source: """
        1:      out     s0, CONSOLE_DATA(zero)
                out     s0, CONSOLE_DATA(zero)
                addi    s0, s0, 1
                j       1b
        """),
    ToyAttack(
      name: "dma-sweep", title: "orders the disk to write everywhere, beyond its storage too",
      source: """
                li      s0, 0x10000
        1:      out     zero, DISK_SECTOR(zero)
                out     s0, DISK_ADDRESS(zero)
                li      t0, 1
                out     t0, DISK_COMMAND(zero)
                li      t1, 80
        2:      addi    t1, t1, -1
                bnez    t1, 2b
                slli    t0, s0, 1
                addi    s0, t0, 512
                bnez    s0, 1b
                li      s0, -512
                j       1b
        """),
    ToyAttack(
      name: "dma-code", title: "lets the disk overwrite the code that is running",
      source: """
                la      t0, main
                out     t0, DISK_ADDRESS(zero)
                li      t0, 1
                out     t0, DISK_COMMAND(zero)
        1:      addi    s0, s0, 1
                j       1b
        """),
  ]

  static let paging: [ToyAttack] = [
    ToyAttack(
      name: "table-loop", title: "uses a directory that is its own table, and changes it while it is in use",
      source: Self.directory("0x8000 | 0x7F")
        + """
        1:      slli    t0, s0, 12
                sw      s0, 0(t0)
                lw      t1, 0x7FC(t0)
                addi    s0, s0, 1
                j       1b
        """),
    ToyAttack(
      name: "table-wild", title: "points page tables at frames behind its storage",
      source: Self.directory("0x9001")
        + """
        1:      lw      t0, 0x7000(s0)
                sw      s0, 0x7100(s0)
                addi    s0, s0, 4
                j       1b
        """),
    ToyAttack(
      name: "table-touch", title: "touches page after page of a large address space",
      source: Self.directory("0x8000 | 0x7F")
        + """
        1:      lw      t0, 0(s0)
                addi    s0, s0, 2044
                addi    s0, s0, 2044
                addi    s0, s0, 8
                j       1b
        """),
    ToyAttack(
      name: "flush-storm", title: "flushes the TLB after every access",
      source: Self.directory("0x8000 | 0x7F")
        + """
        1:      lw      t0, 0(s0)
                tlbflush
                addi    s0, s0, 4
                j       1b
        """),
  ]

  /// A directory at 0x8000 whose every entry is this, a table at 0x9000 of wild frames, and paging turned on.
  private static func directory(_ entry: String) -> String {
    """
            li      t0, 0x8000
            li      t1, \(entry)
            li      t2, 0x9000
            li      t3, 0x7FFF001F
    8:      sw      t1, 0(t0)
            sw      t3, 0x1000(t0)
            addi    t0, t0, 4
            bltu    t0, t2, 8b
            li      t1, 0x1F                # the first pages, where the code is, map to themselves
            li      t2, 0x8000
            sw      t1, 0x1000(t2)
            li      t0, 0x9001
            sw      t0, 0(t2)
            li      t0, PSW_PAGING
            sw      t0, psw(zero)
            la      t0, 9f
            sw      t0, psw + 4(zero)
            li      t0, 0x8000
            sw      t0, psw + 8(zero)
            li      t0, -4
            sw      t0, psw + 12(zero)
            lpsw    psw(zero)
    9:      li      s0, 0

    """
  }

  static let code: [ToyAttack] = [
    ToyAttack(
      name: "self-modifying", title: "writes each privileged instruction just before it is executed",
      source: """
                li      s0, 0x50000000
        1:      sw      s0, 2f(zero)
        2:      nop
                li      t0, 0x01000000
                add     s0, s0, t0
                li      t0, 0x5C000000
                bltu    s0, t0, 1b
                j       main
        """),
    ToyAttack(
      name: "every-opcode", title: "executes every opcode with every register, as supervisor and user",
      source: """
        1:      la      t1, 2f
                sw      s0, 0(t1)
        2:      nop
                li      t0, 0x00110000
                add     s0, s0, t0
                la      t0, trap
                sw      t0, TRAP_NEW + 4(zero)
                j       1b
        """),
    ToyAttack(
      name: "garbage", title: "executes pseudo-random words",
      source: """
                li      s0, 0x8000
                li      s1, 12345
                li      s2, 1664525
        1:      mul     s1, s1, s2
                addi    s1, s1, 0x3C6
                sw      s1, 0(s0)
                addi    s0, s0, 4
                li      t0, 0x18000
                bltu    s0, t0, 1b
                li      t0, 0x8000
                jr      t0
        """),
  ]
}
