internal import MachineCore
internal import ToyISA

/// How an instruction ended.
enum StepOutcome {
  case retired
  /// Cause and value are in the core; nothing else has changed.
  case trapped
  /// The caller must read this port into the register, then call `complete`.
  case input(port: UInt32, register: Int)
  /// The caller must write this port, then call `complete`.
  case output(port: UInt32, value: UInt32)
}

extension ToyCore {
  /// Fetches and carries out one instruction, exactly; memory effects are left in `effects`.
  ///
  /// - Parameter now: virtual time before the instruction.
  mutating func step(now: UInt64) -> StepOutcome {
    effectCount = 0
    guard let physical = translate(pc, .fetch, size: 4) else { return .trapped }
    let word = physicalWord(physical)
    self.word = word
    guard isLegal(word) else { return trapped(.illegal, word) }
    let opcode = UInt8(word >> 24)
    if opcode < 0x30 { return arithmetic(opcode, word) }
    if opcode < 0x40 { return storageAccess(opcode, word) }
    if opcode < 0x50 { return control(opcode, word) }
    return system(opcode, word, now)
  }

  /// Goes on to the next instruction.
  mutating func complete() { pc = pc &+ 4 }

  private mutating func trapped(_ cause: ToyCause, _ value: UInt32) -> StepOutcome {
    self.cause = cause
    self.value = value
    return .trapped
  }

  private func field(_ word: UInt32, _ shift: UInt32) -> Int { Int(word >> shift & 15) }

  private func signed16(_ word: UInt32) -> UInt32 {
    UInt32(bitPattern: Int32(Int16(truncatingIfNeeded: word)))
  }

  /// Sets a general register; register 0 stays zero.
  func set(_ number: Int, _ value: UInt32) {
    if number != 0 { registers[number] = value }
  }

  private mutating func result(_ number: Int, _ value: UInt32) -> StepOutcome {
    set(number, value)
    complete()
    return .retired
  }

  private mutating func arithmetic(_ opcode: UInt8, _ word: UInt32) -> StepOutcome {
    let rd = field(word, 20)
    if opcode == 0x2A { return result(rd, word << 12) }
    if opcode == 0x2B { return result(rd, pc &+ word << 12) }
    let x = registers[field(word, 16)]
    let y: UInt32 =
      switch opcode {
      case 0x10...0x1F: registers[field(word, 12)]
      case 0x22, 0x23, 0x24: word & 0xFFFF
      default: signed16(word)
      }
    // Immediate forms are 0x10 above, but for the multiplications and divisions.
    let operation = opcode & 0x0F
    if opcode < 0x20, operation >= 0xA { return multiplication(operation, x, y, rd) }
    let outcome: UInt32 =
      switch operation {
      case 0x0: x &+ y
      case 0x1: x &- y
      case 0x2: x & y
      case 0x3: x | y
      case 0x4: x ^ y
      case 0x5: x &<< (y & 31)
      case 0x6: x &>> (y & 31)
      case 0x7: UInt32(bitPattern: Int32(bitPattern: x) &>> Int32(bitPattern: y & 31))
      case 0x8: Int32(bitPattern: x) < Int32(bitPattern: y) ? 1 : 0
      default: x < y ? 1 : 0
      }
    return result(rd, outcome)
  }

  private mutating func multiplication(
    _ operation: UInt8, _ x: UInt32, _ y: UInt32, _ rd: Int
  ) -> StepOutcome {
    if operation == 0xA { return result(rd, x &* y) }
    if operation == 0xB { return result(rd, x.multipliedFullWidth(by: y).high) }
    guard y != 0 else { return trapped(.divide, 0) }
    let dividend = Int32(bitPattern: x)
    let divisor = Int32(bitPattern: y)
    switch operation {
    case 0xC:
      return result(rd, UInt32(bitPattern: dividend.dividedReportingOverflow(by: divisor).partialValue))
    case 0xD: return result(rd, x / y)
    case 0xE:
      return result(rd, divisor == -1 ? 0 : UInt32(bitPattern: dividend % divisor))
    default: return result(rd, x % y)
    }
  }

  // MARK: Storage

  /// Loads `size` bytes for the program, or traps.
  private mutating func load(_ address: UInt32, _ size: UInt32) -> UInt32? {
    guard address & (size - 1) == 0 else {
      _ = trap(.alignment, address)
      return nil
    }
    guard let physical = translate(address, .read, size: UInt64(size)) else { return nil }
    // SAFETY: `translate` promises that all `size` bytes lie inside the storage.
    let place = storage + Int(physical)
    let datum: UInt32 =
      switch size {
      case 1: UInt32(place.load(as: UInt8.self))
      case 2: UInt32(UInt16(littleEndian: place.loadUnaligned(as: UInt16.self)))
      default: UInt32(littleEndian: place.loadUnaligned(as: UInt32.self))
      }
    note(address, datum, size, isWrite: false)
    return datum
  }

  /// Stores the low `size` bytes for the program; `false` after a trap.
  private mutating func store(_ address: UInt32, _ datum: UInt32, _ size: UInt32) -> Bool {
    guard address & (size - 1) == 0 else {
      _ = trap(.alignment, address)
      return false
    }
    guard let physical = translate(address, .write, size: UInt64(size)) else { return false }
    // SAFETY: `translate` promises that all `size` bytes lie inside the storage.
    let place = storage + Int(physical)
    let stored: UInt32
    switch size {
    case 1:
      stored = datum & 0xFF
      place.storeBytes(of: UInt8(truncatingIfNeeded: datum), as: UInt8.self)
    case 2:
      stored = datum & 0xFFFF
      place.storeBytes(of: UInt16(truncatingIfNeeded: datum).littleEndian, as: UInt16.self)
    default:
      stored = datum
      place.storeBytes(of: datum.littleEndian, as: UInt32.self)
    }
    noteStore(at: Int(physical))
    note(address, stored, size, isWrite: true)
    return true
  }

