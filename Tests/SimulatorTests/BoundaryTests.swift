import MachineCore
import Simulator
import Testing
import Trace

private typealias Set = ScriptedSet
private func constant(_ value: UInt64) -> Expression { .constant(value) }

/// A device for tests: offset 0 keeps a value, a write to 1 raises a line, to 2 sets a deadline,
/// to 3 powers off, to 4 writes a byte into storage at 0x500.
private final class Probe: Device {
  let name = "probe"
  var kept: UInt64 = 0
  var deadline: UInt64?
  var silent = false

  func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 { kept &+ offset }
  func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    switch offset {
    case 0: kept = value
    case 1: platform.raise(line: Int(value & 31))
    case 2: deadline = platform.now &+ value
    case 3: platform.powerOff = value
    case 4: try? platform.memory.write([UInt8(truncatingIfNeeded: value)], at: 0x500)
    default: break
    }
  }
  func tick(on platform: Platform) {
    deadline = silent ? platform.now &+ 5 : nil
    if !silent { platform.raise(line: 2) }
  }
  func save() -> [UInt64] { [kept, deadline == nil ? 0 : 1, deadline ?? 0] }
  func restore(_ state: [UInt64]) {
    kept = state[0]
    deadline = state[1] == 0 ? nil : state[2]
  }
}

/// What happens between instructions, and devices.
@Suite struct BoundaryTests {
  // Instructions: 0 nothing, 1 trap 2, 2 enable, 3 wait, 4 output to the port of its operand, 5 read port 0,
  // 6 store a into device memory and read it back, 7 back to the saved pc with interrupts on.
  private static let forms = [
    Set.Form(1, [], []),
    Set.Form(1, [], [.trap(constant(2), constant(9))]),
    Set.Form(1, [], [.write(Set.enable, constant(1))]),
    Set.Form(1, [], [.write(Set.waiting, constant(1))]),
    Set.Form(
      3, [.immediate(0, .bits16)],
      [
        .output(
          .binary(.and, .operand(0), constant(0xFF), .bits16),
          .binary(.shiftRightUnsigned, .operand(0), constant(8), .bits16), .bits32)
      ]),
    Set.Form(1, [], [.write(Set.a, .input(constant(0), .bits16))]),
    Set.Form(
      1, [],
      [
        .store(.virtual(segment: 0), constant(0x2000), .register(Set.a), .bits16),
        .write(Set.b, .load(.virtual(segment: 0), constant(0x2000), .bits32)),
      ]),
    Set.Form(1, [], [.write(Set.pc, .register(Set.saved)), .write(Set.enable, constant(1))]),
  ]

  private func machine(
    _ program: [UInt8], handler: [UInt8] = [0], registers: [RegisterID: UInt64] = [:], silent: Bool = false
  ) throws -> ScriptedMachine {
    let machine = try ScriptedMachine(Set(Self.forms), program, registers: registers)
    try machine.platform.memory.write(handler, at: 0x800)
    let probe = Probe()
    probe.silent = silent
    try machine.platform.attach(probe, .port, at: 0..<8)
    try machine.platform.attach(Probe(), .memory, at: 0x2000..<0x2008)
    return machine
  }

