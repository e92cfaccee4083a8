import Debugger
import MachineCore
import Properties
import Testing
import X86Backend

/// Watchpoints where the engine cannot count: by debug registers, by single steps, or by an emulator in its place.
@Suite struct HardwareWatchTests {
  private static func loop() -> Workload {
    // JMP to itself.
    let code = LoadSegment(address: X86Layout.bootSector, bytes: [0xEB, 0xFE])
    return Workload(
      name: "loop", machine: .x86(X86Machine(mode: .real16, entry: code.address, segments: [code])))
  }

  // The simulator stops as the emulator does, and takes much longer.
  private static let kinds = DebuggedPrograms.kinds(loop()).filter { $0 != .simulator }

  /// What a watchpoint never sees ends when somebody says so, and when the time is up.
  @Test(arguments: kinds)
  func aWatchpointThatNeverFires(_ kind: EngineKind) throws {
    let session = try DebuggedPrograms.session(Self.loop(), kind)
    try session.addWatchpoint(.memory(0x9000, length: 4))
    var polls = 0
    session.isInterrupted = {
      polls += 1
      return polls > 1
    }
    #expect(try session.resume() == .interrupted)
    #expect(session.end == nil && session.pc == X86Layout.bootSector)
    guard !session.counts else { return }
    session.isInterrupted = { false }
    session.hostSeconds = 0.25
    #expect(try session.resume() == .outOfTime)
    // A register is watched by steps on every host.
    try session.addWatchpoint(.register(X86Register.rax.index))
    #expect(try session.resume() == .outOfTime)
    polls = 0
    session.isInterrupted = {
      polls += 1
      return polls > 1
    }
    #expect(try session.resume() == .interrupted)
    #expect(session.end == nil && session.pc == X86Layout.bootSector)
  }

  /// Machines in lock step that are interrupted stand at the same place, whichever is asked.
  @Test(arguments: 0...4)
  func interruptedInLockStep(_ most: Int) throws {
    let sessions = try [EngineKind.emulator, .emulator].map { try DebuggedPrograms.session(Self.loop(), $0) }
    var polls = 0
    for session in sessions {
      session.isInterrupted = {
        polls += 1
        return polls > most
      }
    }
    guard case .stopped(let stop) = try Lockstep(sessions).resume() else {
      Issue.record("an interruption was taken for a difference")
      return
    }
    #expect(stop == .interrupted && sessions[0].position == sessions[1].position)
  }

  /// Also where the hardware cannot be stepped and the emulator runs in its place.
  @Test func aWatchpointThatNeverFiresInRing3() throws {
    let workload = try DebuggedPrograms.x86("long64")
    let place = try #require(workload.symbolAddress("user_main"))
    for kind in DebuggedPrograms.kinds(workload) where kind != .simulator {
      let session = try DebuggedPrograms.session(workload, kind)
      #expect(try session.resume(DebugGoal(places: [place])) == .breakpoint(nil), "\(kind)")
      #expect(session.codeAddress == place)
      try session.addWatchpoint(.memory(0x18_0000, length: 8))
      // Interrupted at once or after a while: it goes on as if nothing had been.
      for most in [0, 1, 2] {
        var polls = 0
        session.isInterrupted = {
          polls += 1
          return polls > most
        }
        #expect(try session.resume() == .interrupted, "\(kind)")
        #expect(session.end == nil)
      }
      session.isInterrupted = { false }
      #expect(try session.step() == .stepped)
      session.hostSeconds = 0.2
      if kind == .virtualizer { #expect(try session.resume() == .outOfTime) }
    }
  }

  /// Stores, aligned or not, and loads stop every engine at the same places.
  @Test(arguments: [
    ("real16", UInt64(0x7C07), UInt64(4), 4), ("protected32", 0x10_0060, 36, 4), ("long64", 0x10_0018, 8, 8),
  ])
  func watchpointsStopAlike(_ program: (name: String, place: UInt64, below: UInt64, length: Int)) throws {
    let workload = try DebuggedPrograms.x86(program.name)
    let below = program.below
    var first: [String]?
    for kind in DebuggedPrograms.kinds(workload) where kind != .simulator {
      var seen: [String] = []
      // The next thing that goes on the stack, its first byte with two before it, and whoever takes it back.
      for (offset, length, use) in [
        (below, program.length, Watchpoint.Use.change), (below + 2, 3, .change), (below, 2, .read),
        (below, 1, .access),
      ] {
        let session = try DebuggedPrograms.session(workload, kind)
        #expect(try session.resume(DebugGoal(places: [program.place])) == .breakpoint(nil))
        let address = session.stackPointer - offset
        let number = try session.addWatchpoint(.memory(address, length: length), use)
        guard case .watchpoint(number, let old, let new) = try session.resume() else {
          Issue.record("\(kind): no stop for \(use) of \(length) bytes")
          continue
        }
        seen.append("\(use) \(hex(session.pc)) \(use == .change ? "\(old) \(new)" : "")")
        #expect(session.watchpoints[0].hits == 1)
      }
      #expect(first == nil || seen == first, "\(kind)")
      if first == nil { first = seen }
    }
  }

  /// The end of a run can be taken back, on KVM by an emulator that comes to the same end.
  @Test func theEndIsTakenBack() throws {
    let workload = try DebuggedPrograms.x86("protected32")
    var first: [UInt64]?
    for kind in DebuggedPrograms.kinds(workload) where kind != .simulator {
      let session = try DebuggedPrograms.session(workload, kind)
      #expect(try session.resume() == .ended(.powerOff(status: 1)))
      #expect(try session.stepBack() == .stepped, "\(kind)")
      #expect(session.end == nil)
      #expect(first == nil || session.engine.state.registers == first, "\(kind)")
      if first == nil { first = session.engine.state.registers }
      #expect(try session.step() == .ended(.powerOff(status: 1)), "\(kind)")
    }
  }

  /// Where KVM is after going back and forth, an emulator still comes to by its accesses to devices.
  @Test func backAndForthAndBack() throws {
    let workload = try DebuggedPrograms.x86("protected32")
    let call = try #require(workload.symbolAddress("quicksort"))
    var first: [DebugPosition]?
    for kind in DebuggedPrograms.kinds(workload) where kind != .simulator {
      let session = try DebuggedPrograms.session(workload, kind)
      var places: [DebugPosition] = []
      for _ in 0..<3 {
        #expect(try session.resume(DebugGoal(places: [call])) == .breakpoint(nil))
        #expect(try session.stepBack() == .stepped, "\(kind)")
        places.append(session.position)
        #expect(try session.resumeBack(DebugGoal(count: session.position.count - 20_000)) == .count)
        places.append(session.position)
      }
      #expect(first == nil || places == first, "\(kind)")
      if first == nil { first = places }
    }
  }

  /// Break- and watchpoints together, more than there are debug registers.
  @Test func manyPoints() throws {
    let workload = try DebuggedPrograms.x86("protected32")
    let main = try #require(workload.symbolAddress("kernel_main"))
    var first: [String]?
    for kind in DebuggedPrograms.kinds(workload) where kind != .simulator {
      let session = try DebuggedPrograms.session(workload, kind)
      session.addBreakpoint(main)
      for offset in 1...5 { session.addBreakpoint(main + 0x400 + UInt64(offset)) }
      try session.addWatchpoint(.memory(session.stackPointer - 4, length: 4))
      var seen: [String] = []
      for _ in 0..<3 { seen.append("\(try session.resume()) \(session.pc)") }
      #expect(first == nil || seen == first, "\(kind)")
      if first == nil { first = seen }
    }
  }
}
