import MachineCore
import Trace

/// A format of another tool that traces are written in. Each is one file in `Exports`, and a row in ``TraceExports``.
protocol TraceExport: SendableMetatype {
  /// What `--to` calls it.
  static var name: String { get }
  /// Who reads it, in a line.
  static var summary: String { get }
  /// Several traces can be in one file.
  static var takesSeveral: Bool { get }

  /// A writer of this format.
  init(to output: ExportOutput)

  /// A trace begins.
  mutating func begin(_ trace: ExportedTrace)
  /// One event of it: its head, and the effects that belong to it.
  mutating func event(_ head: TraceRecord, _ effects: [TraceRecord])
  /// The trace has ended.
  mutating func end()
  /// The last trace has ended.
  mutating func finish()
}

/// A trace that is exported, with what is known of its program.
struct ExportedTrace {
  var header: TraceHeader
  var disassemble: (TraceRecord) -> String?
  var locate: (UInt64) -> String?

  /// Bits of a register.
  var registerWidth: Int { header.isa == "toy" ? 32 : 64 }

  /// What code of a head means: a cause, an exit reason, a stop kind or a port; empty for others.
  func codeName(_ head: TraceRecord) -> String {
    switch head.eventKind {
    case .trap, .interrupt, .reflect, .inject: header.causeName(head.code)
    case .exit, .emulate: header.exitName(head.code)
    case .halt, .final: header.stopName(head.code)
    case .device: hex(UInt64(head.code))
    default: ""
    }
  }
}

/// Collects text and hands it on in pieces.
final class ExportOutput {
  private var buffer: [UInt8] = []
  private let write: ([UInt8]) throws -> Void
  /// What went wrong with writing.
  private(set) var failure: (any Error)?

  init(_ write: @escaping ([UInt8]) throws -> Void) {
    self.write = write
    buffer.reserveCapacity(1 << 16)
  }

  func put(_ text: String) {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= 1 << 16 { flush() }
  }

  func flush() {
    guard !buffer.isEmpty, failure == nil else { return }
    do { try write(buffer) } catch { failure = error }
    buffer.removeAll(keepingCapacity: true)
  }
}

/// All formats, by name.
enum TraceExports {
  static let all: [any TraceExport.Type] = [
    PerfettoExport.self, ValueChangeExport.self, TableExport.self, SpikeExport.self,
  ]

  static var names: [String] { all.map { $0.name } }
}

/// Reads traces and gives them to a format, event by event.
func export(
  _ traces: [(reader: TraceReader, trace: ExportedTrace)], as format: any TraceExport.Type,
  to output: ExportOutput
) throws {
  var writer = format.init(to: output)
  for (reader, trace) in traces {
    writer.begin(trace)
    var head: TraceRecord?
    var effects: [TraceRecord] = []
    while let record = try reader.next() {
      guard let kind = record.eventKind else { continue }
      if kind.isEffect {
        effects.append(record)
        continue
      }
      if let head { writer.event(head, effects) }
      effects.removeAll(keepingCapacity: true)
      head = kind == .host || kind == .end ? nil : record
      if let failure = output.failure { throw failure }
    }
    if let head { writer.event(head, effects) }
    writer.end()
  }
  writer.finish()
  output.flush()
  if let failure = output.failure { throw failure }
}
