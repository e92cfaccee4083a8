import MachineCore
import Simulator
import Trace
import X86Backend

/// A processor in real mode without devices, on which single instructions are tried.
final class VectorMachine {
  private enum Engine {
    case emulator(X86Interpreter)
    case simulator(Evaluator)
  }

  private let engine: Engine
  private let model: X86CPUModel
  private let base: ProcessorState
  let memory: GuestMemory
  /// What the instruction stored to.
  private let stored = StoredRange()

  init(_ kind: EngineKind, model: X86CPUModel) throws {
    self.model = model
    memory = try GuestMemory(size: 16 << 20)
    let stored = stored
    memory.observer = { stored.add($0) }
    var state = X86Machine(mode: .real16, entry: 0, segments: []).initialState
    // The machine status word of the 80286 reads as FFF0 after reset, bits 4 to 15 of it for ever.
    if model == .i80286 { state[.cr0] = 0xFFF0 }
    base = state
    let platform = Platform(memory: memory)
    switch kind {
    case .emulator: engine = .emulator(X86Interpreter(platform: platform, state: state, model: model))
    case .simulator:
      engine = .simulator(
        Evaluator(instructionSet: X86InstructionSet(model: model), platform: platform, state: state))
    case .virtualizer:
      throw CommandFailure(
        status: .hostLacks,
        message: "the host's processor is no \(model.rawValue): give --on simulator or --on emulator")
    }
  }

  var state: ProcessorState {
    switch engine {
    case .emulator(let engine): engine.state
    case .simulator(let engine): engine.state
    }
  }

  /// Flags without a defined value, where the engine knows.
  var undefinedFlags: UInt64? {
    guard case .simulator(let engine) = engine else { return nil }
    return engine.undefinedMasks[X86Register.rflags.index]
  }

  /// Whether execution stands at the handler of an interrupt.
  func isInHandler(_ vector: UInt64) -> Bool {
    let state = state
    return memory.load(vector * 4, width: 4) == state[.cs] << 16 | state[.rip]
  }

  /// The flags register as this processor has it: what cannot be set is zero.
  func flags(_ value: UInt64) -> UInt64 {
    value & (model.writableFlags(isProtected: false) & 0xFFFF) | 2
  }

  /// Bits that a register has on a model.
  static func width(of register: X86Register, _ model: X86CPUModel) -> UInt64 {
    switch register {
    case .es, .cs, .ss, .ds, .fs, .gs: 0xFFFF
    default: model == .i8086 || model == .i80286 ? 0xFFFF : model == .i80386 ? 0xFFFF_FFFF : .max
    }
  }

  // MARK: One vector

  /// Loads a vector and runs its instruction; a reason when that stopped the machine.
  func run(_ vector: HardwareVector, _ form: X86InstructionSet.VectorForm?) throws -> StopReason? {
    let start = try prepare(vector)
    stored.clear()
    return execute(form, start)
  }

  private func prepare(_ vector: HardwareVector) throws -> ProcessorState {
    for (address, byte) in vector.initialMemory {
      guard memory.store(address, UInt64(byte), width: 1) else {
        throw CommandFailure.badInput("address \(hex(address)) lies behind 16 MiB")
      }
      memory.changed(Int(address)..<Int(address) + 1)
    }
    var state = base
    for (register, value) in vector.initialRegisters {
      let value = value & Self.width(of: register, model)
      switch register {
      case .es, .cs, .ss, .ds, .fs, .gs:
        state[register] = value
        // Bases follow the selectors in the same order.
        let distance = X86Register.esBase.index - X86Register.es.index
        state.registers[register.index + distance] = value << 4
      case .rflags: state[.rflags] = flags(value)
      case .cr0:
        guard value & 0x8000_0001 == 0 else {
          throw CommandFailure.badInput("vectors in protected mode are not read")
        }
        state[.cr0] = value
      default: state[register] = value
      }
    }
    switch engine {
    case .emulator(let engine):
      engine.platform.retired = 0
      engine.state = state
    case .simulator(let engine):
      engine.platform.retired = 0
      engine.state = state
    }
    return state
  }

