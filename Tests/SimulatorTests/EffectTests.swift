import MachineCore
import Simulator
import Testing
import Trace

private typealias Set = ScriptedSet
private func constant(_ value: UInt64) -> Expression { .constant(value) }

/// What single effects do, on a made-up machine.
@Suite struct EffectTests {
  /// Runs one instruction and gives the machine.
  private func run(
    _ effects: [Effect], operands: [Operand] = [], registers: [RegisterID: UInt64] = [:],
    procedures: [Procedure] = [], before: (ScriptedMachine) throws -> Void = { _ in }
  ) throws -> ScriptedMachine {
    let machine = try ScriptedMachine(
      Set([Set.Form(1, operands, effects)], procedures: procedures), [0], registers: registers)
    try before(machine)
    #expect(try machine.evaluator.run(RunLimits(instructions: 1), into: nil) == .limit)
    return machine
  }

  @Test func partialRegisters() throws {
    let low = Operand.register(Set.a, .bits8, merges: true)
    let high = Operand.register(Set.a, .bits8, shift: 8, merges: true)
    // Exchanging two parts of one register: both reads come first, both writes merge.
    var machine = try run(
      [.setOperand(0, .operand(1)), .setOperand(1, .operand(0))], operands: [low, high],
      registers: [Set.a: 0x1122_3344_5566_7788])
    #expect(machine[Set.a] == 0x1122_3344_5566_8877)
    machine = try run(
      [.setOperand(0, constant(0xFFFF_ABCD))], operands: [.register(Set.a, .bits16, merges: true)],
      registers: [Set.a: 0x1122_3344_5566_7788])
    #expect(machine[Set.a] == 0x1122_3344_5566_ABCD)
    machine = try run(
      [.setOperand(0, constant(0x9_8765_4321))], operands: [.register(Set.a, .bits32)],
      registers: [Set.a: .max])
    #expect(machine[Set.a] == 0x8765_4321)
  }

  @Test func widthsAndZeroRegister() throws {
    let machine = try run(
      [
        .write(Set.n, constant(0x12345)), .write(Set.z, constant(7)), .setOperand(0, constant(9)),
        .write(Set.a, .register(Set.z)), .setOperand(1, constant(0x54321)),
      ],
      operands: [.register(Set.z, .bits64), .register(Set.b, .bits8)], registers: [Set.b: 0xFFFF])
    #expect(machine[Set.n] == 0x2345)
    #expect(machine[Set.z] == 0)
    #expect(machine[Set.a] == 0)
    #expect(machine[Set.b] == 0x21)
  }

  @Test func registersAreReadBeforeAnyIsWritten() throws {
    let machine = try run(
      [
        .write(Set.a, .register(Set.b)), .write(Set.b, .register(Set.a)),
        .store(.virtual(segment: 0), constant(0x200), constant(0x55), .bits8),
        .write(Set.c, .load(.virtual(segment: 0), constant(0x200), .bits8)),
        .store(.physical, constant(0x300), constant(0x66), .bits8),
        .write(Set.n, .load(.physical, constant(0x300), .bits8)),
      ], registers: [Set.a: 1, Set.b: 2])
    #expect(machine[Set.a] == 2)
    #expect(machine[Set.b] == 1)
    // Registers are read as they were, memory as the instruction itself has left it.
    #expect(machine[Set.c] == 0x55)
    #expect(machine[Set.n] == 0x66)
    #expect(machine.platform.memory.load(0x200, width: 1) == 0x55)
  }

