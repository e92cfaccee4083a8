public import ToyISA
internal import X86Backend

/// Small generated guests, each for one part of a VMM. By seed: addresses, numbers, and which instructions.
///
/// `lpsw` and `out` are all that the parts have in common, so that each shows what it is about.
public enum MonitorGuests: String, CaseIterable, Sendable {
  /// Base and bound, inside the guest's storage and beyond it.
  case allocator
  /// Traps of supervisor and user.
  case dispatcher
  /// One privileged instruction each.
  case routines
  /// The timer, masked and not.
  case interrupts

  /// Users that compute for long and call their supervisor now and then.
  case users

  /// Bytes of the guests' storage.
  public static let memorySize = 1 << 16

  /// The guest of a seed and number.
  ///
  /// - Throws: ``SubmissionError`` if it does not assemble, which is a mistake of the generator.
  public func image(seed: UInt64, number: Int) throws(SubmissionError) -> ToyImage {
    var random = SplitMix(state: seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(number) &* 2 &+ 1)
    let body: String
    switch self {
    case .allocator: body = Self.window(number, &random)
    case .dispatcher: body = Self.traps(number, &random)
    case .routines: body = Self.routine(number, &random)
    case .interrupts: body = Self.timer(number, &random)
    case .users: body = Self.users(number, &random)
    }
    let source =
      "        .include \"toy.inc\"\n        .equ MEMORY, \(Self.memorySize)\n        .text\n" + body
    do {
      return try ToyAssembler.assemble(source, file: "\(rawValue)-\(number + 1).asm")
    } catch {
      throw SubmissionError(description: "a guest of `\(rawValue)` does not assemble: \(error)\n\(source)")
    }
  }

  /// Sets the new PSW: a handler in supervisor mode, without relocation.
  private static let arm = """
            la      t0, handler
            sw      t0, TRAP_NEW + 4(zero)
            li      t0, MEMORY
            sw      t0, TRAP_NEW + 12(zero)

    """

  /// Reads what a trap has left in the trap area.
  private static let look = """
            lw      a0, TRAP_CAUSE(zero)
            lw      a1, TRAP_VALUE(zero)
            lw      a2, TRAP_OLD(zero)
            lw      a3, TRAP_OLD + 4(zero)
            lw      t1, TRAP_OLD + 8(zero)
            lw      t2, TRAP_OLD + 12(zero)

    """

  private static func window(_ number: Int, _ random: inout SplitMix) -> String {
    let base = 0x4000 + 4 * random.below(0x800)
    let bound = 0x400 + 4 * random.below(0x100)
    let place = 4 * (16 + random.below(32))
    let (word, half, byte) = (4 * random.below(8), 2 * random.below(16), random.below(32))
    let value = 1 + random.below(0x7FFF)
    let isUser = [1, 4].contains(number % 6)
    // What the PSW in the window is, and how the program goes on there.
    var (windowBase, windowBound) = (base, bound)
    var ending: String
    switch number % 6 {
    case 0, 3: ending = "        out     zero, POWER(zero)"
    case 1: ending = "        li      t3, \(bound)\n        lw      t2, -4(t3)\n        sw      t2, 0(t3)"
    case 2:
      // A bound that reaches far behind the end of storage.
      windowBound = memorySize * (2 + random.below(100))
      ending =
        "        li      t3, \(memorySize - base)\n        sw      t0, -4(t3)\n        sw      t0, 0(t3)"
    case 4: ending = "        li      t3, \(bound)\n        sb      t0, -1(t3)\n        lb      t1, 0(t3)"
    default:
      // A base behind the end of storage: nothing can be fetched there.
      windowBase = memorySize + 4096 * random.below(64)
      ending = "        out     zero, POWER(zero)"
    }
    if number % 6 == 3 {
      // Nothing but the last words of storage.
      ending = "        lw      t1, 0(zero)\n" + ending
    }
    return """
      _start:
      \(arm)        li      t0, \(value)
              lpsw    inside(zero)
      handler:
      \(look)        out     zero, POWER(zero)
              .balign 4
      inside: .word   \(isUser ? "PSW_USER" : "0"), \(place), \(windowBase), \(windowBound)
              .org    \(base + place)
              .phase  \(place)
              sw      t0, \(word)(zero)
              sh      t0, \(half)(zero)
              sb      t0, \(byte)(zero)
              lw      t1, \(word)(zero)
              lh      t2, \(half)(zero)
      \(ending)
              svc     1
              .dephase

      """
  }

