import Debugger
import MachineCore
import Properties
import Testing
import ToyISA

/// An editor that says what a script says, in memory.
final class AdapterClient {
  let adapter: DebugAdapter
  /// The last session that was launched.
  private(set) var session: DebugSession?
  /// All that has come, in order.
  private(set) var messages: [JSON] = []
  /// What is sent while the machine runs, one at each time that it is looked for.
  var meanwhile: [[UInt8]] = []
  private var reader = MessageReader()
  private var read = 0
  private var seq = 0

  init() {
    var launched: (JSON) throws -> DebugSession = { _ in throw DebugAdapter.Failure("") }
    var sent: ([UInt8]) -> Void = { _ in }
    adapter = DebugAdapter(launch: { try launched($0) }, send: { sent($0) })
    launched = { [unowned self] arguments in
      let workload = try Self.workload(arguments["program"]?.string ?? "", arguments["source"]?.string)
      let kind = EngineKind(rawValue: arguments["engine"]?.string ?? "emulator") ?? .emulator
      let session = try DebuggedPrograms.session(workload, kind)
      self.session = session
      return session
    }
    sent = { [unowned self] in take($0) }
    adapter.poll = { [unowned self] in meanwhile.isEmpty ? [] : meanwhile.removeFirst() }
  }

  /// What a thousand conversations launch is assembled once.
  private static let hello = try! DebuggedPrograms.toy("hello")

  private static func workload(_ name: String, _ source: String?) throws -> Workload {
    guard let source else {
      if name == "hello" { return hello }
      return name == "long64" ? try DebuggedPrograms.x86(name) : try DebuggedPrograms.toy(name)
    }
    let image = try ToyAssembler.run(bytes: Array(source.utf8), file: name, include: { _ in nil }).image
    return Workload(name: name, machine: .toy(image, ToyMachine(), .classic))
  }

  private func take(_ bytes: [UInt8]) {
    for event in reader.take(bytes) {
      guard case .message(let content) = event, let message = try? JSON(reading: content) else {
        Issue.record("what the adapter sends is no message: \(event)")
        continue
      }
      messages.append(message)
    }
  }

  /// A request as bytes.
  func bytes(_ command: String, _ arguments: JSON = [:]) -> [UInt8] {
    seq += 1
    return MessageReader.message([
      "seq": .integer(seq), "type": "request", "command": .string(command), "arguments": arguments,
    ])
  }

  /// Sends a request, and waits for all that it leads to; the answer.
  @discardableResult
  func answer(_ command: String, _ arguments: JSON = [:]) -> JSON {
    let bytes = bytes(command, arguments)
    let number = seq
    adapter.receive(bytes)
    let answers = messages.filter { $0["type"] == "response" && $0["request_seq"]?.int == number }
    #expect(answers.count == 1, "\(command): \(answers.count) answers")
    return answers.last ?? .null
  }

  /// The body of an answer, which must be a success.
  @discardableResult
  func ask(_ command: String, _ arguments: JSON = [:]) -> JSON {
    let answer = answer(command, arguments)
    #expect(answer["success"] == true, "\(command) \(arguments.text): \(answer.text)")
    return answer["body"] ?? .null
  }

  /// Why a request is refused.
  func refusal(_ command: String, _ arguments: JSON = [:]) -> String {
    let answer = answer(command, arguments)
    #expect(answer["success"] == false, "\(command) \(arguments.text): \(answer.text)")
    return answer["message"]?.string ?? ""
  }

  /// Events of this name that came since the last call.
  func events(_ name: String) -> [JSON] {
    defer { read = messages.count }
    return messages[read...].filter { $0["event"]?.string == name }.map { $0["body"] ?? .null }
  }

  /// Text of one category that came so far.
  func output(_ category: String) -> String {
    messages.filter { $0["event"] == "output" && $0["body"]?["category"]?.string == category }
      .compactMap { $0["body"]?["output"]?.string }.joined()
  }

  /// Launches a program; it stops at its entry.
  func start(_ program: String, _ fields: [String: JSON] = [:], initialize: JSON = ["adapterID": "triad"]) {
    ask("initialize", initialize)
    ask("launch", .object(["program": .string(program), "stopOnEntry": true].merging(fields) { $1 }))
    ask("configurationDone")
  }

  /// Sends a request that moves the machine; the reason of the stop, or `terminated`.
  @discardableResult
  func move(_ command: String, _ arguments: [String: JSON] = [:]) -> String {
    read = messages.count
    ask(command, .object(["threadId": 1].merging(arguments) { $1 }))
    let stops = messages[read...].filter { $0["event"] == "stopped" || $0["event"] == "terminated" }
    read = messages.count
    #expect(stops.count == 1, "\(command): \(stops.map(\.text))")
    guard let stop = stops.last else { return "" }
    return stop["body"]?["reason"]?.string ?? "terminated"
  }

  func frames() -> [JSON] { ask("stackTrace", ["threadId": 1])["stackFrames"]?.array ?? [] }
  var line: Int { frames().first?["line"]?.int ?? 0 }
  var count: UInt64 { session?.position.count ?? 0 }
  func value(_ expression: String) -> String {
    ask("evaluate", ["expression": .string(expression), "context": "watch"])["result"]?.string ?? ""
  }
  func breakpoints(_ body: JSON) -> [JSON] { body["breakpoints"]?.array ?? [] }

  /// Bytes of no request.
  func send(_ bytes: [UInt8]) { adapter.receive(bytes) }
}
