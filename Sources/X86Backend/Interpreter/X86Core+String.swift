import MachineCore

extension X86Core {
  /// One iteration of a string instruction; a repeated one stays at its address until it is done.
  @inline(never) mutating func string(_ i: Instruction) throws(X86Fault) {
    if is286 { return try stringOf80286(i) }
    let width = i.pointee.width
    let counter = i.pointee.address
    let isRepeated = i.pointee.repeats != 0
    // Ports are checked before the count is.
    if i.pointee.operation == .ins || i.pointee.operation == .outs {
      try checkPort(reg(.rdx) & 0xFFFF, width.bytes)
    }
    if isRepeated, part(.rcx, counter) == 0 { return }
    let again = rip
    let bytes = UInt64(width.bytes)
    let step = flags & 0x400 != 0 ? 0 &- bytes : bytes
    var compared = false
    switch i.pointee.operation {
    case .movs:
      try write(i.pointee.a, read(i.pointee.b))
      advance(.rsi, counter, step)
      advance(.rdi, counter, step)
    case .stos:
      try write(i.pointee.a, read(i.pointee.b))
      advance(.rdi, counter, step)
    case .lods:
      try write(i.pointee.a, read(i.pointee.b))
      advance(.rsi, counter, step)
    case .scas, .cmps:
      // Of the two strings, the one at ES:rDI is read first, as on Intel's processors; the manual does not say.
      let isReversed = i.pointee.operation == .cmps && model == .modern
      let second = isReversed ? try read(i.pointee.b) : 0
      let a = try read(i.pointee.a)
      let b = isReversed ? second : try read(i.pointee.b)
      setArithmetic(Self.subtract(a, b, 0, width).1)
      compared = true
      if i.pointee.operation == .cmps { advance(.rsi, counter, step) }
      advance(.rdi, counter, step)
    case .ins:
      let port = reg(.rdx) & 0xFFFF
      watchPort(port, width.bytes)
      try write(i.pointee.a, input(.port, port, width.bytes))
      advance(.rdi, counter, step)
    default:
      let port = reg(.rdx) & 0xFFFF
      watchPort(port, width.bytes)
      output(.port, port, try read(i.pointee.b), width.bytes)
      advance(.rsi, counter, step)
    }
    guard isRepeated else { return }
    let left = (part(.rcx, counter) &- 1) & counter.mask
    setPart(.rcx, counter, left)
    let zero = flags & 0x40 != 0
    if left != 0, !compared || zero == (i.pointee.repeats == 1) { next = again }
  }

  @inline(__always) private func advance(_ register: X86Register, _ width: Width, _ step: UInt64) {
    setPart(register, width, reg(register) &+ step)
  }

  /// General protection when the privilege level may not access a port.
  mutating func checkPort(_ port: UInt64, _ bytes: Int) throws(X86Fault) {
    guard isProtected, isVirtual || privilege > flags >> 12 & 3 else { return }
    // The map is part of task-state segments of 32 and 64 bits only.
    guard reg(.trAttributes) & 8 != 0, reg(.trLimit) >= 0x67 else { throw .protection() }
    let map = try systemLoad(reg(.trBase) &+ 0x66, 2) &+ port >> 3
    guard map &+ 1 <= reg(.trLimit) else { throw .protection() }
    let bits = try systemLoad(reg(.trBase) &+ map, 2)
    guard bits >> (port & 7) & (1 << UInt64(bytes) - 1) == 0 else { throw .protection() }
  }
}
