internal import MachineCore
internal import Properties
internal import ToyISA
internal import Trace
internal import Virtualizer

/// What can be seen of a guest's run.
struct GuestObservation {
  private var stop: StopReason
  private var console: [UInt8]
  private var registers: [UInt64]
  private var words: [UInt32: UInt32] = [:]
  private(set) var retired: UInt64
  /// Of traps and interrupts, by cause.
  private var traps: [UInt32: UInt64] = [:]
  /// Of interpreted instructions, by row of the table.
  private var interpreted: [Int: UInt64] = [:]
  private var exits: UInt64
  private var stretch: UInt64
  private var isOutsideUnchanged = true
  /// Whether it was a VMM; of other machines nothing is interpreted.
  private let isMonitor: Bool

  /// Runs a test on a fresh machine.
  init(_ test: GuestTest, limit: UInt64, on engine: any Engine) throws {
    final class Seen {
      var traps: [UInt32: UInt64] = [:]
      var interpreted: [Int: UInt64] = [:]
    }
    let seen = Seen()
    let recorder = TraceRecorder(level: .events) { records in
      for record in records {
        switch record.eventKind {
        case .trap, .interrupt: seen.traps[record.code, default: 0] += 1
        case .emulate:
          if let row = ToyCodec.row(of: UInt32(truncatingIfNeeded: record.bytes.low)) {
            seen.interpreted[row, default: 0] += 1
          }
        default: break
        }
      }
    }
    let monitor = engine as? VirtualMachineMonitor
    let before = monitor.map(Self.outside)
    stop = try engine.run(RunLimits(instructions: limit), into: recorder)
    recorder.flush()
    isMonitor = monitor != nil
    isOutsideUnchanged = monitor.map(Self.outside) == before
    console = engine.platform.console
    registers = engine.state.registers
    retired = engine.platform.retired
    exits = engine.statistics.exitCount
    stretch = engine.statistics.longestStretch
    traps = seen.traps
    interpreted = seen.interpreted
    for (_, _, expectation) in test.expectations {
      guard case .word(let address, _) = expectation else { continue }
      words[address] = engine.platform.memory.load(UInt64(address), width: 4)
        .map { UInt32(truncatingIfNeeded: $0) }
    }
  }

  /// The real storage around the guest's: all but that, and the VMM's own tables.
  private static func outside(_ monitor: VirtualMachineMonitor) -> [UInt8] {
    let storage = monitor.hardware.storage
    let map = ResourceMap(guestSize: monitor.platform.memory.size)
    return map.guards.flatMap { (try? storage.read($0)) ?? [] }
  }

  /// The first expectation that does not hold, and what was seen; `nil` when all hold.
  func failure(_ test: GuestTest) -> String? {
    for (line, text, expectation) in test.expectations {
      guard let seen = difference(expectation) else { continue }
      return "line \(line), `\(text.replacing("`", with: "'"))`: \(seen)"
    }
    return nil
  }

  private func difference(_ expectation: GuestTest.Expectation) -> String? {
    switch expectation {
    case .output(let bytes):
      return console == bytes ? nil : "it wrote \(SensitiveFindings.quoted(console))"
    case .status(let status): return stop == .powerOff(status: status) ? nil : "\(stop)"
    case .stop(let name): return StopReason.names[Int(stop.code)] == name ? nil : "\(stop)"
    case .register(let number, let value):
      let got = UInt32(truncatingIfNeeded: registers[number])
      return got == value ? nil : "r\(number) is \(hex(UInt64(got)))"
    case .word(let address, let value):
      return words[address] == value ? nil : "the word is \(hex(UInt64(words[address] ?? 0)))"
    case .count(let what, let relation, let bound):
      guard let count = count(what) else { return nil }
      return relation.holds(count, bound) ? nil : "there were \(count)"
    case .outsideUnchanged: return isOutsideUnchanged ? nil : "real storage around the guest's has changed"
    }
  }

  /// `nil` on a machine that has no such count.
  private func count(_ what: GuestTest.Count) -> UInt64? {
    switch what {
    case .retired: return retired
    case .traps(let cause): return traps[cause.rawValue] ?? 0
    case .exits: return isMonitor ? exits : nil
    case .stretch: return isMonitor ? stretch : nil
    case .interpreted(let mnemonic):
      guard isMonitor else { return nil }
      return interpreted.filter { mnemonic == nil || toyTable[$0.key].mnemonic == mnemonic }.values
        .reduce(0, +)
    }
  }
}
