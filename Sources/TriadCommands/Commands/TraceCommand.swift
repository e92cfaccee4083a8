import MachineCore
import Properties
import Trace

let traceCommand = CommandSpecification(
  name: "trace", summary: "Run a program on one machine and record its trace.",
  arguments: [optionalProgramArgument],
  options: [
    onOption, depthOption, vmmOption, limitOption, hostSecondsOption,
    OptionSpecification("--level", "LEVEL", "final, events or instructions (default events)"),
    OptionSpecification("--output", short: "-o", "FILE", "where the trace goes (default standard output)"),
    OptionSpecification(
      "--format", "FORMAT", "json or binary (default: binary if FILE ends in .bin or .trace, else json)"),
  ] + machineOptions,
  examples: [
    "triad trace hello --level instructions", "triad trace minos --on virtualizer -o minos.jsonl",
    "triad trace sieve --on emulator --level instructions -o sieve.bin",
  ],
  run: { arguments, terminal in
    try refuseFreeTime(arguments)
    let workload = try loadWorkload(arguments)
    let level = try arguments.choice("--level", of: TraceLevel.self, named: \.name) ?? .events
    let path = arguments.value("--output")
    let encoding = try traceEncoding(arguments.value("--format"), path)
    if path == nil, encoding == .binary {
      throw CommandFailure.usage("a binary trace is not for a terminal: give -o FILE")
    }
    let engine = try makeEngine(workload, arguments)
    guard level <= engine.capabilities.traceLevel else {
      throw CommandFailure(
        status: .hostLacks,
        message: "\(engine.flavour) cannot record at level `\(level.name)`: "
          + (engine.capabilities.traceLimitation ?? "no reason given"))
    }
    let limits = try runLimits(workload, engine, arguments, terminal)
    if let path { try refuseOverwriting(arguments, with: path) }
    let output: any TraceOutput
    if let path { output = try TraceFileOutput(path: path) } else { output = TerminalOutput(terminal) }
    let writer = try TraceWriter(workload.header(for: engine, level: level), as: encoding, to: output)
    let recorder = writer.makeRecorder()
    let start = ContinuousClock.now
    let stop: StopReason
    do throws(EngineRefusal) {
      stop = try engine.run(limits, into: recorder)
    } catch {
      throw CommandFailure(status: error.isHostLack ? .hostLacks : .badInput, message: error.description)
    }
    let nanoseconds = UInt64(start.duration(to: .now).seconds * 1e9)
    FinalState.append(stop, of: engine, to: recorder)
    recorder.append(TraceRecord(.host, value: nanoseconds))
    recorder.flush()
    if let failure = recorder.failure { throw CommandFailure.badInput("\(failure)") }
    try writer.finish()
    terminal.note(
      "[\(workload.name) on \(engine.kind.rawValue) (\(engine.flavour)): \(stop.text(engine.instructionSet)); \(grouped(writer.count)) records"
        + (path.map { " in \($0)]" } ?? "]"))
    return exitStatus(stop)
  })

func traceEncoding(_ format: String?, _ path: String?) throws -> TraceEncoding {
  switch format {
  case "json": return .json
  case "binary": return .binary
  case .some(let other): throw CommandFailure.usage("--format takes json or binary, not `\(other)`")
  case nil: return path.map { $0.hasSuffix(".bin") || $0.hasSuffix(".trace") } == true ? .binary : .json
  }
}

/// A JSON trace on the result stream.
final class TerminalOutput: TraceOutput {
  private let terminal: Terminal

  init(_ terminal: Terminal) { self.terminal = terminal }

  func write(_ bytes: UnsafeRawBufferPointer) throws(TraceError) {
    terminal.outputBytes(Array(bytes))
  }

  func finish() throws(TraceError) {}
}