  private static func traps(_ number: Int, _ random: inout SplitMix) -> String {
    let privileged = [
      "lpsw 0(zero)", "jrst t0", "setie zero", "getpsw t1", "getbase t1", "getbound t1", "getclk t1",
      "tlbflush",
      "wait", "in t1, TIME_LOW(zero)", "out t0, POWER(zero)",
    ]
    var text = ""
    for step in 0..<(4 + random.below(4)) {
      let isUser = number % 3 == 0 ? false : number % 3 == 1 ? true : random.oneIn(2)
      var all = [
        "svc \(random.below(0x10000))", "brk", "divu t1, t0, zero", "rem t1, t0, zero", ".word 0",
        ".word 0xEE00\(String(0x1000 + random.below(0xE000), radix: 16))",
        "lw t1, \(1 + 2 * random.below(99))(zero)",
        "sw t0, \(2 + 4 * random.below(99))(zero)", "lw t1, 0(s1)", "sb t0, 0(s1)",
      ]
      if isUser { all += privileged }
      text += """
                li      t0, \(random.below(1 << 20))
                la      s3, after\(step)

        """
      if isUser {
        text += """
                  la      t1, user\(step)
                  sw      t1, psw + 4(zero)
                  lpsw    psw(zero)
          user\(step):

          """
      }
      text += "        addi    s2, s2, \(random.below(100))\n        \(random.pick(all))\nafter\(step):\n"
    }
    return """
      _start:
      \(arm)        li      s1, MEMORY
      \(text)        out     zero, POWER(zero)
      handler:
      \(look)        add     s0, s0, a0
              xor     s0, s0, a1
              jr      s3
              .balign 4
      psw:    .word   PSW_USER, 0, 0, MEMORY

      """
  }

  private static func routine(_ number: Int, _ random: inout SplitMix) -> String {
    let value = random.below(1 << 20)
    let ticks = 5 + random.below(200)
    let base = 0x4000 + 4 * random.below(0x400)
    let bodies = [
      // To user mode; back by a trap.
      "la t0, 1f\n jrst t0\n brk\n1: addi t1, t1, \(random.below(99))\n svc \(random.below(999))",
      "li t0, \(value | 1)\n setie t0\n addi t1, t1, 1\n li t0, \(value & ~1)\n setie t0\n setie t0",
      "getpsw t0\n addi t0, t0, \(random.below(99))\n getpsw zero\n getpsw sp",
      "getbase t0\n addi t0, t0, 1\n getbase a\(random.below(4))",
      "getbound t0\n sub t0, t0, t0\n getbound a\(random.below(4))",
      "addi t0, t0, 1\n getclk t1\n addi t0, t0, 1\n getclk t2\n sub t2, t2, t1\n getclk zero",
      "tlbflush\n addi t0, t0, \(random.below(99))\n tlbflush\n getclk t1",
      "li t0, \(ticks)\n out t0, TIMER(zero)\n wait\n getclk t1",
      "in t0, TIME_LOW(zero)\n in t1, DISK_SECTORS(zero)\n li t2, \(0x10000 - 1)\n in t3, DISK_SECTORS + 1(t2)\n in zero, POWER(zero)\n in a0, \(0x100 + random.below(999))(zero)",
      // A window of its own, so that base and bound are not those of the storage.
      "lpsw window(zero)",
      "li t0, 1\n setie t0\n getpsw t1\n setie zero\n getpsw t2\n in t3, TIME_LOW(zero)",
      "li t0, \(ticks)\n out t0, TIMER(zero)\n in t1, TIMER(zero)\n getclk t2\n wait\n in t3, TIMER(zero)\n getbound a0\n tlbflush",
    ]
    let body = bodies[number % bodies.count].split(separator: "\n").map { "        \($0)\n" }.joined()
    let isWindowed = number % bodies.count == 9
    return """
      _start:
      \(arm)\(body)        out     zero, POWER(zero)
      handler:
      \(look)        out     zero, POWER(zero)
              .balign 4
      window: .word   0, 0x40, \(base), \(0x200 + 4 * random.below(99))
      \(isWindowed ? "        .org \(base + 0x40)\n        .phase 0x40\n        getbase t0\n        getbound t1\n        getpsw t2\n        getclk t3\n        out zero, POWER(zero)\n        .dephase\n" : "")
      """
  }

