import Foundation
import MachineCore
import Simulator
import Trace
import X86Backend

/// A small generator of random numbers whose seed is printed with every failure.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}

/// Runs single instructions on the evaluator and the interpreter from the same random states.
final class DifferentialHarness {
  static let memorySize = 2 << 20
  static let code: UInt64 = 0x2_0000
  static let data: UInt64 = 0x1_0000

  let mode: X86Mode
  let simulator: Evaluator
  let emulator: X86Interpreter
  let base: ProcessorState
  var random: SplitMix
  /// How many cases completed their instruction.
  var completed = 0
  var mnemonics: Set<String> = []
  private var cases = 0
  private let tables: [UInt8]

  let model: X86CPUModel

  init(_ mode: X86Mode, seed: UInt64, model: X86CPUModel = .modern) throws {
    self.mode = mode
    self.model = model
    random = SplitMix(state: seed)
    let entry = mode == .real16 ? 0 : Self.code
    let machine = X86Machine(mode: mode, entry: entry, segments: [], memorySize: Self.memorySize)
    var state = machine.initialState
    if mode == .real16 {
      for number in 0..<6 {
        var segment = state.segment(number)
        segment.selector = number == 1 ? Self.code >> 4 : Self.data >> 4
        segment.base = segment.selector << 4
        state.setSegment(number, segment)
      }
    }
    base = state
    simulator = Evaluator(
      instructionSet: X86InstructionSet(model: model), platform: try machine.makePlatform(), state: state)
    emulator = X86Interpreter(platform: try machine.makePlatform(), state: state, model: model)
    // Interrupt gates for all exceptions, every other one a trap gate.
    let gates = (0..<32).flatMap { vector -> [UInt8] in
      let type: UInt64 = vector % 2 == 0 ? 0x8E00 : 0x8F00
      let low = Self.code & 0xFFFF | 8 << 16 | type << 32 | (Self.code >> 16) << 48
      return (0..<8).map { UInt8(truncatingIfNeeded: low >> ($0 * 8)) } + [UInt8](repeating: 0, count: 8)
    }
    for engine in [simulator as any Engine, emulator as any Engine] where mode == .long64 {
      try engine.platform.memory.write(gates, at: 0x7000)
    }
    tables = try simulator.platform.memory.read(0..<0x8000)
    for address in stride(from: Int(Self.data), to: Int(Self.code), by: 4096) {
      let bytes = (0..<4096).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      try simulator.platform.memory.write(bytes, at: address)
      try emulator.platform.memory.write(bytes, at: address)
    }
  }

  private func value() -> UInt64 {
    let corners: [UInt64] = [
      0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF,
      0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max, 0x1234_5678_9ABC_DEF0,
    ]
    switch random.below(4) {
    case 0: return corners[random.below(corners.count)]
    case 1: return random.next()
    case 2: return random.chance(20) ? 0xFFFF &- UInt64(random.below(4)) : UInt64(random.below(64))
    default:
      let offset = UInt64(random.below(0x8000) + 0x4000)
      return mode == .real16 ? offset : Self.data + offset
    }
  }

  func state() -> ProcessorState {
    var state = base
    for register in 0..<16 { state.registers[register] = value() }
    if random.chance(85) {
      state[.rsp] = (mode == .real16 ? 0 : Self.data) + 0x8000 + UInt64(random.below(256))
    }
    if mode == .protected32 || mode == .real16 {
      for register in 0..<16 { state.registers[register] &= register < 8 ? 0xFFFF_FFFF : 0 }
    }
    state[.rflags] = random.next() & 0xCD5 | 2
    if random.chance(20) { state[.rflags] |= UInt64(random.below(4)) << 12 }
    if random.chance(15) {
      // Privilege level 3.
      for number in 0..<6 {
        var segment = state.segment(number)
        if mode != .real16 { segment.attributes |= 0x60 }
        state.setSegment(number, segment)
      }
    }
    if mode == .long64, random.chance(60) {
      state[.idtrBase] = 0x7000
      state[.idtrLimit] = 0x1FF
    }
    if random.chance(20) { state[.efer] |= 1 }
    state[.lstar] = Self.code
    state[.star] = 0x0013_0008_0000_0000
    return state
  }

