import Properties
import X86Backend

/// What `triad classify --isa x86 --json` prints for a mode.
struct X86ClassifyOutput: Encodable {
  struct Instruction: Encodable {
    var name: String
    var reasons: [String]
    var ring0: [String]
    var ring3: [String]
    var dependsOnLevel: Bool
    var completesInRing3: Bool
    var privileged: Bool
    var userSensitive: Bool
    var trapsWithUMIP: Bool
  }

  struct Difference: Encodable {
    var prevention: Bool
    var row: String
    var claim: String
    var unreached: Bool
  }

  struct Host: Encodable {
    var name: String
    var text: String
    var shows: String
    var answer: String
    var detail: [String]
  }

  struct Beyond: Encodable {
    var name: String
    var explanation: String?
  }

  var isa = "x86"
  var mode: Int
  var cases: Int
  var runs: Int
  var rows: Int
  var definitions: Int
  var instructions: [Instruction]
  var differences: [Difference]
  var listFound: [String]
  var listMissing: [String]
  var beyondList: [Beyond]
  var host: [Host]?

  init(_ findings: X86Findings) {
    mode = findings.search.mode.rawValue
    cases = findings.search.cases
    runs = findings.search.runs
    rows = findings.agreements[0].rows
    definitions = findings.effects.definitions
    let trapping = findings.prevented
    func names(_ reasons: Set<X86Reason>) -> [String] {
      X86Reason.allCases.filter(reasons.contains).map(\.rawValue)
    }
    instructions = findings.search.sensitive.map { finding in
      Instruction(
        name: finding.name, reasons: finding.reasons.map(\.rawValue).sorted(),
        ring0: names(finding.found.ring0), ring3: names(finding.found.ring3),
        dependsOnLevel: finding.found.dependsOnLevel, completesInRing3: finding.completesInRing3,
        privileged: finding.found.isPrivileged, userSensitive: finding.found.isUserSensitive,
        trapsWithUMIP: trapping.contains(finding.name))
    }
    differences = zip([false, true], findings.agreements).flatMap { prevention, agreement in
      agreement.differences.map {
        Difference(prevention: prevention, row: $0.row, claim: $0.claim, unreached: $0.isUnreached)
      }
    }
    listFound = findings.comparison.found
    listMissing = findings.comparison.missing
    beyondList = findings.comparison.beyond.map { Beyond(name: $0.name, explanation: $0.explanation) }
    host = findings.hosts?.map(Host.init)
  }
}

extension X86ClassifyOutput.Host {
  init(_ host: X86HostWitness) {
    (name, text, shows) = (host.name, host.text, host.shows)
    switch host.answer {
    case .right: (answer, detail) = ("right", [])
    case .deviates(let id): (answer, detail) = ("deviates", [id])
    case .differs(let texts): (answer, detail) = ("differs", texts)
    case .notCompared(let reason): (answer, detail) = ("not-compared", [reason])
    }
  }
}
