import Debugger
import MachineCore
import Testing
import X86Backend

/// Bytes, messages and JSON, whole and damaged.
@Suite struct AdapterWireTests {
  private func events(_ text: String, pieces: Int) -> [MessageReader.Event] {
    var reader = MessageReader()
    let bytes = Array(text.utf8)
    return stride(from: 0, to: bytes.count, by: pieces).flatMap {
      reader.take(bytes[$0..<min($0 + pieces, bytes.count)])
    }
  }

  @Test(arguments: [1, 2, 3, 7, 1000])
  func messagesInPieces(_ pieces: Int) {
    let text =
      "Content-Length: 2\r\n\r\n{}content-length:3\r\nContent-Type: x\r\n\r\n[1]Content-Length: 0\n\nContent-Length: 1\r\n\r\n"
    #expect(
      events(text, pieces: pieces) == [
        .message(Array("{}".utf8)), .message(Array("[1]".utf8)), .message([]),
      ])
  }

  @Test(arguments: [
    "Content-Length: \r\n\r\n", "Content-Length: -1\r\n\r\n", "Content-Length: 1e3\r\n\r\n", "\r\n",
    "nothing\r\n\r\n",
    "Content-Length: 8388609\r\n\r\n", "Content-Length: 99999999999999999999\r\n\r\n",
    "Content-Type: a\r\n\r\n",
    "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", String(repeating: "a", count: 5000),
  ])
  func damage(_ text: String) {
    guard case .damaged = events(text + "Content-Length: 2\r\n\r\n{}", pieces: 1).last else {
      Issue.record("`\(text.prefix(40))` went unnoticed")
      return
    }
  }

  @Test func theEndOfTheInput() {
    for (bytes, end) in [
      ("", DebugAdapter.End.closed),
      ("Content-Length: 2\r\n\r\n{", .damaged("the input ends within a message")),
    ] {
      let client = AdapterClient()
      client.send(Array(bytes.utf8))
      client.adapter.close()
      #expect(client.adapter.end == end)
    }
  }

  /// What comes before the damage is answered.
  @Test func damageComesLast() {
    let client = AdapterClient()
    client.send(
      client.bytes("initialize", ["adapterID": "triad"]) + client.bytes("threads") + Array("?\r\n\r\n".utf8))
    #expect(client.messages.count { $0["success"] == true } == 2)
    guard case .damaged = client.adapter.end else { return #expect(Bool(false), "it went on") }
  }

  @Test(arguments: [
    "null", "[1,-2,3.5,1e3,true,false,\"a\\u00e9\\ud83d\\ude00\\n\"]", "{\"a\":{\"b\":[]},\"c\":\"\\\\\"}",
    " { } ", "0",
    "9223372036854775807",
  ])
  func values(_ text: String) throws {
    let value = try JSON(reading: Array(text.utf8))
    #expect(try JSON(reading: value.bytes) == value)
  }

  @Test func strings() throws {
    #expect(try JSON(reading: Array("\"a\\u00e9\\ud83d\\ude00\\t\"".utf8)) == "a\u{E9}\u{1F600}\t")
    #expect(try JSON(reading: Array("1e300".utf8)).int == nil)
    #expect(try JSON(reading: Array("9223372036854775807".utf8)).int == nil)
  }

  @Test(arguments: [
    "", "{", "{\"a\" 1}", "{a:1}", "01", "1.", "-", "+1", "tru", "\"", "\"\\x\"",
    "\"\\u12\"", "\"\n\"", "1 2", "\"\\ud83dx\"",
    "NaN",
  ])
  func faults(_ text: String) {
    #expect(throws: (any Error).self) { try JSON(reading: Array(text.utf8)) }
  }

  @Test func depthIsBounded() {
    for text in [String(repeating: "[", count: 1_000_000), String(repeating: "{\"a\":", count: 1_000_000)] {
      #expect(throws: (any Error).self) { try JSON(reading: Array(text.utf8)) }
    }
  }

  // MARK: Fuzz

  private static let commands = [
    "initialize", "launch", "attach", "restart", "configurationDone", "cancel", "threads", "pause",
    "continue", "next",
    "stepIn", "stepOut", "stepBack", "reverseContinue", "goto", "gotoTargets", "setBreakpoints",
    "setFunctionBreakpoints", "setInstructionBreakpoints", "setExceptionBreakpoints", "dataBreakpointInfo",
    "setDataBreakpoints", "breakpointLocations", "exceptionInfo", "stackTrace", "scopes", "variables",
    "setVariable",
    "setExpression", "evaluate", "completions", "source", "loadedSources", "disassemble", "readMemory",
    "writeMemory",
    "modules", "",
  ]
  private static let names = [
    "threadId", "frameId", "variablesReference", "name", "value", "expression", "context", "source",
    "sourceReference",
    "line", "endLine", "column", "text", "breakpoints", "filters", "filterOptions", "filterId", "condition",
    "hitCondition", "logMessage", "instructionReference", "memoryReference", "offset", "count",
    "instructionOffset",
    "instructionCount", "data", "allowPartial", "granularity", "dataId", "accessType", "asAddress", "bytes",
    "targetId",
    "requestId", "startFrame", "levels", "start", "path", "lines", "stopOnEntry", "arguments", "program",
  ]

  private static func value(_ random: inout SplitMix, _ depth: Int = 0) -> JSON {
    switch Int.random(in: 0...(depth < 3 ? 9 : 6), using: &random) {
    case 0: .null
    case 1: .bool(Bool.random(using: &random))
    case 2:
      .integer(
        [0, 1, 2, 3, 4, 19, 1001, -1, Int.max, Int.min, 1 << 53, -(1 << 53)].randomElement(using: &random)!)
    case 3: .number([0.5, -1e300, 1e18, 4_294_967_296].randomElement(using: &random)!)
    case 4, 5, 6:
      .string(
        [
          "", "hello", "test.asm", "hello.asm", "_start", "pc", "r1", "r1 a0", "0x100", "0xffffffffffffffff",
          "-1", "1",
          "a0 == 0", "word(0x100)", "*0", "1 +", "((", "{pc} {", "> 1", "% 0", "trap", "device", "end",
          "svc, !divide",
          "repl", "watch", "instruction", "line", "write", "read", "register:16", "register:1",
          "memory:0x100,4",
          "memory:,", "AAAA", "AA=A", "si 3", "back", "info all", "x/4i pc", "set r1 = 5", "break pc",
          "watch r1", "quit",
          "delete", "goto 5", "rc", "new pc", "old flags", "\u{1F600}", "\0",
        ].randomElement(using: &random)!)
    case 7, 8:
      .object(
        Dictionary(
          (0..<Int.random(in: 0...6, using: &random)).map { _ in
            (names.randomElement(using: &random)!, value(&random, depth + 1))
          }
        ) { $1 })
    default: .array((0..<Int.random(in: 0...4, using: &random)).map { _ in value(&random, depth + 1) })
    }
  }

  /// What a client would send, with some of its fields.
  private static func arguments(_ command: String, _ random: inout SplitMix) -> JSON {
    let named = names.shuffled(using: &random).prefix(Int.random(in: 0...12, using: &random))
    var fields = Dictionary(uniqueKeysWithValues: named.map { ($0, value(&random, 1)) })
    if Bool.random(using: &random) { fields["memoryReference"] = "0x100" }
    if Bool.random(using: &random) { fields["source"] = ["name": "hello.asm", "sourceReference": 1] }
    if Bool.random(using: &random) {
      fields["variablesReference"] = .integer(Int.random(in: 0...4, using: &random))
    }
    if command == "launch" || command == "restart" { fields["program"] = "hello" }
    if command == "launch" || command == "restart" { fields["source"] = nil }
    if command == "restart" { fields["arguments"] = nil }
    return .object(fields)
  }

  private static func damage(_ bytes: inout [UInt8], _ random: inout SplitMix) {
    switch Int.random(in: 0...4, using: &random) {
    case 0:
      bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
    case 1: bytes.remove(at: Int.random(in: bytes.indices, using: &random))
    case 2: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
    case 3:
      bytes.insert(contentsOf: Array("{}[]\"\\\r\n:".utf8).shuffled(using: &random), at: bytes.count / 2)
    default: bytes = (0..<60).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    }
  }

  /// A thousand conversations, many of them damaged: none ends the process, every whole request has one answer, and
  /// after each an adapter that is not over answers.
  @Test func fuzzedConversations() {
    let seed: UInt64 = 20_261_122
    print("adapter fuzz seed \(seed)")
    var random = SplitMix(state: seed)
    var ends = 0
    for stream in 0..<1000 {
      let client = AdapterClient()
      if stream % 8 != 0 { client.start("hello") }
      let isDamaged = stream % 3 == 0
      for _ in 0..<Int.random(in: 1...8, using: &random) where client.adapter.end == nil {
        let command = Self.commands.randomElement(using: &random)!
        let arguments = Self.arguments(command, &random)
        // A run is looked at once at least, and stopped then.
        client.meanwhile = [client.bytes("threads"), client.bytes("pause")]
        if isDamaged {
          var bytes = client.bytes(command, arguments)
          if Int.random(in: 0...2, using: &random) == 0 { Self.damage(&bytes, &random) }
          client.send(bytes)
        } else {
          client.answer(command, arguments)
        }
      }
      if client.adapter.end != nil {
        ends += 1
      } else if !isDamaged {
        let answer = client.answer("threads")
        #expect(answer["success"] == true || stream % 8 == 0, "stream \(stream) of seed \(seed)")
      }
      client.adapter.close()
    }
    #expect((100..<700).contains(ends), "\(ends) ended")
  }
}
