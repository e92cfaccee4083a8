internal import MachineCore
internal import Properties
internal import ToyISA
internal import Trace

extension DebugAdapter {
  // MARK: Requests

  func setBreakpoints(_ arguments: JSON) throws -> JSON {
    let wishes =
      arguments["breakpoints"]?.array ?? (arguments["lines"]?.array ?? []).map { ["line": $0] }
    guard let file = sources.number(arguments["source"]) else {
      // A client sends the breakpoints of all files it has; those of other programs are no mistake.
      let name = arguments["source"]?["path"]?.string ?? arguments["source"]?["name"]?.string ?? "this file"
      let text = "`\(name)` is no source of \(session.workload.name)"
      return [
        "breakpoints": .array(
          wishes.map { _ in
            [
              "id": .integer(points.makeID()), "verified": false, "message": .string(text),
              "reason": "failed",
            ]
          })
      ]
    }
    return replace(group: file, wishes) { wish in
      guard let line = wish["line"]?.int else { throw Failure("a breakpoint without `line`") }
      return .source(file: file, line: line + 1 - sources.firstLine)
    }
  }

  func setFunctionBreakpoints(_ arguments: JSON) throws -> JSON {
    replace(group: -1, arguments["breakpoints"]?.array ?? []) { wish in
      guard let name = wish["name"]?.string else { throw Failure("a breakpoint without `name`") }
      return .function(name)
    }
  }

  func setInstructionBreakpoints(_ arguments: JSON) throws -> JSON {
    replace(group: -2, arguments["breakpoints"]?.array ?? []) { wish in
      .instruction(try address(wish["instructionReference"], wish["offset"]))
    }
  }

  func setDataBreakpoints(_ arguments: JSON) throws -> JSON {
    replace(group: -3, arguments["breakpoints"]?.array ?? []) { wish in
      guard let id = wish["dataId"]?.string, let subject = dataSubject(id) else {
        throw Failure("dataId must be one that `dataBreakpointInfo` gave")
      }
      switch wish["accessType"]?.string ?? "write" {
      case "write": return .data(subject, .change)
      case "read": return .data(subject, .read)
      case "readWrite": return .data(subject, .access)
      case let other: throw Failure("accessType is read, write or readWrite, not `\(other)`")
      }
    }
  }

  func setExceptionBreakpoints(_ arguments: JSON) throws -> JSON {
    var wishes: [(String, String?)] = (arguments["filters"]?.array ?? []).map { ($0.string ?? "", nil) }
    for option in arguments["filterOptions"]?.array ?? [] {
      wishes.append((option["filterId"]?.string ?? "", option["condition"]?.string))
    }
    points.exceptions = [:]
    let answers = wishes.map { name, condition -> JSON in
      do {
        try addException(name, condition)
        return ["verified": true]
      } catch {
        return ["verified": false, "message": .string("\(error)"), "reason": "failed"]
      }
    }
    return ["breakpoints": .array(answers)]
  }

  private func addException(_ name: String, _ condition: String?) throws {
    guard let filter = ExceptionFilter(rawValue: name) else {
      throw Failure(
        "there is no filter `\(name)`; there are \(ExceptionFilter.allCases.map(\.rawValue).joined(separator: ", "))"
      )
    }
    if filter == .exit, session.engine.exitNames.isEmpty {
      throw Failure(
        "the \(session.engine.kind.rawValue) has no exits: launch with `engine` set to `virtualizer`")
    }
    let wish = ExceptionWish(condition)
    let names = filter == .exit ? session.engine.exitNames : session.engine.instructionSet.causes
    if filter.takesCondition, let word = wish.unknown(among: names) {
      throw Failure(
        "`\(word)` is no cause; there are \(names.filter { !$0.isEmpty }.joined(separator: ", "))")
    }
    points.exceptions[filter] = filter.takesCondition ? wish : ExceptionWish(nil)
  }

  func breakpointLocations(_ arguments: JSON) throws -> JSON {
    guard let file = sources.number(arguments["source"]), let first = arguments["line"]?.int else {
      return ["breakpoints": []]
    }
    let shift = 1 - sources.firstLine
    let last = max(first, arguments["endLine"]?.int ?? first)
    let found = sources.lines(file).filter { $0.line >= first + shift && $0.line <= last + shift }
    return ["breakpoints": .array(found.map { ["line": .integer($0.line - shift)] })]
  }

