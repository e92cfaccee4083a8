/// Writes traces and divergences as plain text.
public struct DivergenceRenderer {
  private let left: TraceHeader
  private let right: TraceHeader
  private let disassemble: (TraceRecord) -> String?
  private let locate: (UInt64) -> String?

  /// A renderer for two traces.
  ///
  /// - Parameters:
  ///   - left: header of the first trace.
  ///   - right: header of the second trace.
  ///   - disassemble: the text of the instruction that a record holds, if it is known.
  ///   - locate: source line or symbol of a guest address, if it is known.
  public init(
    left: TraceHeader, right: TraceHeader, disassemble: @escaping (TraceRecord) -> String? = { _ in nil },
    locate: @escaping (UInt64) -> String? = { _ in nil }
  ) {
    self.left = left
    self.right = right
    self.disassemble = disassemble
    self.locate = locate
  }

  /// One event in one line: number, clock, pc, what happened, effects, source line.
  public func line(_ event: TraceEvent, _ header: TraceHeader) -> String {
    let head = event.head
    var parts = ["#\(event.index)"]
    if header.hasClock { parts.append("n=\(head.clock)") }
    parts.append(hex(head.pc))
    parts.append(what(head, header))
    if head.mode != 0 { parts.append("m=\(head.mode)") }
    let shown = event.effects.prefix(12).map { effect($0, header) }
    parts += shown
    if event.effects.count > shown.count {
      parts.append("(\(event.effects.count - shown.count) more effects)")
    }
    if let place = locate(head.pc) { parts.append("[\(place)]") }
    return parts.joined(separator: "  ")
  }

  /// The divergence like a unified diff.
  public func unified(_ divergence: Divergence) -> String {
    var lines = [
      "--- \(title(left))", "+++ \(title(right))", "@@ event \(divergence.index): \(divergence.fieldName) @@",
    ]
    add(&lines, divergence.leftBefore, divergence.rightBefore)
    lines.append(divergence.left.map { "- " + line($0, left) } ?? "- (the trace has ended)")
    lines.append(divergence.right.map { "+ " + line($0, right) } ?? "+ (the trace has ended)")
    add(&lines, divergence.leftAfter, divergence.rightAfter)
    return (lines + summary(divergence)).joined(separator: "\n") + "\n"
  }

  /// The divergence in two columns, `width` characters together, at least 40.
  public func sideBySide(_ divergence: Divergence, width: Int = 120) -> String {
    let column = max(width, 40) / 2 - 2
    var lines = [row(title(left), title(right), " ", column)]
    lines.append(String(repeating: "-", count: column * 2 + 3))
    func add(_ first: [TraceEvent], _ second: [TraceEvent]) {
      for index in 0..<max(first.count, second.count) {
        let l = index < first.count ? line(first[index], left) : ""
        let r = index < second.count ? line(second[index], right) : ""
        lines.append(row(l, r, l == r ? " " : "|", column))
      }
    }
    add(divergence.leftBefore, divergence.rightBefore)
    lines.append(
      row(
        divergence.left.map { line($0, left) } ?? "(the trace has ended)",
        divergence.right.map { line($0, right) } ?? "(the trace has ended)", "X", column))
    add(divergence.leftAfter, divergence.rightAfter)
    return (lines + summary(divergence)).joined(separator: "\n") + "\n"
  }

  /// What differs, the values, and the last writers, a line each.
  public func summary(_ divergence: Divergence) -> [String] {
    var lines = ["first difference at event \(divergence.index): \(divergence.fieldName)"]
    lines.append(
      "  first trace:  \(value(divergence.difference, divergence.left, divergence.difference.left, left))")
    lines.append(
      "  second trace: \(value(divergence.difference, divergence.right, divergence.difference.right, right))")
    if !divergence.otherDifferences.isEmpty {
      let kind = (divergence.left ?? divergence.right)?.head.eventKind
      let names = divergence.otherDifferences.prefix(8).map { $0.field.name(kind, left) }
      lines.append("  also differing in this event: \(names.joined(separator: ", "))")
    }
    if let writer = divergence.leftWriter {
      lines.append("  last written in the first trace by \(text(writer))")
    }
    if let writer = divergence.rightWriter {
      lines.append("  last written in the second trace by \(text(writer))")
    }
    return lines
  }

  // MARK: Parts

