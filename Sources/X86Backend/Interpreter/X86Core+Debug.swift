import MachineCore
import Trace

/// Breakpoints, single steps, and the shadows of instructions (Intel SDM vol. 3, chapter 18 and 6.8).
extension X86Core {
  /// Bits of DR6.
  static let debugGeneralDetect: UInt64 = 1 << 13
  static let debugSingleStep: UInt64 = 1 << 14

  /// Recomputes which breakpoints there are.
  mutating func updateDebug() {
    let control = reg(.dr7)
    hasBreakpoints = false
    isWatching = false
    for number in 0..<4 as Range<UInt64> where control >> (2 * number) & 3 != 0 {
      if control >> (16 + 4 * number) & 3 == 0 { hasBreakpoints = true } else { isWatching = true }
    }
  }

  /// The breakpoints that an access touches, as bits of DR6.
  private func matches(_ address: UInt64, _ bytes: UInt64, kinds: UInt64) -> UInt64 {
    let control = reg(.dr7)
    var result: UInt64 = 0
    for number in 0..<4 as Range<UInt64> where control >> (2 * number) & 3 != 0 {
      let kind = control >> (16 + 4 * number) & 3
      guard kinds >> kind & 1 != 0 else { continue }
      // Lengths are 1, 2, 8 and 4 bytes; the address is cut to a multiple.
      let code = control >> (18 + 4 * number) & 3
      let length: UInt64 = code == 2 ? 8 : code &+ 1
      // SAFETY: the four registers follow one another.
      let first = r[X86Register.dr0.index + Int(number)] & ~(length &- 1)
      if address &- first < length || first &- address < bytes { result |= 1 << number }
    }
    return result
  }

  /// Notes a load or store of the program.
  @inline(never) mutating func watch(_ linear: UInt64, _ bytes: Int, isWrite: Bool) {
    watched |= matches(linear, UInt64(bytes), kinds: isWrite ? 0b1010 : 0b1000)
  }

  /// Notes an access to ports.
  mutating func watchPort(_ port: UInt64, _ bytes: Int) {
    guard isWatching, reg(.cr4) & 8 != 0 else { return }
    watched |= matches(port, UInt64(bytes), kinds: 0b100)
  }

  /// Throws when a breakpoint is on the instruction that is to be executed.
  mutating func checkBreakpoints() throws(X86Fault) {
    guard flags & X86Flags.resume.rawValue == 0, reg(.interruptShadow) & 1 == 0 else { return }
    let linear = is64 ? rip : (rip &+ reg(.csBase)) & 0xFFFF_FFFF
    let hits = matches(linear, 1, kinds: 1)
    if hits != 0 { throw X86Fault(vector: 1, code: hits) }
  }

  /// Whether something is left to do after an instruction that began with `old` flags.
  @inline(__always) func needsFinish(_ old: UInt64) -> Bool {
    (old | flags) & 0x1_0100 | reg(.interruptShadow) | shadow | watched | held != 0
  }

  /// Shadow and RF after an instruction; the bits of DR6 for a debug trap, or 0.
  @inline(never) mutating func finish(_ operation: X86Operation, _ old: UInt64) -> UInt64 {
    var payload = held | watched
    held = 0
    watched = 0
    switch operation {
    case .int, .int1, .int3: break
    // INTO steps when it does nothing.
    case .into: if old & 0x900 == 0x100 { payload |= Self.debugSingleStep }
    case .syscall, .sysret: if flags & 0x100 != 0 { payload |= Self.debugSingleStep }
    default: if old & 0x100 != 0 { payload |= Self.debugSingleStep }
    }
    if operation != .iret, next != rip { flags &= ~X86Flags.resume.rawValue }
    set(.interruptShadow, shadow)
    if shadow & 1 != 0 {
      // A step is reported by the next instruction's own.
      held = payload & 15
      payload = 0
    }
    shadow = 0
    return payload
  }

  /// What a fault leaves of the instruction.
  mutating func discard() {
    shadow = 0
    watched = 0
    held = 0
  }

  /// The shadow of MOV SS, POP SS (1) or STI (2) begins, unless the instruction itself is under one.
  mutating func castShadow(_ bit: UInt64) {
    if reg(.interruptShadow) & bit == 0 { shadow = bit }
  }

  /// What the delivery of #DB does to the debug registers.
  func noteDebug(_ payload: UInt64) {
    set(.dr6, reg(.dr6) & ~15 | payload)
    set(.dr7, reg(.dr7) & ~0x2000)
  }

  // MARK: MOV DR

  /// Checks a MOV from or to a debug register.
  private func checkDebugAccess(_ number: UInt8) throws(X86Fault) {
    guard privilege == 0 else { throw .protection() }
    if number & 6 == 4, reg(.cr4) & 8 != 0 { throw X86Fault(vector: 6) }
    if reg(.dr7) & 0x2000 != 0 { throw X86Fault(vector: 1, code: Self.debugGeneralDetect) }
  }

  mutating func debugRegister(_ i: Instruction) throws(X86Fault) {
    guard i.pointee.operation == .movToDebug else {
      // Two numbers stand for each of DR6 and DR7; the instruction's bytes tell which: 0F 21 and ModRM.
      let bytes = i.pointee.bytes.array
      let place = (bytes.firstIndex(of: 0x0F) ?? 0) + 2
      try checkDebugAccess(place < bytes.count ? bytes[place] >> 3 & 7 : 0)
      try write(i.pointee.a, read(i.pointee.b))
      return
    }
    let number = i.pointee.condition
    try checkDebugAccess(number)
    let value = try read(i.pointee.b)
    switch number {
    case 0...3:
      // SAFETY: the four registers follow one another.
      r[X86Register.dr0.index + Int(number)] = value
    case 4, 6:
      guard value >> 32 == 0 else { throw .protection() }
      set(.dr6, value & 0xE00F | 0xFFFF_0FF0)
    default:
      guard value >> 32 == 0 else { throw .protection() }
      set(.dr7, value & 0xFFFF_27FF | 0x400)
      updateMode()
    }
  }
}
