import MachineCore
import Properties
import Testing
import X86Backend

@Suite struct X86ClassificationTests {
  @Test(arguments: [X86Mode.protected32, .long64])
  func `the whole Pentium list is found, and nothing beyond it without a reason`(_ mode: X86Mode) throws {
    let found = PentiumComparison(try X86Classification(mode, rounds: 0))
    #expect(found.missing.isEmpty)
    #expect(found.found.count == PentiumComparison.list.count)
    for (name, explanation) in found.beyond { #expect(explanation != nil, "\(name)") }
  }

  @Test func `every finding has the reason that the architecture gives it`() throws {
    let found = try X86Classification(.protected32, rounds: 0).offenders
    func reasons(_ name: String) -> Set<X86Classification.Reason>? {
      found.first { $0.name == name }?.reasons
    }
    #expect(reasons("SGDT") == [.globalTable])
    #expect(reasons("SIDT") == [.interruptTable])
    #expect(reasons("SLDT") == [.localTable])
    #expect(reasons("STR") == [.task])
    #expect(reasons("SMSW") == [.machineStatus])
    #expect(reasons("PUSHF") == [.interruptFlag])
    #expect(reasons("POPF") == [.control])
    #expect(reasons("LAR") == [.level])
    #expect(reasons("RDTSC") == [.time])
    #expect(reasons("RDTSCP") == [.time])
    // Each needs a state of its own: another stack segment, the overflow flag.
    #expect(reasons("LSS") == [.control])
    #expect(reasons("INTO")?.contains(.control) == true)
    #expect(reasons("INT1")?.contains(.control) == true)
    for name in ["HLT", "CLI", "STI", "LGDT", "IN", "OUT", "CLTS", "MOV control", "CPUID"] {
      #expect(reasons(name) == nil, "\(name)")
    }
  }

  @Test func `prevention takes five instructions from the list`() throws {
    let without = Set(try X86Classification(.long64, rounds: 0).offenders.map(\.name))
    let with = Set(try X86Classification(.long64, prevention: true, rounds: 0).offenders.map(\.name))
    #expect(without.subtracting(with) == ["SGDT", "SIDT", "SLDT", "STR", "SMSW"])
  }

  @Test func `the host answers every witness that it can`() throws {
    let found = try X86Classification(.long64, rounds: 0)
    do {
      for host in try X86HostWitness.run(found) {
        // What a host does otherwise must be one of its measured deviations.
        if case .differs(let differences) = host.answer {
          Issue.record("\(host.name) `\(host.text)`: \(differences)")
        }
      }
    } catch let refusal as EngineRefusal {
      #expect(refusal.isHostLack, "\(refusal)")
    }
  }
}
