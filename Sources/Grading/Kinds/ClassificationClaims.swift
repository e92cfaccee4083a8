internal import Properties
package import ToyISA

/// The columns of a classification, as students name them.
enum ClassName: String, CaseIterable {
  case privileged, control, mode, location, resource, user

  /// The kinds of sensitivity that the name stands for; none for `privileged`.
  var kinds: Sensitivity {
    switch self {
    case .privileged: []
    case .control: [.supervisorControl, .userControl]
    case .mode: .mode
    case .location: [.supervisorLocation, .userLocation]
    case .resource: [.supervisorResource, .userResource]
    case .user: .user
    }
  }

  /// Whether an instruction of this class has the name.
  func holds(_ found: InstructionClass) -> Bool {
    self == .privileged ? found.privileged : !found.sensitivity.isDisjoint(with: kinds)
  }
}

/// The variants that a student may speak of: those with names, and the student's own.
package enum LabVariant: Equatable {
  case named(ToyVariant)
  case instance

  package init?(_ name: String) {
    if name == IsaInstance.name {
      self = .instance
    } else if let variant = ToyVariant(rawValue: name) {
      self = .named(variant)
    } else {
      return nil
    }
  }

  var name: String {
    switch self {
    case .named(let variant): variant.rawValue
    case .instance: IsaInstance.name
    }
  }

  /// The computed classes of all rows.
  func classes(seed: UInt64) -> [InstructionClass] {
    switch self {
    case .named(let variant): StaticClassification(of: variant).classes
    case .instance: IsaInstance(seed: seed).classes
    }
  }

  /// Every variant, the student's own last.
  package static var all: [LabVariant] { ToyVariant.allCases.map { .named($0) } + [.instance] }

  /// What an exercise is about: a variant, or `named` for all that have names.
  static func list(_ subject: String?) -> [LabVariant]? {
    subject == "named" ? all.dropLast() : subject.flatMap(LabVariant.init).map { [$0] }
  }
}

/// Lines of a comma-separated file of a student; `#` begins a comment.
struct ClaimTable {
  /// A line's fields without the spaces around them, in lower case where asked for.
  struct Line {
    var number: Int
    var fields: [String]
  }

  private(set) var lines: [Line] = []

  /// Reads a text; the head line is left out, and fields that are missing are empty.
  init(_ text: String, head: String, columns: Int) {
    for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let line = raw.prefix { $0 != "#" }
      var fields = line.split(separator: ",", maxSplits: columns - 1, omittingEmptySubsequences: false).map {
        Self.trimmed($0)
      }
      if fields.allSatisfy(\.isEmpty) || fields.first?.lowercased() == head { continue }
      fields += [String](repeating: "", count: max(0, columns - fields.count))
      lines.append(Line(number: index + 1, fields: fields))
    }
  }

  /// Without spaces and quotation marks around it, and with single spaces within.
  private static func trimmed(_ text: Substring) -> String {
    let marks: Set<Character> = [" ", "\t", "\r", "\r\n", "\""]
    let words = text.split { marks.contains($0) }
    return words.joined(separator: " ")
  }
}

/// How well a set of claims fits the true ones: their F1 score as a fraction.
package struct ClaimScore: Comparable {
  /// Of what; for the student.
  var title = ""
  /// Claims that are true.
  package var right = 0
  /// Claims that are not.
  package var wrong = 0
  /// True ones that were not claimed.
  package var missing = 0

  package init(_ claimed: Set<String>, _ truth: Set<String>) {
    right = claimed.intersection(truth).count
    wrong = claimed.count - right
    missing = truth.count - right
  }

  private var all: Int { 2 * right + wrong + missing }

  /// By F1.
  package static func < (one: ClaimScore, other: ClaimScore) -> Bool {
    one.right * other.all < other.right * one.all
  }

  /// 2 · right of (2 · right + wrong + missing).
  package func assessment(_ message: String = "") -> Assessment {
    let counts =
      "\(title)\(right) right, \(wrong) wrong, \(missing) missing (F1 = \(2 * right)/\(all)). "
    return Assessment(
      good: 2 * right, of: max(all, 1), message: wrong + missing == 0 ? "" : counts + message)
  }
}
