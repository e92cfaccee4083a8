/// How `triad` ends; the numbers are part of its interface.
public struct ExitStatus: RawRepresentable, Sendable, Equatable {
  public let rawValue: Int32

  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// All is well.
  public static let success = ExitStatus(rawValue: 0)
  /// A check failed, or two things differ.
  public static let failure = ExitStatus(rawValue: 1)
  /// The command line is wrong.
  public static let usage = ExitStatus(rawValue: 2)
  /// A file or program cannot be used.
  public static let badInput = ExitStatus(rawValue: 3)
  /// The guest ended in a fault.
  public static let guestFault = ExitStatus(rawValue: 4)
  /// A limit ended the run.
  public static let limitReached = ExitStatus(rawValue: 5)
  /// The host lacks a feature that was asked for.
  public static let hostLacks = ExitStatus(rawValue: 77)
}

/// An error that ends a command: its status and what the user reads.
struct CommandFailure: Error {
  var status: ExitStatus
  /// Complete text, several lines if need be, the most important one last.
  var message: String

  static func usage(_ message: String) -> CommandFailure { .init(status: .usage, message: message) }
  static func badInput(_ message: String) -> CommandFailure { .init(status: .badInput, message: message) }
}
