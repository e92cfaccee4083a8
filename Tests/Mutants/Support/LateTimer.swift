internal import MachineCore
internal import ToyISA

/// A timer that is late by a tick.
final class LateTimer: Device {
  let name = "timer"
  private let timer = ToyTimer()
  var deadline: UInt64? { timer.deadline.map { $0 + 1 } }
  func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    timer.read(offset: offset, width: width, on: platform)
  }
  func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    timer.write(offset: offset, value: value, width: width, on: platform)
  }
  func tick(on platform: Platform) { timer.tick(on: platform) }
  func save() -> [UInt64] { timer.save() }
  func restore(_ state: [UInt64]) { timer.restore(state) }
}
