public import Trace

/// Virtual time that passes only where every engine can tell that it does, so that interrupts come at the same
/// places on engines that count instructions and on one that cannot.
///
/// An access to a device takes ``ticksPerAccess``. A processor that waits lets time jump to the next deadline, and so
/// does one that spins: whose next instruction is ``spin``, with interrupts enabled and none requested. Whenever that
/// is noticed, the processor is in the same state.
public struct SharedPoints: Sendable, Equatable {
  /// Engines that count look for a spinning processor after each so many instructions, a power of two.
  public static let interval: UInt64 = 4096

  /// Virtual time of an access to a device.
  public var ticksPerAccess: UInt64
  /// An instruction that does nothing but jump to itself.
  public var spin: InstructionBytes

  /// Points with a time for accesses, and what spinning looks like.
  public init(ticksPerAccess: UInt64, spin: InstructionBytes) {
    self.ticksPerAccess = ticksPerAccess
    self.spin = spin
  }
}

extension Platform {
  /// How many instructions have retired when an engine that counts must next look at the clock; `UInt64.max` for
  /// never.
  public func attention(after retired: UInt64) -> UInt64 {
    guard deadline != .max else { return .max }
    if sharedPoints != nil {
      return now >= deadline ? 0 : (retired | (SharedPoints.interval - 1)) &+ 1
    }
    return deadline > idle ? deadline - idle : 0
  }

  /// What the next instruction would have to be for time to jump now, in a processor that can take interrupts.
  public func spin(at retired: UInt64) -> InstructionBytes? {
    guard let sharedPoints, retired & (SharedPoints.interval - 1) == 0, pending == 0, deadline != .max else {
      return nil
    }
    return sharedPoints.spin
  }
}
