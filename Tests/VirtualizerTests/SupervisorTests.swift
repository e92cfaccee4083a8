import MachineCore
import Testing
import ToyISA
import Trace
import Virtualizer

/// Guests with a supervisor and a user process, compared record by record with the bare machine.
@Suite struct SupervisorTests {
  /// Every synchronous trap, from user mode, in a base/bound space of its own.
  static func trapsFromUserMode() -> Guest {
    var guest = GuestBuilder()
    Kernel.install(in: &guest, traps: 14)
    guest.at(0x100)
    guest.op("addi", 1, 0, 7)
    guest.op("lpsw", 0, Int64(Kernel.userPSW))
    guest.at(Kernel.userPSW)
    guest.psw(PSW(user: true, base: 0x4000, bound: 0x1000))
    // The user's program, at its own address 0.
    guest.at(0x4000)
    guest.op("addi", 2, 1, 1)
    guest.op("svc", 0x1234)
    guest.op("brk")
    guest.op("div", 3, 2, 0)
    guest.op("lw", 3, 0, 0xFFE)
    guest.op("lw", 3, 0, 0x1000)
    guest.op("lh", 3, 0, 0xFFE)
    guest.op("lb", 3, 0, 0x1000)
    guest.op("sw", 2, 0, 0x800)
    guest.op("cas", 2, 1, 1)
    guest.op("getpsw", 4)
    guest.op("setie", 1)
    guest.op("in", 4, 0, 0x11)
    guest.word(0xFFFF_FFFF)
    guest.word(0x1000_0001)
    guest.op("lpsw", 0, 0)
    guest.op("jrst", 1)
    guest.op("wait")
    guest.op("tlbflush")
    guest.op("svc", 1)
    guest.op("jalr", 0, 0, 0x2002)
    return Guest(guest)
  }

  @Test func everyTrapReachesTheGuestsSupervisor() throws {
    let (bare, virtual) = try expectEquivalence(Self.trapsFromUserMode())
    #expect(bare.reason == .powerOff(status: 0))
    let causes = Set(bare.events(.trap).map(\.code))
    #expect(causes.isSuperset(of: [1, 2, 3, 4, 8, 9, 10]))
    #expect(virtual.statistics.reflected == 14)
    #expect(virtual.statistics.exits["svc"] == 1)
    #expect(virtual.events(.exit).count == Int(virtual.statistics.exitCount))
    // The VMM's record comes before the guest's.
    for (index, record) in virtual.records.enumerated() where record.eventKind == .trap {
      #expect(virtual.records[index - 1].eventKind == .reflect)
      #expect(virtual.records[index - 2].eventKind == .exit)
    }
  }

  /// Every privileged instruction and several traps in supervisor mode.
  static func supervisorOnly() -> Guest {
    var guest = GuestBuilder()
    Kernel.install(in: &guest, traps: 9)
    guest.at(0x100)
    guest.set(1, 0xABCD_1236)
    guest.op("getpsw", 2)
    guest.op("getbase", 3)
    guest.op("getbound", 4)
    guest.op("getclk", 5)
    guest.op("getclk", 0)
    guest.op("setie", 1)
    guest.op("getpsw", 2)
    guest.op("in", 6, 0, 0x11)
    guest.op("in", 6, 1, 0x4000)
    guest.op("out", 1, 0, 0x00)
    guest.op("tlbflush")
    guest.op("svc", 3)
    guest.op("lpsw", 1, 0)
    guest.op("addi", 7, 0, 2)
    guest.op("lpsw", 7, 0)
    guest.op("brk")
    guest.word(0)
    guest.op("lw", 8, 1, 0)
    guest.op("remu", 8, 8, 0)
    guest.op("addi", 8, 0, 0x1C0)
    guest.op("jrst", 8)
    guest.at(0x1C0)
    guest.op("add", 9, 8, 8)
    guest.op("getbase", 9)
    guest.op("svc", 5)
    guest.op("svc", 6)
    guest.op("svc", 7)
    return Guest(guest)
  }

