import Debugger
import MachineCore

let gdbOption = OptionSpecification(
  "--gdb", "ADDRESS", "let gdb connect to an x86 guest: tcp:PORT (this host only), tcp:HOST:PORT or unix:PATH"
)
let waitOption = OptionSpecification("--wait", "with --gdb: the guest begins when gdb has connected")

/// The server that `--gdb` asks for, listening.
func gdbServer(
  _ arguments: ParsedArguments, _ terminal: Terminal, isQuiet: Bool
) throws -> GDBServer? {
  guard let text = arguments.value("--gdb") else {
    if arguments.has("--wait") { throw CommandFailure.usage("--wait goes with --gdb ADDRESS") }
    return nil
  }
  for option in ["--until", "--then"] where arguments.values[option] != nil {
    throw CommandFailure.usage("\(option) does not go with --gdb: stops are gdb's to set")
  }
  if arguments.value("--time") == "free" {
    throw CommandFailure.usage("--time free does not go with --gdb: such a guest cannot be single-stepped")
  }
  guard let address = GDBAddress(text) else {
    throw CommandFailure.usage("--gdb takes tcp:PORT, tcp:HOST:PORT or unix:PATH, not `\(text)`")
  }
  let server = try refusing { try GDBServer(address) }
  if !isQuiet { terminal.note("[gdb: target remote \(server.target)]") }
  return server
}

/// Runs a session for gdb; `nil` when gdb ended it.
func serve(
  _ session: DebugSession, _ server: GDBServer, _ arguments: ParsedArguments, _ terminal: Terminal,
  isQuiet: Bool
) throws -> StopReason? {
  // A guest that gdb cannot debug is refused at once, not when gdb comes.
  _ = try refusing { try RemoteStub(session) }
  session.hostSeconds = try runLimits(session.workload, session.engine, arguments, terminal).hostSeconds
  let count = session.counts ? try arguments.number("--max-instructions") : nil
  return try refusing {
    try server.run(session, waits: arguments.has("--wait"), count: count) {
      if !isQuiet { terminal.note("[\($0)]") }
    }
  }
}
