internal import ToyISA

/// Why control came back to the VMM; the raw value is the `code` of `exit` records.
enum ExitReason: UInt32, CaseIterable {
  case slice = 0
  case timer = 1
  case pageFill = 2
  case illegal, privileged, bounds, alignment, pageFetch, pageRead, pageWrite, supervisorCall
  case breakpoint, divide, other
  /// No exit: the VMM interprets the code. In `emulate` records only.
  case interpreted

  /// The reason for a trap of the hardware.
  init(cause: UInt32) {
    switch ToyCause(rawValue: cause) {
    case .illegal: self = .illegal
    case .privileged: self = .privileged
    case .bounds: self = .bounds
    case .alignment: self = .alignment
    case .pageFetch: self = .pageFetch
    case .pageRead: self = .pageRead
    case .pageWrite: self = .pageWrite
    case .supervisorCall: self = .supervisorCall
    case .breakpoint: self = .breakpoint
    case .divide: self = .divide
    default: self = .other
    }
  }

  /// Name in traces and statistics.
  var name: String {
    switch self {
    case .pageFill: "page fill"
    case .pageFetch: ToyCause.pageFetch.name
    case .pageRead: ToyCause.pageRead.name
    case .pageWrite: ToyCause.pageWrite.name
    case .supervisorCall: ToyCause.supervisorCall.name
    default: String(describing: self)
    }
  }

  /// Names by raw value.
  static let names = allCases.map(\.name)
}

/// What a `shadow` record's code says.
enum ShadowOperation: UInt32 {
  /// An entry was put into the shadow table.
  case fill = 1
  /// All entries were dropped because the guest flushed its TLB.
  case flush = 2
}
