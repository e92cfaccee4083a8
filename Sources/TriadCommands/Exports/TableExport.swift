import MachineCore
import Trace

/// Comma-separated values (RFC 4180), a row for each event, for spreadsheets and data frames.
struct TableExport: TraceExport {
  static let name = "csv"
  static let summary = "a row for each event, for spreadsheets and data frames"
  static let takesSeveral = true

  private let output: ExportOutput
  private var trace: ExportedTrace?
  private var index = 0
  private var number = 0

  init(to output: ExportOutput) {
    self.output = output
    output.put(
      "trace,engine,event,clock,cpu,mode,kind,code,pc,place,instruction,text,address,value,aux,memory,registers\r\n"
    )
  }

  mutating func begin(_ trace: ExportedTrace) {
    self.trace = trace
    index = 0
  }

  mutating func event(_ head: TraceRecord, _ effects: [TraceRecord]) {
    guard let trace, let kind = head.eventKind else { return }
    let hasBytes = head.bytes.count > 0
    let memory = effects.filter { $0.eventKind != .registerWrite }.map {
      "\($0.eventKind == .memoryWrite ? "w" : "r") \(hex($0.address))/\($0.aux)=\(hex($0.value))"
    }
    let registers = effects.filter { $0.eventKind == .registerWrite }.map {
      "\(trace.header.registerName($0.code))=\(hex($0.value))"
    }
    let fields: [String] = [
      "\(number)", trace.header.engine, "\(index)", "\(head.clock)", "\(head.cpu)", "\(head.mode)",
      kind == .device ? (head.isWrite ? "device-write" : "device-read") : kind.name, trace.codeName(head),
      hex(head.pc), trace.locate(head.pc) ?? "", hexString(head.bytes.array),
      hasBytes ? trace.disassemble(head) ?? "" : "", hex(head.address), hex(head.value), hex(head.aux),
      memory.joined(separator: " "), registers.joined(separator: " "),
    ]
    output.put(fields.map(CSVField.quoted).joined(separator: ",") + "\r\n")
    index += 1
  }

  mutating func end() { number += 1 }

  mutating func finish() {}
}
