import Debugger
import MachineCore
import Testing
import ToyISA

@Suite struct AdapterTests {
  /// Lines, calls, a trap, data and a port in a few instructions.
  static let source = """
            .include "toy.inc"
    start:  la    sp, 0x2004
            la    t0, handler
            sw    t0, 0x24(zero)
            li    t0, -4
            sw    t0, 0x2c(zero)
            li    s0, 0
    again:  addi  s0, s0, 1
            call  twice
            svc   7
            li    t0, 3
            bne   s0, t0, again
            out   s0, CONSOLE_DATA(zero)
            out   zero, POWER(zero)
    twice:  mv    s1, ra
            call  once
            call  once
            jr    s1
    once:   addi  s2, s2, 1
            ret
            .balign 4
    handler: addi s3, s3, 1
            lw    k0, 4(zero)
            addi  k0, k0, 4
            sw    k0, 4(zero)
            lpsw  0(zero)
    """

  private func client(_ fields: [String: JSON] = [:], initialize: JSON = ["adapterID": "triad"])
    -> AdapterClient
  {
    let client = AdapterClient()
    var all = fields
    all["source"] = .string(Self.source)
    client.start("test.asm", all, initialize: initialize)
    return client
  }

  private func source(_ lines: [JSON]) -> JSON {
    ["source": ["path": "test.asm"], "breakpoints": .array(lines)]
  }

  /// The same conversation comes out the same on every engine.
  @Test func engineIsNoDifference() throws {
    var texts: [[String]] = []
    for kind in EngineKind.allCases {
      let client = AdapterClient()
      client.start("minos", ["engine": .string(kind.rawValue)])
      let source = try #require(client.frames().first?["source"])
      client.ask(
        "setFunctionBreakpoints",
        ["breakpoints": [["name": "puts", "condition": "a0 > 0"], ["name": "none"]]])
      #expect(client.move("continue") == "function breakpoint")
      client.move("stepOut")
      client.ask("setFunctionBreakpoints", ["breakpoints": []])
      client.ask(
        "setExceptionBreakpoints",
        ["filters": [], "filterOptions": [["filterId": "trap", "condition": "svc"]]])
      #expect(client.move("continue") == "exception")
      client.ask("exceptionInfo", ["threadId": 1])
      for reference in 1...3 { client.ask("variables", ["variablesReference": .integer(reference)]) }
      client.ask("scopes", ["frameId": 2])
      client.ask("variables", ["variablesReference": 1002])
      for command in ["stepIn", "next", "stepBack", "stepOut", "reverseContinue", "next"] {
        client.move(command)
        _ = client.frames()
      }
      client.ask(
        "disassemble",
        [
          "memoryReference": "0x924", "instructionOffset": -20, "instructionCount": 40,
          "resolveSymbols": true,
        ])
      client.ask("readMemory", ["memoryReference": "0x100", "count": 64])
      client.ask("source", ["source": source, "sourceReference": source["sourceReference"] ?? 0])
      client.ask("loadedSources")
      client.ask("evaluate", ["expression": "info registers", "context": "repl"])
      client.ask("disconnect")
      #expect(client.adapter.end == .disconnected)
      texts.append(client.messages.map(\.text))
    }
    #expect(texts[0] == texts[1])
    #expect(texts[1] == texts[2])
  }

  @Test func linesAndBreakpoints() throws {
    let client = client()
    #expect(client.line == 2 && client.count == 0)
    let set = client.breakpoints(
      client.ask(
        "setBreakpoints",
        source([
          ["line": 1], ["line": 20, "hitCondition": "% 2"], ["line": 17, "condition": "s2 == 3"],
          ["line": 99],
          ["line": 20, "condition": "s2 ="], ["line": 19, "logMessage": "s2 is {s2}, {nothing}"],
          ["line": 19, "hitCondition": "often"],
        ])))
    #expect(set.map { $0["verified"] == true } == [true, true, true, false, false, true, false])
    #expect(set.prefix(3).map { $0["line"]?.int } == [2, 20, 17])
    // Twice for the hit count, and once for the condition.
    var stops: [[Int]] = []
    while stops.count < 10, client.move("continue") == "breakpoint" {
      let stop = client.messages.last { $0["event"] == "stopped" }
      stops.append(stop?["body"]?["hitBreakpointIds"]?.array?.compactMap(\.int) ?? [])
    }
    let ids = set.map { $0["id"]?.int ?? 0 }
    #expect(stops == [[ids[1]], [ids[2]], [ids[1]], [ids[1]]])
    #expect(client.output("console").contains("s2 is 0x0, ("))
    #expect(client.output("console").split(separator: "\n").count { $0.hasPrefix("s2 is") } == 6)
  }

