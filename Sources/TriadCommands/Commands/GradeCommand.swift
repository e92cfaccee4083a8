import Foundation
import Grading

let gradeCommand = CommandSpecification(
  name: "grade", summary: "Grade submissions of a lab.",
  arguments: [ArgumentSpecification(name: "LAB", help: "such as Lab01", count: 1...1)],
  options: [
    OptionSpecification("--submission", "DIR", "one submission: the folder with the student's files"),
    OptionSpecification("--submissions", "DIR", "a class: a folder with a folder for each submission"),
    OptionSpecification(
      "--output", short: "-o", "PATH", "file for the result (a class: folder for the results)"),
    OptionSpecification(
      "--format", "FORMAT", "\(GradeFormat.allCases.map(\.rawValue).joined(separator: ", ")) (default text)"),
    OptionSpecification(
      "--student", "ID", "one submission: the student, whose instance it is (default: that of `labs new`)"),
    OptionSpecification("--seed", "N", "seed of the instance and of generated programs (default 1)"),
    OptionSpecification("--seeds", "student", "a class: the folders' names are the students' ids"),
    OptionSpecification("--roster", "FILE", "a class: CSV with the columns folder and student"),
    OptionSpecification("--only", "EXERCISE", "only this exercise"),
    OptionSpecification("--jobs", "N", "submissions at a time (default 1)"),
    OptionSpecification("--prepare", "only build what all submissions of the lab share"),
    OptionSpecification("--labs", "DIR", "the Labs folder (default: here, or beneath here)"),
    OptionSpecification("--work", "DIR", "folder for what is built (default .build/grading beside Labs)"),
  ],
  examples: [
    "triad grade Lab01 --submission Labs/Lab01/Sources",
    "triad grade Lab01 --submissions class --jobs 2 -o grades --format gradescope",
  ],
  run: { arguments, terminal in
    let format = try arguments.choice("--format", of: GradeFormat.self, named: \.rawValue) ?? .text
    let jobs = try arguments.number("--jobs") ?? 1
    guard (1...256).contains(jobs) else { throw CommandFailure.usage("--jobs takes 1 to 256, not \(jobs)") }
    let one = arguments.value("--submission")
    let many = arguments.value("--submissions")
    guard arguments.has("--prepare") || (one == nil) != (many == nil) else {
      throw CommandFailure.usage("give either --submission DIR or --submissions DIR")
    }
    guard many == nil || arguments.value("--output") != nil else {
      throw CommandFailure.usage("--submissions needs -o DIR for the results")
    }
    let seeds = try classSeeds(arguments)
    let labs = try labsFolder(arguments.value("--labs"))
    let work =
      arguments.value("--work").map { URL(fileURLWithPath: $0) }
      ?? labs.url.deletingLastPathComponent().appendingPathComponent(".build/grading")
    guard let launcher = Bundle.main.executablePath else {
      throw CommandFailure.badInput("the path of this program is not known, so nothing can be confined")
    }
    let bench = try Workbench(labs: labs.url, work: work, launcher: launcher)
    let grader = try Grader(arguments.positional[0], on: bench)
    for lack in Confinement.lacks { terminal.note("note: " + lack) }
    terminal.progress("building the framework …")
    try bench.prepare(grader.lab)
    terminal.progress("")
    if arguments.has("--prepare") { return .success }
    if let one {
      let instance = try instance(arguments, grader.lab, labs)
      let report = try grader.grade(
        URL(fileURLWithPath: one), for: instance, only: arguments.value("--only"),
        again: reproduction(arguments, format, folder: one))
      let text = try format.text(of: report)
      if let output = arguments.value("--output") {
        try writeFile(Array(text.utf8), to: output)
      } else {
        terminal.output(text)
      }
      return report.points < report.maximum ? .failure : .success
    }
    let folder = many ?? ""
    let batch = GradingBatch(
      grader: grader, submissions: URL(fileURLWithPath: folder),
      results: URL(fileURLWithPath: arguments.value("--output") ?? ""), format: format, seeds: seeds
    ) {
      let name = $0.lastPathComponent
      return reproduction(
        arguments, format, folder: folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)")
    }
    let outcome = try batch.run(jobs: Int(jobs)) { done, all, name in
      terminal.progress(progressBar(done, of: all, name))
    }
    terminal.progress("")
    terminal.output(outcome.table)
    return outcome.hasTrouble ? .badInput : .success
  })

/// Whose instances a class's submissions are.
private func classSeeds(_ arguments: ParsedArguments) throws -> LabSeeds {
  let ways = ["--student", "--seed", "--seeds", "--roster"].filter { arguments.value($0) != nil }
  guard ways.count <= 1 else {
    throw CommandFailure.usage("give only one of \(ways.joined(separator: ", "))")
  }
  if ways.first == "--student", arguments.value("--submission") == nil {
    throw CommandFailure.usage(
      "--student is for one submission; a class takes --seeds student or --roster FILE")
  }
  if ["--seeds", "--roster"].contains(ways.first), arguments.value("--submissions") == nil {
    throw CommandFailure.usage("\(ways[0]) is for a class; one submission takes --student ID")
  }
  if let how = arguments.value("--seeds") {
    guard how == "student" else { throw CommandFailure.usage("--seeds takes student, not `\(how)`") }
    return .folderNames
  }
  if let file = arguments.value("--roster") { return try LabSeeds(roster: readText(file)) }
  return .same(try arguments.number("--seed") ?? 1)
}

/// Whose instance one submission is: as told, or what `triad labs new` has put into the lab's folder.
private func instance(_ arguments: ParsedArguments, _ lab: LabManifest, _ labs: LabFolder) throws
  -> LabInstance
{
  if let student = arguments.value("--student") { return LabInstance(lab: lab.id, student: student) }
  if let seed = try arguments.number("--seed") { return LabInstance(lab: lab.id, seed: seed) }
  return try LabInstance(in: labs.url.appendingPathComponent(lab.id), lab: lab.id) ?? LabInstance(lab: lab.id)
}

/// How the command line begins that shows a failure again: for platforms, what the student can type; else what was typed.
private func reproduction(_ arguments: ParsedArguments, _ format: GradeFormat, folder: String) -> Reproduction
{
  let lab = arguments.positional[0]
  if format == .gradescope || format == .classroom50 { return .ofStudent(lab: lab) }
  var words = [CommandLine.arguments.first ?? "triad", "grade", lab]
  for option in ["--labs", "--work"] { words += arguments.value(option).map { [option, $0] } ?? [] }
  return Reproduction(words + ["--submission", folder])
}

/// A bar, how many are done, and whose was the last, in at most 79 columns.
func progressBar(_ done: Int, of all: Int, _ name: String) -> String {
  let width = 30
  let full = all > 0 ? done * width / all : width
  let bar = String(repeating: "#", count: full) + String(repeating: ".", count: width - full)
  return String("[\(bar)] \(done) of \(all)  \(name)".prefix(79))
}
