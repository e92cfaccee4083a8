internal import MachineCore
package import Properties
internal import ToyISA
internal import X86Backend

/// Programs that show what is wrong with a machine; all end by switching it off.
package enum MutantPrograms {
  /// A supervisor with a user that uses every computing instruction where it is delicate, traps in every
  /// way, and is interrupted by the timer.
  @Sendable package static func tour() throws -> Workload { try source("tour", tourSource) }

  /// Paging with a stale TLB, and every kind of page fault.
  @Sendable package static func paging() throws -> Workload { try named("pt-attack") }

  /// Code that is changed by stores and by the disk.
  @Sendable package static func changingCode() throws -> Workload { try named("smc", ["SIZE": 20]) }

  /// Turns interrupts on and off, on the variant where user mode ignores that.
  @Sendable package static func interrupts() throws -> Workload { try named("popf-probe", variant: .popf) }

  /// A user who computes and calls once.
  @Sendable package static func quietUser() throws -> Workload { try source("quiet-user", quietUserSource) }

  /// A supervisor that compares, stores and jumps.
  @Sendable package static func comparing() throws -> Workload { try source("comparing", comparingSource) }

  /// Runs for long without giving the processor back.
  @Sendable package static func spinning() throws -> Workload { try named("spin", limit: 120_000) }

  private static func named(
    _ name: String, _ defines: [String: Int64] = [:], variant: ToyVariant = .classic, limit: UInt64? = nil
  ) throws -> Workload {
    guard let program = ToyPrograms.named(name) else { preconditionFailure("no program \(name)") }
    return Workload(
      name: program.name, machine: .toy(try program.assemble(with: defines), program.machine, variant),
      instructionLimit: limit ?? program.instructionLimit)
  }

  private static func source(_ name: String, _ text: String) throws -> Workload {
    Workload(
      name: name,
      machine: .toy(
        try ToyAssembler.assemble(text, file: "\(name).asm"), ToyMachine(memorySize: 1 << 16), .classic),
      instructionLimit: 20_000)
  }

  /// Machine code, run in long mode.
  static func machineCode(_ name: String, _ code: [UInt8]) throws -> Workload {
    Workload(
      name: name,
      machine: .x86(try X86Loader.load(code, mode: .long64, memorySize: X86Layout.minimumMemorySize)),
      instructionLimit: 1000)
  }

  private static let quietUserSource = """
            .include "toy.inc"
            .text
    _start:
            la      t0, finish
            sw      t0, TRAP_NEW + 4(zero)
            getbound t0
            sw      t0, TRAP_NEW + 12(zero)
            sw      t0, psw + 12(zero)
            lpsw    psw(zero)
    finish: out     zero, POWER(zero)
            .balign 4
    psw:    .word   PSW_USER, user, 0, 0
    user:   li      s0, 50
    1:      addi    s0, s0, -1
            bnez    s0, 1b
            svc     1
    """

  private static let comparingSource = """
            .include "toy.inc"
            .text
    _start:
            li      s0, -1
            li      s1, 1
            bgeu    s0, s1, 1f
            li      s2, 5
    1:      li      t0, 0x8000
            sw      s0, 0(t0)
            li      t1, 0x1234
            sh      t1, 0(t0)
            lw      t2, 0(t0)
            la      t0, 2f
            jalr    ra, 0(t0)
    2:      out     zero, POWER(zero)
    """

  private static let tourSource = """
            .include "toy.inc"
            .text
    _start:
            la      t0, handler
            sw      t0, TRAP_NEW + 4(zero)
            li      t0, 0x10000
            sw      t0, TRAP_NEW + 12(zero)

            # What a supervisor may look at.
            getpsw  t0
            getbase t1
            getbound t2
            mul     t0, t1, t2
            li      t1, 5
            mul     t0, t1, t1
            mulhu   t0, t1, t1

            # An interrupt is requested while interrupts are off, and taken once they are on.
            li      t0, 3
            out     t0, TIMER(zero)
            li      s3, 0
    1:      addi    s3, s3, 1
            li      t0, 8
            bltu    s3, t0, 1b
            li      t0, 1
            setie   t0
            addi    s3, s3, 1
            setie   zero

            # The last word of storage is in reach, the next is not.
            li      t0, 0x10000
            lw      t1, -4(t0)
            lw      t1, 0(t0)
            sw      t1, 0(t0)
            brk

            # A user with 4 KiB of storage, pre-empted by a timer.
            li      t0, 57
            out     t0, TIMER(zero)
            li      t3, 0x2000
            lpsw    user_psw(zero)

    handler:
            lw      k0, TRAP_CAUSE(zero)
            addi    k0, k0, -16
            bgez    k0, interrupted
            addi    k0, k0, 8               # the user's call 99 ends it all
            bnez    k0, next
            lw      k0, TRAP_VALUE(zero)
            addi    k0, k0, -99
            beqz    k0, finish
    next:   lw      k0, TRAP_OLD + 4(zero)
            addi    k0, k0, 4
            sw      k0, TRAP_OLD + 4(zero)
            lpsw    TRAP_OLD(zero)
    interrupted:
            li      k0, 57
            out     k0, TIMER(zero)
            lpsw    TRAP_OLD(zero)
    finish: getclk  t0
            out     zero, POWER(zero)

            .balign 4
    user_psw:
            .word   3, 0, user, 0x1000

            .balign 64
    user:   .phase  0
            li      s0, -7
            li      s1, 3
            slt     t0, s0, s1
            sltu    t0, s0, s1
            slti    t0, s0, -8
            sra     t0, s0, s1
            srai    t0, s0, 1
            div     t0, s0, s1
            rem     t0, s0, s1
            divu    t0, s0, s1
            mulhu   t0, s0, s0
            li      t1, 33
            sll     t0, s1, t1
            div     t0, s0, zero
            svc     1
            sb      s0, 0x800(zero)
            lb      t0, 0x800(zero)
            lbu     t0, 0x800(zero)
            sh      s0, 0x802(zero)
            lh      t0, 0x802(zero)
            lw      t0, 0x801(zero)
            li      t1, 1
            li      t2, 0x810
            cas     t1, s0, (t2)
            lw      t0, 0x810(zero)
            li      t1, 0
            cas     t1, s0, (t2)
            lw      t0, 0x810(zero)
            bge     s1, s1, 2f
            nop
    2:      blt     s0, s1, 3f
            nop
    3:      jal     t0, 4f
    4:      setie   zero
            getpsw  t0
            getbase t0
            out     zero, POWER(zero)
            lw      t0, 0xFFC(zero)
            lw      t0, 0x1000(zero)
            sw      t0, 0x1004(zero)
            brk
            li      t0, 0
    5:      addi    t0, t0, 1
            mul     t1, t0, t0
            slti    t1, t0, 200
            bnez    t1, 5b
            svc     99
            .dephase
    """
}