  func dataBreakpointInfo(_ arguments: JSON) throws -> JSON {
    let name = arguments["name"]?.string ?? ""
    func refusal(_ text: String) -> JSON { ["dataId": .null, "description": .string(text)] }
    do {
      let container = arguments["variablesReference"]?.int ?? 0
      let subject = try dataSubject(name, container, arguments)
      switch subject {
      case .register(let number):
        let text = session.engine.instructionSet.registers[number].name
        if number == Int(session.engine.instructionSet.system.programCounter) {
          return refusal("the program counter changes with every instruction: set a breakpoint")
        }
        return [
          "dataId": .string("register:\(number)"), "description": .string("register \(text)"),
          "accessTypes": ["write"], "canPersist": true,
        ]
      case .memory(let address, let length):
        return [
          "dataId": .string("memory:\(hex(address)),\(length)"),
          "description": .string("\(length) bytes at \(hex(address))"),
          "accessTypes": session.engine.capabilities.recordsMemoryEffects
            ? ["read", "write", "readWrite"] : ["write"],
          "canPersist": true,
        ]
      }
    } catch {
      return refusal("\(error)")
    }
  }

  private func dataSubject(_ name: String, _ container: Int, _ arguments: JSON) throws -> Watchpoint.Subject {
    if arguments["asAddress"]?.bool == true {
      let length = arguments["bytes"]?.int ?? 4
      guard (1...8).contains(length) else { throw Failure("1 to 8 bytes can be watched, not \(length)") }
      return .memory(try value(name), length: length)
    }
    if container != 0 {
      switch try subject(ofVariable: name, in: container) {
      case .register(let number): return .register(number)
      case .memory:
        throw Failure("the trap save area is written by the processor itself: stop at traps instead")
      case nil: throw Failure("`\(name)` cannot be watched")
      }
    }
    let plain = name.hasPrefix("$") ? String(name.dropFirst()) : name
    if let number = session.registerNumber(named: plain) { return .register(number) }
    // `byte(…)` and the like, and `*…`, are the memory that they mean; a label is a word.
    for (word, size) in [("byte", 1), ("half", 2), ("word", 4), ("quad", 8)]
    where name.hasPrefix(word + "(") && name.hasSuffix(")") {
      return .memory(try value(String(name.dropFirst(word.count))), length: size)
    }
    return .memory(try value(name.hasPrefix("*") ? String(name.dropFirst()) : name), length: 4)
  }

  private func dataSubject(_ id: String) -> Watchpoint.Subject? {
    let parts = id.split(separator: ":", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return nil }
    if parts[0] == "register" {
      guard let number = Int(parts[1]), session.engine.instructionSet.registers.indices.contains(number),
        number != Int(session.engine.instructionSet.system.programCounter)
      else { return nil }
      return .register(number)
    }
    let words = parts[1].split(separator: ",").map(String.init)
    guard parts[0] == "memory", words.count == 2, let address = parseNumber(words[0]),
      let length = Int(words[1]),
      (1...8).contains(length)
    else { return nil }
    return .memory(address, length: length)
  }

  // MARK: Setting

  /// Puts other breakpoints in place of those of a group; those that stay keep their counts.
  private func replace(
    group: Int, _ wishes: [JSON], _ kind: (JSON) throws -> AdapterPoint.Kind
  ) -> JSON {
    let old = points.points.filter { $0.group == group }
    for point in old { for number in point.numbers { session.remove(number) } }
    points.points.removeAll { $0.group == group }
    let answers = wishes.map { wish -> JSON in
      do {
        var point = AdapterPoint(id: 0, kind: try kind(wish))
        let before = old.first { $0.kind == point.kind && !points.points.map(\.id).contains($0.id) }
        point.id = before?.id ?? points.makeID()
        point.hits = before?.hits ?? 0
        try readConditions(wish, &point)
        place(&point)
        points.points.append(point)
        return json(point)
      } catch {
        return [
          "id": .integer(points.makeID()), "verified": false, "message": .string("\(error)"),
          "reason": "failed",
        ]
      }
    }
    return ["breakpoints": .array(answers)]
  }

  private func readConditions(_ wish: JSON, _ point: inout AdapterPoint) throws {
    if let text = wish["condition"]?.string, !text.trimmed.isEmpty {
      let condition = try DebugExpression(text)
      // A name that is none is told now, not at the first stop.
      try condition.checkNames(session)
      point.condition = condition
    }
    if let text = wish["hitCondition"]?.string, !text.trimmed.isEmpty {
      guard let condition = HitCondition(text) else {
        throw Failure("a hit count is N, == N, > N, >= N, < N, <= N or % N, not `\(text)`")
      }
      point.hit = condition
    }
    if let text = wish["logMessage"]?.string, !text.isEmpty { point.log = try LogMessage(text) }
  }

