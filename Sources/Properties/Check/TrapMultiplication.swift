public import MachineCore
internal import Virtualizer

/// How traps multiply when VMMs are stacked (Popek and Goldberg's Theorem 2): prediction and measurement.
///
/// Every exit of the guest arrives at the lowest VMM first and is handed up from one to the next, so each of them
/// sees the E exits that a single VMM would see. A page that a single VMM fills without its guest's knowledge is filled
/// by each level for the one above, so its fault passes all levels below: with F such fills, the VMM at level k
/// of n sees E + F·(n − k) exits besides its own fills.
public struct TrapMultiplication: Sendable {
  /// One VMM of the stack.
  public struct Level: Sendable {
    /// Its place, 1 for the lowest.
    public var depth: Int
    /// Exits that arrived there but for page fills: predicted, and measured.
    public var predicted: UInt64
    public var measured: UInt64
    /// Pages that this VMM filled: at least so many, and measured.
    public var leastFills: UInt64
    public var fills: UInt64
  }

  /// The levels, the lowest first.
  public var levels: [Level]

  /// The prediction was right on every level.
  public var holds: Bool {
    levels.allSatisfy { $0.predicted == $0.measured && $0.fills >= $0.leastFills }
  }

  /// Runs a toy workload on one VMM and on a stack.
  ///
  /// - Throws: ``EngineRefusal``, ``MachineError``.
  public init(_ workload: Workload, depth: Int, limits: RunLimits) throws {
    let single = try workload.makeEngine(.virtualizer)
    _ = try single.run(limits, into: nil)
    let exits = single.statistics.exits
    let fills = exits["page fill", default: 0]
    let expected = single.statistics.exitCount - fills
    let stack = try workload.makeEngine(.virtualizer, depth: depth)
    _ = try stack.run(limits, into: nil)
    levels = []
    var monitor = stack as? VirtualMachineMonitor
    while let current = monitor {
      let above = UInt64(depth - current.depth)
      let statistics = current.statistics
      let own = statistics.exits["page fill", default: 0]
      levels.insert(
        Level(
          depth: current.depth, predicted: expected + fills * above, measured: statistics.exitCount - own,
          leastFills: fills,
          fills: own), at: 0)
      monitor = current.hardware as? VirtualMachineMonitor
    }
  }
}
