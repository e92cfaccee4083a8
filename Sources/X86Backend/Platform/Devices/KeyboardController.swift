public import MachineCore

/// The 8042 keyboard controller of a PC/AT with its keyboard, without a mouse.
///
/// | offset | read | write |
/// |---|---|---|
/// | 0 | output buffer | byte for the keyboard, or for the last command |
/// | 4 | status | command |
///
/// Keys come from a given text, so that runs repeat: the first ``X86Layout/keyInterval`` after the
/// keyboard was enabled, the others in that interval, each when the one before has been read.
/// It drives interrupt line 1.
public final class KeyboardController: Device {
  public let name = "keyboard"
  private let gate: A20Gate
  private let line: Int
  private let keys: [UInt8]
  private var nextKey = 0
  private var keyDue: UInt64?
  /// Bytes on their way to the output buffer.
  private var queue: [UInt8] = []
  private var output: UInt8 = 0
  private var isFull = false
  /// The controller's command byte: bit 0 interrupt 1, 4 keyboard off, 6 translation.
  private var commandByte: UInt8 = 0x45
  /// The controller's command that waits for a byte; 0 for none.
  private var waiting: UInt8 = 0
  /// The keyboard's command that waits for a byte; 0 for none.
  private var keyboardWaiting: UInt8 = 0
  private var isScanning = true
  private var scancodeSet: UInt8 = 2
  private var isWriteOfCommand = false

  /// A controller whose keyboard types `text`.
  public init(gate: A20Gate, text: [UInt8] = [], line: Int = 1) {
    self.gate = gate
    self.line = line
    keys = text.flatMap(Scancodes.strokes)
  }

  // MARK: Output buffer

  private func send(_ bytes: [UInt8], _ platform: Platform) {
    if queue.count < 64 { queue += bytes }
    refill(platform)
  }

  private func refill(_ platform: Platform) {
    if !isFull, !queue.isEmpty {
      output = queue.removeFirst()
      isFull = true
    }
    platform.setLine(line, isFull && commandByte & 1 != 0)
  }

  private var canType: Bool { isScanning && commandByte & 0x10 == 0 && nextKey < keys.count }

  public var deadline: UInt64? { canType ? keyDue : nil }

  public func tick(on platform: Platform) {
    keyDue = nil
    guard canType else { return }
    if !isFull, queue.isEmpty {
      // Codes come in groups: a group goes out as a whole.
      let count = Int(keys[nextKey])
      let group = Array(keys[(nextKey + 1)..<min(nextKey + 1 + count, keys.count)])
      nextKey += 1 + count
      send(commandByte & 0x40 != 0 ? Scancodes.translated(group) : group, platform)
    }
    keyDue = platform.now &+ X86Layout.keyInterval
  }

  private func scheduleKeys(_ platform: Platform) {
    if canType, keyDue == nil { keyDue = platform.now &+ X86Layout.keyInterval }
  }

  // MARK: Access

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    scheduleKeys(platform)
    if offset == 4 {
      // Bit 2: self-test passed; bit 3: the last write was a command; bit 4: the keyboard is not locked.
      return UInt64((isFull ? 1 : 0) | 0x14 | (isWriteOfCommand ? 8 : 0))
    }
    guard offset == 0 else { return 0xFF }
    let value = output
    isFull = false
    platform.setLine(line, false)
    refill(platform)
    return UInt64(value)
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    let byte = UInt8(truncatingIfNeeded: value)
    isWriteOfCommand = offset == 4
    if offset == 4 {
      command(byte, platform)
    } else if offset == 0 {
      if waiting != 0 { parameter(byte, platform) } else { keyboard(byte, platform) }
    }
    scheduleKeys(platform)
    refill(platform)
  }

  private func command(_ byte: UInt8, _ platform: Platform) {
    waiting = 0
    switch byte {
    case 0x20...0x3F: send([byte == 0x20 ? commandByte : 0], platform)
    case 0x60...0x7F, 0xD1...0xD4: waiting = byte
    case 0xA9: send([0x01], platform)  // There is no mouse: its clock line is stuck.
    case 0xAA:
      commandByte |= 0x10
      send([0x55], platform)
    case 0xAB: send([0x00], platform)
    case 0xAD: commandByte |= 0x10
    case 0xAE: commandByte &= ~0x10
    case 0xC0: send([0x80], platform)
    case 0xD0:
      send([1 | (gate.isOpen(by: .keyboardController) ? 2 : 0) | (isFull ? 0x10 : 0)], platform)
    case 0xDD: gate.set(.keyboardController, false, on: platform)
    case 0xDF: gate.set(.keyboardController, true, on: platform)
    case 0xF0...0xFF where byte & 1 == 0: gate.reset(platform)
    default: break
    }
  }

  private func parameter(_ byte: UInt8, _ platform: Platform) {
    let command = waiting
    waiting = 0
    switch command {
    case 0x60: commandByte = byte
    case 0xD1:
      gate.set(.keyboardController, byte & 2 != 0, on: platform)
      if byte & 1 == 0 { gate.reset(platform) }
    case 0xD2: send([byte], platform)
    default: break
    }
  }

  /// A byte to the keyboard itself.
  private func keyboard(_ byte: UInt8, _ platform: Platform) {
    commandByte &= ~0x10
    if keyboardWaiting != 0 {
      let command = keyboardWaiting
      keyboardWaiting = 0
      if command == 0xF0 {
        if byte == 0 { return send([0xFA, scancodeSet], platform) }
        if byte <= 3 { scancodeSet = byte }
      }
      return send([0xFA], platform)
    }
    switch byte {
    case 0xED, 0xF0, 0xF3:
      keyboardWaiting = byte
      send([0xFA], platform)
    case 0xEE: send([0xEE], platform)
    case 0xF2: send([0xFA, 0xAB, commandByte & 0x40 != 0 ? 0x41 : 0x83], platform)
    case 0xF4:
      isScanning = true
      send([0xFA], platform)
    case 0xF5, 0xF6:
      isScanning = byte == 0xF6
      scancodeSet = 2
      send([0xFA], platform)
    case 0xFF:
      queue.removeAll()
      isScanning = true
      scancodeSet = 2
      send([0xFA, 0xAA], platform)
    default: send([0xFE], platform)
    }
  }

  // MARK: State

  public func save() -> [UInt64] {
    [
      UInt64(nextKey), keyDue ?? .max, UInt64(output), isFull ? 1 : 0, UInt64(commandByte), UInt64(waiting),
      UInt64(keyboardWaiting), isScanning ? 1 : 0, UInt64(scancodeSet), isWriteOfCommand ? 1 : 0, gate.word,
    ] + queue.map(UInt64.init)
  }

  public func restore(_ state: [UInt64]) {
    guard state.count >= 11 else { return }
    nextKey = min(Int(truncatingIfNeeded: state[0] & 0xFFFF_FFFF), keys.count)
    keyDue = state[1] == .max ? nil : state[1]
    output = UInt8(truncatingIfNeeded: state[2])
    isFull = state[3] != 0
    commandByte = UInt8(truncatingIfNeeded: state[4])
    waiting = UInt8(truncatingIfNeeded: state[5])
    keyboardWaiting = UInt8(truncatingIfNeeded: state[6])
    isScanning = state[7] != 0
    scancodeSet = UInt8(truncatingIfNeeded: state[8])
    isWriteOfCommand = state[9] != 0
    gate.restore(state[10])
    queue = state.dropFirst(11).prefix(64).map { UInt8(truncatingIfNeeded: $0) }
  }
}
