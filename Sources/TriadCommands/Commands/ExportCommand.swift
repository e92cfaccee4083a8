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
    if files.contains(where: { isSameFile($0, path) }) {
      throw CommandFailure.usage("\(path) is one of the traces; give another file")
    }
    // Under another name until it is whole.
    let part = path + ".partial-\(getpid())"
    guard FileManager.default.createFile(atPath: part, contents: nil),
      let handle = FileHandle(forWritingAtPath: part)
    else { throw CommandFailure.badInput("\(path): cannot be written") }
    do {
      try export(traces, as: format, to: ExportOutput { try handle.write(contentsOf: Data($0)) })
      try handle.close()
    } catch {
      try? FileManager.default.removeItem(atPath: part)
      throw error
    }
    guard rename(part, path) == 0 else {
      throw CommandFailure.badInput("\(path): \(String(cString: strerror(errno)))")
    }
    return .success
  })

/// Whether two paths lead to the same file.
private func isSameFile(_ first: String, _ second: String) -> Bool {
  func real(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
  return real(first) == real(second)
}
