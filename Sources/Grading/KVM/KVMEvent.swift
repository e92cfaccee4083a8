package import Foundation
internal import MachineCore

/// A line of what a student's program for KVM did: a call and what came of it, a byte for the terminal, or the end.
package struct KVMEvent: Codable, Sendable, Equatable {
  package var call: String?
  package var end: String?
  package var on: String?
  package var path: String?
  package var argument: UInt64?
  package var result: Int64?
  package var errno: Int32?
  package var text: String?
  package var byte: UInt8?
  package var reason: UInt64?
  // What KVM_RUN came back with, and what the program answered to the exit before.
  package var exit: UInt32?
  package var direction: String?
  package var port: UInt64?
  package var address: UInt64?
  package var size: UInt64?
  package var count: UInt64?
  package var data: String?
  package var answer: String?
  package var image: String?
  // Of KVM_SET_USER_MEMORY_REGION.
  package var slot: UInt32?
  package var guest: UInt64?
  package var room: UInt64?
  // Of KVM_SET_REGS and KVM_SET_SREGS.
  package var rip: UInt64?
  package var rflags: UInt64?
  package var cr0: UInt64?
  package var cs: [UInt64]?
  package var ds: [UInt64]?
  package var es: [UInt64]?
  package var ss: [UInt64]?

  /// Nothing.
  package init() {}

  /// Most lines that are looked at.
  package static let limit = 50_000

  /// The events of a program's output, up to the first line that is none.
  package static func events(_ output: Data) -> [KVMEvent] {
    let decoder = JSONDecoder()
    var result: [KVMEvent] = []
    for line in output.split(separator: 10) {
      guard result.count < limit, let event = try? decoder.decode(KVMEvent.self, from: line) else { break }
      result.append(event)
    }
    return result
  }
}

/// Why KVM came back, in the words of recordings.
package enum KVMExit: Sendable, Equatable, CustomStringConvertible {
  case interrupted
  case port(isOut: Bool, port: UInt64, size: Int, count: Int, data: [UInt8])
  case memory(isWrite: Bool, address: UInt64, size: Int, data: [UInt8])
  case halted
  case shutdown
  case failedEntry(UInt64)
  case internalError(UInt64)
  case other(UInt32)

  /// The exit of a recording's line, without its first word; `nil` when there is none such.
  package init?(words: [String]) {
    func number(_ index: Int, _ radix: Int) -> UInt64? {
      words.indices.contains(index) ? UInt64(words[index], radix: radix) : nil
    }
    switch words.first {
    case "hlt": self = .halted
    case "shutdown": self = .shutdown
    case "eintr": self = .interrupted
    case "fail":
      guard let reason = number(1, 16) else { return nil }
      self = .failedEntry(reason)
    case "internal":
      guard let reason = number(1, 10) else { return nil }
      self = .internalError(reason)
    case "other":
      guard let reason = number(1, 10) else { return nil }
      self = .other(UInt32(truncatingIfNeeded: reason))
    case "io":
      guard let port = number(2, 16), let size = number(3, 10), let count = number(4, 10), size <= 4,
        count <= 1024
      else { return nil }
      self = .port(
        isOut: words[1] == "out", port: port, size: Int(size), count: Int(count),
        data: words.count > 5 ? hexBytes(words[5]) : [])
    case "mmio":
      guard let address = number(2, 16), let size = number(3, 10), size <= 8 else { return nil }
      self = .memory(
        isWrite: words[1] == "write", address: address, size: Int(size),
        data: words.count > 4 ? hexBytes(words[4]) : [])
    default: return nil
    }
  }

  /// The exit that an event tells of; `nil` when it is no KVM_RUN that came back.
  package init?(_ event: KVMEvent) {
    guard event.call == "KVM_RUN" else { return nil }
    if event.errno == 4 {
      self = .interrupted
      return
    }
    guard event.result == 0, let reason = event.exit else { return nil }
    let data = hexBytes(event.data ?? "")
    let size = Int(min(event.size ?? 0, 8))
    switch reason {
    case 2:
      self = .port(
        isOut: event.direction == "out", port: event.port ?? 0, size: size,
        count: Int(min(event.count ?? 0, 4096)), data: data)
    case 5: self = .halted
    case 6:
      self = .memory(
        isWrite: event.direction == "write", address: event.address ?? 0, size: size, data: data)
    case 8: self = .shutdown
    case 9: self = .failedEntry(event.reason ?? 0)
    case 17: self = .internalError(event.reason ?? 0)
    default: self = .other(reason)
    }
  }

  /// What the monitor must return after it; `nil` when it must go on.
  package var end: (name: String, reason: UInt64?)? {
    switch self {
    case .interrupted, .port, .memory: nil
    case .halted: ("halted", nil)
    case .shutdown: ("shutdown", nil)
    case .failedEntry(let reason): ("failedEntry", reason)
    case .internalError(let reason): ("internalError", reason)
    case .other(let reason): ("unexpected", UInt64(reason))
    }
  }

  package var description: String {
    switch self {
    case .interrupted: "KVM_RUN interrupted (EINTR)"
    case .port(let isOut, let port, let size, let count, let data):
      "KVM_EXIT_IO \(isOut ? "out" : "in"), port 0x\(String(port, radix: 16)), size \(size), count \(count)"
        + (isOut ? ", data \(hexString(data))" : "")
    case .memory(let isWrite, let address, let size, let data):
      "KVM_EXIT_MMIO \(isWrite ? "write" : "read"), address 0x\(String(address, radix: 16)), \(size) bytes"
        + (isWrite ? ", data \(hexString(data))" : "")
    case .halted: "KVM_EXIT_HLT"
    case .shutdown: "KVM_EXIT_SHUTDOWN"
    case .failedEntry: "KVM_EXIT_FAIL_ENTRY"
    case .internalError: "KVM_EXIT_INTERNAL_ERROR"
    case .other(let reason): "exit reason \(reason)"
    }
  }
}

/// Bytes of hexadecimal digits; what are no digits ends them.
package func hexBytes(_ text: String) -> [UInt8] {
  let digits = Array(text.utf8)
  var result: [UInt8] = []
  for at in stride(from: 0, to: digits.count - 1, by: 2) {
    guard let byte = UInt8(String(decoding: digits[at...(at + 1)], as: UTF8.self), radix: 16) else { break }
    result.append(byte)
  }
  return result
}
