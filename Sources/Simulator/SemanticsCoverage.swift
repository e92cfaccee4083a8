package import MachineCore

/// Counts which branches and traps of an instruction set's effects an ``Evaluator`` has come by.
///
/// Only an evaluator that is made with a coverage notes anything; for others the lowered code has no
/// operation that could.
package final class SemanticsCoverage {
  /// What is counted.
  package let points: SemanticsPoints
  let flags: UnsafeMutablePointer<UInt8>

  /// Nothing reached yet.
  package init(_ set: any InstructionSet) {
    points = SemanticsPoints(set)
    // SAFETY: owned by this object and freed with it; one more than there are places, for owners that do
    // not exist.
    flags = .allocate(capacity: points.count + 1)
    flags.initialize(repeating: 0, count: points.count + 1)
  }

  deinit { flags.deallocate() }

  /// Whether each place was reached.
  package var reached: [Bool] {
    // SAFETY: initialised up to the count.
    (0..<points.count).map { flags[$0] != 0 }
  }
}
