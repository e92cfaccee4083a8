import Foundation
import Grading

let labsCommand = CommandSpecification(
  name: "labs", summary: "List the labs, or make the students' files from the solutions.",
  arguments: [ArgumentSpecification(name: "VERB", help: "list or skeletons", count: 1...1)],
  options: [
    OptionSpecification(
      "--check", "skeletons: write nothing; exit 1 if a file is not what follows from the solution"),
    OptionSpecification("--labs", "DIR", "the Labs folder (default: here, or beneath here)"),
  ],
  examples: ["triad labs list", "triad labs skeletons --check"],
  run: { arguments, terminal in
    let folder = try labsFolder(arguments.value("--labs"))
    switch arguments.positional[0] {
    case "list":
      var table = TextTable([("lab", .left), ("title", .left), ("points", .right), ("files", .left)])
      for id in folder.ids {
        let lab = try LabManifest(in: folder.url.appendingPathComponent(id))
        table.add([lab.id, lab.title, GradeReport.text(lab.points), lab.files.joined(separator: ", ")])
      }
      for line in table.lines() { terminal.line(line) }
      return .success
    case "skeletons":
      var stale: [String] = []
      for (path, text) in try folder.skeletons() {
        let file = folder.url.appendingPathComponent(path)
        if (try? String(contentsOf: file, encoding: .utf8)) == text { continue }
        stale.append(path)
        if arguments.has("--check") { continue }
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try writeWhole(text, to: file)
      }
      for path in stale {
        terminal.line(
          arguments.has("--check") ? "\(path): not what follows from the solution" : "\(path): written")
      }
      return arguments.has("--check") && !stale.isEmpty ? .failure : .success
    case let verb:
      throw CommandFailure.usage("`labs` has no verb `\(verb)`; there are list and skeletons")
    }
  })

/// The Labs folder: as told, or the working folder, or beneath it.
func labsFolder(_ told: String?) throws -> LabFolder {
  if let told { return try LabFolder(URL(fileURLWithPath: told)) }
  if let here = try? LabFolder(URL(fileURLWithPath: ".")) { return here }
  return try LabFolder(URL(fileURLWithPath: "Labs"))
}

/// Writes a text whole or not at all.
func writeWhole(_ text: String, to file: URL) throws {
  do {
    try Data(text.utf8).write(to: file, options: .atomic)
  } catch {
    throw CommandFailure.badInput("\(file.path): cannot be written: \(error.localizedDescription)")
  }
}
