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
    OptionSpecification("--seed", "N", "seed of generated programs (default 1)"),
    OptionSpecification("--only", "EXERCISE", "only this exercise"),
    OptionSpecification("--jobs", "N", "submissions at a time (default 1)"),
    OptionSpecification("--labs", "DIR", "the Labs folder (default: here, or beneath here)"),
    OptionSpecification("--work", "DIR", "folder for what is built (default .build/grading beside Labs)"),
  ],
  examples: [
    "triad grade Lab01 --submission Labs/Lab01/Sources",
    "triad grade Lab01 --submissions class --jobs 2 -o grades --format gradescope",
  ],
  run: { arguments, terminal in
    let format = try arguments.choice("--format", of: GradeFormat.self, named: \.rawValue) ?? .text
    let seed = try arguments.number("--seed") ?? 1
    let jobs = try arguments.number("--jobs") ?? 1
    guard (1...256).contains(jobs) else { throw CommandFailure.usage("--jobs takes 1 to 256, not \(jobs)") }
    let one = arguments.value("--submission")
    let many = arguments.value("--submissions")
    guard (one == nil) != (many == nil) else {
      throw CommandFailure.usage("give either --submission DIR or --submissions DIR")
    }
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
    if let one {
      let report = try grader.grade(URL(fileURLWithPath: one), seed: seed, only: arguments.value("--only"))
      let text = try format.text(of: report)
      if let output = arguments.value("--output") {
        try writeWhole(text, to: URL(fileURLWithPath: output))
      } else {
        terminal.output(text)
      }
      return report.points < report.maximum ? .failure : .success
    }
    guard let output = arguments.value("--output") else {
      throw CommandFailure.usage("--submissions needs -o DIR for the results")
    }
    let batch = GradingBatch(
      grader: grader, submissions: URL(fileURLWithPath: many ?? ""), results: URL(fileURLWithPath: output),
      format: format, seed: seed)
    let outcome = try batch.run(jobs: Int(jobs)) { done, all, name in
      terminal.progress("\(done) of \(all)  \(name)")
    }
    terminal.progress("")
    terminal.output(outcome.table)
    return outcome.hasTrouble ? .badInput : .success
  })
