import MachineCore
import Simulator
import Trace
import X86Backend

/// Runs captured instructions on one engine and compares what comes out.
struct VectorRunner {
  /// Outcome of one vector.
  enum Outcome {
    case passed
    /// Passed, but flags without a defined value are not those of the capture.
    case passedButUndefined
    case failed([String])
  }

  let model: X86CPUModel
  /// All flags count, also those without a defined value.
  let comparesAllFlags: Bool
  private let engine: any Engine
  private let evaluator: Evaluator
  private let set: X86InstructionSet
  private let base: ProcessorState

  /// A processor of this model without devices: inputs read as ones.
  init(_ kind: EngineKind, model: X86CPUModel, comparesAllFlags: Bool) throws {
    self.model = model
    self.comparesAllFlags = comparesAllFlags
    set = X86InstructionSet(model: model)
    base = X86Machine(mode: .real16, entry: 0, segments: []).initialState
    evaluator = Evaluator(
      instructionSet: set, platform: Platform(memory: try GuestMemory(size: 16 << 20)), state: base)
    switch kind {
    case .emulator:
      engine = X86Interpreter(
        platform: Platform(memory: try GuestMemory(size: 16 << 20)), state: base, model: model)
    case .simulator: engine = evaluator
    case .virtualizer:
      throw CommandFailure(
        status: .hostLacks,
        message: "the host's processor is no \(model.rawValue): give --on simulator or --on emulator")
    }
  }

  /// Runs a vector.
  ///
  /// - Parameter mask: flags that the file's metadata declare defined.
  func run(_ vector: HardwareVector, mask: UInt64?) throws -> Outcome {
    let code = InstructionBytes(Array(vector.bytes.prefix(15)))
    let form = set.vectorForm(of: code, context: .real16)
    let explicit = vector.flagsMask ?? mask
    let start = try prepare(engine, vector)
    let stop = try execute(engine, form, start)
    var wrong = compare(vector, form, stop, undefined: comparesAllFlags ? 0 : ~(explicit ?? .max))
    if wrong.isEmpty { return .passed }
    if comparesAllFlags { return .failed(wrong) }
    // What the semantics leave undefined here does not count.
    if engine !== evaluator {
      let again = try prepare(evaluator, vector)
      _ = try execute(evaluator, form, again)
    }
    let undefined = evaluator.undefinedMasks[X86Register.rflags.index] | ~(explicit ?? .max)
    wrong = compare(vector, form, stop, undefined: undefined)
    return wrong.isEmpty ? .passedButUndefined : .failed(wrong)
  }

  // MARK: One instruction

  /// The flags register as this processor has it: what cannot be set is zero.
  private func flags(_ value: UInt64) -> UInt64 {
    value & (model.writableFlags(isProtected: false) & 0xFFFF) | 2
  }

  private func prepare(_ engine: any Engine, _ vector: HardwareVector) throws -> ProcessorState {
    let memory = engine.platform.memory
    for (address, byte) in vector.initialMemory {
      guard memory.store(address, UInt64(byte), width: 1) else {
        throw CommandFailure.badInput("address \(hex(address)) lies behind 16 MiB")
      }
      memory.changed(Int(address)..<Int(address) + 1)
    }
    var state = base
    for (register, value) in vector.initialRegisters {
      switch register {
      case .es, .cs, .ss, .ds, .fs, .gs:
        state[register] = value & 0xFFFF
        // Bases follow the selectors in the same order.
        let distance = X86Register.esBase.index - X86Register.es.index
        state.registers[register.index + distance] = (value & 0xFFFF) << 4
      case .rflags: state[.rflags] = flags(value)
      case .cr0:
        guard value & 0x8000_0001 == 0 else {
          throw CommandFailure.badInput("vectors in protected mode are not read")
        }
        state[.cr0] = value
      default: state[register] = value
      }
    }
    engine.platform.powerOff = nil
    engine.platform.retired = 0
    engine.state = state
    return state
  }

