import MachineCore
import Trace

/// The lines of Spike's `--log-commits`: a line for each retired instruction with what it changed.
///
/// Mode 3 stands for the most privileged mode and 0 for the least, as there. Registers are `x` and their number in the
/// header's list; a load is `mem ADDRESS`, a store `mem ADDRESS VALUE`. Traps are lines as `-l` writes them.
struct SpikeExport: TraceExport {
  static let name = "spike"
  static let summary = "the lines of Spike's --log-commits, for scripts that read those"
  static let takesSeveral = false

  private let output: ExportOutput
  private var trace: ExportedTrace?

  init(to output: ExportOutput) { self.output = output }

  mutating func begin(_ trace: ExportedTrace) { self.trace = trace }

  mutating func event(_ head: TraceRecord, _ effects: [TraceRecord]) {
    guard let trace else { return }
    let core = "core" + "\(head.cpu)".leftPadding(to: 4)
    switch head.eventKind {
    case .retire:
      var line = "\(core): \(head.mode == 0 ? 3 : 0) \(digits(head.pc)) (0x\(word(head)))"
      for effect in effects where effect.eventKind == .registerWrite {
        line += " x\("\(effect.code)".padding(to: 2)) \(digits(effect.value))"
      }
      for effect in effects {
        switch effect.eventKind {
        case .memoryRead: line += " mem \(digits(effect.address))"
        case .memoryWrite:
          let count = Int(min(effect.aux, 8)) * 2
          line += " mem \(digits(effect.address)) \(hex(effect.value, digits: count))"
        default: break
        }
      }
      output.put(line + "\n")
    case .trap, .interrupt:
      output.put("\(core): exception \(trace.codeName(head)), epc \(digits(head.pc))\n")
      output.put("\(core):           tval \(digits(head.value))\n")
    default: break
    }
  }

  mutating func end() {}

  mutating func finish() {}

  /// The instruction as a number: bytes in memory from the lowest to the highest place.
  private func word(_ head: TraceRecord) -> String { hexString(head.bytes.array.reversed()) }

  private func digits(_ value: UInt64) -> String { hex(value, digits: (trace?.registerWidth ?? 64) / 4) }
}
