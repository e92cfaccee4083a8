public import MachineCore

/// The debug-exit port: a write of any width switches the machine off.
///
/// The status of the run is `(value << 1) | 1` for the value written, as with QEMU's `isa-debug-exit` at the same
/// port, which test kernels are made for: 1 for a guest that writes 0, 33 for one that writes 10h. Reads give 0.
public final class PowerPort: Device {
  public let name = "power"

  /// A port that has not been written.
  public init() {}

  /// The status of a run in which this value was written.
  public static func status(ofWritten value: UInt64) -> UInt64 { value << 1 | 1 }

  /// The value that was written for a run to have this status.
  public static func value(ofStatus status: UInt64) -> UInt64 { status >> 1 }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 { 0 }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    // The first write counts: a string instruction may go on writing before the machine stops.
    if platform.powerOff == nil { platform.powerOff = Self.status(ofWritten: value) }
  }

  public func save() -> [UInt64] { [] }
  public func restore(_ state: [UInt64]) {}
}
