public import MachineCore

/// The gate on address line 20 and the reset line, which the keyboard controller and port 92h both drive.
///
/// As on PCs with port 92h the gate is open when *either* opens it. A reset ends the run, as a power-off with
/// status 0: the machine was switched on once.
public final class A20Gate {
  private var sources: UInt8

  /// An open or a closed gate; firmware finds it open on most machines.
  public init(isOpen: Bool = true) { sources = isOpen ? 3 : 0 }

  /// What drives the gate.
  enum Source: UInt8 {
    case keyboardController = 1
    case port92 = 2
  }

  /// Whether a source holds the gate open.
  func isOpen(by source: Source) -> Bool { sources & source.rawValue != 0 }

  /// The gate's state.
  var isOpen: Bool { sources != 0 }

  func set(_ source: Source, _ opens: Bool, on platform: Platform) {
    if opens { sources |= source.rawValue } else { sources &= ~source.rawValue }
    var view = platform.view
    view.addressMask = isOpen ? .max : ~(1 << 20)
    platform.setView(view)
  }

  func reset(_ platform: Platform) {
    if platform.powerOff == nil { platform.powerOff = 0 }
  }

  var word: UInt64 { UInt64(sources) }
  func restore(_ word: UInt64) { sources = UInt8(truncatingIfNeeded: word) & 3 }
}

/// Port 92h, system control A: bit 0 resets the processor when it is set, bit 1 opens the A20 gate.
public final class SystemControlA: Device {
  public let name = "port 92h"
  private let gate: A20Gate

  /// The port of this gate.
  public init(gate: A20Gate) { self.gate = gate }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    gate.isOpen(by: .port92) ? 2 : 0
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    gate.set(.port92, value & 2 != 0, on: platform)
    if value & 1 != 0 { gate.reset(platform) }
  }

  public func save() -> [UInt64] { [gate.word] }
  public func restore(_ state: [UInt64]) {
    if state.count == 1 { gate.restore(state[0]) }
  }
}
