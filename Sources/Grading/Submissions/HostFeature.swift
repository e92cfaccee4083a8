internal import X86Backend

/// What an exercise may need of the host.
enum HostFeature {
  /// Why the host lacks a feature; `nil` when it is there.
  ///
  /// - Throws: ``SubmissionError`` when the lab asks for something that nobody knows.
  static func lack(of feature: String, lab: String) throws(SubmissionError) -> String? {
    switch feature {
    case "kvm": KVMProbe.shared.error.map { "This needs KVM: \($0)" }
    default: throw SubmissionError(description: "\(lab): `needs` knows `kvm`, not `\(feature)`")
    }
  }
}
