internal import MachineCore
internal import Simulator
internal import Trace
internal import X86Backend

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// What one instruction made of a state.
struct X86Outcome {
  var state: ProcessorState
  /// Bits of each register that have no defined value; on the simulator only.
  var undefined: [UInt64]
  /// What a program sees of storage.
  var memory: [UInt8]
  /// Cause of the trap it ended in.
  var trap: UInt64?
  /// It ran to its end, without a trap.
  var completes: Bool
  /// It read or wrote a device.
  var usesDevice: Bool
}

/// A machine for one x86 instruction from a given state, again and again.
final class X86SmallMachine {
  /// What a program sees of storage: its data, and the end of ring 0's stack before it.
  static let window = Int(X86FuzzMachine.storage) - 0x1000..<Int(X86FuzzMachine.storage) + 0x1_0000

  private let engine: any Engine
  private let simulator: Evaluator?
  let platform: Platform
  /// What storage holds between two runs.
  let contents: FuzzStorage
  private let events = EventNotes()
  private let recorder: TraceRecorder

  private final class EventNotes {
    var trap: UInt64?
    var usesDevice = false
  }

  /// A machine on the simulator or the emulator, with this at the beginning of its storage.
  init(on kind: EngineKind, _ state: ProcessorState, contents bytes: [UInt8] = []) throws {
    platform = try PCPlatform.make(memorySize: X86FuzzMachine.memorySize, input: [])
    // Before the engine, which passes on what it hears of changes.
    contents = try FuzzStorage([platform.memory], contents: bytes)
    if kind == .simulator {
      let evaluator = Evaluator(instructionSet: X86InstructionSet(), platform: platform, state: state)
      (engine, simulator) = (evaluator, evaluator)
    } else {
      (engine, simulator) = (X86Interpreter(platform: platform, state: state), nil)
    }
    recorder = TraceRecorder(level: .events, capacity: 64) { [events] records in
      for record in records {
        if record.kind == EventKind.trap.rawValue, events.trap == nil { events.trap = UInt64(record.code) }
        if record.kind == EventKind.device.rawValue { events.usesDevice = true }
      }
    }
  }

  /// Runs the instruction that the state is at; storage stays as it leaves it.
  func run(_ state: ProcessorState, time: UInt64 = 0) throws -> X86Outcome {
    platform.powerOff = nil
    platform.retired = 0
    platform.idle = time
    (events.trap, events.usesDevice) = (nil, false)
    engine.state = state
    let stop = try engine.run(RunLimits(instructions: 1), into: recorder)
    recorder.flush()
    let after = engine.state
    var isDone = stop == .limit || after[.halted] != 0
    if case .powerOff = stop { isDone = true }
    return X86Outcome(
      state: after, undefined: simulator?.undefinedMasks ?? [],
      memory: try platform.memory.read(Self.window), trap: events.trap,
      completes: isDone && events.trap == nil, usesDevice: events.usesDevice)
  }
}

/// The definitions of sensitivity, applied to what was run.
enum X86Judgement {
  private static let tableNames = X86InstructionSet().auxiliaries

  /// What of control an instruction that completed has changed.
  static func control(_ before: ProcessorState, _ outcome: X86Outcome) -> [String] {
    guard outcome.completes else { return [] }
    let after = outcome.state
    var changed = X86Reason.controlRegisters.filter { before[$0] != after[$0] }.map(\.name)
    if (before[.rflags] ^ after[.rflags]) & X86Reason.systemFlags != 0 { changed.append("rflags") }
    // Loads fill the table of translations; only a translation that is gone is the instruction's doing.
    for (number, table) in before.auxiliaries.enumerated()
    where number < tableNames.count && tableNames[number].role == .relocation {
      let left = number < after.auxiliaries.count ? after.auxiliaries[number] : [:]
      if table.contains(where: { $0.value != 0 && (left[$0.key] ?? 0) == 0 }) {
        changed.append("translations")
      }
    }
    return changed
  }

  /// Whether a program could tell the outcomes apart; bits without a defined value aside.
  static func differ(_ first: X86Outcome, _ second: X86Outcome, undefined: [UInt64]) -> Bool {
    let isSameStorage = first.memory.withUnsafeBytes { one in
      second.memory.withUnsafeBytes { other in
        // SAFETY: both have as many bytes as the window, and that is not none.
        one.count == other.count && memcmp(one.baseAddress!, other.baseAddress!, one.count) == 0
      }
    }
    return !isSameStorage || !registerDifferences(first, second, undefined: undefined).isEmpty
  }

  /// What a program could tell the outcomes apart by.
  static func differences(_ first: X86Outcome, _ second: X86Outcome, undefined: [UInt64]) -> [String] {
    var found = registerDifferences(first, second, undefined: undefined).map { register in
      let seen = register == .rflags ? X86Reason.programFlags : .max
      return "\(register.name) \(hex(first.state[register] & seen)) or \(hex(second.state[register] & seen))"
    }
    if first.memory != second.memory {
      let places = zip(first.memory, second.memory).enumerated().filter { $0.element.0 != $0.element.1 }
      let low = X86SmallMachine.window.lowerBound + (places.first?.offset ?? 0)
      found.append("storage from \(hex(UInt64(low)))")
    }
    return found
  }

  private static let programRegisters = Array(X86Register.allCases.prefix(18))

  private static func registerDifferences(
    _ first: X86Outcome, _ second: X86Outcome, undefined: [UInt64]
  ) -> [X86Register] {
    programRegisters.filter { register in
      let seen = register == .rflags ? X86Reason.programFlags : .max
      return (first.state[register] ^ second.state[register]) & seen & ~undefined[register.index] != 0
    }
  }

  /// Bits that have no defined value in one of two outcomes.
  static func undefined(_ first: X86Outcome, _ second: X86Outcome) -> [UInt64] {
    zip(first.undefined, second.undefined).map { $0 | $1 }
  }
}
