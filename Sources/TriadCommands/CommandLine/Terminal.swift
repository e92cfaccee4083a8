import Foundation

/// Where a command writes, and what it knows of the other side.
public struct Terminal {
  /// Takes the command's result.
  public var output: (String) -> Void
  /// Takes messages and progress.
  public var error: (String) -> Void
  /// Colour may be used on the result.
  public var usesColour: Bool
  /// Progress may be shown on the message stream.
  public var showsProgress: Bool

  /// A terminal; plain and quiet unless told.
  public init(
    output: @escaping (String) -> Void, error: @escaping (String) -> Void, usesColour: Bool = false,
    showsProgress: Bool = false
  ) {
    self.output = output
    self.error = error
    self.usesColour = usesColour
    self.showsProgress = showsProgress
  }

  /// The process's own streams. Colour needs a terminal, no `NO_COLOR`, and a `TERM` that is not `dumb`.
  public static func standard(environment: [String: String]) -> Terminal {
    let plain = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
    return Terminal(
      output: { FileHandle.standardOutput.writeIgnoringErrors($0) },
      error: { FileHandle.standardError.writeIgnoringErrors($0) },
      usesColour: !plain && isatty(STDOUT_FILENO) == 1, showsProgress: !plain && isatty(STDERR_FILENO) == 1)
  }

  /// Writes a line of the result.
  func line(_ text: String = "") { output(text + "\n") }

  /// Writes a line to the message stream.
  func note(_ text: String) { error(text + "\n") }

  /// Shows what is being done, on a terminal only; the next call or `""` replaces it.
  func progress(_ text: String) {
    guard showsProgress else { return }
    error("\r\u{1B}[K" + text)
  }

  enum Style: String {
    case bold = "1"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case dim = "2"
  }

  /// The text in a style, where colour is used.
  func styled(_ text: String, _ style: Style) -> String {
    usesColour ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }
}

extension FileHandle {
  /// A reader that went away (`triad … | head`) is no error of ours.
  fileprivate func writeIgnoringErrors(_ text: String) { try? write(contentsOf: Data(text.utf8)) }
}
