import MachineCore
import Simulator
import Testing
import Trace

private typealias Set = ScriptedSet

/// Fetching and decoding: lengths, contexts, the decode cache.
@Suite struct FetchTests {
  private static let forms = [
    Set.Form(1, [], []),
    Set.Form(
      3, [.register(Set.a, .bits64), .immediate(0, .bits16)],
      [.setOperand(0, .binary(.add, .operand(0), .operand(1), .bits64))]),
    Set.Form(
      10, [.register(Set.b, .bits64), .immediate(0, .bits64)], [.setOperand(0, .operand(1))]),
    Set.Form(1, [], [.write(Set.pc, .constant(0))]),
  ]

  @Test func lengths() throws {
    let program: [UInt8] = [1, 0x34, 0x12, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    let machine = try ScriptedMachine(Set(Self.forms), program)
    let (stop, records) = try machine.trace(3)
    #expect(stop == .limit)
    #expect(machine[Set.a] == 0x1234)
    #expect(machine[Set.b] == 0x0807_0605_0403_0201)
    let retired = records.filter { $0.eventKind == .retire }
    #expect(retired.map(\.pc) == [0, 3, 4])
    #expect(retired.map(\.address) == [3, 4, 14])
    #expect(retired.map(\.bytes.array) == [[1, 0x34, 0x12], [0], [2, 1, 2, 3, 4, 5, 6, 7, 8, 9]])
    #expect(retired.map(\.clock) == [1, 2, 3])
  }

  /// The same instructions again come from the cache, unless their bytes have changed.
  @Test func cacheComparesBytes() throws {
    let machine = try ScriptedMachine(Set(Self.forms), [1, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 9, 3])
    for (round, last) in [UInt8(9), 9, 0x22, 0x22].enumerated() {
      try machine.platform.memory.write([UInt8(round + 1), 0], at: 1)
      try machine.platform.memory.write([last], at: 11)
      let (_, records) = try machine.trace(3)
      #expect(machine[Set.b] == UInt64(last) << 56)
      #expect(records.first?.bytes.array == [1, UInt8(round + 1), 0])
    }
    #expect(machine[Set.a] == 1 + 2 + 3 + 4)
  }

  @Test func contextChangesDecoding() throws {
    var set = Set([
      Set.Form(1, [], [.write(Set.a, .constant(1))]), Set.Form(1, [], [.write(Set.a, .constant(2))]),
    ])
    set.decodeContext = .register(Set.c)
    let machine = try ScriptedMachine(set, [0])
    for context: UInt64 in [0, 1, 0, 1] {
      var state = machine.evaluator.state
      state.registers[Int(Set.c)] = context
      state.registers[Int(Set.pc)] = 0
      machine.evaluator.state = state
      _ = try machine.evaluator.run(RunLimits(instructions: 1), into: nil)
      #expect(machine[Set.a] == context + 1)
    }
  }

  /// An instruction over two pages that do not follow each other in storage.
  @Test(arguments: [1, 3]) func acrossPages(unit: Int) throws {
    var set = Set(Self.forms)
    set.fetchUnit = unit
    let machine = try ScriptedMachine(set, [], registers: [Set.pc: 0x10FFE])
    try machine.platform.memory.write([1, 0x34], at: 0x3FFE)
    try machine.platform.memory.write([0x12], at: 0x1000)
    _ = try machine.evaluator.run(RunLimits(instructions: 1), into: nil)
    // A unit lies where its first byte does: only single bytes can be scattered.
    #expect(machine[Set.a] == (unit == 1 ? 0x1234 : 0x34))
    #expect(machine[Set.pc] == 0x11001)
  }

  @Test func faultInTheSecondPage() throws {
    let machine = try ScriptedMachine(Set(Self.forms), [], registers: [Set.pc: 0x11FFE])
    try machine.platform.memory.write([1, 0x34], at: 0x1FFE)
    _ = try machine.evaluator.run(RunLimits(instructions: 1), into: nil)
    #expect(machine[Set.cause] == 3)
    #expect(machine[Set.value] == 0x12000)
    #expect(machine[Set.saved] == 0x11FFE)
  }

  @Test func illegalAndUnsupported() throws {
    let machine = try ScriptedMachine(Set(Self.forms), [0x77, 0x66])
    _ = try machine.evaluator.run(RunLimits(instructions: 1), into: nil)
    #expect(machine[Set.cause] == 1)
    #expect(machine[Set.value] == 0x77)
    var set = Set(Self.forms)
    set.fetchUnit = 4
    let wide = try ScriptedMachine(set, [0x77, 0x66, 0x55, 0x44])
    try wide.platform.memory.write([0xFE], at: 0x800)
    #expect(
      try wide.evaluator.run(RunLimits(), into: nil)
        == .unsupported(UnsupportedInstruction(pc: 0x800, bytes: [0xFE, 0, 0, 0], reason: "made up")))
    #expect(wide[Set.value] == 0x4455_6677)
  }

  /// Code in the last bytes of storage, and behind them.
  @Test func endOfStorage() throws {
    let machine = try ScriptedMachine(Set(Self.forms), [], registers: [Set.pc: 0x4FFF])
    for _ in 0..<3 {
      var state = machine.evaluator.state
      state.registers[Int(Set.pc)] = 0x4FFF
      machine.evaluator.state = state
      #expect(try machine.evaluator.run(RunLimits(instructions: 1), into: nil) == .limit)
      #expect(machine[Set.pc] == 0x5000)
    }
    _ = try machine.evaluator.run(RunLimits(instructions: 1), into: nil)
    #expect(machine[Set.cause] == 1)
    #expect(machine[Set.value] == 0xFF)
  }
}