  /// Bytes that begin with an opcode of the table, often with prefixes.
  func bytes() -> [UInt8] {
    var result: [UInt8] = []
    let prefixes: [UInt8] = [0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65]
    while random.chance(25) { result.append(prefixes[random.below(prefixes.count)]) }
    if mode == .long64, random.chance(40) { result.append(0x40 | UInt8(random.below(16))) }
    let opcode = X86InstructionSet.opcodes[random.below(X86InstructionSet.opcodes.count)]
    result += opcode.bytes
    if let digit = opcode.digit {
      result.append(UInt8(random.below(4)) << 6 | digit << 3 | UInt8(random.below(8)))
    }
    while result.count < 15 {
      result.append(random.chance(50) ? UInt8(random.below(8)) : UInt8(truncatingIfNeeded: random.next()))
    }
    return Array(result.prefix(15))
  }

  /// Puts the initial tables back, so that stray stores of earlier cases do not make all later ones fault.
  func restoreTables() throws {
    for engine in [simulator as any Engine, emulator as any Engine] {
      let memory = engine.platform.memory
      // SAFETY: the tables lie at the start of the storage.
      if memcmp(tables, memory.base, tables.count) != 0 { try memory.write(tables, at: 0) }
    }
  }

  /// Runs one random case; the text describes a difference.
  func step() throws -> String? {
    if cases % 8 == 0 { try restoreTables() }
    cases += 1
    let bytes = bytes()
    try simulator.platform.memory.write(bytes, at: Int(Self.code))
    try emulator.platform.memory.write(bytes, at: Int(Self.code))
    let start = state()
    simulator.state = start
    emulator.state = start
    var traces: [[TraceRecord]] = []
    var stops: [StopReason] = []
    for engine in [simulator as any Engine, emulator as any Engine] {
      engine.platform.powerOff = nil
      engine.platform.retired = 0
      var records: [TraceRecord] = []
      let recorder = TraceRecorder(level: .instructions) { records += $0 }
      stops.append(try engine.run(RunLimits(instructions: 1), into: recorder))
      recorder.flush()
      traces.append(records)
    }
    let text = X86InstructionSet(model: model).disassemble(
      InstructionBytes(bytes), pc: start[.rip], context: context.rawValue)
    if stops[0] == .limit {
      completed += 1
      mnemonics.insert(String(text.prefix { $0 != " " }))
    }
    if let difference = difference(stops, traces) {
      let shown = bytes.map { hex(UInt64($0), digits: 2).dropFirst(2) }.joined(separator: " ")
      let registers = start.registers.prefix(18).enumerated().map { "\($0)=\(hex($1))" }
      return "[\(shown)] \(text)\n  \(difference)\n  \(registers.joined(separator: " "))"
    }
    return nil
  }

  private var context: X86DecodeContext {
    switch mode {
    case .real16: .real16
    case .protected32: .flat32
    case .long64: .long64
    }
  }

  private func difference(_ stops: [StopReason], _ traces: [[TraceRecord]]) -> String? {
    var parts: [String] = []
    if stops[0] != stops[1] { parts.append("stop: \(stops[0]) | \(stops[1])") }
    let names = X86Register.allCases
    for index in names.indices where simulator.state.registers[index] != emulator.state.registers[index] {
      parts.append(
        "\(names[index]): \(hex(simulator.state.registers[index])) | \(hex(emulator.state.registers[index]))")
    }
    if traces[0] != traces[1] {
      for index in 0..<max(traces[0].count, traces[1].count) {
        let left = index < traces[0].count ? "\(traces[0][index])" : "nothing"
        let right = index < traces[1].count ? "\(traces[1][index])" : "nothing"
        if left != right { parts.append("record \(index):\n    \(left)\n    \(right)") }
      }
    }
    let count = 0x3_0000
    let left = UnsafeRawBufferPointer(start: simulator.platform.memory.base, count: count)
    let right = UnsafeRawBufferPointer(start: emulator.platform.memory.base, count: count)
    if memcmp(simulator.platform.memory.base, emulator.platform.memory.base, count) != 0 {
      let place = (0..<count).first { left[$0] != right[$0] } ?? 0
      parts.append("memory at \(hex(UInt64(place)))")
      for index in 0..<count {
        emulator.platform.memory.base.storeBytes(of: left[index], toByteOffset: index, as: UInt8.self)
      }
    }
    return parts.isEmpty ? nil : parts.joined(separator: "\n  ")
  }
}
