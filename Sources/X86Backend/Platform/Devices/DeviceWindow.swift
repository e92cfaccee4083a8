public import MachineCore

/// A second range of a device, which goes on in the device's own offsets.
public final class DeviceWindow: Device {
  public let name: String
  private let device: any Device
  private let first: UInt64

  /// A window whose offset 0 is the device's offset `first`.
  public init(_ device: any Device, from first: UInt64) {
    self.device = device
    self.first = first
    name = device.name
  }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    device.read(offset: first &+ offset, width: width, on: platform)
  }
  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    device.write(offset: first &+ offset, value: value, width: width, on: platform)
  }
  // The state is the device's, which is on the platform itself.
  public func save() -> [UInt64] { [] }
  public func restore(_ state: [UInt64]) {}
}
