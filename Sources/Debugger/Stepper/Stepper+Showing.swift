internal import MachineCore
internal import Properties
internal import Trace

extension Stepper {
  /// Where the machines are, and what has changed since the last stop.
  func showPlace() {
    let state = session.engine.state
    let names = session.engine.instructionSet.registers
    let changed = zip(shown, state.registers).enumerated().filter { number, pair in
      pair.0 != pair.1 && number != Int(session.engine.instructionSet.system.programCounter)
        && names[number].isTraced
    }
    let texts = changed.prefix(6).map { "\(names[$0.offset].name)=\(hex($0.element.1))" }
    if !texts.isEmpty {
      line("  " + texts.joined(separator: " ") + (changed.count > 6 ? " (\(changed.count - 6) more)" : ""))
    }
    shown = state.registers
    nextMemory = session.codeAddress
    let count = session.counts || session.isCountExact ? "n=\(session.position.count) " : ""
    guard let instruction = session.disassemble(session.codeAddress, count: 1).first else {
      return line("\(count)\(hex(session.codeAddress)) (no memory)")
    }
    let place = instruction.place.map { "  [\($0)]" } ?? ""
    line("\(count)\(hex(instruction.address)) \(styled(instruction.text, .strong))\(place)")
    guard !isSingle else { return }
    let kinds = lockstep.sessions.map(\.engine.kind.rawValue)
    line("  \(kinds.joined(separator: ", ")) agree", .faint)
  }

  /// The first difference, as `triad diff` shows it.
  func show(_ difference: Lockstep.Difference) {
    sawDifference = true
    line("the machines differ", .bad)
    if let (divergence, left, right) = difference.divergence {
      let session = lockstep.sessions[difference.pair.0]
      let context = session.view.context(session.engine.state)
      let renderer = DivergenceRenderer(
        left: left, right: right,
        disassemble: { record in
          session.view.disassemble(record.bytes.array, at: record.pc, context: context).text
        }, locate: { session.location(of: $0).name })
      for text in renderer.unified(divergence).trimmed.split(
        separator: "\n", omittingEmptySubsequences: false)
      {
        line(String(text), text.hasPrefix("-") ? .bad : text.hasPrefix("+") ? .good : .plain)
      }
    }
    let kinds = [difference.pair.0, difference.pair.1].map { lockstep.sessions[$0].engine.kind.rawValue }
    line("states of \(kinds[0]) and \(kinds[1]) after it:")
    for text in difference.states { line("  " + text) }
    for (session, kind) in zip(lockstep.sessions, lockstep.sessions.map(\.engine.kind.rawValue)) {
      line("  \(kind) at n=\(session.position.count) \(hex(session.codeAddress))")
    }
  }

  func info(_ text: String) throws {
    let words = text.split(separator: " ").map(String.init)
    switch words.first {
    case "registers", "r", "reg":
      guard words.count == 1 else {
        for word in words.dropFirst() { line("\(word) \(hex(try value(word)))") }
        return
      }
      showRegisters(session.mainRegisters)
    case "all", "all-registers": showRegisters(Array(session.engine.instructionSet.registers.indices))
    case "breakpoints", "b", "watchpoints": showPoints()
    case "exits":
      for session in lockstep.sessions {
        if !isSingle { line(session.engine.kind.rawValue, .strong) }
        line(DebugText.exits(session))
      }
    case "engines":
      for session in lockstep.sessions { line("\(session.engine.kind.rawValue) (\(session.engine.flavour))") }
    default: throw Failure("info takes registers, all, breakpoints, exits or engines")
    }
  }

  /// Registers in columns that fit 80 characters; where machines differ, one line for each register.
  private func showRegisters(_ numbers: [Int]) {
    let names = session.engine.instructionSet.registers.map(\.name)
    let states = lockstep.sessions.map { $0.engine.state.registers }
    let width = numbers.map { names[$0].count }.max() ?? 0
    let digits = session.view.addressBytes == 4 ? 10 : 18
    let perLine = max(1, 80 / (width + digits + 3))
    var cells: [String] = []
    for number in numbers {
      let values = states.map { $0[number] }
      let name = names[number] + String(repeating: " ", count: width - names[number].count)
      let isSame = values.allSatisfy { $0 == values[0] }
      let text = isSame ? hex(values[0]) : values.map { hex($0) }.joined(separator: " | ") + " *"
      cells.append("\(name) \(text)" + String(repeating: " ", count: max(0, digits - text.count)))
    }
    for start in stride(from: 0, to: cells.count, by: perLine) {
      var text = cells[start..<min(start + perLine, cells.count)].joined(separator: "  ")
      while text.last == " " { text.removeLast() }
      line(text)
    }
  }

