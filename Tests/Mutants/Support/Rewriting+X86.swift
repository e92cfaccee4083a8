internal import MachineCore
internal import Properties
internal import X86Backend

extension Rewriting {
  /// What is written to the flags register is changed.
  static func rflags(_ change: @escaping (Expression) -> Expression) -> Rewriting {
    let rflags = X86Register.rflags.rawValue
    return Rewriting(effect: {
      if case .write(rflags, let value) = $0 { [.write(rflags, change(value))] } else { [$0] }
    })
  }
}
