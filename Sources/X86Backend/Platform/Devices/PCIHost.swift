public import MachineCore

/// Bus 0 of a PC with an Intel 440FX: host bridge, PIIX3 ISA bridge and IDE, PIIX4 power management, by configuration mechanism 1.
///
/// | offset | register |
/// |---|---|
/// | 0…3 | CONFIG_ADDRESS (32-bit accesses); 1 alone, by bytes: the reset control register |
/// | 4…7 | CONFIG_DATA |
///
/// The host bridge's PAM registers (59h…5Fh) switch the firmware's shadow. Data sheets: Intel 290549 (440FX),
/// 290550 (PIIX3).
public final class PCIHost: Device {
  public let name = "PCI host"
  private let shadow: FirmwareShadow
  private let gate: A20Gate
  private var address: UInt32 = 0
  private var resetControl: UInt8 = 0
  private var functions: [PCIFunction]

  init(shadow: FirmwareShadow, gate: A20Gate, hasDisk: Bool) {
    self.shadow = shadow
    self.gate = gate
    functions = [
      PCIFunction(
        device: 0, function: 0, ids: (0x8086, 0x1237), classCode: 0x06_0000, revision: 2,
        subsystem: (0x1AF4, 0x1100), writable: [0x04, 0x05] + Array(0x50...0xFF)),
      PCIFunction(
        device: 1, function: 0, ids: (0x8086, 0x7000), classCode: 0x06_0100, isMultiple: true,
        subsystem: (0x1AF4, 0x1100), writable: [0x04, 0x05] + Array(0x40...0xFF)),
    ]
    // Routing of PCI interrupts is off.
    for register in 0x60...0x63 { functions[1].bytes[register] = 0x80 }
    functions.append(
      PCIFunction(
        device: 1, function: 3, ids: (0x8086, 0x7113), classCode: 0x06_8000, revision: 3,
        subsystem: (0x1AF4, 0x1100), writable: [0x04, 0x05] + Array(0x40...0xFF)))
    // Its interrupt is 9; the base of its ports is an I/O address; system management mode, which does not
    // exist, counts as set up (bit 25 of DEVACTB).
    functions[2].bytes[0x3C] = 9
    functions[2].bytes[0x3D] = 1
    functions[2].bytes[0x40] = 1
    functions[2].bytes[0x5B] = 2
    if hasDisk {
      functions.append(
        PCIFunction(
          device: 1, function: 1, ids: (0x8086, 0x7010), classCode: 0x01_0180,
          subsystem: (0x1AF4, 0x1100), writable: [0x04, 0x05] + Array(0x40...0x4F)))
    }
  }

  private var selected: Int? {
    guard address >> 31 != 0, address >> 16 & 0xFF == 0 else { return nil }
    return functions.firstIndex {
      $0.device == Int(address >> 11 & 31) && $0.function == Int(address >> 8 & 7)
    }
  }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    if offset < 4 {
      if offset == 1, width == 1 { return UInt64(resetControl) }
      return UInt64(address) >> (offset * 8)
    }
    guard let selected else { return .max }
    var value: UInt64 = 0
    for index in 0..<min(width, 4) {
      let register = Int(address & 0xFC) + Int(offset & 3) + index
      if register < 256 { value |= UInt64(functions[selected].bytes[register]) << UInt64(index * 8) }
    }
    return value
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    if offset < 4 {
      if offset == 0, width == 4 { address = UInt32(truncatingIfNeeded: value) & 0x80FF_FFFC }
      if offset == 1, width == 1 {
        resetControl = UInt8(truncatingIfNeeded: value) & 2
        if value & 4 != 0 { gate.reset(platform) }
      }
      return
    }
    guard let selected else { return }
    for index in 0..<min(width, 4) {
      let register = Int(address & 0xFC) + Int(offset & 3) + index
      guard register < 256, functions[selected].isWritable[register] else { continue }
      functions[selected].bytes[register] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
    }
    if selected == 0 { switchShadow(platform) }
  }

  /// Brings the shadow in line with the PAM registers.
  private func switchShadow(_ platform: Platform) {
    let bytes = functions[0].bytes
    for index in shadow.segments.indices {
      // Register 59h holds the last segment in its upper half; the others follow two by two.
      let nibble = index == 12 ? bytes[0x59] >> 4 : bytes[0x5A + index / 2] >> (index & 1 == 0 ? 0 : 4)
      shadow.set(index, FirmwareShadow.Access(rawValue: nibble & 3), on: platform)
    }
  }

  public func save() -> [UInt64] {
    [UInt64(address), UInt64(resetControl)] + functions.flatMap { ByteWords.pack($0.bytes) } + shadow.words
  }

  public func restore(_ state: [UInt64]) {
    let size = 32
    guard state.count >= 2 + functions.count * size else { return }
    address = UInt32(truncatingIfNeeded: state[0])
    resetControl = UInt8(truncatingIfNeeded: state[1])
    for index in functions.indices {
      functions[index].bytes = ByteWords.unpack(state[(2 + index * size)..<(2 + (index + 1) * size)])
    }
    shadow.restore(state[(2 + functions.count * size)...])
  }
}

/// The configuration space of one PCI function; registers that cannot be written keep what they show.
struct PCIFunction {
  let device: Int
  let function: Int
  var bytes: [UInt8]
  var isWritable: [Bool]

  init(
    device: Int, function: Int, ids: (UInt16, UInt16), classCode: UInt32, revision: UInt8 = 0,
    isMultiple: Bool = false, subsystem: (UInt16, UInt16), writable: [Int]
  ) {
    self.device = device
    self.function = function
    bytes = [UInt8](repeating: 0, count: 256)
    isWritable = [Bool](repeating: false, count: 256)
    for register in writable { isWritable[register] = true }
    func put(_ value: UInt16, _ at: Int) {
      bytes[at] = UInt8(value & 0xFF)
      bytes[at + 1] = UInt8(value >> 8)
    }
    put(ids.0, 0x00)
    put(ids.1, 0x02)
    // Memory and I/O accesses are on; fast timing.
    put(0x0003, 0x04)
    put(0x0280, 0x06)
    bytes[0x08] = revision
    bytes[0x09] = UInt8(classCode & 0xFF)
    bytes[0x0A] = UInt8(classCode >> 8 & 0xFF)
    bytes[0x0B] = UInt8(classCode >> 16 & 0xFF)
    if isMultiple { bytes[0x0E] = 0x80 }
    put(subsystem.0, 0x2C)
    put(subsystem.1, 0x2E)
  }
}