  private func step() -> StopReason? {
    switch engine {
    case .emulator(let engine): engine.step()
    case .simulator(let engine): engine.step()
    }
  }

  private var programCounter: UInt64 {
    switch engine {
    case .emulator(let engine): engine.programCounter
    case .simulator(let engine): engine.state[.rip]
    }
  }

  private func execute(_ form: X86InstructionSet.VectorForm?, _ start: ProcessorState) -> StopReason? {
    guard let form, form.isRepeated else {
      let stop = step()
      // The 80386's instruction pointer does not wrap: what follows the segment's end faults when it is fetched.
      if stop == nil, model == .i80386, form?.isHalt != true, programCounter > 0xFFFF { return step() }
      return stop
    }
    let code = Code(memory, start, length: form.length, model)
    var stop = step()
    var left = 0x1_0000
    while stop == nil, left > 0, programCounter == start[.rip] {
      // The processor does not fetch a repeated instruction again, even if it overwrites itself.
      let overwritten = code.restore()
      stop = step()
      code.putBack(overwritten)
      left -= 1
    }
    if stop == nil, model == .i80386, programCounter > 0xFFFF { stop = step() }
    return stop
  }

  /// Makes zero what a vector loaded and its instruction stored.
  func clean(_ vector: HardwareVector) {
    // What is cleared below is told as stored, too.
    let range = stored.range
    for (address, _) in vector.initialMemory { clear(address) }
    for (address, _) in vector.finalMemory { clear(address) }
    guard let range else { return }
    // Stores to two places far apart make a large range, which is worth a clearing page by page.
    for page in stride(from: range.lowerBound, to: range.upperBound, by: 4096) {
      let end = min(page + 4096, range.upperBound)
      // SAFETY: engines report only ranges inside the storage.
      (memory.base + page).initializeMemory(as: UInt8.self, repeating: 0, count: end - page)
    }
    memory.changed(range)
  }

  private func clear(_ address: UInt64) {
    guard memory.store(address, 0, width: 1) else { return }
    memory.changed(Int(address)..<Int(address) + 1)
  }
}

/// The smallest range that holds all places that were stored to.
private final class StoredRange {
  private(set) var range: Range<Int>?

  func add(_ other: Range<Int>) {
    range = range.map { min($0.lowerBound, other.lowerBound)..<max($0.upperBound, other.upperBound) } ?? other
  }

  func clear() { range = nil }
}

/// The bytes of an instruction in memory, as they were when it was fetched.
private struct Code {
  private let memory: GuestMemory
  private let places: [UInt64]
  private let bytes: [UInt64]

  init(_ memory: GuestMemory, _ state: ProcessorState, length: Int, _ model: X86CPUModel) {
    self.memory = memory
    let mask: UInt64 = model == .i8086 ? 0xF_FFFF : 0xFF_FFFF
    places = (0..<UInt64(length)).map { (state[.csBase] + (state[.rip] + $0) & 0xFFFF) & mask }
    bytes = places.map { memory.load($0, width: 1) ?? 0xFF }
  }

  /// Puts the old bytes in place; those that had been changed.
  func restore() -> [(index: Int, byte: UInt64)] {
    var changed: [(index: Int, byte: UInt64)] = []
    for (index, place) in places.enumerated() {
      let byte = memory.load(place, width: 1) ?? 0xFF
      if byte != bytes[index] { changed.append((index, byte)) }
    }
    for (index, _) in changed { put(bytes[index], index) }
    return changed
  }

  /// Undoes ``restore()`` where nothing new was stored meanwhile.
  func putBack(_ changed: [(index: Int, byte: UInt64)]) {
    for (index, byte) in changed where memory.load(places[index], width: 1) == bytes[index] {
      put(byte, index)
    }
  }

  private func put(_ byte: UInt64, _ index: Int) {
    memory.store(places[index], byte, width: 1)
    memory.changed(Int(places[index])..<Int(places[index]) + 1)
  }
}