  private static func timer(_ number: Int, _ random: inout SplitMix) -> String {
    let ticks = 3 + random.below(40)
    let count = 3 + random.below(5)
    let isUser = number % 5 == 4
    // In the handler with interrupts on, the next one must wait until an instruction of the handler has retired.
    let flags = number % 5 == 3 ? "PSW_IE" : "0"
    let loop: String
    switch number % 5 {
    case 0: loop = "1: addi s2, s2, 1\n xor s3, s3, s2\n j 1b"
    case 1:
      // Masked while it runs out.
      loop =
        "1: setie zero\n2: addi s2, s2, 1\n in t1, TIMER(zero)\n bnez t1, 2b\n li t0, 1\n setie t0\n j 1b"
    case 2: loop = "1: wait\n addi s2, s2, 1\n j 1b"
    case 3: loop = "1: addi s2, s2, 3\n j 1b"
    default: loop = "1: addi s2, s2, 1\n mul s3, s2, s2\n j 1b"
    }
    let body = loop.split(separator: "\n").map { "        \($0)\n" }.joined()
    return """
      _start:
      \(arm)        li      t0, \(flags)
              sw      t0, TRAP_NEW(zero)
              li      s0, \(count)
              li      t0, \(ticks)
              out     t0, TIMER(zero)
              lpsw    \(isUser ? "user" : "own")(zero)
      start:
      \(body)
      handler:
              addi    s0, s0, -1
              lw      a3, TRAP_OLD + 4(zero)
              add     s1, s1, a3
              lw      a0, TRAP_CAUSE(zero)
              beqz    s0, 9f
              li      k0, \(number % 5 == 3 ? 1 : ticks)
              out     k0, TIMER(zero)
              \(number % 5 == 3 ? "addi    k0, k0, 1" : "nop")
              lpsw    TRAP_OLD(zero)
      9:      out     zero, POWER(zero)
              .balign 4
      own:    .word   PSW_IE, start, 0, MEMORY
      user:   .word   PSW_USER | PSW_IE, start, 0, MEMORY

      """
  }

  private static func users(_ number: Int, _ random: inout SplitMix) -> String {
    let work = [
      "add s1, s1, s0", "xor s2, s2, s1", "mul s1, s1, s0", "slli s3, s1, 3", "sub s2, s2, s3",
      "sw s1, 0x80(zero)",
    ]
    let body = (0..<(4 + random.below(4))).map { _ in "        \(random.pick(work))\n" }.joined()
    // Each way into user mode in turn, and in the end something that only the supervisor may do.
    let entry =
      number % 2 == 0 ? "        la      t0, user\n        jrst    t0" : "        lpsw    psw(zero)"
    let last = ["getpsw t1", "getclk t1", "getbound t1"][number % 3]
    return """
      _start:
      \(arm)        li      s1, \(1 + random.below(99))
      \(entry)
      handler:
              lw      k0, TRAP_CAUSE(zero)
              addi    k0, k0, -CAUSE_SVC
              bnez    k0, 9f
              lw      k0, TRAP_OLD + 4(zero)
              addi    k0, k0, 4
              sw      k0, TRAP_OLD + 4(zero)
              lpsw    TRAP_OLD(zero)
      9:
      \(look)        out     zero, POWER(zero)
      user:   li      a0, \(2 + random.below(3))
      1:      li      s0, \(60 + random.below(60))
      2:
      \(body)        addi    s0, s0, -1
              bnez    s0, 2b
              svc     \(random.below(999))
              addi    a0, a0, -1
              bnez    a0, 1b
              \(last)
              svc     1
              .balign 4
      psw:    .word   PSW_USER, user, 0, MEMORY

      """
  }
}
