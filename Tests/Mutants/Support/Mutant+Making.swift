internal import Emulator
internal import MachineCore
internal import Properties
internal import Simulator
internal import ToyISA
internal import Virtualizer
internal import X86Backend

extension Mutant {
  /// An evaluator of toy data that are wrong.
  static func data(
    _ name: String, _ fault: String, at instruction: String? = nil, field: String? = nil,
    on workload: @escaping @Sendable () throws -> Workload,
    _ change: @escaping @Sendable (inout AlteredSet) -> Void
  ) -> Mutant {
    Mutant(
      name: name, fault: fault, field: field, instruction: instruction, workload: workload,
      make: { workload in
        guard case .toy(_, _, let variant) = workload.machine else { preconditionFailure("a toy workload") }
        var set = AlteredSet(ToyInstructionSet(variant))
        change(&set)
        return evaluator(set, like: try workload.makeEngine(.simulator))
      }, twin: .simulator, reference: .emulator)
  }

  /// An evaluator of x86 data that are wrong.
  static func x86(
    _ name: String, _ fault: String, at instruction: String? = nil, field: String? = nil, _ code: [UInt8],
    _ change: @escaping @Sendable (inout AlteredSet) -> Void
  ) -> Mutant {
    Mutant(
      name: name, fault: fault, field: field, instruction: instruction,
      workload: { try MutantPrograms.machineCode(name, code + powerOff) },
      make: { workload in
        var set = AlteredSet(X86InstructionSet())
        change(&set)
        return evaluator(set, like: try workload.makeEngine(.simulator))
      }, twin: .simulator, reference: .emulator)
  }

  /// `xor eax, eax; out 0xf4, al`
  private static let powerOff: [UInt8] = [0x31, 0xC0, 0xE6, UInt8(X86Layout.powerPort)]

  private static func evaluator(_ set: AlteredSet, like engine: any Engine) -> Evaluator {
    Evaluator(instructionSet: set, platform: engine.platform, state: engine.state)
  }

  /// A VMM with a wrong policy.
  static func monitor(
    _ name: String, _ fault: String, breaks: Property = .equivalence, at instruction: String? = nil,
    field: String? = nil, on workload: @escaping @Sendable () throws -> Workload,
    _ change: @escaping @Sendable (inout VMMPolicy) -> Void
  ) -> Mutant {
    Mutant(
      name: name, fault: fault, breaks: breaks, field: field, instruction: instruction,
      workload: workload,
      make: { try monitor($0, change) { $0 } }, twin: .virtualizer, reference: .simulator)
  }

  /// A hybrid VMM with a wrong policy.
  static func hybrid(
    _ name: String, _ fault: String, breaks: Property = .equivalence, at instruction: String? = nil,
    field: String? = nil, on workload: @escaping @Sendable () throws -> Workload,
    _ change: @escaping @Sendable (inout VMMPolicy) -> Void
  ) -> Mutant {
    Mutant(
      name: name, fault: fault, breaks: breaks, field: field, instruction: instruction, workload: workload,
      make: { try monitor($0, from: .hybrid, change) { $0 } }, twin: .virtualizer, reference: .simulator,
      makeTwin: { try $0.makeEngine(.virtualizer, construction: .hybrid) })
  }

  /// A VMM on a toy processor that may be wrapped in other hardware.
  static func monitor(
    _ workload: Workload, from original: VMMPolicy = .correct, _ change: (inout VMMPolicy) -> Void,
    wrap: (ToyProcessor) -> any ToyHardware
  ) throws -> VirtualMachineMonitor {
    guard case .toy(let image, let machine, let variant) = workload.machine else {
      preconditionFailure("a toy workload")
    }
    var policy = original
    change(&policy)
    let monitor = try VirtualMachineMonitor.stack(
      depth: 1, machine: machine,
      state: ToyInstructionSet.resetState(entry: image.entry, storage: machine.memorySize), policy: policy
    ) { storage throws(EngineRefusal) in
      do throws(MachineError) {
        return wrap(try ToyProcessor(variant: variant, storage: storage))
      } catch {
        throw EngineRefusal(error.description)
      }
    }
    try image.load(into: monitor.platform.memory)
    return monitor
  }

  /// A wrong machine of another sort.
  static func machine(
    _ name: String, _ fault: String, breaks: Property = .equivalence, at instruction: String? = nil,
    field: String? = nil, twin: EngineKind, on workload: @escaping @Sendable () throws -> Workload,
    _ make: @escaping @Sendable (Workload) throws -> any Engine
  ) -> Mutant {
    Mutant(
      name: name, fault: fault, breaks: breaks, field: field, instruction: instruction,
      workload: workload,
      make: make, twin: twin, reference: twin == .simulator ? .emulator : .simulator)
  }
}
