import Emulator
import MachineCore
import Testing
import ToyISA
import Trace
import Virtualizer

/// Whatever the guest does, nothing outside its region changes, and the VMM notices when it does.
@Suite struct ContainmentTests {
  /// Hardware storage with a pattern everywhere, a VMM on it, and a way to look around the guest.
  struct Cage {
    let hardware: ToyProcessor
    let monitor: VirtualMachineMonitor
    let map: ResourceMap

    init(_ guest: Guest, policy: VMMPolicy = .correct) throws {
      let size = guest.machine.memorySize
      map = ResourceMap(guestSize: size)
      // More storage than the VMM needs: what lies behind belongs to somebody else.
      let memory = try GuestMemory(size: ResourceMap.storageNeeded(guestSize: size) + 0x8000)
      for address in stride(from: 0, to: memory.size, by: 8) {
        memory.store(UInt64(address), 0x0123_4567_89AB_CDEF, width: 8)
      }
      hardware = try ToyProcessor(variant: guest.variant, storage: memory)
      let storage = try VirtualMachineMonitor.guestStorage(on: hardware, size: size)
      for address in stride(from: 0, to: size, by: 8) { storage.store(UInt64(address), 0, width: 8) }
      monitor = try VirtualMachineMonitor(
        on: hardware, platform: guest.machine.makePlatform(on: storage), state: guest.state, policy: policy)
      try guest.load(into: storage)
    }

    /// Everything but the guest's region and the VMM's shadow tables.
    func outside() throws -> [UInt8] {
      try hardware.storage.read(0..<map.guest.lowerBound)
        + hardware.storage.read(map.guest.upperBound..<map.shadow.lowerBound)
        + hardware.storage.read(map.shadow.upperBound..<hardware.storage.size)
    }
  }

  private func expectContained(_ guest: Guest, _ note: String) throws {
    let cage = try Cage(guest)
    let before = try cage.outside()
    _ = try cage.monitor.run(guest.limits, into: nil)
    #expect(try cage.outside() == before, "\(note)")
    #expect(cage.monitor.statistics.controlViolations == [], "\(note)")
  }

  @Test(arguments: SupervisorTests.hostile.indices)
  func storesWithForgedRelocationStayInside(number: Int) throws {
    let (base, bound) = SupervisorTests.hostile[number]
    for paging in [false, true] {
      var guest = GuestBuilder()
      Kernel.install(in: &guest, traps: 100)
      guest.at(0x100)
      // A directory and a table that map every frame there is, also beyond storage.
      guest.op("lpsw", 0, Int64(Kernel.userPSW))
      guest.at(Kernel.userPSW)
      guest.psw(PSW(user: true, paging: paging, base: paging ? 0x8000 : base, bound: bound))
      guest.at(0x8000)
      for slot in 0..<8 as Range<UInt32> { guest.word(0x9000 + slot % 2 * 0x1000 | 1) }
      guest.at(0x9000)
      guest.word(0x400F | 0x10)
      for frame in 1..<1024 as Range<UInt32> { guest.word(frame &* 0x1357 << 12 | 0x1F) }
      guest.at(0xA000)
      for frame in 0..<1024 as Range<UInt32> where frame < 512 { guest.word((frame + 8) << 12 | 0x1F) }
      for start in [0x4000, 0xF000, 0xFF00] as [UInt32] {
        guest.at(start)
        guest.set(1, 0x1000)
        guest.set(2, 0xFFFF_FFFF)
        guest.op("addi", 3, 0, 300)
        guest.op("sw", 2, 1, 0)
        guest.op("addi", 1, 1, 0x1000)
        guest.op("addi", 3, 3, -1)
        guest.op("bne", 3, 0, -12)
        guest.op("svc", 1)
      }
      try expectContained(Guest(guest), "base \(hex(UInt64(base))) paging \(paging)")
    }
  }

  @Test func randomSupervisorsStayInside() throws {
    for seed in 5000...5030 as ClosedRange<UInt64> {
      try expectContained(RandomGuestTests.guest(seed: seed), "seed \(seed)")
    }
  }

  @Test func variantsDivergeWithoutLosingControl() throws {
    for variant in ToyVariant.allCases {
      var divergences = 0
      for seed in 6000...6012 as ClosedRange<UInt64> {
        var guest = RandomGuestTests.guest(seed: seed)
        guest.variant = variant
        try expectContained(guest, "\(variant) seed \(seed)")
        if try guest.virtual(depth: 1).difference(from: guest.bare()) != nil { divergences += 1 }
      }
      #expect((divergences == 0) == variant.claimsTheorem1, "\(variant): \(divergences) divergences")
    }
  }

  @Test func storageThatDoesNotFitIsRefused() throws {
    let hardware = try ToyProcessor(variant: .classic, storage: GuestMemory(size: 0x20000))
    #expect(throws: EngineRefusal.self) {
      _ = try VirtualMachineMonitor.guestStorage(on: hardware, size: 0x1F000)
    }
    #expect(throws: EngineRefusal.self) {
      _ = try VirtualMachineMonitor.guestStorage(on: hardware, size: 100)
    }
    let foreign = try ToyMachine(memorySize: 0x1000).makePlatform()
    #expect(throws: EngineRefusal.self) {
      _ = try VirtualMachineMonitor(
        on: hardware, platform: foreign, state: ToyInstructionSet.resetState(entry: 0, storage: 0x1000))
    }
    #expect(throws: EngineRefusal.self) { _ = try SupervisorTests.supervisorOnly().monitor(depth: 0) }
    #expect(throws: EngineRefusal.self) { _ = try SupervisorTests.supervisorOnly().monitor(depth: 9) }
  }
}
