internal import MachineCore
internal import Properties
internal import ToyISA

typealias Rewriting = EffectRewriting

extension Rewriting {
  /// Every constant of this value becomes another.
  static func constant(_ old: UInt64, to new: UInt64) -> Rewriting {
    Rewriting(expression: { $0 == .constant(old) ? .constant(new) : $0 })
  }

  /// Operations of one kind become another kind.
  static func operation(_ old: BinaryOperator, to new: BinaryOperator) -> Rewriting {
    Rewriting(expression: {
      if case .binary(old, let a, let b, let width) = $0 { .binary(new, a, b, width) } else { $0 }
    })
  }

  /// Effects that pass the test are left out.
  static func without(_ test: @escaping (Effect) -> Bool) -> Rewriting {
    Rewriting(effect: { test($0) ? [] : [$0] })
  }
}

extension Rewriting {
  /// Whether an effect writes the toy processor's mode.
  static let isModeWrite: @Sendable (Effect) -> Bool = {
    if case .write(ToyRegister.mode, _) = $0 { true } else { false }
  }
}