  @Test func privilegedInstructionsActOnTheVirtualProcessor() throws {
    let (bare, virtual) = try expectEquivalence(Self.supervisorOnly())
    #expect(bare.reason == .powerOff(status: 0))
    #expect(bare.console == [0x36])
    #expect(virtual.statistics.emulated > 12)
    #expect(virtual.events(.emulate).count > 12)
  }

  /// A user process that counts while the timer takes the processor away from it.
  static func preemption(interval: UInt32) -> Guest {
    var guest = GuestBuilder()
    Kernel.install(in: &guest, traps: 12, rearm: interval)
    guest.at(0x100)
    guest.set(1, interval)
    guest.op("out", 1, 0, Int64(ToyPort.timer))
    guest.op("lpsw", 0, Int64(Kernel.userPSW))
    guest.at(Kernel.userPSW)
    guest.psw(PSW(user: true, interruptEnable: true, base: 0x4000, bound: 0x1000))
    guest.at(0x4000)
    guest.label("loop")
    guest.op("addi", 2, 2, 1)
    guest.op("sw", 2, 0, 0x100)
    guest.branch("beq", 0, 0, to: "loop")
    return Guest(guest)
  }

  @Test(arguments: [1, 2, 3, 7, 20, 23, 31, 100, 1000] as [UInt32])
  func timerInterruptsComeAtTheSameInstruction(interval: UInt32) throws {
    let (bare, virtual) = try expectEquivalence(Self.preemption(interval: interval), "interval \(interval)")
    #expect(bare.reason == .powerOff(status: 0))
    #expect(bare.events(.interrupt).count == 12)
    #expect(virtual.statistics.injected == 12)
    #expect(virtual.events(.inject).count == 12)
  }

  @Test func waitingLetsTimePassAndDMAReachesStorage() throws {
    var guest = GuestBuilder()
    Kernel.install(in: &guest, traps: 100)
    guest.at(0x100)
    guest.op("addi", 1, 0, 3)
    guest.op("out", 1, 0, Int64(ToyPort.diskSector))
    // The sector lands on the instructions at 0x3000, which have been executed before.
    guest.op("addi", 1, 0, 0x3000)
    guest.op("jalr", 15, 1, 0)
    guest.op("out", 1, 0, Int64(ToyPort.diskAddress))
    guest.op("addi", 2, 0, 1)
    guest.op("out", 2, 0, Int64(ToyPort.diskStatus))
    guest.op("setie", 2)
    guest.op("out", 2, 0, Int64(ToyPort.diskCommand))
    guest.op("wait")
    guest.op("in", 3, 0, Int64(ToyPort.diskStatus))
    guest.op("getclk", 4)
    guest.op("jalr", 15, 1, 0)
    guest.op("setie", 0)
    guest.op("wait")
    guest.at(0x3000)
    guest.op("addi", 5, 5, 1)
    guest.op("jalr", 0, 15, 0)
    var subject = Guest(guest)
    let other = GuestBuilder.encode("addi", [5, 5, 100])
    let back = GuestBuilder.encode("jalr", [0, 15, 0])
    var disk = ToyMachine.defaultDisk
    for (index, word) in [other, back].enumerated() {
      for byte in 0..<4 { disk[3 * 512 + index * 4 + byte] = UInt8(truncatingIfNeeded: word >> (byte * 8)) }
    }
    subject.machine.disk = disk
    let (bare, _) = try expectEquivalence(subject)
    #expect(bare.state.registers[5] == 101)
    #expect(bare.idle > 0)
    guard case .idle = bare.reason else {
      Issue.record("ended with \(bare.reason)")
      return
    }
  }

  @Test func codeThatChangesItselfRuns() throws {
    var guest = GuestBuilder()
    Kernel.install(in: &guest, traps: 5)
    guest.at(0x100)
    guest.set(1, GuestBuilder.encode("addi", [3, 3, 10]))
    guest.op("addi", 2, 0, 4)
    guest.label("again")
    guest.label("target")
    guest.op("addi", 3, 3, 1)
    guest.address(4, of: "target")
    guest.op("sw", 1, 4, 0)
    guest.op("addi", 2, 2, -1)
    guest.branch("bne", 2, 0, to: "again")
    // A trap stores the old PSW at 0: run there afterwards.
    guest.op("svc", 1)
    guest.op("jalr", 0, 0, 0)
    let (bare, _) = try expectEquivalence(Guest(guest))
    #expect(bare.state.registers[3] == 31)
  }

