import MachineCore
import Properties
import Trace
import X86Backend

let importCommand = CommandSpecification(
  name: "import", summary: "Read another program's log as a trace, for triad diff.",
  arguments: [
    ArgumentSpecification(name: "LOG", help: "the log (default standard input)", count: 0...1)
  ],
  options: [
    OptionSpecification(
      "--from", "FORMAT", "\(TraceImports.names.joined(separator: ", ")): see Docs/Exports.md"),
    OptionSpecification("--program", "PROGRAM", "the program that ran, as for triad trace"),
    OptionSpecification("--output", short: "-o", "FILE", "where the trace goes (default standard output)"),
    OptionSpecification(
      "--format", "FORMAT", "json or binary (default: binary if FILE ends in .bin or .trace, else json)"),
    OptionSpecification("--start", "ADDRESS", "begin there instead of where the program begins"),
    OptionSpecification("--max-instructions", "N", "end after so many"),
    OptionSpecification(
      "--reg", "NAME", "register that execlog was asked for with reg=, or * for all", repeats: true),
    OptionSpecification("--partial", "accept a log that ends in the middle of a line or state"),
  ] + machineOptions,
  examples: [
    "triad import qemu.log --from qemu-log --program protected32 -o qemu.bin",
    "triad import --from execlog --program real16 -o qemu.bin < execlog.txt",
  ],
  run: { arguments, terminal in
    guard let name = arguments.value("--from") else {
      throw CommandFailure.usage("give --from \(TraceImports.names.joined(separator: " or --from "))")
    }
    guard let format = TraceImports.all.first(where: { $0.name == name }) else {
      throw CommandFailure.usage(
        "--from takes \(TraceImports.names.joined(separator: ", ")), not `\(name)`"
          + suggestion(name, TraceImports.names))
    }
    guard let program = arguments.value("--program") else {
      throw CommandFailure.usage(
        "give --program PROGRAM: the log does not say what ran, and only traces of the same program are compared"
      )
    }
    let workload = try loadWorkload(program, arguments)
    guard case .x86(let machine) = workload.machine else {
      throw CommandFailure.badInput("`\(workload.name)` is a toy program; QEMU runs x86 only")
    }
    let path = arguments.value("--output")
    let encoding = try traceEncoding(arguments.value("--format"), path)
    if path == nil, encoding == .binary {
      throw CommandFailure.usage("a binary trace is not for a terminal: give -o FILE")
    }
    if let path { try refuseOverwriting(arguments, with: path) }
    let options = try importOptions(arguments, machine, name)
    let output: any TraceOutput
    if let path { output = try TraceFileOutput(path: path) } else { output = TerminalOutput(terminal) }
    let log = ImportedLog(try TraceFileInput(path: arguments.positional.first ?? "-"))
    let summary = try importTrace(
      log, as: format, options, header: try importHeader(workload, format, options), encoding, to: output)
    for note in summary.notes { terminal.note("note: " + note) }
    tellInitial(summary.initial, machine, terminal)
    terminal.note(
      "[\(workload.name) by \(name): \(grouped(summary.retired)) instructions from \(grouped(UInt64(summary.lines))) lines"
        + (path.map { " in \($0)]" } ?? "]"))
    return .success
  })

/// Reads a log and writes its trace.
func importTrace(
  _ log: ImportedLog, as format: any TraceImport.Type, _ options: ImportOptions, header: TraceHeader,
  _ encoding: TraceEncoding, to output: any TraceOutput
) throws(TraceError) -> ImportSummary {
  let writer = try TraceWriter(header, as: encoding, to: output)
  let recorder = writer.makeRecorder()
  var reader = format.init(log, options, to: recorder)
  let summary = try reader.run()
  if let failure = recorder.failure {
    throw failure as? TraceError ?? TraceError(.system, "\(failure)")
  }
  try writer.finish()
  return summary
}

/// The header of a trace that `format` makes of a run of this workload.
func importHeader(
  _ workload: Workload, _ format: any TraceImport.Type, _ options: ImportOptions
) throws -> TraceHeader {
  let engine = try workload.makeEngine(.emulator)
  var header = workload.header(for: engine, level: .instructions)
  header.flavour = "QEMU's translator, by \(format.name)"
  header.recordedBy = format.name
  header.exits = []
  header.hasMemoryEffects = false
  header.omissions = format.omissions
  let registers = Set(format.registers(options).map(\.name))
  if registers.isEmpty {
    header.omissions.insert(.registers)
  } else {
    header.unrecordedRegisters = header.registers.filter { !registers.contains($0) }
  }
  return header
}

private func importOptions(_ arguments: ParsedArguments, _ machine: X86Machine, _ format: String) throws
  -> ImportOptions
{
  let state = machine.initialState
  var options = ImportOptions(start: state[.rip] &+ state[.csBase])
  if let start = try arguments.number("--start") { options.start = start }
  if let limit = try arguments.number("--max-instructions") { options.limit = limit }
  options.acceptsCut = arguments.has("--partial")
  let names = arguments.all("--reg")
  guard !names.isEmpty else { return options }
  guard format == ExecLogImport.name else {
    throw CommandFailure.usage("--reg is for --from execlog: \(format) has the registers that it has")
  }
  for name in names {
    let all = ExecLogImport.nameable
    if name == "*" {
      options.registers = all
      break
    }
    guard let register = all.first(where: { $0.name == name }) else {
      throw CommandFailure.usage(
        "--reg takes the name of a register in the trace, or *; not `\(name)`"
          + suggestion(name, all.map(\.name)))
    }
    options.registers.append(register)
  }
  return options
}

/// Says where the program did not find the registers that it finds on Triad's machines.
private func tellInitial(_ found: [UInt64], _ machine: X86Machine, _ terminal: Terminal) {
  guard !found.isEmpty else { return }
  let expected = machine.initialState
  let differing = QEMUState.registers.filter { found[$0.index] != expected[$0] }
  guard !differing.isEmpty else { return }
  terminal.note(
    "note: in the log the program begins with other values than on Triad's machine: "
      + differing.map { "\($0.name) \(hex(found[$0.index])) for \(hex(expected[$0]))" }.joined(
        separator: ", "))
}
