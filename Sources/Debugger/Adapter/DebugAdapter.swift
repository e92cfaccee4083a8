internal import MachineCore
internal import Properties
internal import ToyISA
internal import Trace

/// Debugs toy programs for an editor: the Debug Adapter Protocol over a stream of bytes.
///
/// One thread does all: while the machine runs, what the client sends is looked for again and again, the run is
/// interrupted for it, and goes on if nothing says otherwise.
public final class DebugAdapter {
  /// Why the conversation is over.
  public enum End: Sendable, Equatable {
    /// The client asked for it.
    case disconnected
    /// No more bytes will come.
    case closed
    /// The bytes are no messages; nobody can tell where the next one begins.
    case damaged(String)
  }

  /// A request that cannot be carried out; the client shows the text.
  public struct Failure: Error, CustomStringConvertible {
    public var description: String
    /// A failure, with what to do about it.
    public init(_ description: String) { self.description = description }
  }

  /// The program's one processor, as a thread.
  static let thread = 1

  /// Why the conversation is over; `nil` while it goes on.
  public private(set) var end: End?
  /// Gives what has come in meanwhile, without waiting: nothing if empty, and `nil` when no more can come.
  public var poll: () -> [UInt8]? = { [] }

  /// What the client can do, from its `initialize` request.
  var client: JSON?
  var session: DebugSession!
  var stepper: Stepper!
  var activity: Activity?
  /// The program was ended, or ended by itself.
  var isTerminated = false
  var isConfigured = false
  var stopsOnEntry = false
  /// What the client is told about the last stop that is an event of the machine.
  var lastEvent: (id: String, text: String)?
  var points = BreakpointTable()
  var sources = SourceTable()
  var calls = CallFollower()
  /// How the machine was before a command of the debug console.
  var evaluation: Evaluation?
  var quits = false
  /// Lines that the stepper writes go here.
  var stepperText: [String] = []

  private let launcher: (JSON) throws -> DebugSession
  private let output: ([UInt8]) -> Void
  private var reader = MessageReader()
  private var queue: [JSON] = []
  private var sequence = 0
  private var isBusy = false
  private var damage: String?
  private var console: [UInt8] = []
  /// The arguments of the last launch.
  private var launchArguments: JSON?

  /// An adapter.
  ///
  /// - Parameters:
  ///   - launch: makes a session of a `launch` request's arguments; what it throws is shown to the user.
  ///   - send: takes bytes for the client.
  public init(launch: @escaping (JSON) throws -> DebugSession, send: @escaping ([UInt8]) -> Void) {
    launcher = launch
    output = send
  }

  /// Takes bytes from the client, and does what they ask for; runs of the machine as well.
  public func receive(_ bytes: [UInt8]) {
    accept(bytes)
    guard !isBusy else { return }
    isBusy = true
    defer { isBusy = false }
    while end == nil {
      if !queue.isEmpty {
        handle(queue.removeFirst())
      } else if let damage {
        end = .damaged(damage)
      } else if activity != nil {
        work()
      } else {
        return
      }
    }
  }

  /// No more bytes will come.
  public func close() {
    guard end == nil else { return }
    end = reader.isBetweenMessages ? .closed : .damaged("the input ends within a message")
  }

  private func accept(_ bytes: [UInt8]) {
    for event in reader.take(bytes) {
      switch event {
      case .message(let content):
        do {
          let message = try JSON(reading: content)
          // Behind the request that it is about it would come too late.
          queue.insert(message, at: message["command"]?.string == "cancel" ? 0 : queue.count)
        } catch {
          tell("a message that is no JSON was left out: \(error)\n", "stderr")
        }
      // What came before it is answered first.
      case .damaged(let why): damage = why
      }
    }
  }

  /// Looks for requests while the machine runs; whether there is something to do.
  func hasWork() -> Bool {
    guard let bytes = poll() else {
      close()
      return true
    }
    if !bytes.isEmpty { accept(bytes) }
    // A command of the debug console goes on unless it is to stop.
    if evaluation != nil {
      return end != nil || damage != nil
        || queue.contains { Self.stopping.contains($0["command"]?.string ?? "") }
    }
    return !queue.isEmpty || end != nil || damage != nil
  }

  private static let stopping = ["pause", "disconnect", "terminate", "restart", "cancel"]

  // MARK: Messages

  private func send(_ message: [String: JSON?]) {
    sequence += 1
    var fields = message
    fields["seq"] = .integer(sequence)
    output(MessageReader.message(.fields(fields)))
  }

  /// Sends an event.
  func event(_ name: String, _ body: JSON? = nil) {
    send(["type": "event", "event": .string(name), "body": body])
  }

