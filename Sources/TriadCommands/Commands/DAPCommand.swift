import Debugger
import Foundation
import MachineCore
import Properties
import ToyISA
import Virtualizer

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

let dapCommand = CommandSpecification(
  name: "dap",
  summary: "Let an editor debug toy programs: the Debug Adapter Protocol on standard input and output.",
  arguments: [],
  options: [
    OptionSpecification(
      "--extension", "DIR|FILE.vsix",
      "write the extension that makes this known to Visual Studio Code, and end")
  ],
  examples: ["triad dap --extension triad.vsix"],
  run: { arguments, terminal in
    if let place = arguments.value("--extension") {
      try writeEditorExtension(to: place, terminal)
      return .success
    }
    return converse(terminal)
  })

/// Serves the client on standard input and output until one of them is closed.
private func converse(_ terminal: Terminal) -> ExitStatus {
  if isatty(STDIN_FILENO) == 1 {
    terminal.note("an editor starts this, and speaks with it: see Docs/Debugging.md")
  }
  let adapter = DebugAdapter(launch: debugSession, send: { terminal.outputBytes($0) })
  adapter.poll = {
    var request = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    guard poll(&request, 1, 0) > 0 else { return [] }
    let bytes = readInput()
    return bytes.isEmpty ? nil : bytes
  }
  while adapter.end == nil {
    let bytes = readInput()
    if bytes.isEmpty { adapter.close() } else { adapter.receive(bytes) }
  }
  guard case .damaged(let why) = adapter.end else { return .success }
  terminal.note("error: the client's bytes are no messages of the protocol: \(why)")
  return .badInput
}

/// What has come on standard input, waiting for something; empty at the end.
private func readInput() -> [UInt8] {
  [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
    repeat {
      // SAFETY: the call writes at most as many bytes as the buffer has.
      let got = read(STDIN_FILENO, buffer.baseAddress, buffer.count)
      count = max(got, 0)
      if got >= 0 { return }
    } while errno == EINTR
  }
}

/// The session that the arguments of a `launch` request ask for.
private func debugSession(_ launch: JSON) throws -> DebugSession {
  do {
    let arguments = try launchArguments(launch)
    let workload = try loadWorkload(arguments)
    let kind =
      try launch["engine"].map { value in
        try parseChoice(value.string ?? value.text, "engine", of: EngineKind.self, named: \.rawValue)
      } ?? .emulator
    guard workload.isa == "toy" else { throw DebugAdapter.refusal(workload.name) }
    return DebugSession(workload, try stepEngine(workload, kind, arguments))
  } catch let failure as CommandFailure {
    throw DebugAdapter.Failure(failure.message)
  }
}

/// An attribute of a `launch` request, as the extension describes it and as it is read.
struct LaunchAttribute {
  enum Kind { case text, path, number, flag, definitions }

  var name: String
  var kind: Kind
  var help: String
  /// Values, if there are only these.
  var choices: [String] = []
  /// The option of other commands that it stands for.
  var option: String?

  static let all: [LaunchAttribute] = [
    LaunchAttribute(
      name: "program", kind: .path, help: "Toy source (.asm, .s) or image, or the name of a built-in program."
    ),
    LaunchAttribute(
      name: "engine", kind: .text, help: "Kind of machine (default emulator).",
      choices: EngineKind.allCases.map(\.rawValue)),
    LaunchAttribute(name: "stopOnEntry", kind: .flag, help: "Stop before the first instruction."),
    LaunchAttribute(
      name: "cwd", kind: .text, help: "Folder in which relative paths begin."),
    LaunchAttribute(
      name: "sourceFolder", kind: .text, help: "Folder with the sources of an image (default cwd)."),
    LaunchAttribute(
      name: "input", kind: .path, help: "File that is typed on the console.", option: "--input"),
    LaunchAttribute(name: "disk", kind: .path, help: "File with the contents of the disk.", option: "--disk"),
    LaunchAttribute(
      name: "memory", kind: .number, help: "Bytes of storage, a multiple of 4096 (or \"4M\").",
      option: "--memory"),
    LaunchAttribute(
      name: "define", kind: .definitions, help: "Constants for the assembler, by name.", option: "--define"),
    LaunchAttribute(
      name: "variant", kind: .text, help: "Variant of the instruction set (default classic).",
      choices: ToyVariant.allCases.map(\.rawValue), option: "--variant"),
    LaunchAttribute(
      name: "depth", kind: .number, help: "How many VMMs there are, one in the other, 1 to 4 (virtualizer).",
      option: "--depth"),
    LaunchAttribute(
      name: "vmm", kind: .text, help: "Construction of the VMM (virtualizer).",
      choices: VirtualMachineMonitor.Construction.allCases.map(\.rawValue), option: "--vmm"),
  ]
}

/// The command line that says the same as a `launch` request.
private func launchArguments(_ launch: JSON) throws -> ParsedArguments {
  var arguments = ParsedArguments()
  let folder = launch["cwd"]?.string
  guard let program = launch["program"]?.string, !program.isEmpty else {
    throw CommandFailure.usage(
      "`program` is missing: a toy source, an image, or the name of a built-in program")
  }
  arguments.positional = [BuiltIn.names.contains(program) ? program : path(program, folder)]
  for attribute in LaunchAttribute.all {
    guard let option = attribute.option, let value = launch[attribute.name] else { continue }
    switch attribute.kind {
    case .definitions:
      guard let fields = value.object else {
        throw CommandFailure.usage("`\(attribute.name)` is an object: {\"SIZE\": 100}")
      }
      arguments.values[option] = fields.sorted { $0.key < $1.key }.map {
        "\($0.key)=\($0.value.string ?? $0.value.text)"
      }
    default:
      guard let text = value.string ?? value.int.map({ "\($0)" }) else {
        throw CommandFailure.usage("`\(attribute.name)` is a text or a number, not \(value.text.prefix(60))")
      }
      arguments.values[option] = [attribute.kind == .path ? path(text, folder) : text]
    }
  }
  // What is nearly one of ours would be silently without effect.
  let names = LaunchAttribute.all.map(\.name)
  for key in (launch.object ?? [:]).keys.sorted()
  where !names.contains(key) && !generalAttributes.contains(key) {
    let hint = suggestion(key, names)
    if !hint.isEmpty { throw CommandFailure.usage("there is no attribute `\(key)`\(hint)") }
  }
  return arguments
}

/// Attributes that clients use themselves.
private let generalAttributes: Set<String> = [
  "type", "request", "name", "noDebug", "presentation", "internalConsoleOptions", "preLaunchTask",
  "postDebugTask", "debugServer", "trace", "console",
]

private func path(_ text: String, _ folder: String?) -> String {
  guard let folder, !text.hasPrefix("/") else { return text }
  return folder + "/" + text
}
