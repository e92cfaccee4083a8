import MachineCore
import Properties
import Testing

@Suite struct HostileGuestTests {
  @Test func `there are enough attacks on both instruction sets`() throws {
    #expect(try HostileGuest.toy().count >= 30)
    #expect(try HostileGuest.x86().count >= 37)
    #expect(try HostileGuest.x86().filter { $0.name.hasPrefix("pc-") }.count >= 13)
  }

  @Test func `every toy attack is contained by every engine`() throws {
    for guest in try HostileGuest.toy() {
      var guest = guest
      guest.workload.instructionLimit = min(guest.workload.instructionLimit, 4_000)
      for subject in HostileSubject.all(for: guest) {
        let found = try Containment(guest, on: subject.name, seconds: 1) { try subject.make(guest.workload) }
        #expect(found.isContained, "\(guest.name) on \(subject.name): \(found.report?.verdict as Any)")
      }
    }
  }

  @Test func `every x86 attack is contained by every engine that the host has`() throws {
    for guest in try HostileGuest.x86() {
      var guest = guest
      guest.workload.instructionLimit = 4_000
      for subject in HostileSubject.all(for: guest) {
        let found = try Containment(guest, on: subject.name, seconds: 0.05) {
          try subject.make(guest.workload)
        }
        guard let report = found.report else { continue }
        #expect(found.isContained, "\(guest.name) on \(subject.name): \(report.verdict)")
        if let end = guest.end {
          #expect(end.matches(report.stop), "\(guest.name) on \(subject.name): \(report.stop)")
        }
      }
    }
  }

  @Test func `canaries tell of damage`() throws {
    let canaries = HostCanaries()
    #expect(canaries.damage == nil)
    canaries.plant()
    #expect(canaries.damage == nil)
    canaries.damageForTest()
    #expect(canaries.damage != nil)
  }
}
