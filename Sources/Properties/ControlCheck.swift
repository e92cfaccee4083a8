public import MachineCore

/// Resource control: the guest affects nothing that it was not given.
public enum ControlCheck {
  /// The verdict on an engine after a run, from what the engine itself watched.
  ///
  /// The toy VMM looks at every entry whether the hardware is in user mode with a relocation inside
  /// the guest's region, and at canaries around it; storage of every guest lies between inaccessible pages.
  /// The KVM engine looks after every run at the memory that KVM was given, at the pages around it, at the
  /// kinds of exits, and at whether the guest gave the processor back.
  public static func verdict(_ engine: any Engine) -> Verdict {
    guard engine.capabilities.claimsControl else {
      return .notApplicable("interprets every instruction: the guest never has the processor")
    }
    let violations = engine.statistics.controlViolations
    return violations.isEmpty ? .pass : .fail(violations.joined(separator: "; "))
  }
}
