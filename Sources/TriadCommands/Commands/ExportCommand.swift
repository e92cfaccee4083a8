import Foundation
import MachineCore
import Properties
import Trace

let exportCommand = CommandSpecification(
  name: "export", summary: "Write traces in another tool's format.",
  arguments: [ArgumentSpecification(name: "TRACE", help: "trace files", count: 1...16)],
  options: [
    OptionSpecification(
      "--to", "FORMAT", "\(TraceExports.names.joined(separator: ", ")): see Docs/Exports.md"),
    OptionSpecification("--output", short: "-o", "FILE", "where it goes (default standard output)"),
    OptionSpecification(
      "--program", "PROGRAM",
      "the program, for symbols and source lines (default: the built-in one of that name)"),
  ],
  examples: [
    "triad export minos.bin --to perfetto -o minos.json", "triad export a.bin b.bin --to csv -o both.csv",
  ],
  run: { arguments, terminal in
    guard let name = arguments.value("--to") else {
      throw CommandFailure.usage(
        "give --to \(TraceExports.names.joined(separator: ", --to "))")
    }
    guard let format = TraceExports.all.first(where: { $0.name == name }) else {
      let names = TraceExports.names
      throw CommandFailure.usage(
        "--to takes \(names.joined(separator: ", ")), not `\(name)`" + suggestion(name, names))
    }
    let files = arguments.positional
    guard files.count == 1 || format.takesSeveral else {
      throw CommandFailure.usage("--to \(name) takes one trace, not \(files.count)")
    }
    let traces = try files.map { file -> (TraceReader, ExportedTrace) in
      let reader = try TraceReader(TraceFileInput(path: file))
      let header = reader.header
      let workload = try? loadWorkload(arguments.value("--program") ?? header.program, ParsedArguments())
      let known = workload.flatMap { $0.programDigest == header.programDigest ? $0 : nil }
      return (
        reader,
        ExportedTrace(
          header: header, disassemble: disassembler(for: header, known), locate: { known?.location(of: $0) })
      )
    }
    guard let path = arguments.value("--output") else {
      try export(traces, as: format, to: ExportOutput { terminal.outputBytes($0) })
      return .success
    }
    try refuseOverwriting(arguments, with: path)
    // The file gets its name when it is whole.
    let file = try TraceFileOutput(path: path)
    try export(
      traces, as: format,
      to: ExportOutput { bytes in
        // SAFETY: the buffer is valid during the call, which copies what it keeps.
        try bytes.withUnsafeBytes { try file.write($0) }
      })
    try file.finish()
    return .success
  })