  /// Sets a breakpoint in the session, or says why not.
  func place(_ point: inout AdapterPoint) {
    point.numbers = []
    point.addresses = []
    point.problem = nil
    switch point.kind {
    case .source(let file, let line):
      guard let image = sources.image,
        let found = sources.lines(file).first(where: { $0.line >= line })
      else {
        point.problem = "there is no instruction at or behind line \(line)"
        return
      }
      point.line = found.line
      point.addresses = found.starts.map { session.address(of: $0, in: image) }
    case .function(let name):
      guard let address = session.workload.symbolAddress(name) else {
        let near =
          nearest(to: name, among: session.workload.symbolNames).map { "; did you mean `\($0)`?" } ?? ""
        point.problem = "there is no label `\(name)`" + near
        return
      }
      point.addresses = [address]
    case .instruction(let address):
      guard address % 4 == 0 else {
        point.problem = "instructions are at multiples of 4"
        return
      }
      point.addresses = [address]
    case .data(let subject, let use):
      if case .register = subject, use != .change {
        point.problem = "registers are watched for changes only"
        return
      }
      do {
        point.numbers = [try session.addWatchpoint(subject, use)]
      } catch {
        point.problem = error.description
      }
      return
    }
    for address in Set(point.addresses).sorted() {
      point.numbers.append(session.addBreakpoint(address, condition: point.condition))
    }
  }

  func json(_ point: AdapterPoint) -> JSON {
    var fields: [String: JSON?] = [
      "id": .integer(point.id), "verified": .bool(point.problem == nil),
      "message": point.problem.map { .string($0) }, "reason": point.problem == nil ? nil : "failed",
    ]
    if let address = point.addresses.first {
      fields["instructionReference"] = .string(hex(address))
      if case .source(let file, _) = point.kind, let line = point.line {
        fields["source"] = sources.json(file)
        fields["line"] = .integer(line - 1 + sources.firstLine)
      } else if let place = position(of: address) {
        fields["source"] = sources.json(place.file)
        fields["line"] = .integer(place.line - 1 + sources.firstLine)
      }
    }
    return .fields(fields)
  }

  // MARK: Stops

  /// Whether a breakpoint at the present place lets the machine stand.
  ///
  /// - Parameter number: the session's number of the breakpoint that was found first.
  func settleBreakpoint(_ number: Int?, _ isBackward: Bool) -> Bool {
    let here = session.codeAddress
    var ids: [Int] = []
    var reasons: [String] = []
    for index in points.points.indices where points.points[index].addresses.contains(here) {
      let point = points.points[index]
      if let condition = point.condition, (try? condition.value(session)) == 0 { continue }
      var reason = "breakpoint"
      switch point.kind {
      case .source(let file, _):
        // The same address of another address space is another line.
        if let line = point.line, let place = position(of: here),
          place != SourcePosition(file: file, line: line)
        {
          continue
        }
      case .function: reason = "function breakpoint"
      case .instruction: reason = "instruction breakpoint"
      case .data: continue
      }
      guard meets(index, isBackward) else { continue }
      ids.append(point.id)
      reasons.append(reason)
    }
    // A point of the debug console has no number for the client; a temporary one is gone already.
    let known = Set(points.points.flatMap(\.numbers))
    var isOwn =
      number.map { number in
        !known.contains(number) && !session.breakpoints.contains { $0.number == number }
      } ?? false
    for point in session.breakpoints where point.address == here && !known.contains(point.number) {
      isOwn = isOwn || point.condition.map { (try? $0.value(session)) != 0 } ?? true
    }
    guard !ids.isEmpty || isOwn else { return false }
    stopped(reasons.first ?? "breakpoint", nil, ids: ids)
    return true
  }

  func settleWatchpoint(_ number: Int, _ old: UInt64, _ new: UInt64, _ isBackward: Bool) -> Bool {
    guard let watch = session.watchpoints.first(where: { $0.number == number }) else { return false }
    let change = watch.use == .change ? "\(hex(old)) -> \(hex(new))" : "\(watch.use.rawValue), \(hex(new))"
    let text = "\(stepper.subject(watch)): \(change)"
    guard let index = points.points.firstIndex(where: { $0.numbers.contains(number) }) else {
      stopped("data breakpoint", text)
      return true
    }
    if let condition = points.points[index].condition, (try? condition.value(session)) == 0 { return false }
    guard meets(index, isBackward) else { return false }
    stopped("data breakpoint", text, ids: [points.points[index].id])
    return true
  }

  /// Counts a hit, and writes a log point's message; whether the machine is to stop.
  private func meets(_ index: Int, _ isBackward: Bool) -> Bool {
    // Going back, nothing is met a first time.
    guard !isBackward else { return points.points[index].log == nil }
    points.points[index].hits += 1
    if let hit = points.points[index].hit, !hit.holds(points.points[index].hits) { return false }
    guard let log = points.points[index].log else { return true }
    flushConsole()
    tell(log.text(session) + "\n")
    return false
  }
}
