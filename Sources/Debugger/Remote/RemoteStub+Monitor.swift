internal import MachineCore
internal import Trace

extension RemoteStub {
  /// Carries out what follows `monitor` in gdb.
  func monitor(_ line: String) -> String {
    let words = line.split(separator: " ").map(String.init)
    switch words.first {
    case "exits" where words.count == 1: return DebugText.exits(session)
    case "walk" where words.count > 1:
      do throws(DebugExpression.Failure) {
        let address = try DebugExpression(words.dropFirst().joined(separator: " ")).value(session)
        return DebugText.walk(address, session.walk(address))
      } catch {
        return "error: \(error)"
      }
    case "trace":
      switch words.dropFirst().first {
      case "on" where words.count == 2:
        log.isOn = true
        return "events are kept from now on, the last \(EventLog.most); runs are slower"
      case "off" where words.count == 2:
        log = EventLog()
        return "events are no longer kept"
      case nil:
        let lines = log.lines(session)
        return lines.isEmpty ? "no events are kept: `monitor trace on`" : lines.joined(separator: "\n")
      default: return "error: monitor trace takes on, off or nothing"
      }
    case "help", nil:
      return """
        monitor exits        how often control left the guest, by cause
        monitor walk ADDR    how the address is translated, entry by entry
        monitor trace on     keep the events of runs; monitor trace shows the last ones
        monitor trace off    keep none
        """
    default: return "error: there is no `monitor \(line)`; `monitor help` lists what there is"
    }
  }
}

/// The last events of a run.
struct EventLog {
  static let most = 32
  var isOn = false
  private var records: [TraceRecord] = []

  mutating func add(_ record: TraceRecord) {
    guard let kind = record.eventKind, !kind.isEffect else { return }
    records.append(record)
    if records.count > 4 * Self.most { records.removeFirst(records.count - Self.most) }
  }

  func lines(_ session: DebugSession) -> [String] {
    records.suffix(Self.most).map { DebugText.event($0, session) }
  }
}
