public import ToyISA

/// Both classifications of a variant side by side, and what follows from them.
public struct Classification: Sendable {
  /// A difference between what the effects say and what the search found.
  public struct Disagreement: Sendable, Equatable {
    /// Number of the instruction.
    public var definition: Int
    /// What it is about: a kind of sensitivity, or `privileged`.
    public var kind: String
    /// The effects say so and the search did not reach it; else the search found what the effects do not say.
    public var isUnreached: Bool
  }

  /// The variant.
  public let variant: ToyVariant
  /// From the effects.
  public let fromEffects: StaticClassification
  /// From running pairs of states.
  public let fromSearch: DynamicClassification

  /// Classifies a variant in both ways.
  ///
  /// - Throws: ``MachineError`` when storage for the small machines cannot be had.
  public init(of variant: ToyVariant, rows: Set<Int>? = nil) throws {
    self.variant = variant
    fromEffects = StaticClassification(of: variant)
    fromSearch = try DynamicClassification(of: variant, rows: rows)
  }

  /// What the theorems say, from the effects.
  public var verdicts: TheoremVerdicts { TheoremVerdicts(fromEffects.classes) }

  /// Where the two differ.
  public var disagreements: [Disagreement] {
    var found: [Disagreement] = []
    for (number, pair) in zip(fromEffects.classes, fromSearch.classes).enumerated() {
      let (one, other) = pair
      if one.privileged != other.privileged {
        found.append(.init(definition: number, kind: "privileged", isUnreached: one.privileged))
      }
      for name in one.sensitivity.subtracting(other.sensitivity).names {
        found.append(.init(definition: number, kind: name, isUnreached: true))
      }
      for name in other.sensitivity.subtracting(one.sensitivity).names {
        found.append(.init(definition: number, kind: name, isUnreached: false))
      }
    }
    return found
  }
}
