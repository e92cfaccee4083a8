import Debugger
import Foundation
import MachineCore
import Properties

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

let stepCommand = CommandSpecification(
  name: "step", summary: "Step through a program, forward and back, on one machine or several in lock step.",
  arguments: [optionalProgramArgument],
  options: [
    OptionSpecification(
      "--on", "E[,E…]", "engines, in lock step if there are several; the first leads (default emulator)"),
    OptionSpecification("--commands", "FILE", "carry out the lines of a file, - for standard input, and end"),
    OptionSpecification("--plant", "[E:]N", "make instruction N of an engine wrong, to see it found"),
    depthOption, vmmOption,
  ] + machineOptions,
  examples: [
    "triad step hello", "triad step minos --on emulator,simulator,virtualizer",
    "triad step long64 --commands FILE",
  ],
  run: { arguments, terminal in
    let workload = try loadWorkload(arguments)
    let kinds = try engineKinds(arguments.value("--on") ?? EngineKind.emulator.rawValue)
    if arguments.value("--time") == "free" {
      throw CommandFailure.usage("--time free does not go with steps: such a guest cannot be single-stepped")
    }
    let fault = try plantedFault(arguments.value("--plant"), kinds)
    let sessions = try kinds.map { kind in
      var engine = try stepEngine(workload, kind, arguments)
      if let fault, fault.kind == kind {
        engine = try refusing { try PlantedFault(engine, instruction: fault.instruction) }
      }
      return DebugSession(workload, engine)
    }
    return try step(sessions, arguments, terminal)
  })

func stepEngine(
  _ workload: Workload, _ kind: EngineKind, _ arguments: ParsedArguments
) throws -> any Engine {
  // The options for VMMs hold for the virtualizer among the engines.
  guard kind == .virtualizer else { return try refusing { try workload.makeEngine(kind) } }
  let depth = try parseDepth(arguments)
  return try refusing {
    try workload.makeEngine(
      kind, depth: depth, construction: try parseConstruction(arguments, kind, workload))
  }
}

private func step(
  _ sessions: [DebugSession], _ arguments: ParsedArguments, _ terminal: Terminal
) throws -> ExitStatus {
  let guest = GuestConsole(terminal)
  sessions[0].console = { guest.put($0) }
  let stepper = Stepper(
    sessions,
    put: { text in
      guest.flush()
      terminal.line(text)
    },
    style: { text, style in
      switch style {
      case .plain: text
      case .strong: terminal.styled(text, .bold)
      case .good: terminal.styled(text, .green)
      case .bad: terminal.styled(text, .red)
      case .faint: terminal.styled(text, .dim)
      }
    })
  let interruption = Interruption()
  for session in sessions { session.isInterrupted = { interruption.isAsked } }
  defer { for session in sessions { session.isInterrupted = { false } } }

  stepper.begin()
  if let file = arguments.value("--commands") {
    let text = file == "-" ? readAll() : String(decoding: try readFile(file), as: UTF8.self)
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (number, line) in lines.enumerated() {
      stepper.source = "\(file == "-" ? "standard input" : file):\(number + 1)"
      if stepper.execute(line.trimmingCharacters(in: .whitespaces)) == .quit { break }
    }
  } else {
    converse(stepper, interruption, terminal)
  }
  guest.flush()
  return stepper.failures > 0 || stepper.sawDifference ? .failure : .success
}

/// Reads commands from standard input, with a prompt if that is a terminal.
private func converse(_ stepper: Stepper, _ interruption: Interruption, _ terminal: Terminal) {
  let isTerminal = isatty(STDIN_FILENO) == 1
  if isTerminal { interruption.listen() }
  var last = ""
  while true {
    if isTerminal { terminal.output("(triad) ") }
    guard let text = readLine() else {
      if isTerminal { terminal.line() }
      return
    }
    var line = text.trimmingCharacters(in: .whitespaces)
    // An empty line repeats the last one, as in gdb, where somebody types.
    if line.isEmpty, isTerminal { line = last }
    last = line
    interruption.clear()
    if stepper.execute(line) == .quit { return }
  }
}

private func readAll() -> String {
  var lines: [String] = []
  while let line = readLine() { lines.append(line) }
  return lines.joined(separator: "\n")
}

/// What the guest writes, as lines with a bar before them.
private final class GuestConsole {
  private let terminal: Terminal
  private var bytes: [UInt8] = []

  init(_ terminal: Terminal) { self.terminal = terminal }

  func put(_ byte: UInt8) {
    if byte == 0x0A || bytes.count >= 200 { write() }
    if byte != 0x0A { bytes.append(byte) }
  }

  /// What is not a whole line yet is shown when the machine stops.
  func flush() { if !bytes.isEmpty { write() } }

  private func write() {
    let text = String(decoding: bytes, as: UTF8.self)
    bytes = []
    // A guest must not drive the terminal.
    let shown = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "·" : String($0) }.joined()
    terminal.line("| " + shown)
  }
}

/// Ctrl-C, which ends a run and not the stepper.
private final class Interruption {
  var isAsked: Bool { interruptionFlag.pointee != 0 }
  func clear() { interruptionFlag.pointee = 0 }
  func listen() {
    clear()
    signal(SIGINT) { _ in interruptionFlag.pointee = 1 }
  }
}

// SAFETY: one word that lives for ever; the handler only stores to it.
private nonisolated(unsafe) let interruptionFlag: UnsafeMutablePointer<sig_atomic_t> = {
  let flag = UnsafeMutablePointer<sig_atomic_t>.allocate(capacity: 1)
  flag.initialize(to: 0)
  return flag
}()
