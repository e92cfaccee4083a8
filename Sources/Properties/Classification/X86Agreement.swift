internal import MachineCore
internal import X86Backend

/// What the effects say of each row of the x86 table beside what the search found.
public struct X86Agreement: Sendable {
  /// A claim that only one of both makes.
  public struct Difference: Sendable, Equatable {
    /// The row as in the table, with its opcode.
    public var row: String
    /// What is claimed.
    public var claim: String
    /// The effects say so and the search did not reach it; else the search found what the effects do not say.
    public var isUnreached: Bool
  }

  /// Where the two differ, in the table's order.
  public private(set) var differences: [Difference] = []
  /// How many rows were compared.
  public private(set) var rows = 0
  /// Rows that are innocuous by their effects and were not run.
  public private(set) var notRun = 0

  /// Compares both classifications of a mode.
  public init(_ search: X86Classification, _ effects: X86StaticClassification) {
    for (row, found) in effects.rows.sorted(by: { $0.key < $1.key }) {
      let run = search.rows[row]
      guard run != nil || found.isSensitive else {
        notRun += 1
        continue
      }
      rows += 1
      let text = X86FuzzRow.text(row)
      let claims = run?.claims ?? []
      for claim in found.claims.subtracting(claims).sorted() {
        differences.append(.init(row: text, claim: claim, isUnreached: true))
      }
      for claim in claims.subtracting(found.claims).sorted() {
        differences.append(.init(row: text, claim: claim, isUnreached: false))
      }
    }
  }
}

extension X86StaticClassification {
  /// The classes by the names of ``X86Classification``, all rows of a name put together.
  public var byName: [String: X86InstructionClass] {
    var result: [String: X86InstructionClass] = [:]
    for (row, found) in rows { result[X86FuzzRow.classifiedName(row), default: .init()].add(found) }
    return result
  }

  /// Rows of a name, as in the table.
  public static func rows(named name: String) -> [(number: Int, text: String)] {
    guard let machine = try? X86FuzzMachine(.long64, seed: 1, isPlain: true) else { return [] }
    return X86FuzzRow.all(machine).indices.filter { X86FuzzRow.classifiedName($0) == name }
      .map { ($0, X86FuzzRow.text($0)) }
  }
}