  @Test func trapAbandonsAllButPhysicalStoresAndTables() throws {
    let machine = try ScriptedMachine(
      Set([
        Set.Form(
          1, [],
          [
            .write(Set.a, constant(1)), .store(.virtual(segment: 0), constant(0x200), constant(2), .bits32),
            .store(.physical, constant(0x300), constant(3), .bits32),
            .setAuxiliary(0, constant(4), constant(5)), .trap(constant(2), constant(0x77)),
          ]), Set.Form(1, [], []),
      ]), [0], registers: [Set.mode: 1])
    try machine.platform.memory.write([1], at: 0x800)
    let (stop, records) = try machine.trace(1)
    #expect(stop == .limit)
    #expect(machine[Set.a] == 0)
    #expect(machine.platform.memory.load(0x200, width: 4) == 0)
    #expect(machine.platform.memory.load(0x300, width: 4) == 3)
    #expect(machine.evaluator.state.auxiliaries == [[4: 5]])
    #expect(
      records == [
        TraceRecord(.trap, mode: 1, code: 2, clock: 0, pc: 0, value: 0x77, aux: 0x800),
        TraceRecord(.registerWrite, mode: 1, code: UInt32(Set.mode), clock: 0, value: 0),
        TraceRecord(.registerWrite, mode: 1, code: UInt32(Set.cause), clock: 0, value: 2),
        TraceRecord(.registerWrite, mode: 1, code: UInt32(Set.value), clock: 0, value: 0x77),
        TraceRecord(.retire, clock: 1, pc: 0x800, address: 0x801, bytes: InstructionBytes([1])),
      ])
  }

  @Test func memoryOperands() throws {
    let indexed = Operand.memory(
      .bits16, base: Set.a, index: Set.b, scaleShift: 2, displacement: UInt64(bitPattern: -4), segment: 2,
      addressWidth: .bits16)
    let machine = try run(
      [
        .write(Set.c, .address(0)), .setOperand(0, .binary(.add, .operand(0), constant(0x1111), .bits16)),
        .write(Set.n, .address(1)),
      ],
      operands: [indexed, .memory(.bits8, base: Operand.nextPC, displacement: 0x30)],
      registers: [Set.a: 0xFFFF_0F00, Set.b: 0x40]
    ) { try $0.platform.memory.write([0x34, 0x12, 0xEE], at: 0x11FC) }
    #expect(machine[Set.c] == 0xFFC)
    // Segment 2 lies 0x200 higher; the store has the operand's width.
    #expect(machine.platform.memory.load(0x11FC, width: 4) == 0x00EE_2345)
    #expect(machine[Set.n] == 0x31)
  }

  @Test func accessAcrossPages() throws {
    let write: [Effect] = [
      .store(.virtual(segment: 0), constant(0x10FFD), constant(0x8877_6655_4433_2211), .bits64),
      .write(Set.a, .load(.virtual(segment: 0), constant(0x10FFE), .bits32)),
    ]
    let machine = try run(write) {
      try $0.platform.memory.write([0xAA, 0xBB], at: 0x3FFE)
      try $0.platform.memory.write([0xCC, 0xDD], at: 0x1000)
    }
    #expect(machine[Set.a] == 0x5544_3322)
    #expect(machine.platform.memory.load(0x3FFC, width: 4) == 0x3322_1100)
    #expect(machine.platform.memory.load(0x1000, width: 8) == 0x0000_0088_7766_5544)
    #expect(machine.platform.memory.load(0x4000, width: 8) == 0)
    // The second page faults: nothing is stored, and the value is the first address behind the boundary.
    let faulting = try ScriptedMachine(
      Set([
        Set.Form(1, [], [.store(.virtual(segment: 0), constant(0x11FFE), .constant(.max), .bits32)]),
        Set.Form(1, [], []),
      ]), [0])
    try faulting.platform.memory.write([1], at: 0x800)
    _ = try faulting.evaluator.run(RunLimits(instructions: 1), into: nil)
    #expect(faulting[Set.cause] == 3)
    #expect(faulting[Set.value] == 0x12000)
    #expect(faulting.platform.memory.load(0x1FFC, width: 4) == 0)
  }

  @Test func outsideStorage() throws {
    let machine = try run([
      .store(.virtual(segment: 0), constant(0x4FFE), constant(0x8877_6655), .bits32),
      .store(.physical, .constant(.max), constant(1), .bits64),
      .write(Set.a, .load(.virtual(segment: 0), constant(0x90000), .bits32)),
      .write(Set.b, .load(.physical, constant(0x4FFE), .bits32)),
      .write(Set.c, .load(.physical, .constant(.max), .bits16)),
    ])
    #expect(machine[Set.a] == 0xFFFF_FFFF)
    #expect(machine[Set.b] == 0xFFFF_0000)
    #expect(machine[Set.c] == 0xFFFF)
    #expect(machine.platform.memory.load(0x4FFE, width: 2) == 0x6655)
  }

  @Test func undefinedBits() throws {
    let machine = try ScriptedMachine(
      Set([
        Set.Form(1, [], [.undefine(Set.n, constant(0xFF0F0)), .write(Set.n, constant(1))]),
        Set.Form(
          1, [.register(Set.n, .bits8, merges: true)], [.setOperand(0, constant(2))]),
      ]), [0, 1])
    _ = try machine.evaluator.run(RunLimits(instructions: 1), into: nil)
    #expect(machine.evaluator.undefinedMasks[Int(Set.n)] == 0xF0F0)
    _ = try machine.evaluator.run(RunLimits(instructions: 1), into: nil)
    #expect(machine.evaluator.undefinedMasks[Int(Set.n)] == 0xF000)
  }

  @Test func callsAndSelect() throws {
    let twice = Procedure("twice", [0], [.give(.binary(.add, .local(0), .local(0), .bits64))])
    let quiet = Procedure("quiet", [9], [.write(Set.b, .local(9))])
    let machine = try run(
      [
        .call(2, [constant(21)], result: 3), .call(2, [.local(3)], result: 4),
        .call(3, [.local(4)], result: 5),
        .write(Set.a, .select(.local(5), .load(.virtual(segment: 0), constant(0x12000), .bits8), .local(3))),
        .write(
          Set.c, .wide(.quotientUnsigned, high: constant(1), low: constant(0), by: constant(16), .bits8)),
      ], procedures: [twice, quiet])
    #expect(machine[Set.a] == 42)  // the other choice would have trapped
    #expect(machine[Set.b] == 84)
    #expect(machine[Set.c] == 16)
  }

  @Test func wrongTablesStopWithAReason() throws {
    for effects: [Effect] in [
      [.write(99, constant(0))], [.setOperand(0, constant(0))], [.call(2, [], result: nil)],
      [.call(77, [], result: nil)], [.write(Set.a, .auxiliary(3, constant(0)))], [.give(constant(0))],
      [.write(Set.a, .operand(9))], [.write(Set.a, .address(0))], [.unsupported("later")],
      Array(repeating: .write(Set.a, constant(0)), count: 600),
    ] {
      let machine = try ScriptedMachine(
        Set([Set.Form(1, [], effects)], procedures: [Procedure("endless", [], [.call(2, [], result: nil)])]),
        [0])
      guard case .unsupported(let what) = try machine.evaluator.run(RunLimits(), into: nil) else {
        Issue.record("\(effects.prefix(1)) did not stop the run")
        continue
      }
      #expect(what.bytes == [0])
      #expect(!what.reason.isEmpty)
    }
  }
}