  @Test func portsAndPower() throws {
    let machine = try machine([4, 0, 0x77, 5, 4, 3, 42, 0])
    let (stop, records) = try machine.trace(100, level: .events)
    #expect(stop == .powerOff(status: 42))
    #expect(machine.evaluator.statistics.retired == 3)
    #expect(machine[Set.a] == 0x77)
    var write = TraceRecord(.device, code: 0, clock: 0, pc: 0, value: 0x77, aux: 4)
    write.flags |= TraceRecord.writeFlag
    var power = TraceRecord(.device, code: 3, clock: 2, pc: 4, value: 42, aux: 4)
    power.flags |= TraceRecord.writeFlag
    #expect(
      records == [
        write, TraceRecord(.device, code: 0, clock: 1, pc: 3, value: 0x77, aux: 2), power,
        TraceRecord(.halt, code: 0, clock: 3, pc: 7, value: 42),
      ])
  }

  @Test func mappedDevice() throws {
    let machine = try machine([6, 6], registers: [Set.a: 0x1_2345])
    let (_, records) = try machine.trace(2)
    #expect(machine[Set.b] == 0x2345)  // the second load sees the first store
    #expect(machine.platform.memory.load(0x2000, width: 2) == 0)
    var write = TraceRecord(.device, clock: 0, pc: 0, address: 0x2000, value: 0x2345, aux: 2)
    write.flags |= TraceRecord.writeFlag
    #expect(
      Array(records.prefix(5)) == [
        TraceRecord(.device, clock: 0, pc: 0, address: 0x2000, value: 0, aux: 4), write,
        TraceRecord(.retire, clock: 1, pc: 0, address: 1, bytes: InstructionBytes([6])),
        TraceRecord(.memoryWrite, clock: 1, address: 0x2000, value: 0x2345, aux: 2),
        TraceRecord(.memoryRead, clock: 1, address: 0x2000, value: 0, aux: 4),
      ])
  }

  @Test func trapAfterTrapIsACheckStop() throws {
    let storm = try machine([1], handler: [1])
    let (stop, records) = try storm.trace(100)
    #expect(stop == .checkStop(cause: 2, pc: 0x800))
    #expect(records.filter { $0.eventKind == .trap }.count == 1)
    #expect(records.last == TraceRecord(.halt, code: 4, clock: 0, pc: 0x800, value: 2))
    // One retired instruction in between makes it legal, for ever: the limit ends it.
    let slow = try machine([1], handler: [0, 1])
    #expect(try slow.evaluator.run(RunLimits(instructions: 1000), into: nil) == .limit)
  }

  @Test func trapAfterInterruptIsACheckStop() throws {
    let machine = try machine([2, 0], handler: [1])
    machine.platform.raise(line: 3)
    #expect(try machine.evaluator.run(RunLimits(), into: nil) == .checkStop(cause: 2, pc: 0x800))
    #expect(machine[Set.cause] == 19)
    #expect(machine[Set.saved] == 1)
  }

  /// An interrupt that comes with a trap waits until the handler has retired one instruction, even
  /// where delivery leaves interrupts on.
  @Test func interruptAfterTrapWaits() throws {
    var set = Set([
      Set.Form(1, [], []),
      Set.Form(
        1, [], [.output(constant(1), constant(0), .bits8), .trap(constant(2), constant(9))]),
    ])
    set.procedures[1].body.removeAll { $0 == .write(Set.enable, constant(0)) }
    let machine = try ScriptedMachine(set, [1], registers: [Set.enable: 1])
    try machine.platform.attach(Probe(), .port, at: 0..<8)
    let (_, records) = try machine.trace(2, level: .events)
    let events = records.filter { $0.eventKind == .trap || $0.eventKind == .interrupt }
    #expect(events.map(\.kind) == [EventKind.trap.rawValue, EventKind.interrupt.rawValue])
    #expect(events.map(\.pc) == [0, 0x801])
    #expect(events.map(\.clock) == [0, 1])
    #expect(events.last?.value == 0)
    #expect(events.last?.code == 16)
  }

  @Test func lowestLineFirst() throws {
    let machine = try machine([2, 0, 0, 0, 0], handler: [7])
    for line in [5, 1, 3] { machine.platform.raise(line: line) }
    let (_, records) = try machine.trace(5, level: .events)
    #expect(records.filter { $0.eventKind == .interrupt }.map(\.value) == [1, 3, 5])
    #expect(records.filter { $0.eventKind == .interrupt }.map(\.clock) == [1, 2, 3])
  }

  @Test func waiting() throws {
    // The deadline comes 200 ticks after instruction 0; the wait takes the time in between.
    let machine = try machine([4, 2, 200, 2, 3, 0], handler: [0])
    #expect(try machine.evaluator.run(RunLimits(instructions: 3), into: nil) == .limit)
    #expect(machine.platform.now == 200)
    #expect(machine.platform.retired == 3)
    #expect(machine[Set.cause] == 18)
    #expect(machine[Set.saved] == 5)
    // Woken without interrupts enabled: it just goes on.
    let off = try self.machine([4, 2, 200, 3, 0], handler: [0])
    _ = try off.evaluator.run(RunLimits(instructions: 3), into: nil)
    #expect(off[Set.pc] == 5)
    #expect(off.platform.pending == 4)
    // Nobody will ever wake it.
    let idle = try self.machine([2, 3])
    #expect(try idle.evaluator.run(RunLimits(), into: nil) == .idle(pc: 2))
    // A device that acts for ever without an interrupt does not hang the host.
    let hopeless = try self.machine([4, 2, 1, 3], silent: true)
    #expect(try hopeless.evaluator.run(RunLimits(), into: nil) == .idle(pc: 4))
  }

  @Test func deadlineComesExactly() throws {
    let machine = try machine([2, 4, 2, 3, 0, 0, 0, 0, 0, 0], handler: [0])
    let (_, records) = try machine.trace(8, level: .events)
    // Set at time 1 for time 4: three instructions after instruction 1 began.
    #expect(records.filter { $0.eventKind == .interrupt }.map(\.clock) == [4])
  }

  @Test func breakpointsAndLimits() throws {
    let machine = try machine([0, 0, 0, 0])
    let limits = RunLimits(instructions: 100, until: [2])
    #expect(try machine.evaluator.run(limits, into: nil) == .breakpoint(pc: 2))
    #expect(machine.evaluator.statistics.retired == 2)
    // Again from there: the first instruction is not stopped at.
    #expect(try machine.evaluator.run(RunLimits(instructions: 1, until: [2]), into: nil) == .limit)
    #expect(machine.evaluator.statistics.retired == 3)
    #expect(try machine.evaluator.run(RunLimits(instructions: 0), into: nil) == .limit)
    #expect(machine.evaluator.statistics.retired == 3)
  }

  @Test func failingRecorderStopsTheRun() throws {
    struct Full: Error {}
    let machine = try machine([0])
    let recorder = TraceRecorder(level: .instructions, capacity: 16) { _ in throw Full() }
    let stop = try machine.evaluator.run(RunLimits(instructions: 5000), into: recorder)
    #expect(stop.code == StopReason.recorderFailed("").code)
  }
}
