import Foundation
import MachineCore
import Properties
import Testing
import ToyISA

@Suite struct ClassificationTests {
  /// The instructions that behave differently by variant, and some that compute.
  private static let rows = Set(
    toyTable.indices.filter {
      toyTable[$0].group == .system || ["lw", "sw", "svc", "div", "jalr"].contains(toyTable[$0].mnemonic)
    })

  private func names(_ numbers: [Int]) -> Set<String> { Set(numbers.map { toyTable[$0].mnemonic }) }

  @Test(arguments: ToyVariant.allCases)
  func `search and effects agree, and every witness replays`(_ variant: ToyVariant) throws {
    let result = try Classification(of: variant, rows: Self.rows)
    for difference in result.disagreements where Self.rows.contains(difference.definition) {
      Issue.record("\(toyTable[difference.definition].mnemonic): \(difference)")
    }
    for row in Self.rows {
      let found = result.fromSearch.classes[row]
      let witnesses = result.fromSearch.witnesses[row]
      #expect(witnesses.count == found.sensitivity.names.count + (found.privileged ? 1 : 0))
      for witness in witnesses {
        let document = try JSONDecoder().decode(
          WitnessDocument.self, from: JSONEncoder().encode(WitnessDocument(witness)))
        let read = try document.witness()
        #expect(read == witness)
        for kind in [EngineKind.simulator, .emulator] {
          let replay = try WitnessReplay(read, on: kind)
          #expect(
            replay.holds, "\(witness.instruction), \(witness.shows.name) on \(kind): \(replay.outcomes)")
        }
      }
    }
  }

  @Test func `theorem 1 holds on classic only, theorem 3 on all but leaky`() {
    for variant in ToyVariant.allCases {
      let verdicts = TheoremVerdicts(StaticClassification(of: variant).classes)
      #expect(verdicts.monitor.holds == (variant == .classic))
      #expect(verdicts.isRecursive == (variant == .classic))
      #expect(verdicts.hybrid.holds == (variant != .leaky))
    }
  }

  @Test func `the offenders are the planted instructions`() {
    func verdicts(_ variant: ToyVariant) -> TheoremVerdicts {
      TheoremVerdicts(StaticClassification(of: variant).classes)
    }
    #expect(names(verdicts(.popf).monitor.offenders) == ["setie"])
    #expect(names(verdicts(.jrst).monitor.offenders) == ["jrst"])
    #expect(names(verdicts(.leaky).monitor.offenders) == ["getbase", "getbound"])
    #expect(names(verdicts(.leaky).hybrid.offenders) == ["getbase", "getbound"])
  }

  @Test func `a witness for one variant does not hold on another`() throws {
    let row = try #require(toyTable.firstIndex { $0.mnemonic == "getbase" })
    let found = try DynamicClassification(of: .leaky, rows: [row]).witnesses[row]
    var witness = try #require(found.first { $0.shows == .sensitive(.userLocation) })
    witness.variant = .classic
    for kind in [EngineKind.simulator, .emulator] {
      #expect(try !WitnessReplay(witness, on: kind).holds)
    }
  }

  @Test func `states that differ in more than they say are refused`() throws {
    let row = try #require(toyTable.firstIndex { $0.mnemonic == "getclk" })
    let found = try DynamicClassification(of: .classic, rows: [row]).witnesses[row]
    var witness = try #require(found.first { $0.shows == .sensitive(.supervisorResource) })
    witness.second.processor.registers[1] ^= 1
    #expect(throws: WitnessError.self) { try WitnessReplay(witness, on: .simulator) }
    witness.second.processor.registers.removeLast()
    #expect(throws: WitnessError.self) { try WitnessReplay(witness, on: .simulator) }
    witness.second = witness.first
    #expect(throws: WitnessError.self) { try WitnessReplay(witness, on: .simulator) }
    witness.second.storage.append(.init(.max, [0]))
    #expect(throws: WitnessError.self) { try WitnessReplay(witness, on: .simulator) }
  }
}
