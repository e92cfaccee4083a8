import MachineCore

/// Instructions that the 80286 and 80386 do not undo when a fault stops them half way.
extension X86Core {
  /// Remembers a register's value before an instruction changes it that may still fault.
  mutating func keep(_ register: X86Register) {
    if !kept.contains(where: { $0.index == register.index }) { kept.append((register.index, reg(register))) }
  }

  /// Forgets what ``keep(_:)`` remembered: the instruction completed.
  mutating func settle() { kept.removeAll(keepingCapacity: true) }

  // MARK: Stack

  /// PUSHA, store by store: downwards on the 80286, upwards from the lowest address on the 80386.
  mutating func pushAllStepwise(_ width: Width) throws(X86Fault) {
    let bytes = UInt64(width.bytes)
    let top = reg(.rsp)
    for step in 0..<8 {
      let slot = model == .i80386 ? 7 - step : step
      let place = (top &- UInt64(slot + 1) &* bytes) & stackWidth.mask
      // SAFETY: the general registers come first, in encoding order.
      try store(2, place, r[slot], Int(bytes))
    }
    moveStack(0 &- 8 &* bytes)
  }

  /// POPA of the 80386: each register is loaded as it comes from the stack.
  mutating func popAllStepwise(_ width: Width) throws(X86Fault) {
    let bytes = UInt64(width.bytes)
    let pointer = reg(.rsp)
    var image: UInt64 = 0
    for slot in 0..<8 {
      let value = try load(2, (pointer &+ UInt64(slot) &* bytes) & stackWidth.mask, Int(bytes))
      let register: X86Register
      switch slot {
      case 0: register = .rdi
      case 1: register = .rsi
      case 2: register = .rbp
      case 3:
        image = value
        continue
      case 4: register = .rbx
      case 5: register = .rdx
      case 6: register = .rcx
      default: register = .rax
      }
      keep(register)
      setPart(register, width, value)
    }
    settle()
    moveStack(8 &* bytes)
    // The upper half of the stack pointer comes from the image that is otherwise passed over.
    if width == .bits32, stackWidth == .bits16 { set(.rsp, image & 0xFFFF_0000 | reg(.rsp) & 0xFFFF) }
  }

  /// ENTER, push by push; the new top of the stack is not tried.
  mutating func enterFrameStepwise(_ i: Instruction) throws(X86Fault) {
    let bytes = i.pointee.width.bytes
    let level = try read(i.pointee.b) & 31
    var pointer = (reg(.rsp) &- UInt64(bytes)) & stackWidth.mask
    let frame = pointer
    try store(2, pointer, reg(.rbp), bytes)
    if level > 0 {
      for outer in 1..<max(level, 1) {
        let value = try load(2, (reg(.rbp) &- outer &* UInt64(bytes)) & stackWidth.mask, bytes)
        pointer = (pointer &- UInt64(bytes)) & stackWidth.mask
        try store(2, pointer, value, bytes)
      }
      pointer = (pointer &- UInt64(bytes)) & stackWidth.mask
      try store(2, pointer, frame, bytes)
    }
    setPart(.rbp, i.pointee.width, frame)
    setPart(.rsp, stackWidth, pointer &- i.pointee.a.value)
  }

  // MARK: Strings

  /// One iteration on the 80286: an index register moves before its access, and a fault leaves it moved; the
  /// count has then gone down by one for a read and by two for a write.
  mutating func stringOf80286(_ i: Instruction) throws(X86Fault) {
    let isRepeated = i.pointee.repeats != 0
    let count = reg(.rcx) & 0xFFFF
    if isRepeated, count == 0 { return }
    let again = rip
    let step = flags & 0x400 != 0 ? 0 &- UInt64(i.pointee.width.bytes) : UInt64(i.pointee.width.bytes)
    let source = reg(.rsi) & 0xFFFF
    let destination = reg(.rdi) & 0xFFFF
    let bytes = i.pointee.width.bytes
    var isCompared = false

    func begin(_ core: inout X86Core, _ register: X86Register, _ counted: UInt64) {
      core.keep(register)
      core.setPart(register, .bits16, core.reg(register) &+ step)
      guard isRepeated else { return }
      core.keep(.rcx)
      core.setPart(.rcx, .bits16, count &- counted)
    }
    switch i.pointee.operation {
    case .movs:
      begin(&self, .rsi, 1)
      let value = try load(i.pointee.b.segment, source, bytes)
      begin(&self, .rdi, 2)
      try store(0, destination, value, bytes)
    case .stos:
      begin(&self, .rdi, 2)
      try store(0, destination, reg(.rax), bytes)
    case .lods:
      begin(&self, .rsi, 1)
      let value = try load(i.pointee.b.segment, source, bytes)
      setPart(.rax, i.pointee.width, value)
    case .scas:
      begin(&self, .rdi, 1)
      let value = try load(0, destination, bytes)
      setArithmetic(Self.subtract(part(.rax, i.pointee.width), value, 0, i.pointee.width).1)
      isCompared = true
    case .cmps:
      begin(&self, .rdi, 0)
      let second = try load(0, destination, bytes)
      begin(&self, .rsi, 1)
      let first = try load(i.pointee.a.segment, source, bytes)
      setArithmetic(Self.subtract(first, second, 0, i.pointee.width).1)
      isCompared = true
    case .ins:
      let port = reg(.rdx) & 0xFFFF
      try checkPort(port, bytes)
      let value = input(.port, port, bytes)
      begin(&self, .rdi, 2)
      try store(0, destination, value, bytes)
    default:
      let port = reg(.rdx) & 0xFFFF
      try checkPort(port, bytes)
      begin(&self, .rsi, 1)
      let value = try load(i.pointee.b.segment, source, bytes)
      output(.port, port, value, bytes)
    }
    settle()
    guard isRepeated else { return }
    setPart(.rcx, .bits16, count &- 1)
    let isEqual = flags & 0x40 != 0
    if count != 1, !isCompared || isEqual == (i.pointee.repeats == 1) { next = again }
  }

  // MARK: Division

  /// Quotient and remainder of a signed division whose overflow the 80286 and 80386 do not notice: the signs
  /// differ, and the dividend exceeds half·(|divisor| + half) by less than the divisor, half being 128 or 32768.
  func unnoticedQuotient(_ dividend: Int64, _ divisor: Int64, _ width: Width) -> (UInt64, UInt64)? {
    guard model.keepsPartialWork, width != .bits32, (dividend < 0) != (divisor < 0) else { return nil }
    let half = Int64(1) << Int64(width.rawValue - 1)
    let size = abs(divisor)
    let rest = abs(dividend) - half * (size + half)
    guard rest >= 0, rest < size else { return nil }
    let remainder = UInt64(bitPattern: dividend < 0 ? -rest : rest)
    return (UInt64(half), remainder & width.mask)
  }
}
