public import ToyISA

/// Assembles a guest that a student wrote, so that no source can keep the grader busy or read its files.
public enum GuestSource {
  /// Bytes of a source.
  public static let sizeLimit = 64 << 10
  /// Bytes of one of its lines.
  public static let lineLimit = 400

  /// The guest's image.
  ///
  /// Of includes there is only `toy.inc`, which is built in.
  /// - Parameters:
  ///   - text: the source.
  ///   - file: its name, for messages.
  ///   - storage: bytes of the machine that it must fit in.
  /// - Throws: ``SubmissionError`` that says what is wrong with it.
  public static func assemble(_ text: String, file: String, storage: Int) throws(SubmissionError) -> ToyImage
  {
    guard text.utf8.count <= sizeLimit else {
      throw SubmissionError(
        description: "\(file): \(text.utf8.count) bytes; a guest's source may have \(sizeLimit)")
    }
    var length = 0
    var line = 1
    for byte in text.utf8 {
      length = byte == UInt8(ascii: "\n") ? 0 : length + 1
      if byte == UInt8(ascii: "\n") { line += 1 }
      guard length <= lineLimit else {
        throw SubmissionError(description: "\(file):\(line): the line is longer than \(lineLimit) bytes")
      }
    }
    let image: ToyImage
    do {
      image = try ToyAssembler.run(
        bytes: Array(text.utf8), file: file, limits: .init(lines: 20_000, bytes: 256 << 10)
      ).image
    } catch {
      let shown = error.diagnostics.filter { $0.severity == .error }.prefix(5).map(\.pretty)
      throw SubmissionError(
        description: shown.joined(separator: "\n\n") + "\n\n\(error.errorCount) in all")
    }
    guard image.end <= storage else {
      throw SubmissionError(
        description: "\(file): it ends at address \(image.end); the machine has \(storage) bytes of storage")
    }
    return image
  }
}
