import Foundation
import MachineCore

/// `value` as JSON with stable key order.
func jsonText(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}

/// Counts of an engine, for JSON output.
struct StatisticsOutput: Encodable {
  var retired: UInt64
  var direct: UInt64
  var emulated: UInt64
  var exits: [String: UInt64]
  var reflected: UInt64
  var injected: UInt64
  var kernelEmulated: UInt64?
  var controlViolations: [String]

  init(_ statistics: EngineStatistics) {
    retired = statistics.retired
    direct = statistics.direct
    emulated = statistics.emulated
    exits = statistics.exits
    reflected = statistics.reflected
    injected = statistics.injected
    kernelEmulated = statistics.kernelEmulated
    controlViolations = statistics.controlViolations
  }
}

/// Why a run ended, for JSON output.
struct StopOutput: Encodable {
  var kind: String
  var status: UInt64
  var text: String

  init(_ stop: StopReason) {
    kind = StopReason.names[Int(stop.code)]
    status = stop.status
    text = stop.description
  }
}
