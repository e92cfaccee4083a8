import MachineCore
import Properties
import Testing
import X86Backend

/// Both modes, searched once with the directed cases alone.
enum X86Searches {
  private static let flat = try? X86Classification(.protected32, rounds: 0)
  private static let long = try? X86Classification(.long64, rounds: 0)

  static func of(_ mode: X86Mode) throws -> X86Classification {
    try #require(mode == .long64 ? long : flat)
  }
}

@Suite struct X86ClassificationTests {
  private func found(_ mode: X86Mode) throws -> X86Classification { try X86Searches.of(mode) }

  @Test(arguments: [X86Mode.protected32, .long64])
  func `the whole Pentium list is found, and nothing beyond it without a reason`(_ mode: X86Mode) throws {
    let comparison = PentiumComparison(try found(mode))
    #expect(comparison.missing.isEmpty)
    #expect(comparison.found.count == PentiumComparison.list.count)
    for (name, explanation) in comparison.beyond { #expect(explanation != nil, "\(name)") }
  }

  @Test(arguments: [X86Mode.protected32, .long64])
  func `effects and search agree on every row that was run`(_ mode: X86Mode) throws {
    let agreement = X86Agreement(try found(mode), try X86StaticClassification(mode))
    #expect(agreement.rows >= 90)
    for difference in agreement.differences {
      Issue.record(
        "\(difference.row): \(difference.claim), \(difference.isUnreached ? "not reached" : "not in the effects")"
      )
    }
  }

  @Test func `every finding has the reason that the architecture gives it, in the ring that it gives`() throws
  {
    let offenders = try found(.protected32).offenders
    func ring3(_ name: String) -> Set<X86Reason>? { offenders.first { $0.name == name }?.found.ring3 }
    #expect(ring3("SGDT") == [.globalTable])
    #expect(ring3("SIDT") == [.interruptTable])
    #expect(ring3("SLDT") == [.localTable])
    #expect(ring3("STR") == [.task])
    #expect(ring3("SMSW") == [.machineStatus])
    #expect(ring3("PUSHF") == [.interruptFlag])
    #expect(ring3("LAR") == [.globalTable, .localTable])
    #expect(ring3("RDTSC") == [.time])
    #expect(ring3("MOV from segment") == [.segment])
    // What makes POPF sensitive is what it does in ring 0; in ring 3 it changes nothing of the supervisor's.
    #expect(ring3("POPF") == [])
    #expect(offenders.first { $0.name == "POPF" }?.found.ring0 == [.control])
    for name in ["LAR", "LSL", "VERR", "VERW", "CALL far", "RET far", "MOV from segment"] {
      #expect(offenders.first { $0.name == name }?.found.dependsOnLevel == true, "\(name)")
    }
    for name in ["HLT", "CLI", "STI", "LGDT", "IN", "OUT", "CLTS", "MOV control", "RDMSR", "CPUID"] {
      #expect(ring3(name) == nil, "\(name)")
    }
    let privileged = Set(try found(.protected32).sensitive.filter(\.found.isPrivileged).map(\.name))
    #expect(
      privileged.isSuperset(of: ["HLT", "STI", "CLI", "LGDT", "IN", "OUT", "INVLPG", "MOV control", "RDMSR"]))
  }

  @Test func `prevention takes five instructions from the list, by their effects and by running them`() throws
  {
    let without = Set(try found(.long64).offenders.map(\.name))
    let with = Set(try X86Classification(.long64, prevention: true, rounds: 0).offenders.map(\.name))
    let prevented: Set<String> = ["SGDT", "SIDT", "SLDT", "SMSW", "STR"]
    #expect(without.subtracting(with) == prevented)
    let rows = Set(prevented.flatMap { X86StaticClassification.rows(named: $0).map(\.number) })
    let effects = try X86StaticClassification(.long64, prevention: true, rows: rows)
    #expect(effects.rows.count == rows.count)
    #expect(!effects.rows.values.contains { !$0.isPrivileged })
  }

  @Test func `the effects tell on which paths an instruction traps`() throws {
    func paths(_ name: String) throws -> [String] {
      let row = try #require(X86StaticClassification.rows(named: name).first)
      return try X86StaticClassification.traps(ofRow: row.number, .protected32)
    }
    #expect(try paths("HLT") == ["trap general protection, always"])
    #expect(try paths("SGDT") == ["else it completes"])
    let debug = try paths("SYSENTER")
    #expect(debug.count == 2 && debug[0].contains("sysenterCS"), "\(debug)")
  }

  @Test func `the host answers every witness that it can`() throws {
    do {
      let hosts = try X86HostWitness.run(try found(.long64))
      #expect(hosts.filter { $0.states > 0 }.count >= 20)
      for host in hosts {
        // What a host does otherwise must be one of its measured deviations.
        if case .differs(let differences) = host.answer {
          Issue.record("\(host.name) `\(host.text)`, \(host.shows): \(differences)")
        }
      }
    } catch let refusal as EngineRefusal {
      #expect(refusal.isHostLack, "\(refusal)")
    }
  }
}
