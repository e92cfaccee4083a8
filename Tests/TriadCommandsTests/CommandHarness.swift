import Foundation
import TriadCommands

/// One command line and what came of it.
struct CommandResult {
  var status: Int32
  var output: String
  var error: String

  /// The output as JSON.
  var json: Any { get throws { try JSONSerialization.jsonObject(with: Data(output.utf8)) } }
}

/// Runs `triad` with these words in this process.
func triad(_ words: String...) -> CommandResult { triad(words) }

/// Runs `triad` with a list of words in this process.
func triad(_ words: [String]) -> CommandResult {
  var result = CommandResult(status: 0, output: "", error: "")
  let terminal = Terminal(output: { result.output += $0 }, error: { result.error += $0 })
  result.status = Triad.run(words, on: terminal)
  return result
}

/// A file that goes when the value does.
final class TemporaryFile {
  let path: String

  convenience init(_ name: String, _ contents: String? = nil) throws {
    try self.init(name, contents.map { Array($0.utf8) })
  }

  init(_ name: String, _ contents: [UInt8]?) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("triad-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.appendingPathComponent(name).path
    if let contents { try Data(contents).write(to: URL(fileURLWithPath: path)) }
  }

  deinit {
    try? FileManager.default.removeItem(at: URL(fileURLWithPath: path).deletingLastPathComponent())
  }
}