  private mutating func note(_ address: UInt32, _ datum: UInt32, _ size: UInt32, isWrite: Bool) {
    // SAFETY: no instruction has more than `effectCapacity` accesses, and `step` starts from 0.
    effects[effectCount] = MemoryEffect(
      address: address, value: datum, size: UInt8(truncatingIfNeeded: size), isWrite: isWrite)
    effectCount += 1
  }

  private mutating func storageAccess(_ opcode: UInt8, _ word: UInt32) -> StepOutcome {
    let a = field(word, 20)
    if opcode == 0x3C { return compareAndSwap(a, field(word, 12), registers[field(word, 16)]) }
    let address = registers[field(word, 16)] &+ signed16(word)
    if opcode >= 0x38 {
      let size: UInt32 = opcode == 0x38 ? 4 : opcode == 0x39 ? 2 : 1
      guard store(address, registers[a], size) else { return .trapped }
      complete()
      return .retired
    }
    let size: UInt32 = opcode == 0x30 ? 4 : opcode <= 0x32 ? 2 : 1
    guard let datum = load(address, size) else { return .trapped }
    switch opcode {
    case 0x31: return result(a, UInt32(bitPattern: Int32(Int16(truncatingIfNeeded: datum))))
    case 0x33: return result(a, UInt32(bitPattern: Int32(Int8(truncatingIfNeeded: datum))))
    default: return result(a, datum)
    }
  }

  private mutating func compareAndSwap(_ expected: Int, _ new: Int, _ address: UInt32) -> StepOutcome {
    guard let old = load(address, 4) else { return .trapped }
    if old == registers[expected] {
      guard store(address, registers[new], 4) else { return .trapped }
    }
    return result(expected, old)
  }

  // MARK: Control and system

  private mutating func control(_ opcode: UInt8, _ word: UInt32) -> StepOutcome {
    if opcode == 0x4C { return trapped(.supervisorCall, word & 0xFFFF) }
    if opcode == 0x4D { return trapped(.breakpoint, 0) }
    let x = registers[field(word, 20)]
    let y = registers[field(word, 16)]
    let holds: Bool
    switch opcode {
    case 0x40: holds = x == y
    case 0x41: holds = x != y
    case 0x42: holds = Int32(bitPattern: x) < Int32(bitPattern: y)
    case 0x43: holds = Int32(bitPattern: x) >= Int32(bitPattern: y)
    case 0x44: holds = x < y
    case 0x45: holds = x >= y
    case 0x48:
      let distance = UInt32(bitPattern: Int32(bitPattern: word << 12) >> 10)
      set(field(word, 20), pc &+ 4)
      pc = pc &+ distance
      return .retired
    default:
      set(field(word, 20), pc &+ 4)
      pc = y &+ signed16(word)
      return .retired
    }
    pc = holds ? pc &+ signed16(word) &<< 2 : pc &+ 4
    return .retired
  }

  private mutating func system(_ opcode: UInt8, _ word: UInt32, _ now: UInt64) -> StepOutcome {
    if user {
      switch (variant, opcode) {
      case (.jrst, 0x51), (.leaky, 0x54), (.leaky, 0x55): break
      case (.popf, 0x52):
        complete()
        return .retired
      default: return trapped(.privileged, word)
      }
    }
    let rd = field(word, 20)
    let x = registers[field(word, 16)]
    switch opcode {
    case 0x50: return loadPSW(x &+ signed16(word))
    case 0x51:
      user = true
      pc = x
      return .retired
    case 0x52: interruptEnable = x & 1 != 0
    case 0x53: set(rd, psw.flags)
    case 0x54: set(rd, base)
    case 0x55: set(rd, bound)
    case 0x56: set(rd, UInt32(truncatingIfNeeded: now))
    case 0x57: flushTLB()
    case 0x58: waiting = true
    case 0x5A: return .input(port: (x &+ word & 0xFFFF) & 0xFFFF, register: rd)
    default: return .output(port: (x &+ word & 0xFFFF) & 0xFFFF, value: registers[rd])
    }
    complete()
    return .retired
  }

  private mutating func loadPSW(_ address: UInt32) -> StepOutcome {
    guard let flags = load(address, 4), let newPC = load(address &+ 4, 4),
      let newBase = load(address &+ 8, 4), let newBound = load(address &+ 12, 4)
    else { return .trapped }
    psw = PSW(flags: flags, pc: newPC, base: newBase, bound: newBound)
    waiting = false
    return .retired
  }

  // MARK: Traps

  /// The PSW swap: old state to the trap area, new state from it.
  mutating func deliver(cause: UInt32, value: UInt32) {
    let old = psw
    for (offset, word) in [old.flags, old.pc, old.base, old.bound].enumerated() {
      setPhysicalWord(TrapArea.oldPSW + UInt64(offset) * 4, word)
    }
    setPhysicalWord(TrapArea.cause, cause)
    setPhysicalWord(TrapArea.value, value)
    psw = PSW(
      flags: physicalWord(TrapArea.newPSW), pc: physicalWord(TrapArea.newPSW + 4),
      base: physicalWord(TrapArea.newPSW + 8), bound: physicalWord(TrapArea.newPSW + 12))
    waiting = false
  }
}
