import MachineCore
import Testing
import ToyISA
import Trace
import Virtualizer

/// VMMs that are wrong on purpose: the comparison, or the check of control, must find each.
@Suite struct SeededFaultTests {
  private func difference(_ guest: Guest, _ policy: VMMPolicy) throws -> String? {
    let bare = try guest.bare()
    #expect(try guest.virtual(depth: 1).difference(from: bare) == nil)
    return try guest.virtual(depth: 1, policy: policy).difference(from: bare)
  }

  @Test func lostTrap() throws {
    var policy = VMMPolicy.correct
    policy.sort = { cause, psw in
      cause == ToyCause.supervisorCall.rawValue ? .emulate : VMMPolicy.correct.sort(cause, psw)
    }
    policy.routines["svc"] = { processor, _ in processor.psw.pc &+ 4 }
    #expect(try difference(SupervisorTests.trapsFromUserMode(), policy)?.contains("trap") == true)
  }

  @Test func trapWithTheWrongPC() throws {
    var policy = VMMPolicy.correct
    policy.savedPC = { $0 &+ 4 }
    #expect(try difference(SupervisorTests.trapsFromUserMode(), policy)?.contains("trap") == true)
  }

  @Test func timerLateByOne() throws {
    var policy = VMMPolicy.correct
    policy.slice = { limit, untilDeadline in min(limit, untilDeadline &+ 1) }
    #expect(try difference(SupervisorTests.preemption(interval: 23), policy) != nil)
  }

  @Test func boundTooLargeByAWord() throws {
    var policy = VMMPolicy.correct
    policy.compose = { psw, map in
      var real = VMMPolicy.correct.compose(psw, map)
      real.bound &+= 4
      return real
    }
    let guest = SupervisorTests.trapsFromUserMode()
    #expect(try difference(guest, policy) != nil)
    // In supervisor mode the whole region is in reach, so one word more leaves it.
    #expect(try guest.virtual(depth: 1, policy: policy).statistics.controlViolations.isEmpty == false)
  }

  @Test func guardsTellOfAGuestOutsideItsRegion() throws {
    var policy = VMMPolicy.correct
    policy.compose = { _, map in
      PSW(user: true, pc: 0x100, base: UInt32(map.guest.lowerBound), bound: 0x1_1000)
    }
    var guest = GuestBuilder()
    guest.at(0x100)
    guest.set(1, 0x1_0800)
    guest.op("sw", 1, 1, 0)
    let cage = try ContainmentTests.Cage(Guest(guest), policy: policy)
    _ = try cage.monitor.run(RunLimits(instructions: 3), into: nil)
    let violations = cage.monitor.statistics.controlViolations
    #expect(violations.contains { $0.contains("guard") }, "\(violations)")
  }

  @Test func realModeLeaks() throws {
    var policy = VMMPolicy.correct
    policy.routines["getpsw"] = { processor, word in
      processor.setRegister(word.a, processor.psw.flags | 1)
      return processor.psw.pc &+ 4
    }
    #expect(try difference(SupervisorTests.supervisorOnly(), policy)?.contains("register") == true)
  }

  @Test func realBaseLeaks() throws {
    var policy = VMMPolicy.correct
    policy.routines["getbase"] = { processor, word in
      processor.setRegister(word.a, processor.psw.base &+ 0x1000)
      return processor.psw.pc &+ 4
    }
    #expect(try difference(SupervisorTests.supervisorOnly(), policy)?.contains("register") == true)
  }

  @Test func privilegedInstructionOfTheUserIsEmulated() throws {
    var policy = VMMPolicy.correct
    policy.sort = { cause, psw in
      cause == ToyCause.privileged.rawValue ? .emulate : VMMPolicy.correct.sort(cause, psw)
    }
    #expect(try difference(SupervisorTests.trapsFromUserMode(), policy) != nil)
  }

  @Test func shadowEntryWritableTooEarly() throws {
    var policy = VMMPolicy.correct
    policy.shadowEntry = { entry, user, map in
      let clean = VMMPolicy.correct.shadowEntry(entry, user, map)
      return clean == 0 ? 0 : clean | entry & UInt32(PageEntry.write)
    }
    // The dirty bit in the guest's table is missing.
    #expect(try difference(PagingTests.userUnderPaging(), policy) != nil)
  }

  @Test func shadowFrameOutsideTheRegion() throws {
    var policy = VMMPolicy.correct
    policy.shadowEntry = { entry, user, map in
      VMMPolicy.correct.shadowEntry(entry, user, map) &- UInt32(map.guest.lowerBound)
    }
    var guest = GuestBuilder()
    Kernel.install(in: &guest, traps: 3)
    guest.at(0x8000)
    guest.word(0x9001)
    guest.at(0x9000)
    guest.word(0x001F)
    guest.at(0x100)
    guest.op("lpsw", 0, Int64(Kernel.userPSW))
    guest.at(Kernel.userPSW)
    guest.psw(PSW(user: true, paging: true, pc: 0x400, base: 0x8000, bound: 0x1000))
    guest.at(0x400)
    guest.op("svc", 1)
    let outcome = try Guest(guest).virtual(depth: 1, policy: policy)
    #expect(outcome.statistics.controlViolations.contains { $0.contains("shadow entry") })
  }

  @Test func everyPrivilegedInstructionHasARoutine() {
    for row in toyTable {
      let isPrivileged = row.userMode == .trap
      #expect((InterpreterRoutines.standard[row.mnemonic] != nil) == isPrivileged, "\(row.mnemonic)")
    }
  }
}
