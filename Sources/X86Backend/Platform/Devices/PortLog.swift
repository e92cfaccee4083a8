public import MachineCore

/// A port that keeps what is written to it: POST codes, debug consoles.
public final class PortLog: Device {
  public let name: String
  /// What a read gives; `nil` for the last byte written.
  private let answer: UInt8?
  /// Everything written, in order; values wider than a byte lowest byte first.
  public private(set) var bytes: [UInt8] = []
  /// More is not kept: a guest must not fill the host's memory.
  private static let most = 1 << 24

  /// A port that was never written.
  public init(name: String, answer: UInt8? = nil) {
    self.name = name
    self.answer = answer
  }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    UInt64(answer ?? bytes.last ?? 0xFF)
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    for index in 0..<width where bytes.count < Self.most {
      bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(index * 8)))
    }
  }

  // Like the console's output it is kept by its length.
  public func save() -> [UInt64] { [UInt64(bytes.count)] }
  public func restore(_ state: [UInt64]) {
    // A snapshot brings the bytes themselves.
    if let count = state.first, count < UInt64(bytes.count) { bytes.removeSubrange(Int(count)...) }
  }
  public func saveContents() -> [UInt8] { bytes }
  public func restoreContents(_ contents: [UInt8]) -> Bool {
    guard contents.count <= Self.most else { return false }
    bytes = contents
    return true
  }
}