  private func showPoints() {
    if session.breakpoints.isEmpty, session.watchpoints.isEmpty { return line("there are none") }
    var lines: [(number: Int, text: String)] = []
    for point in session.breakpoints {
      let name = session.location(of: point.address).name.map { " (\($0))" } ?? ""
      let condition = point.condition.map { " if \($0.text)" } ?? ""
      lines.append((point.number, "break \(hex(point.address))\(name)\(condition), \(stops(point.hits))"))
    }
    for point in session.watchpoints {
      lines.append((point.number, "watch \(point.use.rawValue) of \(subject(point)), \(stops(point.hits))"))
    }
    for one in lines.sorted(by: { $0.number < $1.number }) { line("\(one.number) \(one.text)") }
  }

  private func stops(_ count: Int) -> String { count == 1 ? "1 stop" : "\(count) stops" }

  func printed(_ text: String) throws -> String {
    let number = try value(text)
    let signed = Int64(bitPattern: number)
    return "\(hex(number)) \(number)" + (signed < 0 ? " \(signed)" : "")
  }

  /// `x/8w ADDR`: bytes, halves, words of 4, giants of 8, instructions, or a string.
  func examine(_ format: String, _ rest: String) throws {
    let digits = format.prefix { $0.isNumber }
    let letters = format.dropFirst(digits.count).filter { $0 != "x" }
    guard letters.count <= 1, letters.isEmpty || "bhwgis".contains(letters) else {
      throw Failure("x/N takes one of b, h, w, g, i, s behind the number, not `\(letters)`")
    }
    let count = digits.isEmpty ? 1 : Int(digits) ?? 0
    guard (1...4096).contains(count) else { throw Failure("x shows 1 to 4096 units") }
    let start = rest.isEmpty ? nextMemory : try place(rest)
    if letters == "i" { return showInstructions(start, count) }
    if letters == "s" {
      let bytes = session.read(start, count: min(count * 80, 4096)).prefix { $0 != 0 }
      let text = String(decoding: bytes, as: UTF8.self).map { $0.isNewline ? "\\n" : "\($0)" }.joined()
      nextMemory = start &+ UInt64(bytes.count) &+ 1
      return line("\(hex(start)): \"\(text)\"")
    }
    let size = letters == "b" ? 1 : letters == "h" ? 2 : letters == "g" ? 8 : 4
    let bytes = session.read(start, count: size * count)
    let perLine = size == 1 ? 16 : size == 8 ? 2 : size == 2 ? 8 : 4
    for first in stride(from: 0, to: bytes.count / size, by: perLine) {
      let values = (first..<min(first + perLine, bytes.count / size)).map { unit in
        let part = bytes[(unit * size)..<((unit + 1) * size)]
        let number = part.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return hex(number, digits: size * 2).dropFirst(2)
      }
      line("\(hex(start &+ UInt64(first * size))): \(values.joined(separator: " "))")
    }
    nextMemory = start &+ UInt64(bytes.count / size * size)
    if bytes.count < size * count {
      throw Failure("there is no memory at \(hex(start &+ UInt64(bytes.count)))")
    }
  }

  func list(_ rest: String) throws {
    let start = rest.isEmpty ? session.codeAddress : try place(rest)
    let lines = session.source(around: start, lines: 10)
    if lines.isEmpty { return showInstructions(start, 10) }
    let width = lines.map { "\($0.number)".count }.max() ?? 0
    for one in lines {
      let number = String(repeating: " ", count: width - "\(one.number)".count) + "\(one.number)"
      let text = "\(one.isHere ? "=>" : "  ") \(number) \(one.text)"
      line(String(text.prefix(79)), one.isHere ? .strong : .plain)
    }
  }

  func disassemble(_ rest: String) throws {
    showInstructions(rest.isEmpty ? session.codeAddress : try place(rest), 10)
  }

  private func showInstructions(_ start: UInt64, _ count: Int) {
    let lines = session.disassemble(start, count: count)
    for one in lines {
      let mark = one.address == session.codeAddress ? "=>" : "  "
      let place = one.place.map { "  [\($0)]" } ?? ""
      line("\(mark) \(hex(one.address)) \(one.text)\(place)", mark == "=>" ? .strong : .plain)
    }
    if lines.isEmpty { line("there is no memory at \(hex(start))") }
    if let last = lines.last { nextMemory = last.address &+ UInt64(last.bytes.count) }
  }

  func showHelp() {
    for command in StepperCommand.all {
      let names = command.names.prefix(3).joined(separator: " ")
      let text = "\(names) \(command.usage)".trimmed
      line(text + String(repeating: " ", count: max(1, 36 - text.count)) + command.summary)
    }
    line("PLACE is an address, a symbol, *EXPR, FILE:LINE or :LINE. EXPR has C operators,")
    line("registers, symbols, *ADDR and byte|half|word|quad(ADDR). # begins a comment.")
  }
}