  /// Shows text to the user.
  func tell(_ text: String, _ category: String = "console") {
    event("output", ["category": .string(category), "output": .string(text)])
  }

  private func handle(_ message: JSON) {
    let seq = message["seq"]?.int ?? 0
    let type = message["type"]?.string
    guard message.object != nil, type == "request", let command = message["command"]?.string else {
      // The client's own answers and events are none of ours; anything else is told.
      if type != "response" && type != "event" {
        tell("a message that is no request was left out\n", "stderr")
      }
      return
    }
    do {
      let body = try carryOut(command, message["arguments"] ?? .object([:]), seq)
      send([
        "type": "response", "request_seq": .integer(seq), "success": true, "command": .string(command),
        "body": body,
      ])
      after(command)
    } catch {
      fail(command, seq, "\(error)")
      if evaluation != nil { afterEvaluation() }
    }
  }

  private func fail(_ command: String, _ seq: Int, _ text: String) {
    // Braces would name variables in the text.
    let shown = text.replacing("{", with: "(").replacing("}", with: ")")
    let short = text == Self.notStopped ? "notStopped" : text == Self.cancelled ? "cancelled" : text
    send([
      "type": "response", "request_seq": .integer(seq), "success": false, "command": .string(command),
      "message": .string(short),
      "body": ["error": ["id": 1, "format": .string(shown), "showUser": .bool(Self.isShown(command))]],
    ])
  }

  /// Looking at something that is not there is no reason for a message box.
  private static func isShown(_ command: String) -> Bool {
    !["evaluate", "readMemory", "variables", "scopes", "stackTrace", "completions", "cancel"].contains(
      command)
  }

  static let notStopped = "the machine runs: pause it first"
  static let cancelled = "the request was cancelled"

  // MARK: Requests

  private func carryOut(_ command: String, _ arguments: JSON, _ seq: Int) throws -> JSON? {
    guard let request = Request(rawValue: command) else {
      let all = Request.allCases.map(\.rawValue)
      let near = nearest(to: command, among: all).map { "; did you mean `\($0)`?" } ?? ""
      throw Failure("there is no request `\(command)`" + near)
    }
    if client == nil, request != .initialize, request != .disconnect {
      throw Failure("`\(command)` before `initialize`: send that first")
    }
    if session == nil, !request.worksWithoutProgram {
      throw Failure("`\(command)` before a program was launched: send `launch` first")
    }
    if activity != nil, request.needsStandstill { throw Failure(Self.notStopped) }
    switch request {
    case .initialize: return try initialize(arguments)
    case .launch: return try launch(arguments)
    case .attach:
      throw Failure(
        "there is nothing to attach to: use `launch`; an x86 guest is debugged with `triad run PROGRAM --gdb tcp:PORT` and gdb"
      )
    case .restart: return try restart(arguments)
    case .configurationDone: return configurationDone()
    case .disconnect:
      activity = nil
      return nil
    case .terminate:
      activity = nil
      return nil
    case .cancel: return cancel(arguments)
    case .threads: return ["threads": [["id": .integer(Self.thread), "name": "processor"]]]
    // `stopped` follows the answer.
    case .pause: return nil
    case .continue: return try startRun()
    case .next, .stepIn, .stepOut, .stepBack, .reverseContinue:
      try startMotion(request, arguments)
      return nil
    case .goto: return try goTo(arguments)
    case .gotoTargets: return try gotoTargets(arguments)
    case .setBreakpoints: return try setBreakpoints(arguments)
    case .setFunctionBreakpoints: return try setFunctionBreakpoints(arguments)
    case .setInstructionBreakpoints: return try setInstructionBreakpoints(arguments)
    case .setExceptionBreakpoints: return try setExceptionBreakpoints(arguments)
    case .dataBreakpointInfo: return try dataBreakpointInfo(arguments)
    case .setDataBreakpoints: return try setDataBreakpoints(arguments)
    case .breakpointLocations: return try breakpointLocations(arguments)
    case .exceptionInfo: return try exceptionInfo()
    case .stackTrace: return try stackTrace(arguments)
    case .scopes: return try scopes(arguments)
    case .variables: return try variables(arguments)
    case .setVariable: return try setVariable(arguments)
    case .setExpression: return try setExpression(arguments)
    case .evaluate: return try evaluate(arguments)
    case .completions: return try completions(arguments)
    case .source: return try source(arguments)
    case .loadedSources: return ["sources": .array(sources.all)]
    case .disassemble: return try disassemble(arguments)
    case .readMemory: return try readMemory(arguments)
    case .writeMemory: return try writeMemory(arguments)
    }
  }

