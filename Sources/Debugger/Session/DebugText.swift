internal import MachineCore
public import Trace

/// What a debugger shows, as text.
public enum DebugText {
  /// An engine's counts of instructions and exits.
  public static func exits(_ session: DebugSession) -> String {
    let engine = session.engine
    let statistics = engine.statistics
    var lines: [String] = []
    if engine.capabilities.countsInstructions { lines.append("\(engine.platform.retired) instructions") }
    let exits = statistics.exits.filter { $0.value > 0 }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    if engine.exitNames.isEmpty {
      lines.append("the \(engine.kind.rawValue) has no exits")
    } else {
      lines.append("\(statistics.exitCount) exits")
      lines += exits.map { "  \($0.key) \($0.value)" }
    }
    if statistics.reflected > 0 { lines.append("\(statistics.reflected) traps reflected") }
    if statistics.injected > 0 { lines.append("\(statistics.injected) interrupts injected") }
    if session.hasReplayed, !engine.exitNames.isEmpty {
      lines.append("(by this engine in this session, with what it carried out again to go back)")
    }
    return lines.joined(separator: "\n")
  }

  /// A walk, a line for each entry.
  public static func walk(_ address: UInt64, _ walk: AddressWalk) -> String {
    var lines = ["\(hex(address)): \(walk.mode)"]
    lines += walk.steps.map { "  \($0.name) at \(hex($0.place)) = \(hex($0.entry)) \($0.flags)" }
    lines.append(walk.physical.map { "  physical \(hex($0))" } ?? "  not mapped: \(walk.reason ?? "")")
    return lines.joined(separator: "\n")
  }

  /// An event in a line.
  public static func event(_ record: TraceRecord, _ session: DebugSession) -> String {
    let set = session.engine.instructionSet
    let cause =
      set.causes.indices.contains(Int(record.code)) && !set.causes[Int(record.code)].isEmpty
      ? set.causes[Int(record.code)] : "\(record.code)"
    switch record.eventKind {
    case .retire:
      let text = session.view.disassemble(
        record.bytes.array, at: record.pc, context: session.view.context(session.engine.state)
      ).text
      return "n=\(record.clock) \(hex(record.pc)) \(text)"
    case .trap:
      return
        "n=\(record.clock) trap \(cause) at \(hex(record.pc)), value \(hex(record.value)), handler \(hex(record.aux))"
    case .interrupt:
      return "n=\(record.clock) interrupt \(cause) at \(hex(record.pc)), handler \(hex(record.aux))"
    case .device:
      let place = record.address == 0 ? "port \(hex(UInt64(record.code)))" : "address \(hex(record.address))"
      return
        "n=\(record.clock) \(record.isWrite ? "write" : "read") of \(place), \(record.aux) bytes, \(hex(record.value))"
    case .exit:
      let names = session.engine.exitNames
      let name = names.indices.contains(Int(record.code)) ? names[Int(record.code)] : "\(record.code)"
      return "n=\(record.clock) exit \(name) at \(hex(record.pc))"
    case .halt: return "n=\(record.clock) halt at \(hex(record.pc))"
    case let kind?: return "n=\(record.clock) \(kind.name) at \(hex(record.pc))"
    case nil: return "n=\(record.clock)"
    }
  }
}
