public import MachineCore

/// A hypercall device that works alike on every engine and needs no VMCALL.
///
/// | offset | write | read |
/// |---|---|---|
/// | 0 | makes call number `value` with the argument | number of the last call |
/// | 4 | sets the argument | the argument |
/// | 8 | – | result of the last call |
/// | 12 | – | identification, `0x44415254` (`"TRAD"`) |
///
/// Calls: 0 does nothing and gives 0; 1 gives the argument back (a round trip for measurements); all
/// others give all ones, for *unknown call*.
public final class DoorbellPort: Device {
  public let name = "doorbell"
  /// What offset 12 reads as.
  public static let identification: UInt64 = 0x4441_5254
  /// Number of calls made.
  public private(set) var calls: UInt64 = 0
  /// Number of the last call.
  public private(set) var number: UInt64 = 0
  /// Argument for the next call.
  public private(set) var argument: UInt64 = 0
  /// Result of the last call.
  public private(set) var result: UInt64 = 0

  /// A doorbell that was never rung.
  public init() {}

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    let value =
      switch offset & ~3 {
      case 0: number
      case 4: argument
      case 8: result
      default: Self.identification
      }
    return value >> ((offset & 3) * 8)
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    switch offset {
    case 0:
      number = value
      calls &+= 1
      result =
        switch value {
        case 0: 0
        case 1: argument
        default: 0xFFFF_FFFF
        }
    case 4: argument = value
    default: break
    }
  }

  public func save() -> [UInt64] { [calls, number, argument, result] }

  public func restore(_ state: [UInt64]) {
    guard state.count == 4 else { return }
    (calls, number, argument, result) = (state[0], state[1], state[2], state[3])
  }
}
