import Debugger
import MachineCore
import Properties
import Testing
import Trace

/// Going back leads to the very states that going forward came by.
@Suite struct SessionTests {
  private struct Place: Equatable {
    var position: DebugPosition
    var registers: [UInt64]
    var memory: UInt64

    init(_ session: DebugSession) {
      position = session.position
      registers = session.engine.state.registers
      memory = session.engine.platform.memory.digest
    }
  }

  @Test(arguments: EngineKind.allCases)
  func stepsBackAreTheStepsForward(_ kind: EngineKind) throws {
    let session = try DebuggedPrograms.session(try DebuggedPrograms.toy("minos"), kind)
    // A system call, an interrupt and ordinary instructions are among the next steps.
    #expect(try session.resume(DebugGoal(count: 3280)) == .count)
    var places = [Place(session)]
    for _ in 0..<24 {
      #expect(try session.step() == .stepped)
      places.append(Place(session))
    }
    #expect(
      places.contains { $0.position.count == places[11].position.count && $0.position != places[11].position }
    )
    for place in places.dropLast().reversed() {
      #expect(try session.stepBack() == .stepped)
      #expect(Place(session) == place)
    }
  }

  @Test func theStartIsTold() throws {
    let session = try DebuggedPrograms.session(try DebuggedPrograms.toy("hello"))
    #expect(try session.stepBack() == .historyStart)
    #expect(try session.resumeBack() == .historyStart)
    #expect(try session.step() == .stepped)
    #expect(try session.stepBack() == .stepped)
    #expect(session.position.count == 0)
    // The end can be taken back, too, and comes again.
    let end = try session.resume()
    #expect(end == .ended(.powerOff(status: 0)))
    let last = session.position
    #expect(try session.stepBack() == .stepped)
    #expect(session.end == nil && session.position.count == last.count - 1)
    #expect(try session.step() == end)
    #expect(session.position == last)
  }

  @Test(arguments: EngineKind.allCases)
  func breakpointsBackAndForth(_ kind: EngineKind) throws {
    let workload = try DebuggedPrograms.toy("minos")
    let session = try DebuggedPrograms.session(workload, kind)
    session.addBreakpoint(try #require(workload.symbolAddress("trap")))
    var stops: [DebugPosition] = []
    for _ in 0..<6 {
      #expect(try session.resume() == .breakpoint(1))
      stops.append(session.position)
    }
    for position in stops.dropLast().reversed() {
      #expect(try session.resumeBack() == .breakpoint(1))
      #expect(session.position == position)
    }
    #expect(try session.resumeBack() == .historyStart)
    #expect(session.position.count == 0)
    // Conditions hold in both directions.
    #expect(session.remove(1))
    session.addBreakpoint(
      try #require(workload.symbolAddress("trap")), condition: try DebugExpression("r1 == 2"))
    #expect(try session.resume() == .breakpoint(2))
    #expect(session.register(named: "r1") == 2)
    let first = session.position
    #expect(try session.resume() == .breakpoint(2))
    #expect(try session.resumeBack() == .breakpoint(2))
    #expect(session.position == first)
  }

  @Test(arguments: EngineKind.allCases)
  func watchpoints(_ kind: EngineKind) throws {
    let workload = try DebuggedPrograms.toy("sieve")
    let session = try DebuggedPrograms.session(workload, kind)
    let stack = try session.addWatchpoint(.register(14))
    guard case .watchpoint(stack, let old, let new) = try session.resume() else {
      Issue.record("the stack pointer must change")
      return
    }
    #expect(old != new && session.stackPointer == new)
    let after = session.position
    guard case .watchpoint(stack, _, _) = try session.resumeBack() else {
      Issue.record("the change must be found going back")
      return
    }
    #expect(session.position.count == after.count - 1 && session.stackPointer == old)
    session.remove(stack)
    // The first store that changes the word on top of the stack.
    _ = try session.step()
    let address = session.stackPointer - 4
    let watched = try session.addWatchpoint(.memory(address, length: 4))
    let stop = try session.resume()
    guard case .watchpoint(watched, let before, let value) = stop else { return }
    #expect(session.number(at: address, bytes: 4) == value && before != value)
    #expect(try session.resumeBack() == .watchpoint(watched, old: before, new: value))
    #expect(session.number(at: address, bytes: 4) == before)
  }

  @Test(arguments: EngineKind.allCases)
  func events(_ kind: EngineKind) throws {
    let session = try DebuggedPrograms.session(try DebuggedPrograms.toy("minos"), kind)
    for event in [DebugGoal.Event.trap, .interrupt] {
      guard case .event(let record) = try session.resume(DebugGoal(event: event)) else {
        Issue.record("no \(event)")
        continue
      }
      #expect(record.eventKind == (event == .trap ? .trap : .interrupt))
      #expect(session.position == DebugPosition(count: record.clock, pc: record.aux))
    }
    let accesses = session.engine.platform.console.count
    while session.engine.platform.console.count == accesses {
      #expect(try session.resume(DebugGoal(event: .device)) == .device)
    }
    #expect(session.engine.platform.console.count == accesses + 1)
  }

  @Test func calls() throws {
    let workload = try DebuggedPrograms.toy("minos")
    let session = try DebuggedPrograms.session(workload)
    let puts = try #require(workload.symbolAddress("puts"))
    while !session.isCallNext { #expect(try session.step() == .stepped) }
    let caller = session.codeAddress
    #expect(try session.resume(DebugGoal(depth: 1)) == .returned)
    #expect(session.codeAddress == caller + 4)
    #expect(try session.stepBack() == .stepped)
    #expect(session.codeAddress != caller)
    session.addBreakpoint(puts)
    #expect(try session.resumeBack() == .breakpoint(1))
    #expect(try session.resume(DebugGoal(depth: 0)) == .returned)
    #expect(session.codeAddress == caller + 4)
  }

  /// The console is told once, and never ahead of where the machine stands.
  @Test func consoleIsTold() throws {
    let workload = try DebuggedPrograms.toy("hello")
    let session = try DebuggedPrograms.session(workload)
    var told: [UInt8] = []
    session.console = { told.append($0) }
    #expect(try session.resume(DebugGoal(count: 60)) == .count)
    #expect(told == session.engine.platform.console && !told.isEmpty)
    _ = try session.resumeBack()
    _ = try session.resume()
    #expect(told == session.engine.platform.console)
  }

  /// Registers and memory can be changed; what was before is then no longer to be gone back to.
  @Test func changesByHand() throws {
    let session = try DebuggedPrograms.session(try DebuggedPrograms.toy("hello"))
    #expect(try session.resume(DebugGoal(count: 10)) == .count)
    session.setRegister(7, 0x1234)
    #expect(session.register(named: "t2") == 0x1234)
    #expect(session.write([1, 2, 3, 4], at: 0x2000) && session.number(at: 0x2000, bytes: 4) == 0x0403_0201)
    #expect(!session.write([1], at: 0xFFFF_FFFF))
    #expect(try session.stepBack() == .historyStart)
    #expect(try session.step() == .stepped)
    #expect(try session.stepBack() == .stepped)
    #expect(session.position.count == 10 && session.register(named: "r7") == 0x1234)
    #expect(session.number(at: 0x2000, bytes: 4) == 0x0403_0201)
  }

  @Test func longHistoriesAreThinned() throws {
    let session = try DebuggedPrograms.session(try DebuggedPrograms.toy("crc32"), .simulator)
    #expect(try session.resume(DebugGoal(count: 250_000)) == .count)
    let place = Place(session)
    #expect(try session.step() == .stepped)
    #expect(try session.stepBack() == .stepped)
    #expect(Place(session) == place)
    #expect(try session.resumeBack(DebugGoal(count: 99_999)) == .count)
    #expect(session.position.count == 99_999)
    #expect(try session.resume(DebugGoal(count: 250_000)) == .count)
    #expect(Place(session) == place)
  }
}
