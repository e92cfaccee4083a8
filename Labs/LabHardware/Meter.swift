internal import LabKit
internal import ToyISA

/// Hardware with somebody who notes each time that it is entered and left.
final class Meter: VirtualHardware {
  /// 0 for the bare machine.
  let level: Int
  private let hardware: any VirtualHardware
  private let tape: Tape

  init(_ hardware: any VirtualHardware, level: Int, tape: Tape) {
    self.hardware = hardware
    self.level = level
    self.tape = tape
  }

  var storageSize: UInt32 { hardware.storageSize }
  func load(_ address: UInt32) -> UInt32 { hardware.load(address) }
  func store(_ address: UInt32, _ value: UInt32) { hardware.store(address, value) }
  func register(_ number: Int) -> UInt32 { hardware.register(number) }
  func setRegister(_ number: Int, _ value: UInt32) { hardware.setRegister(number, value) }
  var executed: UInt64 { hardware.executed }

  var psw: PSW {
    get { hardware.psw }
    set { hardware.psw = newValue }
  }

  func execute(slice: UInt64) -> Arrival {
    tape.entry(level: level, hardware.psw, slice: slice)
    let event = hardware.execute(slice: slice)
    tape.exit(level: level, event, pc: hardware.psw.pc)
    return event
  }
}

extension Meter: CustomReflectable {
  /// Empty: a level must not find the tape, nor what is beneath.
  var customMirror: Mirror { Mirror(self, children: []) }
}
