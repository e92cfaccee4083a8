internal import Emulator
public import MachineCore
internal import Simulator
internal import ToyISA
public import Virtualizer
internal import X86Backend

extension Workload {
  /// Makes a fresh machine with this workload loaded, and the processor asked for.
  ///
  /// - Parameters:
  ///   - depth: how many VMMs stand on each other; for toy virtualizers.
  ///   - construction: how the topmost of them treats the guest's supervisor.
  /// - Throws: ``EngineRefusal`` when this host or this workload cannot have such an engine,
  ///   ``MachineError`` when the storage cannot be had.
  public func makeEngine(
    _ kind: EngineKind, depth: Int = 1, construction: VirtualMachineMonitor.Construction = .plain
  ) throws -> any Engine {
    switch machine {
    case .toy(let image, let machine, let variant):
      return try Self.makeToy(kind, image, machine, variant, depth, construction)
    case .x86(let machine):
      guard construction == .plain else {
        throw EngineRefusal("the hybrid VMM is for the toy ISA", remedy: "leave out --vmm")
      }
      guard depth == 1 else {
        throw EngineRefusal(
          "depth \(depth) is for the toy ISA: KVM guests here do not nest", remedy: "leave out --depth")
      }
      return try Self.makeX86(kind, machine)
    }
  }

  private static func makeToy(
    _ kind: EngineKind, _ image: ToyImage, _ machine: ToyMachine, _ variant: ToyVariant, _ depth: Int,
    _ construction: VirtualMachineMonitor.Construction
  ) throws -> any Engine {
    let state = ToyInstructionSet.resetState(entry: image.entry, storage: machine.memorySize)
    switch kind {
    case .simulator:
      let platform = try machine.makePlatform()
      try image.load(into: platform.memory)
      return Evaluator(instructionSet: ToyInstructionSet(variant), platform: platform, state: state)
    case .emulator:
      let platform = try machine.makePlatform()
      try image.load(into: platform.memory)
      return try Interpreter(variant: variant, platform: platform, state: state)
    case .virtualizer:
      let monitor = try VirtualMachineMonitor.stack(
        depth: depth, construction, machine: machine, state: state
      ) {
        (storage) throws(EngineRefusal) in
        do {
          return try ToyProcessor(variant: variant, storage: storage)
        } catch {
          throw EngineRefusal("the bare processor cannot be made: \(error)")
        }
      }
      try image.load(into: monitor.platform.memory)
      return monitor
    }
  }

  private static func makeX86(_ kind: EngineKind, _ machine: X86Machine) throws -> any Engine {
    let platform = try machine.makePlatform()
    let state = machine.initialState
    switch kind {
    case .simulator:
      return Evaluator(
        instructionSet: X86InstructionSet(model: machine.model), platform: platform, state: state)
    case .emulator:
      return X86Interpreter(platform: platform, state: state, model: machine.model)
    case .virtualizer:
      return try X86Virtualizer.make(machine, on: platform)
    }
  }
}
