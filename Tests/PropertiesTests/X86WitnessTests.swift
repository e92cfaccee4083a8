import Foundation
import MachineCore
import Properties
import Testing
import X86Backend

@Suite struct X86WitnessTests {
  private func witnesses(_ mode: X86Mode) throws -> [X86Witness] {
    try X86Searches.of(mode).sensitive.flatMap(\.witnesses)
  }

  private func witness(_ key: String, _ mode: X86Mode = .long64) throws -> X86Witness {
    try #require(try witnesses(mode).first { $0.key == key })
  }

  @Test(arguments: [X86Mode.protected32, .long64])
  func `every reason has a witness that simulator and emulator bear out`(_ mode: X86Mode) throws {
    let search = try X86Searches.of(mode)
    let replayer = try X86WitnessReplayer()
    for finding in search.sensitive {
      let shown = Set(finding.witnesses.map(\.shows))
      for (ring, reasons) in [(0, finding.found.ring0), (3, finding.found.ring3)] {
        for reason in reasons {
          #expect(shown.contains("\(reason.rawValue) in ring \(ring)"), "\(finding.name): \(reason)")
        }
      }
      if finding.found.dependsOnLevel { #expect(shown.contains(X86Reason.level.rawValue), "\(finding.name)") }
      for witness in finding.witnesses {
        for replay in try replayer.replay(witness) {
          #expect(replay.holds, "\(witness.key) on \(replay.engine): \(replay.outcomes)")
        }
      }
    }
  }

  @Test(arguments: [
    "sgdt-ring3-globalTable", "lar-level", "popf-ring0-control", "int-n-ring3-control", "hlt-privileged",
  ])
  func `a witness without storage that it does not need goes through a file`(_ key: String) throws {
    let replayer = try X86WitnessReplayer()
    let small = try replayer.minimized(try witness(key))
    #expect(small.first.storage.map(\.bytes.count).reduce(0, +) < 600)
    let data = try JSONEncoder().encode(X86WitnessDocument(small))
    let read = try JSONDecoder().decode(X86WitnessDocument.self, from: data).witness()
    #expect(read.first == small.first && read.second == small.second)
    #expect(read.key == small.key)
    #expect(try replayer.replay(read).allSatisfy(\.holds))
  }

  @Test func `a witness that is not true does not hold`() throws {
    let replayer = try X86WitnessReplayer()
    // The same state twice in the part that LAR looks at.
    var still = try witness("lar-level")
    still = still.replacing(second: still.first, reason: .level)
    #expect(throws: WitnessError.self) { try replayer.replay(still) }
    // SGDT does not show the IDT register.
    let global = try witness("sgdt-ring3-globalTable")
    var other = global.first
    other.processor[.idtrBase] ^= 0x1000
    let wrong = global.replacing(second: other, reason: .interruptTable)
    #expect(try replayer.replay(wrong).allSatisfy { !$0.holds })
  }

  @Test func `states that differ in something else are refused`() throws {
    let replayer = try X86WitnessReplayer()
    var document = try JSONDecoder().decode(
      [String: JSONValue].self, from: JSONEncoder().encode(X86WitnessDocument(try witness("str-ring3-task"))))
    guard case .object(var second)? = document["second"], case .object(var registers)? = second["registers"]
    else {
      Issue.record("no registers")
      return
    }
    registers["rax"] = .string("0x77")
    second["registers"] = .object(registers)
    document["second"] = .object(second)
    let changed = try JSONDecoder().decode(X86WitnessDocument.self, from: JSONEncoder().encode(document))
    #expect(throws: WitnessError.self) { try replayer.replay(try changed.witness()) }
    registers["rax"] = .string("lots")
    second["registers"] = .object(registers)
    document["second"] = .object(second)
    let broken = try JSONDecoder().decode(X86WitnessDocument.self, from: JSONEncoder().encode(document))
    #expect(throws: WitnessError.self) { try broken.witness() }
  }
}

/// JSON whose shape is not known.
private enum JSONValue: Codable {
  case string(String)
  case number(Int)
  case object([String: JSONValue])
  case list([JSONValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let text = try? container.decode(String.self) {
      self = .string(text)
    } else if let number = try? container.decode(Int.self) {
      self = .number(number)
    } else if let list = try? container.decode([JSONValue].self) {
      self = .list(list)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .string(let text): try container.encode(text)
    case .number(let number): try container.encode(number)
    case .object(let object): try container.encode(object)
    case .list(let list): try container.encode(list)
    }
  }
}
