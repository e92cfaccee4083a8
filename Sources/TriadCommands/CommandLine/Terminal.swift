import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where a command writes, and what it knows of the other side.
public struct Terminal {
  /// Takes the command's result, as bytes: a guest's console need not be text.
  public var outputBytes: ([UInt8]) -> Void
  /// Takes messages and progress.
  public var error: (String) -> Void
  /// Colour may be used on the result.
  public var usesColour: Bool
  /// Progress may be shown on the message stream.
  public var showsProgress: Bool

  /// What kept the result from being written, if anything; a reader that went away does not count.
  public var failure: () -> String?

  /// A terminal; plain and quiet unless told.
  public init(
    outputBytes: @escaping ([UInt8]) -> Void, error: @escaping (String) -> Void, usesColour: Bool = false,
    showsProgress: Bool = false, failure: @escaping () -> String? = { nil }
  ) {
    self.outputBytes = outputBytes
    self.error = error
    self.usesColour = usesColour
    self.showsProgress = showsProgress
    self.failure = failure
  }

  /// A terminal that takes text.
  public init(output: @escaping (String) -> Void, error: @escaping (String) -> Void) {
    self.init(outputBytes: { output(String(decoding: $0, as: UTF8.self)) }, error: error)
  }

  /// Writes text of the result.
  func output(_ text: String) { outputBytes(Array(text.utf8)) }

  /// The process's own streams. Colour needs a terminal, no `NO_COLOR`, and a `TERM` that is not `dumb`.
  public static func standard(environment: [String: String]) -> Terminal {
    let plain = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
    let stream = OutputStream()
    return Terminal(
      outputBytes: stream.write,
      error: { try? FileHandle.standardError.write(contentsOf: Data($0.utf8)) },
      usesColour: !plain && isatty(STDOUT_FILENO) == 1, showsProgress: !plain && isatty(STDERR_FILENO) == 1,
      failure: { stream.failure })
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

/// Standard output, with the first error that writing to it gave.
private final class OutputStream {
  var failure: String?

  func write(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty, failure == nil {
      // SAFETY: the buffer is valid during the call and `write` reads no more than its count.
      let count = rest.withUnsafeBytes { systemWrite(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EPIPE {
        // A reader that went away (`triad … | head`) is no error of ours.
        return
      } else if errno != EINTR {
        failure = String(cString: strerror(errno))
      }
    }
  }
}

/// write(2), under a name that methods do not hide.
private func systemWrite(_ descriptor: Int32, _ start: UnsafeRawPointer?, _ count: Int) -> Int {
  // SAFETY: the caller gives a buffer of `count` bytes.
  write(descriptor, start, count)
}
