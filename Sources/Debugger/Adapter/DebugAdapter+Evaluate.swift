internal import MachineCore
internal import Properties
internal import ToyISA

/// What the debug console does besides answering.
struct Evaluation {
  var position: DebugPosition
  var end: StopReason?
  var edits: Int
}

extension DebugAdapter {
  func source(_ arguments: JSON) throws -> JSON {
    let reference = arguments["source"] ?? ["sourceReference": arguments["sourceReference"] ?? 0]
    guard
      let number = sources.number(reference)
        ?? sources.number(["sourceReference": arguments["sourceReference"] ?? 0]),
      let text = sources.text(number)
    else { throw Failure("the program does not carry the text of that source") }
    return ["content": .string(text), "mimeType": "text/x-asm"]
  }

  func exceptionInfo() throws -> JSON {
    guard let event = lastEvent else { throw Failure("the machine did not stop for an event") }
    return [
      "exceptionId": .string(event.id), "description": .string(event.text), "breakMode": "always",
      "details": ["message": .string(event.text), "typeName": .string(event.id)],
    ]
  }

  func evaluate(_ arguments: JSON) throws -> JSON {
    guard let text = arguments["expression"]?.string?.trimmed, !text.isEmpty else {
      throw Failure("an expression is missing")
    }
    guard arguments["context"]?.string == "repl" else {
      let number = try value(text, frame: arguments["frameId"]?.int ?? 1)
      return [
        "result": .string(Self.shown(number)), "variablesReference": 0, "type": "word",
        "memoryReference": .string(hex(number)),
      ]
    }
    let word = text.prefix { $0 != " " && $0 != "/" }
    guard StepperCommand.named(String(word)) != nil else {
      // What is no command is an expression, whose value is asked for.
      do {
        return [
          "result": .string(Self.shown(try value(text))), "variablesReference": 0,
          "memoryReference": .string(hex(try value(text))),
        ]
      } catch let failure as DebugExpression.Failure {
        throw Failure("\(failure); `help` lists the commands")
      }
    }
    return try console(text)
  }

  /// An expression's value with the registers, and the address space, of a frame.
  private func value(_ text: String, frame: Int) throws -> UInt64 {
    guard frame > 1 else { return try value(text) }
    let frames = frames().frames
    guard frame <= frames.count, let state = state(frames[frame - 1].registers) else {
      throw Failure("the registers of that call are not known")
    }
    return try DebugExpression(text).value(FrameValues(session: session, state: state))
  }

  /// Carries out a command of the stepper.
  private func console(_ text: String) throws -> JSON {
    evaluation = Evaluation(position: session.position, end: session.end, edits: session.edits)
    stepperText = []
    let failures = stepper.failures
    let next = stepper.execute(text)
    flushConsole()
    let lines = stepperText.joined(separator: "\n")
    if stepper.failures > failures {
      throw Failure(
        stepperText.last.map { $0.hasPrefix("error: ") ? String($0.dropFirst(7)) : $0 } ?? "it failed")
    }
    if next == .quit { quits = true }
    return ["result": .string(lines), "variablesReference": 0]
  }

  /// Tells the client what a command of the debug console has changed.
  func afterEvaluation() {
    guard let before = evaluation else { return }
    evaluation = nil
    if quits {
      quits = false
      return terminated()
    }
    points.forget(self)
    if session.edits != before.edits { changed() }
    if session.end != before.end || session.position != before.position {
      isTerminated = false
      lastEvent = nil
      if let end = session.end {
        _ = settle(.ended(end))
        return
      }
      stopped("step", nil)
    }
  }

  func completions(_ arguments: JSON) throws -> JSON {
    let text = arguments["text"]?.string ?? ""
    let units = Array(text.utf16)
    let column = (arguments["column"]?.int ?? 1) - sources.firstColumn
    let before = String(decoding: units.prefix(max(0, min(column, units.count))), as: UTF16.self)
    let word = String(
      before.reversed().prefix { $0.isLetter || $0.isNumber || "_.$".contains($0) }.reversed())
    let isFirst = before.trimmed == word
    let bare = word.hasPrefix("$") ? String(word.dropFirst()) : word
    var items: [JSON] = []
    func add(_ names: [String], _ type: String) {
      for name in names where name.hasPrefix(bare) && name != bare {
        items.append([
          "label": .string(name), "type": .string(type),
          "start": .integer(column - bare.utf16.count + sources.firstColumn),
          "length": .integer(bare.utf16.count),
        ])
      }
    }
    if isFirst, !word.hasPrefix("$") { add(StepperCommand.all.map { $0.names[0] }, "keyword") }
    add(session.engine.instructionSet.registers.map(\.name) + ToyRegister.aliases.map(\.name), "variable")
    if !word.hasPrefix("$") { add(session.workload.symbolNames.sorted(), "function") }
    return ["targets": .array(Array(items.prefix(200)))]
  }
}

extension BreakpointTable {
  /// Drops what the debug console has removed, and tells the client.
  mutating func forget(_ adapter: DebugAdapter) {
    let there = Set(adapter.session.breakpoints.map(\.number) + adapter.session.watchpoints.map(\.number))
    points.removeAll { point in
      guard !point.numbers.isEmpty, !point.numbers.contains(where: there.contains) else { return false }
      adapter.event(
        "breakpoint", ["reason": "removed", "breakpoint": ["id": .integer(point.id), "verified": false]])
      return true
    }
  }
}

/// What expressions see from a call that has not come back: its registers, and memory as it is now.
private struct FrameValues: DebugValues {
  let session: DebugSession
  let state: ProcessorState

  func register(named name: String) -> UInt64? {
    session.registerNumber(named: name).map { state.registers[$0] }
  }
  func symbol(named name: String) -> UInt64? { session.symbol(named: name) }
  func number(at address: UInt64, bytes: Int) -> UInt64? {
    let memory = PhysicalMemory(platform: session.engine.platform)
    var value: UInt64 = 0
    for index in 0..<bytes {
      guard let place = session.view.walk(address &+ UInt64(index), state, memory).physical,
        let byte = memory.byte(place)
      else { return nil }
      value |= UInt64(byte) << UInt64(index * 8)
    }
    return value
  }
}