  @Test func stepsGoByLinesOverCallsAndTraps() {
    let client = client()
    // Two instructions make up the first line.
    client.move("next")
    #expect(client.line == 3)
    for _ in 0..<20 where client.line != 9 { client.move("next") }
    client.move("next")
    #expect(client.line == 10 && client.value("s2") == "2")
    client.move("next")
    #expect(client.line == 11 && client.value("s3") == "1")
    // Back to the beginning of each line, into the handler.
    client.move("stepBack")
    #expect(client.line == 26)
    for _ in 0..<5 { client.move("stepBack") }
    #expect(client.line == 10)
    client.move("stepIn")
    #expect(client.line == 22 && client.frames().first?["name"] == "handler [svc]")
    client.move("stepOut")
    #expect(client.line == 11)
    client.move("stepBack", ["granularity": "instruction"])
    #expect(client.line == 26)
    for _ in 0..<40 where client.count > 1 { client.move("stepBack", ["granularity": "instruction"]) }
    #expect(client.line == 2)
    client.move("stepBack")
    #expect(client.count == 0 && client.move("stepBack") == "entry")
  }

  /// Every step back undoes the step before it.
  @Test(arguments: EngineKind.allCases)
  func backUndoesForward(_ kind: EngineKind) {
    let client = client(["engine": .string(kind.rawValue)])
    var places: [DebugPosition] = []
    for _ in 0..<50 {
      places.append(client.session!.position)
      client.move("stepIn", ["granularity": "instruction"])
    }
    for place in places.reversed() {
      client.move("stepBack", ["granularity": "instruction"])
      #expect(client.session!.position == place)
    }
  }

