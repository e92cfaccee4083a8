import Foundation
import MachineCore
import X86Backend

/// Runs one random program on several engines and compares what they end with.
struct FastLoopHarness {
  static let memorySize = 2 << 20
  static let limit: UInt64 = 60_000

  let mode: X86Mode
  let machine: X86Machine
  let state: ProcessorState
  let program: RandomX86Program
  let contents: [UInt8]

  init(_ mode: X86Mode, seed: UInt64) {
    self.mode = mode
    program = RandomX86Program(is64: mode == .long64, seed: seed)
    machine = X86Machine(
      mode: mode, entry: UInt64(RandomX86Program.code),
      segments: [LoadSegment(address: UInt64(RandomX86Program.code), bytes: program.bytes)],
      memorySize: Self.memorySize)
    var random = SplitMix(state: ~seed)
    var state = machine.initialState
    for register in 0..<(mode == .long64 ? 16 : 8) {
      state.registers[register] = random.next() & (mode == .long64 ? .max : 0xFFFF_FFFF)
    }
    state[.rsp] = UInt64(RandomX86Program.stack)
    state[.rbp] = UInt64(RandomX86Program.data)
    self.state = state
    contents = (0..<0x8000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  func platform() throws -> Platform {
    let platform = try machine.makePlatform()
    try platform.memory.write(contents, at: RandomX86Program.data - 0x4000)
    return platform
  }

  func interpreter(fast: Bool) throws -> X86Interpreter {
    let engine = X86Interpreter(platform: try platform(), state: state)
    engine.usesFastLoop = fast
    return engine
  }

  /// Runs an engine to its end or the limit, in stretches of some length.
  func run(_ engine: some Engine, limit: UInt64 = limit, stretch: UInt64 = .max) throws -> StopReason {
    var stop = StopReason.limit
    repeat {
      let rest = limit - engine.platform.retired
      stop = try engine.run(RunLimits(instructions: min(rest, stretch)), into: nil)
    } while stop == .limit && engine.platform.retired < limit
    return stop
  }

  /// How two ends differ.
  func difference(
    _ a: some Engine, _ stopA: StopReason, _ b: some Engine, _ stopB: StopReason
  ) -> String? {
    var parts: [String] = []
    if stopA != stopB { parts.append("stop \(stopA) | \(stopB)") }
    if a.platform.retired != b.platform.retired {
      parts.append("count \(a.platform.retired) | \(b.platform.retired)")
    }
    let (left, right) = (a.state.registers, b.state.registers)
    for register in X86Register.allCases where left[register.index] != right[register.index] {
      parts.append("\(register) \(hex(left[register.index])) | \(hex(right[register.index]))")
    }
    // SAFETY: both storages are this long.
    if memcmp(a.platform.memory.base, b.platform.memory.base, Self.memorySize) == 0 {
      return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
    let one = UnsafeRawBufferPointer(start: a.platform.memory.base, count: Self.memorySize)
    let two = UnsafeRawBufferPointer(start: b.platform.memory.base, count: Self.memorySize)
    for place in stride(from: 0, to: Self.memorySize, by: 8)
    where one.loadUnaligned(fromByteOffset: place, as: UInt64.self)
      != two.loadUnaligned(fromByteOffset: place, as: UInt64.self)
    {
      parts.append("memory at \(hex(UInt64(place)))")
      break
    }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  /// The fast loop against the exact step: in one go and in stretches.
  ///
  /// - Returns: the difference, if there is one, and how many instructions ran.
  func fastAgainstExact(stretches: [UInt64]) throws -> (difference: String?, count: UInt64) {
    let exact = try interpreter(fast: false)
    let stop = try run(exact)
    for stretch in [.max] + stretches {
      let fast = try interpreter(fast: true)
      let fastStop = try run(fast, stretch: stretch)
      if let text = difference(exact, stop, fast, fastStop) {
        return ("stretch \(stretch): \(text)", exact.platform.retired)
      }
    }
    return (nil, exact.platform.retired)
  }
}
