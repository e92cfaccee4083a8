public import MachineCore

/// The debug-exit port: a write of any width switches the machine off.
///
/// The status of the run is the value written. QEMU's `isa-debug-exit` listens at the same port but
/// makes `(value << 1) | 1` its process's exit code, so that a guest can never make QEMU return 0; a
/// test that runs an image on both must undo that. Reads give 0.
public final class PowerPort: Device {
  public let name = "power"

  /// A port that has not been written.
  public init() {}

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 { 0 }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    // The first write counts: a string instruction may go on writing before the machine stops.
    if platform.powerOff == nil { platform.powerOff = value }
  }

  public func save() -> [UInt64] { [] }
  public func restore(_ state: [UInt64]) {}
}