  @Test func callsAreFollowed() throws {
    let client = client()
    client.ask("setFunctionBreakpoints", ["breakpoints": [["name": "once"]]])
    client.move("continue")
    #expect(client.frames().map { $0["name"]?.string } == ["once", "twice", "again"])
    #expect(client.frames().map { $0["line"]?.int } == [19, 16, 9])
    // What the registers of a call were, and what they are.
    let outer = client.ask("evaluate", ["expression": "pc", "context": "watch", "frameId": 3])
    #expect(
      outer["result"]?.string?.hasPrefix(
        hex(try #require(client.session?.address(ofLine: 9, in: "test.asm")))) == true)
    #expect(
      client.ask("stackTrace", ["threadId": 1, "startFrame": 1, "levels": 1])["stackFrames"]?.array?.count
        == 1)
    client.move("stepOut")
    #expect(client.frames().map { $0["name"]?.string } == ["twice", "again"])
    client.move("reverseContinue")
    #expect(client.frames().count == 3)
    // Written by hand: the calls are those of before.
    client.ask("setVariable", ["variablesReference": 1, "name": "r11 s2", "value": "40"])
    #expect(client.frames().count == 3)
    client.move("stepOut")
    #expect(client.frames().count == 2 && client.value("s2") == "0x29 (41)")
  }

  /// Under an operating system the calls of a process are there again when it is.
  @Test func callsOfProcesses() {
    let client = AdapterClient()
    client.start("minos")
    client.ask("setExceptionBreakpoints", ["filters": ["interrupt", "trap"]])
    var depths: Set<Int> = []
    for _ in 0..<12 {
      #expect(client.move("continue") == "exception")
      let frames = client.frames()
      #expect(frames.allSatisfy { $0["presentationHint"] == nil }, "all calls are known: \(frames)")
      #expect(frames.count >= 2 && frames[0]["name"]?.string?.contains("[") == true)
      depths.insert(frames.count)
    }
    #expect(depths.max()! <= 8, "calls that came back are gone: \(depths)")
  }

  /// An event that does not have to stop hides no breakpoint at the place to which it leads.
  @Test func breakpointsBehindEvents() {
    let client = client()
    client.ask(
      "setExceptionBreakpoints",
      ["filters": [], "filterOptions": [["filterId": "trap", "condition": "!svc"]]])
    client.ask("setFunctionBreakpoints", ["breakpoints": [["name": "handler"]]])
    #expect(client.move("continue") == "function breakpoint" && client.line == 22)
  }

  /// Filters that come while the machine runs hold from then on.
  @Test func filtersInARun() {
    let client = client()
    client.meanwhile = [client.bytes("setExceptionBreakpoints", ["filters": ["trap"]])]
    #expect(client.move("continue") == "exception" && client.line == 22)
  }

  @Test(arguments: EngineKind.allCases)
  func nextPassesInterrupts(_ kind: EngineKind) throws {
    let client = AdapterClient()
    client.start("minos", ["engine": .string(kind.rawValue)])
    client.ask("setExceptionBreakpoints", ["filters": ["interrupt"]])
    #expect(client.move("continue") == "exception")
    let handler = try #require(client.session?.position)
    client.ask("setExceptionBreakpoints", ["filters": []])
    client.move("stepBack", ["granularity": "instruction"])
    client.move("next", ["granularity": "instruction"])
    let place = try #require(client.session?.position)
    #expect(place.pc != handler.pc && place.count > handler.count)
    #expect(client.frames().first?["name"]?.string?.contains("[interrupt") == false)
  }

  @Test func pointsOfTheConsole() {
    let client = client()
    client.ask("evaluate", ["expression": "tbreak once", "context": "repl"])
    #expect(client.move("continue") == "breakpoint" && client.line == 19)
    // Of two at one place either may stop.
    client.ask("evaluate", ["expression": "break again", "context": "repl"])
    client.ask("evaluate", ["expression": "break again if s0 == 100", "context": "repl"])
    #expect(client.move("continue") == "breakpoint" && client.line == 8)
  }

  /// Conditions are given before there is a stack.
  @Test func conditionsOnMemoryThatIsNotThereYet() {
    let client = client()
    let set = client.breakpoints(
      client.ask(
        "setFunctionBreakpoints",
        [
          "breakpoints": [
            ["name": "once", "condition": "*(sp - 4) == 0 && 8 / s0 == 8"],
            ["name": "once", "condition": "*(nothing) == 0"],
          ]
        ]))
    #expect(set.map { $0["verified"] == true } == [true, false])
    #expect(client.move("continue") == "function breakpoint" && client.line == 19)
  }

  @Test func cancelOvertakes() throws {
    let client = client()
    client.ask("threads")
    let seq = try #require(client.messages.last { $0["type"] == "response" }?["request_seq"]?.int) + 1
    client.send(
      client.bytes("evaluate", ["expression": "s0"]) + client.bytes("cancel", ["requestId": .integer(seq)]))
    let answer = client.messages.last { $0["request_seq"]?.int == seq }
    #expect(answer?["success"] == false && answer?["message"] == "cancelled")
  }

  @Test func wideNumbers() {
    #expect(client().value("0x180000000") == "0x180000000 (6442450944)")
  }

  @Test func events() {
    let client = client()
    let filters = client.ask(
      "setExceptionBreakpoints",
      [
        "filters": ["device", "exit", "none"], "filterOptions": [["filterId": "trap", "condition": "bogus"]],
      ])
    #expect(client.breakpoints(filters).map { $0["verified"] == true } == [true, false, false, false])
    #expect(client.move("continue") == "exception" && client.line == 14)
    client.ask("restart")
    client.ask(
      "setExceptionBreakpoints",
      ["filters": ["end"], "filterOptions": [["filterId": "trap", "condition": "!svc"]]])
    // The machine stands at its end, can be taken back, and ends when it is to go on.
    #expect(client.move("continue") == "exception")
    #expect(client.ask("exceptionInfo", ["threadId": 1])["exceptionId"] == "end")
    #expect(client.value("s2") == "6")
    client.move("stepBack")
    #expect(client.line == 14)
    #expect(client.move("continue") == "exception")
    #expect(client.move("continue") == "terminated")
    #expect(client.refusal("continue", ["threadId": 1]).contains("restart"))
    #expect(client.messages.contains { $0["event"] == "exited" && $0["body"]?["exitCode"] == 0 })
  }

  @Test func dataBreakpoints() throws {
    let client = client()
    let register = client.ask("dataBreakpointInfo", ["variablesReference": 1, "name": "r11 s2"])
    let word = client.ask("dataBreakpointInfo", ["name": "word(0x24)"])
    let bytes = client.ask("dataBreakpointInfo", ["name": "0x2c", "asAddress": true, "bytes": 2])
    #expect(bytes["dataId"] == "memory:0x2c,2" && word["accessTypes"]?.array?.count == 3)
    for name in ["pc", "nothing"] {
      #expect(client.ask("dataBreakpointInfo", ["name": .string(name)])["dataId"] == nil)
    }
    let set = client.breakpoints(
      client.ask(
        "setDataBreakpoints",
        [
          "breakpoints": [
            ["dataId": register["dataId"]!, "accessType": "write", "hitCondition": "3"],
            ["dataId": word["dataId"]!, "accessType": "readWrite"],
            ["dataId": register["dataId"]!, "accessType": "read"], ["dataId": "memory:1"],
          ]
        ]))
    #expect(set.map { $0["verified"] == true } == [true, true, false, false])
    #expect(client.move("continue") == "data breakpoint" && client.line == 5)
    #expect(client.move("continue") == "data breakpoint" && client.value("s2") == "3")
    // A step stops at a watchpoint as well.
    client.ask("setDataBreakpoints", ["breakpoints": [["dataId": register["dataId"]!]]])
    for _ in 0..<40 where client.line != 19 { client.move("stepIn") }
    #expect(client.move("next") == "data breakpoint" && client.value("s2") == "4")
  }

  @Test func writing() {
    let client = client(initialize: [
      "adapterID": "triad", "supportsInvalidatedEvent": true, "supportsMemoryEvent": true,
      "linesStartAt1": false,
      "columnsStartAt1": false,
    ])
    #expect(client.line == 1)
    #expect(client.breakpoints(client.ask("setBreakpoints", source([["line": 6]]))).first?["line"] == 6)
    client.ask("writeMemory", ["memoryReference": "0x2001", "offset": -1, "data": "3q2+7w=="])
    #expect(client.value("*0x2000") == "0xefbeadde (-272716322)")
    #expect(client.ask("readMemory", ["memoryReference": "0x2000", "count": 5])["data"] == "3q2+7wA=")
    #expect(client.events("memory").count == 1)
    #expect(
      client.refusal("writeMemory", ["memoryReference": "0xfffffff0", "data": "AAAA"]).contains("no storage"))
    #expect(client.refusal("writeMemory", ["memoryReference": "0x2000", "data": "%"]).contains("base64"))
    client.ask("setExpression", ["expression": "half(0x2002)", "value": "-2"])
    #expect(client.value("*0x2000") == "0xfffeadde (-86562)")
    client.ask("setVariable", ["variablesReference": 3, "name": "new pc", "value": "once"])
    #expect(client.value("*0x24") == client.value("once"))
    #expect(
      client.refusal("setVariable", ["variablesReference": 2, "name": "mode", "value": "2"]).contains("fit"))
    #expect(client.refusal("setExpression", ["expression": "pc", "value": "2"]).contains("multiple"))
    #expect(client.refusal("setExpression", ["expression": "once", "value": "2"]).contains("cannot be set"))
    let target = client.ask("gotoTargets", ["source": ["path": "test.asm"], "line": 13])["targets"]?.array?
      .first
    client.ask("goto", ["threadId": 1, "targetId": target?["id"] ?? 0])
    #expect(client.line == 13 && client.move("stepBack") == "entry")
  }

  /// What comes while the machine runs is done, and the run goes on as if nothing had come.
  @Test func messagesInARun() throws {
    let plain = AdapterClient()
    plain.start("sieve")
    plain.move("next")
    plain.ask("setFunctionBreakpoints", ["breakpoints": [["name": "puts"]]])
    plain.move("continue")
    let client = AdapterClient()
    client.start("sieve")
    client.move("next")
    client.meanwhile = [
      client.bytes("threads"), client.bytes("stackTrace", ["threadId": 1]),
      client.bytes("setFunctionBreakpoints", ["breakpoints": [["name": "puts"]]]), [], client.bytes("pause"),
    ]
    #expect(client.move("continue") == "function breakpoint")
    #expect(client.count == plain.count && client.count > 0)
    #expect(client.messages.contains { $0["command"] == "stackTrace" && $0["message"] == "notStopped" })
  }

  @Test func pauseAndCancel() {
    let client = AdapterClient()
    client.start("spin")
    client.meanwhile = [[], client.bytes("pause"), client.bytes("threads")]
    #expect(client.move("continue") == "pause")
    client.meanwhile = [client.bytes("pause")]
    #expect(client.move("stepOut") == "pause")
    // A command of the debug console ends with it, too, and is told of.
    client.meanwhile = [client.bytes("threads"), client.bytes("pause")]
    client.ask("evaluate", ["expression": "continue", "context": "repl"])
    #expect(client.events("stopped").count == 1)
    client.meanwhile = [
      client.bytes("evaluate", ["expression": "1"]) + client.bytes("cancel", ["requestId": 0])
    ]
    client.meanwhile += [client.bytes("disconnect")]
    client.adapter.receive(client.bytes("continue", ["threadId": 1]))
    #expect(client.adapter.end == .disconnected)
  }

  /// A step over a call that is interrupted, again and again, ends where one ends that is not.
  @Test func stepsGoOn() {
    let source = """
              .include "toy.inc"
      start:  la    sp, 0x8000
              call  first
              call  second
              out   zero, POWER(zero)
      first:  mv    s1, ra
              li    t0, 20000
      1:      call  leaf
              addi  t0, t0, -1
              bnez  t0, 1b
              jr    s1
      second: addi  sp, sp, -4
              sw    ra, 0(sp)
              li    t0, 20000
      1:      call  leaf
              addi  t0, t0, -1
              bnez  t0, 1b
              lw    ra, 0(sp)
              addi  sp, sp, 4
      leaf:   ret
      """
    var counts: [[UInt64]] = []
    for isInterrupted in [false, true] {
      let client = AdapterClient()
      client.start("calls.asm", ["source": .string(source)])
      if isInterrupted { client.meanwhile = (0..<50).map { _ in client.bytes("threads") } }
      for line in 3...5 {
        client.move("next")
        #expect(client.line == line)
      }
      counts.append([client.count])
      #expect(!isInterrupted || client.meanwhile.count < 40, "it was interrupted")
    }
    #expect(counts[0] == counts[1] && counts[0][0] > 150_000, "\(counts)")
  }

  /// A program that a trap took the processor from has its calls again when it goes on.
  @Test func callsComeBackWithTheirProgram() {
    let source = """
              .include "toy.inc"
      start:  la    t0, handler
              sw    t0, 0x24(zero)
              li    t0, -4
              sw    t0, 0x2c(zero)
              call  f
              out   zero, POWER(zero)
      f:      svc   1
              addi  s0, s0, 1
              ret
      other:  call  g
      g:      svc   2
      handler: lw   k0, 0x14(zero)
              addi  k0, k0, -1
              bnez  k0, again
              lw    k0, 0(zero)
              sw    k0, kept(zero)
              lw    k0, 4(zero)
              addi  k0, k0, 4
              sw    k0, kept+4(zero)
              lw    k0, 8(zero)
              sw    k0, kept+8(zero)
              lw    k0, 12(zero)
              sw    k0, kept+12(zero)
              la    k0, other
              sw    k0, 4(zero)
              lpsw  0(zero)
      again:  lpsw  kept(zero)
              .data
              .balign 4
      kept:   .space 16
      """
    let client = AdapterClient()
    client.start("programs.asm", ["source": .string(source)])
    client.ask(
      "setBreakpoints", ["source": ["path": "programs.asm"], "breakpoints": [["line": 9], ["line": 12]]])
    #expect(client.move("continue") == "breakpoint" && client.frames().first?["name"] == "g")
    #expect(client.move("continue") == "breakpoint")
    #expect(client.frames().map { $0["name"]?.string } == ["f", "start"])
  }

  @Test func console() {
    let client = client()
    #expect(client.ask("evaluate", ["expression": "1 + 2", "context": "repl"])["result"] == "3")
    _ = client.events("stopped")
    client.ask("evaluate", ["expression": "stepi 3", "context": "repl"])
    #expect(client.events("stopped").count == 1 && client.count == 3)
    client.ask("setFunctionBreakpoints", ["breakpoints": [["name": "once"]]])
    client.ask("evaluate", ["expression": "delete", "context": "repl"])
    #expect(client.events("breakpoint").first?["reason"] == "removed")
    #expect(client.refusal("evaluate", ["expression": "frobnicate", "context": "repl"]).contains("help"))
    #expect(
      client.refusal("evaluate", ["expression": "break nowhere", "context": "repl"]).contains("nowhere"))
    let long = String(repeating: "1+", count: 1_000_000) + "1"
    #expect(client.refusal("evaluate", ["expression": .string(long), "context": "watch"]).contains("4096"))
    let labels = client.ask("completions", ["text": "break ag", "column": 9])["targets"]?.array?.map {
      $0["label"]?.string
    }
    #expect(labels == ["again"])
    client.ask("evaluate", ["expression": "quit", "context": "repl"])
    #expect(client.events("terminated").count == 1)
  }

  /// After a restart the breakpoints are there, and those of the first instruction stop, too.
  @Test func restart() {
    let client = AdapterClient()
    client.ask("initialize", ["adapterID": "triad"])
    client.ask("launch", ["program": "test.asm", "source": .string(Self.source)])
    client.ask("setBreakpoints", source([["line": 2], ["line": 19, "hitCondition": "== 2"]]))
    client.ask("configurationDone")
    #expect(client.events("stopped").first?["reason"] == "breakpoint" && client.count == 0)
    client.move("continue")
    #expect(client.value("s2") == "1")
    client.ask("restart")
    #expect(client.count == 0 && client.events("stopped").count == 1)
    client.move("continue")
    #expect(client.value("s2") == "1")
    #expect(client.move("continue") == "terminated")
  }

  @Test func refusals() {
    let client = AdapterClient()
    #expect(client.refusal("threads").contains("initialize"))
    #expect(client.refusal("initialize", ["adapterID": "triad", "pathFormat": "uri"]).contains("pathFormat"))
    client.ask("initialize", ["adapterID": "triad"])
    #expect(client.refusal("initialize").contains("once"))
    #expect(client.refusal("stackTrace").contains("launch"))
    #expect(client.refusal("launch", ["program": "long64"]).contains("--gdb"))
    #expect(client.refusal("attach").contains("launch"))
    #expect(client.refusal("setBreakpoint").contains("setBreakpoints"))
    client.ask("launch", ["program": "hello"])
    #expect(client.refusal("launch", ["program": "hello"]).contains("restart"))
    let other = client.ask("setBreakpoints", ["source": ["path": "other.c"], "breakpoints": [["line": 1]]])
    #expect(client.breakpoints(other).first?["verified"] == false)
    #expect(
      client.refusal("disassemble", ["memoryReference": "0x100", "instructionCount": 10_000_000]).contains(
        "65536"))
    #expect(client.refusal("readMemory", ["memoryReference": "here", "count": 1]).contains("here"))
    #expect(client.refusal("source", ["sourceReference": 99]).contains("text"))
  }

  /// As many rows as were asked for, in order, wherever that is.
  @Test(arguments: [-1000, -66, -10, 0, 5, 1 << 31])
  func disassembly(_ offset: Int) {
    let client = client()
    let rows =
      client.ask(
        "disassemble",
        ["memoryReference": "0x100", "instructionOffset": .integer(offset), "instructionCount": 70])[
        "instructions"]?
      .array ?? []
    let addresses = rows.compactMap { $0["address"]?.string.flatMap { parseNumber($0) } }
    #expect(addresses.count == 70 && addresses == addresses.sorted())
    #expect(rows.allSatisfy { $0["presentationHint"] == "invalid" || $0["instructionBytes"] != nil })
  }
}