  private func add(_ lines: inout [String], _ first: [TraceEvent], _ second: [TraceEvent]) {
    for index in 0..<max(first.count, second.count) {
      let l = index < first.count ? line(first[index], left) : nil
      let r = index < second.count ? line(second[index], right) : nil
      if let l, l == r {
        lines.append("  " + l)
      } else {
        if let l { lines.append("- " + l) }
        if let r { lines.append("+ " + r) }
      }
    }
  }

  private func title(_ header: TraceHeader) -> String {
    "\(header.isa) \(header.variant) \(header.engine) (\(header.flavour)), \(header.program)"
  }

  private func text(_ writer: LastWriter) -> String {
    "event \(writer.event) at \(hex(writer.pc)), clock \(writer.clock)"
      + (locate(writer.pc).map { " [\($0)]" } ?? "")
  }

  private func value(
    _ difference: FieldDifference, _ event: TraceEvent?, _ value: UInt64?, _ header: TraceHeader
  ) -> String {
    guard let event else { return "has ended" }
    switch difference.field {
    case .end: return "goes on with \(what(event.head, header)) at \(hex(event.head.pc))"
    case .kind: return what(event.head, header)
    case .instruction:
      return hexBytes(event.head.bytes) + (disassemble(event.head).map { "  \($0)" } ?? "")
    case .memoryKind:
      return value == UInt64(EventKind.memoryWrite.rawValue) ? "a write" : value == nil ? "none" : "a read"
    case .register where value == nil: return "not changed"
    case .clock, .mode, .cpu, .memorySize: return value.map { "\($0)" } ?? "none"
    case .direction: return value == 0 ? "read" : "write"
    case .code:
      let code = event.head.code
      switch event.head.eventKind {
      case .trap, .interrupt, .reflect, .inject: return "\(header.causeName(code)) (\(code))"
      case .exit, .emulate: return "\(header.exitName(code)) (\(code))"
      case .halt, .final: return "\(header.stopName(code)) (\(code))"
      default: return hex(UInt64(code))
      }
    default: return value.map { hex($0) + (locate($0).map { " [\($0)]" } ?? "") } ?? "none"
    }
  }

  /// What a head says, without clock, pc and effects.
  private func what(_ head: TraceRecord, _ header: TraceHeader) -> String {
    switch head.eventKind {
    case .retire: disassemble(head) ?? "insn \(hexBytes(head.bytes))"
    case .trap: "trap \(header.causeName(head.code)) tval=\(hex(head.value)) -> \(hex(head.aux))"
    case .interrupt: "interrupt \(header.causeName(head.code)) line=\(hex(head.value)) -> \(hex(head.aux))"
    case .device:
      "\(head.isWrite ? "out" : "in") port \(hex(UInt64(head.code))) /\(head.aux) \(hex(head.value))"
        + (head.address == 0 ? "" : " at \(hex(head.address))")
    case .halt: "halt \(header.stopName(head.code)) status=\(hex(head.value))"
    case .exit: "exit \(header.exitName(head.code)) detail=\(hex(head.value))"
    case .emulate: "emulate \(header.exitName(head.code)) \(disassemble(head) ?? hexBytes(head.bytes))"
    case .reflect: "reflect \(header.causeName(head.code))"
    case .inject: "inject \(header.causeName(head.code))"
    case .final:
      "final \(header.stopName(head.code)) memory=\(hex(head.value)) output=\(head.address) bytes \(hex(head.aux))"
    case .digest: "digest registers=\(hex(head.value)) memory=\(hex(head.aux))"
    case let kind?: "\(kind.name) \(head.code) \(hex(head.address)) \(hex(head.value)) \(hex(head.aux))"
    case nil: "kind \(head.kind)"
    }
  }

  private func effect(_ record: TraceRecord, _ header: TraceHeader) -> String {
    switch record.eventKind {
    case .registerWrite: "\(header.registerName(record.code))=\(hex(record.value))"
    case .memoryRead: "[\(hex(record.address))]/\(record.aux)->\(hex(record.value))"
    case .memoryWrite: "[\(hex(record.address))]/\(record.aux)<-\(hex(record.value))"
    default: "kind \(record.kind)"
    }
  }

  private func row(_ left: String, _ right: String, _ mark: String, _ column: Int) -> String {
    func fit(_ text: String) -> String {
      text.count > column
        ? text.prefix(column - 1) + "…" : text + String(repeating: " ", count: column - text.count)
    }
    return "\(fit(left)) \(mark) \(fit(right))"
  }

  private func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

  private func hexBytes(_ bytes: InstructionBytes) -> String {
    bytes.array.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
