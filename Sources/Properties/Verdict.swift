/// What a check found.
public enum Verdict: Sendable, Equatable {
  /// The property holds.
  case pass
  /// The property holds but for what is listed.
  case passExcept([String])
  /// The property does not hold.
  case fail(String)
  /// Nothing to decide: the engine does not claim the property, or is the reference itself.
  case notApplicable(String)
  /// The check could not be made on this host.
  case notAssessed(String)
  /// The property does not hold, and what breaks it is the host's, found by measuring it.
  case hostDeviation(String)

  /// A word or two for a table.
  public var word: String {
    switch self {
    case .pass: "pass"
    case .passExcept: "pass except"
    case .fail: "FAIL"
    case .notApplicable: "-"
    case .notAssessed: "not assessed"
    case .hostDeviation: "no (host)"
    }
  }

  /// A stable name for scripts.
  public var name: String {
    switch self {
    case .pass: "pass"
    case .passExcept: "pass-except"
    case .fail: "fail"
    case .notApplicable: "not-applicable"
    case .notAssessed: "not-assessed"
    case .hostDeviation: "host-deviation"
    }
  }

  /// Why the verdict is not simply a pass; `nil` for a pass.
  public var reason: String? {
    switch self {
    case .pass: nil
    case .passExcept(let exceptions): exceptions.joined(separator: "; ")
    case .fail(let reason), .notApplicable(let reason), .notAssessed(let reason),
      .hostDeviation(let reason):
      reason
    }
  }

  /// Whether a command that found this should exit with 1.
  public var isFailure: Bool {
    if case .fail = self { true } else { false }
  }
}
