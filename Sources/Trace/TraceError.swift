/// What is wrong with a trace file, and where.
public struct TraceError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kinds of trouble a trace can have.
  public enum Reason: Sendable, Hashable {
    /// The operating system refused to open, read or write.
    case system
    /// The file holds no byte.
    case empty
    /// The file is not a trace.
    case foreign
    /// The trace has a schema version that this reader does not know.
    case unsupportedVersion
    /// The trace ends without its end record: it was only partly written.
    case truncated
    /// The trace contradicts itself or the format.
    case corrupted
    /// The caller asked the writer for something that the format has no place for.
    case misuse
  }

  /// A place in a file.
  public enum Place: Sendable, Hashable {
    /// No place in particular.
    case file
    /// Line, from 1, of a JSON Lines trace.
    case line(Int)
    /// Offset in bytes, from 0, of a binary trace.
    case offset(UInt64)
  }

  /// What kind of trouble.
  public var reason: Reason
  /// Where it was seen.
  public var place: Place
  /// Name of the file or stream; empty if it has none.
  public var name: String
  /// What is wrong and, where it helps, what to do.
  public var message: String

  /// An error; see the properties.
  public init(_ reason: Reason, _ message: String, place: Place = .file, name: String = "") {
    self.reason = reason
    self.place = place
    self.name = name
    self.message = message
  }

  /// `name:line: message` or `name: offset N: message`.
  public var description: String {
    let file = name.isEmpty ? "trace" : name
    return switch place {
    case .file: "\(file): \(message)"
    case .line(let line): "\(file):\(line): \(message)"
    case .offset(let offset): "\(file): offset \(offset): \(message)"
    }
  }
}
