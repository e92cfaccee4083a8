internal import MachineCore
internal import Properties
internal import ToyISA
internal import Trace
internal import Virtualizer

/// A student's guest for one variant, and what it does on the machines.
struct SensitiveGuest {
  /// Instructions that a run may take.
  static let instructionLimit: UInt64 = 20_000

  let task: SensitiveTask
  let image: ToyImage

  init(_ task: SensitiveTask, _ source: String, file: String) throws(SubmissionError) {
    self.task = task
    image = try GuestSource.assemble(source, file: file, storage: ToyMachine.defaultMemorySize)
  }

  /// How a run ended, and what it wrote.
  struct End: Equatable {
    var stop: StopReason
    var console: [UInt8]
  }

  /// The first difference between the bare machine and a VMM.
  struct Difference {
    /// Of an instruction: how many have retired with it, in the bare machine's run.
    var retired: UInt64
    var pc: UInt64
    /// Number in the instruction table; `nil` when the difference is in another event.
    var row: Int?
    var operand: Int
    var mode: UInt8
    /// What the bare machine wrote to the operand's register, if it changed that.
    var written: UInt64?
    /// For the student.
    var text: String

    var mnemonic: String? { row.map { toyTable[$0].mnemonic } }
  }

  /// What two bare machines do.
  struct Bare {
    var end: End
    /// The simulator and the emulator agree.
    var agree: Bool
    var usesGetpsw = false
    /// Clocks and causes of traps.
    var traps: [(clock: UInt64, cause: UInt32)] = []
  }

  /// The machine's run to its end, without a trace.
  func end(
    _ kind: EngineKind, _ variant: ToyVariant, _ construction: VirtualMachineMonitor.Construction = .plain
  ) throws -> End {
    let engine = try workload(variant).makeEngine(kind, construction: construction)
    let stop = try engine.run(limits, into: nil)
    return End(stop: stop, console: engine.platform.console)
  }

  /// Runs it on both bare machines.
  func bare(_ variant: ToyVariant) throws -> Bare {
    let workload = workload(variant)
    var result = Bare(end: try end(.simulator, variant), agree: false)
    let opcode = toyTable.first { $0.mnemonic == "getpsw" }?.opcode ?? 0
    let outcome = try EquivalenceCheck.run(
      workload, machine: try workload.makeEngine(.emulator), against: try workload.makeEngine(.simulator),
      level: .instructions, limits: limits,
      observer: {
        if $0.kind == EventKind.retire.rawValue, UInt8(truncatingIfNeeded: $0.bytes.low >> 24) == opcode {
          result.usesGetpsw = true
        }
        if $0.kind == EventKind.trap.rawValue { result.traps.append(($0.clock, $0.code)) }
      })
    result.agree = outcome.verdict == .pass
    return result
  }

  /// The first difference between the bare machine and a VMM; `nil` when there is none.
  func difference(
    _ variant: ToyVariant, _ construction: VirtualMachineMonitor.Construction
  ) throws -> Difference? {
    let workload = workload(variant)
    let outcome = try EquivalenceCheck.run(
      workload, machine: try workload.makeEngine(.virtualizer, construction: construction),
      against: try workload.makeEngine(.simulator), level: .instructions, limits: limits, context: 2)
    guard let (divergence, left, right) = outcome.divergence else { return nil }
    let renderer = DivergenceRenderer(
      left: left, right: right,
      disassemble: {
        ToyDisassembler.text(
          of: UInt32(truncatingIfNeeded: $0.bytes.low), at: UInt32(truncatingIfNeeded: $0.pc))
      }, locate: { workload.location(of: $0) })
    let head = divergence.left?.head ?? divergence.right?.head
    let word = UInt32(truncatingIfNeeded: head?.bytes.low ?? 0)
    let row = head?.kind == EventKind.retire.rawValue ? ToyCodec.row(of: word) : nil
    let operand = row.flatMap { Self.operand(word, toyTable[$0].format) } ?? 0
    return Difference(
      retired: head?.clock ?? 0, pc: head?.pc ?? 0, row: row, operand: operand, mode: head?.mode ?? 0,
      written: divergence.left?.effects.first {
        $0.kind == EventKind.registerWrite.rawValue && $0.code == UInt32(operand)
      }?.value, text: renderer.unified(divergence))
  }

  /// The one register of an instruction that has one.
  private static func operand(_ word: UInt32, _ format: ToyFormat) -> Int? {
    switch format {
    case .rd: Int(word >> 20 & 15)
    case .rs: Int(word >> 16 & 15)
    default: nil
    }
  }

  private func workload(_ variant: ToyVariant) -> Workload {
    Workload(
      name: task.variant.rawValue, machine: .toy(image, ToyMachine(), variant),
      instructionLimit: Self.instructionLimit)
  }

  private var limits: RunLimits { RunLimits(instructions: Self.instructionLimit) }
}
