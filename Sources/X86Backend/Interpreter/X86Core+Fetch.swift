import MachineCore
import Trace

extension X86Core {
  /// The decoded instruction at the program counter; sets `next`.
  @inline(__always)
  mutating func fetch() throws(X86Fault) -> UnsafeMutablePointer<X86CachedInstruction> {
    let address = rip
    let linear = is64 ? address : (address &+ reg(.csBase)) & 0xFFFF_FFFF
    if linear & ~0xFFF == fetchLinear {
      let physical = fetchPhysical | linear & 0xFFF
      // SAFETY: masked to the cache's size.
      let entry = cache + (Int(truncatingIfNeeded: physical) & (Self.cacheSize &- 1))
      let length = UInt64(entry.pointee.length)
      if entry.pointee.tag == physical, entry.pointee.context == context,
        is64 || address &+ length &- 1 <= reg(.csLimit)
      {
        next = address &+ length
        return entry
      }
    }
    return try fetchSlowly()
  }

  /// The decoded instruction at the program counter, if only the page is another than the last one's.
  ///
  /// What is kept lies in one page, so the first byte's translation is that of all.
  private mutating func fetchFromOtherPage() throws(X86Fault) -> UnsafeMutablePointer<X86CachedInstruction>? {
    let address = rip
    let linear = try linear(1, address, 1, .fetch)
    let physical = try physical(linear, .fetch, isUser: privilege == 3)
    // SAFETY: masked to the cache's size.
    let entry = cache + (Int(truncatingIfNeeded: physical) & (Self.cacheSize &- 1))
    let end = address &+ UInt64(entry.pointee.length)
    guard entry.pointee.tag == physical, entry.pointee.context == context, physical < memorySize,
      is64 || end &- 1 <= reg(.csLimit), !wrapsPointer || end <= 0xFFFF
    else { return nil }
    fetchLinear = linear & ~0xFFF
    fetchPhysical = physical & ~0xFFF
    next = end
    return entry
  }

  /// Fetches byte by byte and decodes.
  @inline(never)
  private mutating func fetchSlowly() throws(X86Fault) -> UnsafeMutablePointer<X86CachedInstruction> {
    let address = rip
    currentBytes = InstructionBytes()
    if let entry = try fetchFromOtherPage() { return entry }
    var bytes: [UInt8] = []
    var firstLinear: UInt64 = 0
    var firstPhysical: UInt64 = 0
    while true {
      let linear = try linear(1, address &+ UInt64(bytes.count), 1, .fetch)
      let physical = try physical(linear, .fetch, isUser: privilege == 3)
      if bytes.isEmpty {
        firstLinear = linear
        firstPhysical = physical
      }
      bytes.append(isDevice(physical) ? 0xFF : UInt8(truncatingIfNeeded: readPhysical(physical, 1)))
      currentBytes = InstructionBytes(bytes)
      switch X86Decoder.shared.decode(currentBytes, context: X86DecodeContext(rawValue: UInt64(context))) {
      case .needsMore: continue
      case .unsupported(let name):
        unsupportedText = name
        throw .unsupported("")
      case .decoded(let decoded):
        next = (address &+ UInt64(decoded.length)) & (wrapsPointer ? 0xFFFF : .max)
        return accept(decoded, linear: firstLinear, physical: firstPhysical)
      }
    }
  }

  private mutating func accept(
    _ decoded: X86Decoded, linear: UInt64, physical: UInt64
  ) -> UnsafeMutablePointer<X86CachedInstruction> {
    var entry = makeEntry(decoded)
    entry.bytes = currentBytes
    // What crosses a page or lies outside the storage is decoded every time.
    let isWrapped = wrapsPointer && next < UInt64(decoded.length)
    guard physical & 0xFFF + UInt64(decoded.length) <= 0x1000, physical < memorySize, !isWrapped else {
      scratch.pointee = entry
      return scratch
    }
    entry.tag = physical
    fetchLinear = linear & ~0xFFF
    fetchPhysical = physical & ~0xFFF
    markCode(physical, decoded.length)
    let index = Int(truncatingIfNeeded: physical) & (Self.cacheSize - 1)
    if filled.count < Self.mostFilled { filled.append(index) } else { cacheIsFull = true }
    // SAFETY: masked to the cache's size.
    let place = cache + index
    place.pointee = entry
    return place
  }

  /// A decoded instruction in the form that the interpreter keeps, without bytes and place.
  func makeEntry(_ decoded: X86Decoded) -> X86CachedInstruction {
    let row = X86Row.all[decoded.row]
    var entry = X86CachedInstruction()
    entry.operation = row.operation
    entry.context = context
    entry.length = UInt8(decoded.length)
    entry.width = decoded.form.operand
    entry.address = decoded.form.address
    entry.stack = decoded.form.stack
    entry.repeats = decoded.form.repeats
    entry.condition = row.condition
    entry.segment = row.segment
    entry.operandCount = UInt8(decoded.operandCount)
    entry.isBitString = row.attributes.contains(.bitString)
    entry.isRelative = row.operands.first == .jb || row.operands.first == .jz
    entry.a = bind(decoded.operands[0])
    entry.b = bind(decoded.operands[1])
    entry.c = bind(decoded.operands[2])
    return entry
  }

  /// Replaces the codes for "no register" and "next instruction" by slots of the register file.
  private func bind(_ operand: Operand) -> Operand {
    var operand = operand
    func slot(_ register: RegisterID) -> RegisterID {
      switch register {
      case Operand.noRegister: RegisterID(Self.zeroSlot)
      case Operand.nextPC: RegisterID(Self.nextSlot)
      default: register
      }
    }
    operand.register = slot(operand.register)
    operand.index = slot(operand.index)
    return operand
  }
}
