public import MachineCore

/// Makes the PC that all x86 engines share.
public enum PCPlatform {
  /// A PC with zeroed storage, serial line, debug-exit port and doorbell.
  ///
  /// - Parameters:
  ///   - memorySize: bytes, a multiple of 4096 between ``X86Layout/minimumMemorySize`` and
  ///     ``X86Layout/maximumMemorySize``.
  ///   - input: what the serial line receives.
  /// - Throws: ``MachineError/badMemorySize(_:)``, ``MachineError/outOfHostMemory(_:)``.
  public static func make(
    memorySize: Int = X86Layout.defaultMemorySize, input: [UInt8] = []
  ) throws(MachineError) -> Platform {
    guard memorySize >= X86Layout.minimumMemorySize, memorySize <= X86Layout.maximumMemorySize else {
      throw .badMemorySize(memorySize)
    }
    let platform = Platform(memory: try GuestMemory(size: memorySize))
    let serial = X86Layout.serialPort
    try platform.attach(
      SerialPort(input: input), .port, at: serial..<(serial + X86Layout.serialPortCount))
    try platform.attach(PowerPort(), .port, at: X86Layout.powerPort..<(X86Layout.powerPort + 4))
    let doorbell = X86Layout.doorbellPort
    try platform.attach(DoorbellPort(), .port, at: doorbell..<(doorbell + X86Layout.doorbellPortCount))
    return platform
  }
}
