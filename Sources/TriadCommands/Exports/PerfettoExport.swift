import MachineCore
import Trace

/// JSON of the Trace Event Format, for ui.perfetto.dev and chrome://tracing: a process for each trace, a microsecond for
/// each retired instruction.
///
/// Threads: the guest's privilege modes as slices, its traps and device accesses as instants, direct execution between
/// interventions of the VMM as slices, and what the VMM did as instants. Counters show exits by then.
struct PerfettoExport: TraceExport {
  static let name = "perfetto"
  static let summary = "Trace Event JSON, for ui.perfetto.dev: modes, traps, exits on the clock"
  static let takesSeveral = true

  private enum Thread: Int, CaseIterable {
    case modes = 1
    case guest, direct, monitor

    var label: String {
      switch self {
      case .modes: "guest: mode"
      case .guest: "guest: events"
      case .direct: "VMM: direct execution"
      case .monitor: "VMM: events"
      }
    }
  }

  private let output: ExportOutput
  private var process = 0
  private var isFirst = true
  private var trace: ExportedTrace?
  /// The stretch of one mode that is under way.
  private var mode: (value: UInt8, since: UInt64)?
  /// Where the VMM had the processor last.
  private var lastExit: UInt64?
  private var exits = 0
  private var clock: UInt64 = 0

  init(to output: ExportOutput) {
    self.output = output
    output.put("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")
  }

  mutating func begin(_ trace: ExportedTrace) {
    process += 1
    self.trace = trace
    (mode, lastExit, exits, clock) = (nil, nil, 0, 0)
    let header = trace.header
    item(
      "\"ph\":\"M\",\"name\":\"process_name\",\"pid\":\(process),\"args\":{\"name\":"
        + quoted("\(header.program) on \(header.engine) (\(header.flavour))") + "}")
    for thread in Thread.allCases where header.engine == "virtualizer" || thread.rawValue <= 2 {
      item(
        "\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":\(process),\"tid\":\(thread.rawValue),\"args\":{\"name\":"
          + quoted(thread.label) + "}")
    }
  }

  mutating func event(_ head: TraceRecord, _ effects: [TraceRecord]) {
    guard let trace, let kind = head.eventKind else { return }
    clock = max(clock, head.clock)
    if kind.isGuest, kind != .final, kind != .digest {
      enter(head.mode, kind == .retire && clock > 0 ? clock - 1 : clock)
    }
    switch kind {
    case .retire, .digest, .final, .host, .end, .registerWrite, .memoryRead, .memoryWrite: break
    case .trap, .interrupt, .device, .halt:
      instant(.guest, "\(kind.name) \(trace.codeName(head))", head)
    case .exit:
      let start = lastExit ?? 0
      if clock > start { slice(.direct, "direct", from: start, to: clock) }
      exits += 1
      instant(.monitor, "exit \(trace.codeName(head))", head)
      item(
        "\"ph\":\"C\",\"name\":\"exits\",\"pid\":\(process),\"ts\":\(clock),\"args\":{\"exits\":\(exits)}")
      lastExit = clock
    case .emulate:
      instant(.monitor, "emulate \(trace.codeName(head))", head)
      // The instruction that the VMM carries out does not run directly.
      lastExit = clock == .max ? clock : clock + 1
    case .reflect, .inject, .schedule, .shadow, .hypercall:
      let code = trace.codeName(head)
      instant(.monitor, code.isEmpty ? kind.name : "\(kind.name) \(code)", head)
    }
  }

  mutating func end() {
    enter(nil, clock)
    if let lastExit, clock > lastExit { slice(.direct, "direct", from: lastExit, to: clock) }
    trace = nil
  }

  mutating func finish() { output.put("\n]}\n") }

  private mutating func enter(_ new: UInt8?, _ now: UInt64) {
    guard new != mode?.value else { return }
    if let mode, now > mode.since { slice(.modes, "mode \(mode.value)", from: mode.since, to: now) }
    mode = new.map { ($0, now) }
  }

  private mutating func slice(_ thread: Thread, _ name: String, from: UInt64, to: UInt64) {
    item(
      "\"ph\":\"X\",\"name\":\(quoted(name)),\"pid\":\(process),\"tid\":\(thread.rawValue),\"ts\":\(from),\"dur\":\(to - from)"
    )
  }

  private mutating func instant(_ thread: Thread, _ name: String, _ head: TraceRecord) {
    var arguments = ["\"pc\":\"\(hex(head.pc))\"", "\"value\":\"\(hex(head.value))\""]
    if let place = trace?.locate(head.pc) { arguments.append("\"place\":\(quoted(place))") }
    if head.bytes.count > 0, let text = trace?.disassemble(head) {
      arguments.append("\"instruction\":\(quoted(text))")
    }
    item(
      "\"ph\":\"i\",\"s\":\"t\",\"name\":\(quoted(name)),\"pid\":\(process),\"tid\":\(thread.rawValue),\"ts\":\(clock),\"args\":{"
        + arguments.joined(separator: ",") + "}")
  }

  private mutating func item(_ members: String) {
    output.put((isFirst ? "\n{" : ",\n{") + members + "}")
    isFirst = false
  }
}

/// The JSON string of a text.
private func quoted(_ text: String) -> String {
  "\"" + String(decoding: JSONEscape.bytes(of: text), as: UTF8.self) + "\""
}
