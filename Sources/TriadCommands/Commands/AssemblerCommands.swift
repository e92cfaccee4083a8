import Foundation
import MachineCore
import Properties
import ToyISA
import Trace
import X86Backend

let assembleCommand = CommandSpecification(
  name: "asm", summary: "Assemble toy source into an image.",
  arguments: [ArgumentSpecification(name: "SOURCE", help: "toy assembly source", count: 1...1)],
  options: [
    OptionSpecification("--output", short: "-o", "FILE", "the image (default: SOURCE with .img)"),
    OptionSpecification("--listing", "print addresses, words and source to standard output"),
    OptionSpecification("--check", "report errors only; write nothing"),
    OptionSpecification("--short", "errors as file:line:col: error: message"),
    OptionSpecification("--define", "NAME=N", "constant for the source", repeats: true), jsonOption,
  ],
  examples: ["triad asm program.asm -o program.img", "triad asm program.asm --listing --check"],
  run: { arguments, terminal in
    let path = arguments.positional[0]
    let source = try readFile(path)
    let result: ToyAssembler.Result
    do {
      result = try ToyAssembler.run(
        bytes: source, file: path, defines: try defines(arguments), include: fileIncludes(besides: path))
    } catch let failure as AssemblyFailure {
      if arguments.has("--json") {
        terminal.line(try jsonText(failure.diagnostics.map(DiagnosticOutput.init)))
      } else {
        terminal.note(arguments.has("--short") ? failure.short : failure.pretty)
      }
      return .badInput
    }
    for warning in result.warnings {
      terminal.note(arguments.has("--short") ? warning.short : warning.pretty)
    }
    if arguments.has("--json") { terminal.line(try jsonText(result.warnings.map(DiagnosticOutput.init))) }
    if arguments.has("--listing") { terminal.line(ToyDisassembler.listing(of: result.image)) }
    guard !arguments.has("--check") else { return .success }
    let output =
      arguments.value("--output")
      ?? URL(fileURLWithPath: path).deletingPathExtension().appendingPathExtension("img").relativePath
    try refuseOverwriting(arguments, with: output)
    try writeFile(result.image.encode(), to: output)
    terminal.note(
      "[\(output): \(result.image.segments.reduce(0) { $0 + $1.bytes.count }) bytes, entry \(hex(UInt64(result.image.entry)))]"
    )
    return .success
  })

/// One diagnostic, for editors and graders.
private struct DiagnosticOutput: Encodable {
  var severity: String
  var code: String
  var message: String
  var file: String
  var line: Int
  var column: Int
  var length: Int
  var notes: [String]
  var help: String?

  init(_ diagnostic: Diagnostic) {
    severity = diagnostic.severity.rawValue
    code = diagnostic.code
    message = diagnostic.message
    file = diagnostic.range.file
    line = diagnostic.range.line
    column = diagnostic.range.column
    length = diagnostic.range.length
    notes = diagnostic.notes
    help = diagnostic.help
  }
}