  private func execute(
    _ engine: any Engine, _ form: X86InstructionSet.VectorForm?, _ start: ProcessorState
  ) throws -> StopReason {
    // A fault enters a handler and retires nothing: the run must end at the handler's first instruction.
    var handlers: Set<UInt64> = []
    if model != .i8086 {
      for vector in [0, 5, 6, 12, 13] as [UInt64] {
        handlers.insert(engine.platform.memory.load(vector * 4, width: 2) ?? 0)
      }
    }
    let limits = RunLimits(instructions: 1, until: handlers)
    var stop = try engine.run(limits, into: nil)
    guard form?.isRepeated == true else { return stop }
    var left = 0x1_0000
    while stop == .limit, left > 0, engine.state[.rip] == start[.rip] {
      stop = try engine.run(limits, into: nil)
      left -= 1
    }
    return stop
  }

  // MARK: Comparison

  private func compare(
    _ vector: HardwareVector, _ form: X86InstructionSet.VectorForm?, _ stop: StopReason, undefined: UInt64
  ) -> [String] {
    var wrong: [String] = []
    let state = engine.state
    switch stop {
    case .limit, .breakpoint, .idle: break
    default: wrong.append("stopped: \(stop)")
    }
    // Captures of the 80286 and 80386 end with HLT, which moves the instruction pointer once more.
    let isHalted = vector.bytes.last == 0xF4 && form?.isHalt != true && form?.length != vector.bytes.count
    func actual(_ register: X86Register) -> UInt64 {
      switch register {
      case .rip: (state[.rip] &+ (isHalted ? 1 : 0)) & (model == .i80386 ? 0xFFFF_FFFF : 0xFFFF)
      case .rflags: state[.rflags] | model.storedOnes
      default: state[register]
      }
    }
    for (register, initial) in vector.initialRegisters {
      let listed = vector.finalRegisters.first { $0.register == register }?.value
      var expected = listed ?? initial
      var value = actual(register)
      var bits = UInt64.max
      if register == .rflags {
        if listed == nil { expected = flags(initial) | model.storedOnes }
        bits = 0xFFFF & ~undefined
      }
      (expected, value) = (expected & bits, value & bits)
      if expected != value {
        wrong.append("\(register.name): expected \(hex(expected)), got \(hex(value))")
      }
    }
    let places = flagPlaces(vector, form, state)
    for (address, initial) in vector.initialMemory
    where !vector.finalMemory.contains(where: { $0.address == address }) {
      check(address, initial, places, undefined, form, &wrong)
    }
    for (address, byte) in vector.finalMemory { check(address, byte, places, undefined, form, &wrong) }
    return wrong
  }

  /// Where the flags were stored on entering a handler after a fault: these bytes may hold undefined flags.
  private func flagPlaces(
    _ vector: HardwareVector, _ form: X86InstructionSet.VectorForm?, _ state: ProcessorState
  ) -> UInt64? {
    if let place = vector.flagAddress { return place }
    guard form?.mayDivide == true || vector.exception != nil else { return nil }
    return (state[.ssBase] + (state[.rsp] + 4) & 0xFFFF) & (model == .i8086 ? 0xF_FFFF : 0xFF_FFFF)
  }

  private func check(
    _ address: UInt64, _ expected: UInt8, _ flags: UInt64?, _ undefined: UInt64,
    _ form: X86InstructionSet.VectorForm?, _ wrong: inout [String]
  ) {
    let value = UInt8(truncatingIfNeeded: engine.platform.memory.load(address, width: 1) ?? 0xFF)
    if value == expected { return }
    if !comparesAllFlags, let flags, address == flags || address == flags + 1 {
      let all = undefined | (form?.undefinedFlags ?? 0) | (form?.mayDivide == true ? 0x8D5 : 0)
      let mask = UInt8(truncatingIfNeeded: all >> (address == flags ? 0 : 8))
      if (value ^ expected) & ~mask == 0 { return }
    }
    wrong.append(
      "memory \(hex(address)): expected \(hex(UInt64(expected), digits: 2)), got \(hex(UInt64(value), digits: 2))"
    )
  }
}