  /// What follows an answer.
  private func after(_ command: String) {
    switch Request(rawValue: command) {
    case .launch:
      event(
        "process",
        [
          "name": .string(session.workload.name), "startMethod": "launch", "isLocalProcess": true,
          "pointerSize": 32,
        ])
      event("initialized")
    case .restart, .configurationDone: begin()
    case .terminate: if !isTerminated { terminated() }
    case .disconnect: end = .disconnected
    case .pause: if activity != nil { stopped("pause", nil) }
    case .goto: stopped("goto", nil)
    case .evaluate: afterEvaluation()
    default: break
    }
  }

  private func initialize(_ arguments: JSON) throws -> JSON {
    guard client == nil else { throw Failure("`initialize` comes once, at the beginning") }
    if arguments["pathFormat"]?.string == "uri" {
      throw Failure("paths are understood as paths only: set `pathFormat` to `path`")
    }
    client = arguments
    sources.firstLine = arguments["linesStartAt1"]?.bool == false ? 0 : 1
    sources.firstColumn = arguments["columnsStartAt1"]?.bool == false ? 0 : 1
    return Self.capabilities
  }

  private func launch(_ arguments: JSON) throws -> JSON? {
    guard session == nil else { throw Failure("a program was launched already: use `restart`") }
    try load(arguments)
    return nil
  }

  private func load(_ arguments: JSON) throws {
    let new = try launcher(arguments)
    guard case .toy(let image, _, _) = new.workload.machine else { throw Self.refusal(new.workload.name) }
    launchArguments = arguments
    session = new
    isTerminated = false
    activity = nil
    lastEvent = nil
    stopsOnEntry = arguments["stopOnEntry"]?.bool == true && arguments["noDebug"]?.bool != true
    calls = CallFollower()
    sources.read(image, folder: arguments["sourceFolder"]?.string ?? arguments["cwd"]?.string)
    stepper = Stepper([new], put: { [unowned self] in stepperText.append($0) })
    new.console = { [unowned self] byte in
      console.append(byte)
      if console.count >= 8192 { flushConsole() }
    }
    new.isInterrupted = { [unowned self] in
      flushConsole()
      return hasWork()
    }
  }

  /// What is said to whoever launches an x86 program.
  public static func refusal(_ name: String) -> Failure {
    Failure(
      "`\(name)` is an x86 program, and this adapter debugs toy programs: use gdb, with `triad run \(name) --gdb tcp:1234 --wait`"
    )
  }

  /// Sends what the guest has written, up to the last whole character.
  func flushConsole() {
    guard !console.isEmpty else { return }
    var count = console.count
    // A character of several bytes may not be whole yet.
    let tail = console.suffix(3)
    if let lead = tail.lastIndex(where: { $0 >= 0xC0 }), console.count < 8192 {
      let width = console[lead] >= 0xF0 ? 4 : console[lead] >= 0xE0 ? 3 : 2
      if lead + width > console.count { count = lead }
    }
    guard count > 0 else { return }
    tell(String(decoding: console.prefix(count), as: UTF8.self), "stdout")
    console.removeFirst(count)
  }

  private func restart(_ arguments: JSON) throws -> JSON? {
    let names = (sources.image?.files ?? []).map(\.name)
    try load(arguments["arguments"] ?? launchArguments ?? .object([:]))
    points.place(self, names)
    return nil
  }

  private func configurationDone() -> JSON? {
    isConfigured = true
    return nil
  }

  /// The program's first move.
  private func begin() {
    guard isConfigured, activity == nil, !isTerminated else { return }
    if stopsOnEntry { return stopped("entry", nil) }
    activity = Activity(kind: .run)
    // A run does not stop where it begins; the first instruction is the exception.
    if let found = session.stopHere(DebugGoal()) { _ = settle(found) }
  }

  private func cancel(_ arguments: JSON) -> JSON? {
    guard let seq = arguments["requestId"]?.int,
      let index = queue.firstIndex(where: { $0["seq"]?.int == seq && $0["type"]?.string == "request" })
    else { return nil }
    fail(queue.remove(at: index)["command"]?.string ?? "", seq, Self.cancelled)
    return nil
  }

  // MARK: Ends

  /// Tells the client that the program has ended.
  func terminated() {
    activity = nil
    isTerminated = true
    flushConsole()
    event("terminated")
  }

  /// Tells the client that the machine stands.
  func stopped(_ reason: String, _ text: String?, ids: [Int] = []) {
    activity = nil
    flushConsole()
    event(
      "stopped",
      .fields([
        "reason": .string(reason), "description": text.map { .string($0) },
        "text": reason == "exception" ? text.map { .string($0) } : nil,
        "threadId": .integer(Self.thread), "allThreadsStopped": true,
        "hitBreakpointIds": ids.isEmpty ? nil : .array(ids.map { .integer($0) }),
      ]))
  }
}
