import MachineCore
import Properties
import Trace

/// What `--until` says.
enum StopPoint: Equatable {
  /// Addresses, any of which ends the run.
  case places(Set<UInt64>)
  /// A count or an event.
  case point(HandOffPoint)

  /// Help text of the option.
  static let help =
    "stop: before an address (0x…) or symbol, after N instructions (a decimal number), or at device:N, trap:N, interrupt:N"

  /// Reads the words of `--until`; `nil` when there are none.
  init?(_ words: [String], _ workload: Workload) throws {
    guard !words.isEmpty else { return nil }
    let points = try words.compactMap(Self.point)
    if let point = points.first {
      guard words.count == 1 else {
        throw CommandFailure.usage("--until takes several addresses, or one count or event; not both")
      }
      self = .point(point)
    } else {
      self = .places(Set(try words.map { try workload.address($0) }))
    }
  }

  private static func point(_ word: String) throws -> HandOffPoint? {
    let digits = word.replacing("_", with: "")
    if let count = UInt64(digits) { return .instructions(count) }
    let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard ["device", "trap", "interrupt"].contains(parts[0]) else { return nil }
    guard let count = parts.count == 1 ? 1 : parseNumber(parts[1]), count > 0 else {
      throw CommandFailure.usage("--until \(parts[0]):N takes a number from 1, not `\(parts[1])`")
    }
    switch parts[0] {
    case "device": return .deviceAccess(count)
    case "trap": return .delivery(.trap, count)
    default: return .delivery(.interrupt, count)
    }
  }

  /// The single point; for commands that stop once.
  func single() throws -> HandOffPoint {
    switch self {
    case .point(let point): return point
    case .places(let places):
      guard places.count == 1, let place = places.first else {
        throw CommandFailure.usage("give one --until: a machine stops at one place to be handed on")
      }
      return .place(place)
    }
  }
}
