internal import MachineCore

/// The devices of the lab's machine, as the handout describes them: what they show and what they answer.
package struct KVMDevices: Sendable {
  private var input: ArraySlice<UInt8>
  private var sum: UInt32 = 0
  private var screen = [UInt8](repeating: 0, count: 4000)

  package static let console: UInt64 = 0x3F8
  package static let status: UInt64 = 0x3FD
  package static let adder: UInt64 = 0x500
  package static let screenStart: UInt64 = 0xB8000

  /// Fresh devices with what will be typed.
  package init(input: [UInt8]) { self.input = input[...] }

  /// What an exit makes the terminal show, and what the guest must be answered; no answer where it does not read.
  package mutating func handle(_ exit: KVMExit) -> (shown: [UInt8], answer: [UInt8]?) {
    switch exit {
    case .port(let isOut, let port, let size, let count, let data):
      var shown: [UInt8] = []
      var answer: [UInt8] = []
      for item in 0..<count {
        if isOut {
          let bytes = data.dropFirst(item * size).prefix(size)
          let value = bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
          if port == Self.console { shown.append(UInt8(truncatingIfNeeded: value)) }
          if port == Self.adder { sum &+= value }
        } else {
          let value = read(port)
          answer += (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
        }
      }
      return (shown, isOut ? nil : answer)
    case .memory(let isWrite, let address, let size, let data):
      let places = (0..<size).map { index -> Int? in
        let place = address &+ UInt64(index) &- Self.screenStart
        return place < 4000 ? Int(place) : nil
      }
      if isWrite {
        for (place, byte) in zip(places, data) { if let place { screen[place] = byte } }
        return ([], nil)
      }
      return ([], places.map { $0.map { screen[$0] } ?? 0xFF })
    default: return ([], nil)
    }
  }

  private mutating func read(_ port: UInt64) -> UInt32 {
    switch port {
    case Self.console: UInt32(input.popFirst() ?? 0)
    case Self.status: input.isEmpty ? 0x20 : 0x21
    case Self.adder: sum
    default: 0xFFFF_FFFF
    }
  }
}

/// The adder on the bus of one of Triad's own machines.
final class AdderDevice: Device {
  let name = "adder"
  private var sum: UInt32 = 0

  func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 { UInt64(sum) }

  func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    sum &+= UInt32(truncatingIfNeeded: width >= 4 ? value : value & (1 << UInt64(8 * width) - 1))
  }

  func save() -> [UInt64] { [UInt64(sum)] }
  func restore(_ state: [UInt64]) { sum = UInt32(truncatingIfNeeded: state.first ?? 0) }
}
