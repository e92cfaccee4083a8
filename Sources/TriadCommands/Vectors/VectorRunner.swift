import MachineCore
import Simulator
import Trace
import X86Backend

/// Runs captured instructions on one engine and compares what comes out.
///
/// One machine serves all vectors: after each, what it loaded and stored is zero again.
final class VectorRunner {
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
  private let machine: VectorMachine
  /// Knows which flags are undefined; made when first needed, unless it is the machine itself.
  private lazy var simulator = Result { try VectorMachine(.simulator, model: model) }
  private let set: X86InstructionSet

  /// A processor of this model without devices: inputs read as ones.
  init(_ kind: EngineKind, model: X86CPUModel, comparesAllFlags: Bool) throws {
    self.model = model
    self.comparesAllFlags = comparesAllFlags
    set = X86InstructionSet(model: model)
    machine = try VectorMachine(kind, model: model)
  }

  /// Runs a vector.
  ///
  /// - Parameter mask: flags that the file's metadata declare defined.
  func run(_ vector: HardwareVector, mask: UInt64?) throws -> Outcome {
    let code = InstructionBytes(Array(vector.bytes.prefix(15)))
    let form = set.vectorForm(of: code, context: .real16)
    var defined = vector.flagsMask ?? mask ?? .max
    if comparesAllFlags { defined = .max }
    defer { machine.clean(vector) }
    let stop = try machine.run(vector, form)
    var wrong = compare(vector, form, stop, undefined: ~defined)
    if wrong.isEmpty { return .passed }
    if comparesAllFlags { return .failed(wrong) }
    // What the semantics leave undefined here does not count.
    wrong = compare(vector, form, stop, undefined: try undefinedFlags(vector, form) | ~defined)
    return wrong.isEmpty ? .passedButUndefined : .failed(wrong)
  }

  /// Flags that have no defined value after the vector's instruction.
  private func undefinedFlags(_ vector: HardwareVector, _ form: X86InstructionSet.VectorForm?) throws
    -> UInt64
  {
    // A division leaves its flags undefined also when it faults.
    if form?.mayDivide == true, machine.isInHandler(0) { return X86Flags.arithmetic.rawValue }
    if let undefined = machine.undefinedFlags { return undefined }
    let simulator = try simulator.get()
    defer { simulator.clean(vector) }
    _ = try simulator.run(vector, form)
    return simulator.undefinedFlags ?? 0
  }

  // MARK: Comparison

  private func compare(
    _ vector: HardwareVector, _ form: X86InstructionSet.VectorForm?, _ stop: StopReason?, undefined: UInt64
  ) -> [String] {
    var wrong: [String] = []
    let state = machine.state
    switch stop {
    case nil, .idle: break
    case .some(let reason): wrong.append("stopped: \(reason)")
    }
    // Captures of the 80286 and 80386 end with HLT, which moves the instruction pointer once more.
    let isHalted = vector.bytes.last == 0xF4 && form?.isHalt != true && form?.length != vector.bytes.count
    func checkRegister(_ register: X86Register, initial: UInt64?, listed: UInt64?) {
      var bits = VectorMachine.width(of: register, model)
      for mask in vector.registerMasks where mask.register == register { bits &= mask.value }
      var expected = listed ?? initial ?? 0
      var value = state[register]
      switch register {
      case .rip: value &+= isHalted ? 1 : 0
      case .rflags:
        value |= model.storedOnes
        if listed == nil { expected = machine.flags(expected) | model.storedOnes }
        bits = 0xFFFF & ~undefined
      default: break
      }
      (expected, value) = (expected & bits, value & bits)
      if expected != value {
        wrong.append("\(register.name): expected \(hex(expected)), got \(hex(value))")
      }
    }
    for (register, initial) in vector.initialRegisters {
      let listed = vector.finalRegisters.first { $0.register == register }?.value
      checkRegister(register, initial: initial, listed: listed)
    }
    for (register, value) in vector.finalRegisters
    where !vector.initialRegisters.contains(where: { $0.register == register }) {
      checkRegister(register, initial: nil, listed: value)
    }
    let place = flagPlace(vector, form, state)
    for (address, initial) in vector.initialMemory
    where !vector.finalMemory.contains(where: { $0.address == address }) {
      check(address, initial, place, undefined, form, &wrong)
    }
    for (address, byte) in vector.finalMemory { check(address, byte, place, undefined, form, &wrong) }
    return wrong
  }

  /// Where the flags were stored on entering a handler after a fault: these bytes may hold undefined flags.
  private func flagPlace(
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
    let value = UInt8(truncatingIfNeeded: machine.memory.load(address, width: 1) ?? 0xFF)
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
