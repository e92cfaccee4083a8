internal import Trace
internal import X86Backend

/// What comparisons with real KVM leave out, and why; all of it measured on this host.
enum KVMComparison {
  static var registerMasks: [RegisterMask] { [] }
  static var deviations: [KnownDeviation] { [] }
}