  @Test func trapInTheFirstInstructionOfTheHandlerIsACheckStop() throws {
    var guest = GuestBuilder()
    guest.at(UInt32(TrapArea.newPSW))
    guest.psw(PSW(pc: 0x400))
    guest.at(0x100)
    guest.op("svc", 1)
    guest.at(0x400)
    guest.op("brk")
    let (bare, _) = try expectEquivalence(Guest(guest))
    #expect(bare.reason == .checkStop(cause: ToyCause.breakpoint.rawValue, pc: 0x400))
  }

  /// PSWs whose base and bound reach beyond storage: they may see the guest's storage, nothing else.
  static let hostile: [(base: UInt32, bound: UInt32)] = [
    (0, .max), (0xF000, .max), (0xFFFC, 8), (0x1_0000, 0x1000), (0x1_0004, 0x1000), (0xFFFF_F000, 0x2000),
    (0xFFFF_FFFC, .max), (0x8000, 0), (0x7FFF_FFFC, 0x8000_0000), (0xE000, 0x2004),
  ]

  @Test(arguments: 0..<10)
  func forgedRelocationStaysInTheRegion(number: Int) throws {
    let (base, bound) = Self.hostile[number]
    var guest = GuestBuilder()
    Kernel.install(in: &guest, traps: 12)
    guest.at(0x100)
    guest.op("lpsw", 0, Int64(Kernel.userPSW))
    guest.at(Kernel.userPSW)
    guest.psw(PSW(user: true, base: base, bound: bound))
    // The same attack wherever the base may lead.
    for start in [0x300, 0x8000, 0xE000, 0xF000] as [UInt32] {
      guest.at(start)
      for target in [0xFFC, 0x1000, 0x1FFC, 0x2000, 0xFFFC, 0x1_0000, 0xFFFF_FFFC] as [UInt32] {
        guest.set(1, target)
        guest.op("sw", 1, 1, 0)
        guest.op("lw", 2, 1, 0)
      }
      guest.op("svc", 1)
    }
    var subject = Guest(guest)
    if base == 0 {
      subject.image.append((Kernel.userPSW + 4, 0x300))
    }
    try expectEquivalence(subject, "base \(hex(UInt64(base)))")
  }

  @Test func limitsAndBreakpointsAreExact() throws {
    for depth in 1...2 {
      let monitor = try Self.preemption(interval: 20).monitor(depth: depth)
      for count in [0, 1, 2, 3, 10, 100] as [UInt64] {
        let before = monitor.platform.retired
        #expect(try monitor.run(RunLimits(instructions: count), into: nil) == .limit)
        #expect(monitor.platform.retired == before + count)
      }
      let stop = try monitor.run(RunLimits(instructions: 1000, until: [UInt64(Kernel.handler)]), into: nil)
      #expect(stop == .breakpoint(pc: UInt64(Kernel.handler)))
      #expect(monitor.state.registers[Int(ToyRegister.mode)] == 0)
      // The address is not looked at before the first instruction of a run.
      let next = try monitor.run(RunLimits(instructions: 1, until: [UInt64(Kernel.handler)]), into: nil)
      #expect(next == .limit)
    }
  }

  @Test(arguments: [TraceLevel.final, .events, .instructions])
  func levelsHoldWhatTheyShould(level: TraceLevel) throws {
    let guest = Self.preemption(interval: 23)
    let full = try guest.virtual(depth: 1)
    let outcome = try Outcome(of: guest.monitor(depth: 1), guest.limits, level: level)
    #expect(outcome.memory == full.memory)
    #expect(outcome.state == full.state)
    switch level {
    case .final: #expect(outcome.records.isEmpty)
    case .events: #expect(outcome.records == Self.withoutRetirement(full.records))
    case .instructions: #expect(outcome.records == full.records)
    }
  }

  private static func withoutRetirement(_ records: [TraceRecord]) -> [TraceRecord] {
    var isDropping = false
    return records.filter { record in
      if record.eventKind?.isEffect != true { isDropping = record.eventKind == .retire }
      return !isDropping
    }
  }
}
