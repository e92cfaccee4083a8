import Foundation
import Grading

let labsCommand = CommandSpecification(
  name: "labs", summary: "List the labs, hand one out, or make a new one.",
  arguments: [
    ArgumentSpecification(name: "VERB", help: "list, new, create or skeletons", count: 1...1),
    ArgumentSpecification(
      name: "LAB", help: "new: a lab, such as 3; create: the new one's name", count: 0...1),
  ],
  options: [
    OptionSpecification("--student", "ID", "new: whose; decides the seed"),
    OptionSpecification("--roster", "FILE", "new: a class, CSV with a column student; a folder for each"),
    OptionSpecification(
      "--output", short: "-o", "DIR", "new: a folder for the student (default: in place, in the Labs folder)"),
    OptionSpecification("--title", "TEXT", "create: the lab's title"),
    OptionSpecification(
      "--check", "skeletons: write nothing; exit 1 if a file is not what follows from the solution"),
    OptionSpecification("--labs", "DIR", "the Labs folder (default: here, or beneath here)"),
  ],
  examples: [
    "triad labs list", "triad labs new 3 --student ada -o ada-lab3", "triad labs skeletons --check",
  ],
  run: { arguments, terminal in
    let folder = try labsFolder(arguments.value("--labs"))
    let verb = arguments.positional[0]
    let takesLab = ["new", "create"].contains(verb)
    guard !takesLab || arguments.positional.count == 2 else {
      throw CommandFailure.usage(
        "`labs \(verb)` needs a lab: triad labs \(verb) \(verb == "new" ? "3 --student ID" : "Lab11")")
    }
    guard takesLab || arguments.positional.count == 1 else {
      throw CommandFailure.usage("`labs \(verb)` takes no lab")
    }
    switch verb {
    case "list":
      var table = TextTable([("lab", .left), ("title", .left), ("points", .right), ("files", .left)])
      for id in folder.ids {
        let lab = try LabManifest(in: folder.url.appendingPathComponent(id))
        table.add([lab.id, lab.title, GradeReport.text(lab.points), lab.files.joined(separator: ", ")])
      }
      for line in table.lines() { terminal.line(line) }
      return .success
    case "new": return try handOut(arguments, folder, terminal)
    case "create":
      let made = try folder.create(arguments.positional[1], title: arguments.value("--title"))
      for path in made { terminal.line("\(path): written") }
      terminal.line("next: Scripts/check-labs.sh .build/release/triad \(arguments.positional[1])")
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
        try writeFile(Array(text.utf8), to: file.path)
      }
      for path in stale {
        terminal.line(
          arguments.has("--check") ? "\(path): not what follows from the solution" : "\(path): written")
      }
      return arguments.has("--check") && !stale.isEmpty ? .failure : .success
    default:
      throw CommandFailure.usage("`labs` has no verb `\(verb)`; there are list, new, create and skeletons")
    }
  })

/// Gives a lab to one student or to a class.
private func handOut(_ arguments: ParsedArguments, _ labs: LabFolder, _ terminal: Terminal) throws
  -> ExitStatus
{
  let id = try labs.id(arguments.positional[1])
  let output = arguments.value("--output").map { URL(fileURLWithPath: $0) }
  if let file = arguments.value("--roster") {
    guard arguments.value("--student") == nil else {
      throw CommandFailure.usage("give --student or --roster, not both")
    }
    guard let output else { throw CommandFailure.usage("--roster needs -o DIR for the students' folders") }
    guard case .roster(let students) = try LabSeeds(roster: readText(file)) else { return .badInput }
    for (folder, student) in students.sorted(by: { $0.key < $1.key }) {
      guard !folder.contains("/"), !folder.hasPrefix(".") else {
        throw CommandFailure.badInput("the roster's `\(folder)` cannot be the name of a folder")
      }
      let instance = LabInstance(lab: id, student: student)
      _ = try labs.handOut(instance, into: output.appendingPathComponent(folder))
      terminal.line("\(folder): \(student), seed \(instance.seed)")
    }
    return .success
  }
  guard let student = arguments.value("--student"), !student.allSatisfy(\.isWhitespace) else {
    throw CommandFailure.usage("`labs new` needs --student ID")
  }
  let instance = LabInstance(lab: id, student: student)
  for file in try labs.handOut(instance, into: output) {
    terminal.line(
      file.fate == .kept
        ? "\(file.path): kept, because it was changed since it was handed out"
        : "\(file.path): \(file.fate.rawValue)")
  }
  terminal.line("\(id) for \(instance.student ?? ""), seed \(instance.seed)")
  return .success
}

/// A text file that the user named.
func readText(_ file: String) throws -> String {
  guard let data = FileManager.default.contents(atPath: file) else {
    throw CommandFailure.badInput("\(file): cannot be read")
  }
  guard let text = String(bytes: data, encoding: .utf8) else {
    throw CommandFailure.badInput("\(file): not UTF-8 text")
  }
  return text
}

/// The Labs folder: as told, or the working folder, or beneath it.
func labsFolder(_ told: String?) throws -> LabFolder {
  if let told { return try LabFolder(URL(fileURLWithPath: told)) }
  if let here = try? LabFolder(URL(fileURLWithPath: ".")) { return here }
  return try LabFolder(URL(fileURLWithPath: "Labs"))
}
