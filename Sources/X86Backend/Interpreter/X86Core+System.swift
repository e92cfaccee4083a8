import MachineCore

extension X86Core {
  private func requirePrivilege() throws(X86Fault) {
    guard privilege == 0 else { throw .protection() }
  }

  /// User-mode instruction prevention keeps the places of system tables from outer levels.
  func checkUserInstruction() throws(X86Fault) {
    if privilege != 0, reg(.cr4) >> 11 & 1 != 0 { throw .protection() }
  }

  func isCanonical(_ address: UInt64) -> Bool { (address &+ 0x8000_0000_0000) >> 48 == 0 }

  mutating func system(_ i: Instruction) throws(X86Fault) {
    switch i.pointee.operation {
    case .hlt:
      try requirePrivilege()
      set(.halted, 1)
    case .ud: throw X86Fault(vector: 6)
    case .tooLong: throw .protection()
    case .movFromControl:
      try requirePrivilege()
      try write(i.pointee.a, read(i.pointee.b))
    case .movToControl:
      try requirePrivilege()
      try loadControl(i.pointee.condition, read(i.pointee.b))
    case .lgdt, .lidt, .sgdt, .sidt: try descriptorTable(i)
    case .smsw:
      try checkUserInstruction()
      try write(i.pointee.a, reg(.cr0))
    case .lmsw:
      try requirePrivilege()
      let value = try read(i.pointee.a)
      try loadCR0(reg(.cr0) & ~0xE | value & 0xF)
    case .clts:
      try requirePrivilege()
      set(.cr0, reg(.cr0) & ~8)
    case .invlpg:
      try requirePrivilege()
      invalidate(linearOf(i.pointee.a))
    case .wbinvd: try requirePrivilege()
    case .clflush: try flushLine(i.pointee.a)
    case .fwait: if reg(.cr0) & 10 == 10 { throw X86Fault(vector: 7) }
    // EM or TS: device not available. Nothing else, for there are no x87 registers to initialize.
    case .fninit: if reg(.cr0) & 4 != 0 || reg(.cr0) & 8 != 0 { throw X86Fault(vector: 7) }
    case .sysenter: try systemEnter()
    case .sysexit: try systemExit(i.pointee.width == .bits64)
    // There are no performance counters.
    case .rdpmc: throw .protection()
    case .syscall: try systemCall()
    case .sysret: try systemReturn(i.pointee.width == .bits64)
    case .swapgs:
      try requirePrivilege()
      let old = reg(.gsBase)
      set(.gsBase, reg(.kernelGSBase))
      set(.kernelGSBase, old)
    case .rdmsr:
      try requirePrivilege()
      setPair(try readModelSpecific(part(.rcx, .bits32)))
    case .wrmsr:
      try requirePrivilege()
      try writeModelSpecific(part(.rcx, .bits32), reg(.rax) & 0xFFFF_FFFF | reg(.rdx) << 32)
    case .cpuid:
      let leaf = X86CPUID.leaf(UInt32(truncatingIfNeeded: reg(.rax)))
      set(.rax, UInt64(leaf.eax))
      set(.rbx, UInt64(leaf.ebx))
      set(.rcx, UInt64(leaf.ecx))
      set(.rdx, UInt64(leaf.edx))
    case .rdtsc:
      if privilege != 0, reg(.cr4) & 4 != 0 { throw .protection() }
      setPair(time)
    case .rdtscp:
      if privilege != 0, reg(.cr4) & 4 != 0 { throw .protection() }
      setPair(time)
      set(.rcx, reg(.tscAux) & 0xFFFF_FFFF)
    default: break
    }
  }

  /// CLFLUSH has the faults of a byte load, but for that a code segment need not be readable, and meets data
  /// breakpoints as a processor does (see Docs/X86System.md).
  private mutating func flushLine(_ operand: Operand) throws(X86Fault) {
    let offset = address(operand)
    let isCode = isProtected && !is64 && reg(attributes: operand.segment) & 8 != 0
    // A fetch has a load's limits and asks for no right to read.
    let line = try linear(operand.segment, offset, 1, isCode ? .fetch : .read)
    if isWatching { watch(line, 1, isWrite: false) }
    _ = try physical(line, .read, isUser: privilege == 3)
  }

  private func reg(attributes segment: UInt8) -> UInt64 {
    // SAFETY: segment numbers are below 6; hidden parts follow one another in encoding order.
    r[X86Register.esAttributes.index + Int(segment)]
  }

  /// The time-stamp counter.
  var time: UInt64 { retired &+ idle &+ reg(.timeOffset) }

  /// The linear address of an operand that is not accessed.
  private func linearOf(_ operand: Operand) -> UInt64 {
    let offset = address(operand)
    if is64 {
      return operand.segment < 4 ? offset : offset &+ r[X86Register.esBase.index + Int(operand.segment)]
    }
    // SAFETY: segment numbers are below 6.
    return (offset &+ r[X86Register.esBase.index + Int(operand.segment)]) & 0xFFFF_FFFF
  }

  private func setPair(_ value: UInt64) {
    set(.rax, value & 0xFFFF_FFFF)
    set(.rdx, value >> 32)
  }

  private mutating func descriptorTable(_ i: Instruction) throws(X86Fault) {
    let isGlobal = i.pointee.operation == .lgdt || i.pointee.operation == .sgdt
    let base: X86Register = isGlobal ? .gdtrBase : .idtrBase
    let limit: X86Register = isGlobal ? .gdtrLimit : .idtrLimit
    let bytes = is64 ? 8 : 4
    let segment = i.pointee.a.segment
    let place = address(i.pointee.a)
    let second = (place &+ 2) & i.pointee.address.mask
    if i.pointee.operation == .sgdt || i.pointee.operation == .sidt {
      try checkUserInstruction()
      try probe(segment, place, 2)
      try probe(segment, second, bytes)
      try store(segment, place, reg(limit), 2)
      // The 80286 stores ones where later processors have the top byte of the base.
      try store(segment, second, is286 ? reg(base) | 0xFF00_0000 : reg(base), bytes)
      return
    }
    try requirePrivilege()
    let newLimit = try load(segment, place, 2)
    var newBase = try load(segment, second, bytes)
    if is64 {
      guard isCanonical(newBase) else { throw .protection() }
    } else if i.pointee.width == .bits16 {
      newBase &= 0xFF_FFFF
    }
    set(limit, newLimit)
    set(base, newBase)
  }

  // MARK: Control registers

  private mutating func loadControl(_ number: UInt8, _ value: UInt64) throws(X86Fault) {
    switch number {
    case 0: try loadCR0(value)
    case 2: set(.cr2, value)
    case 3:
      // Physical addresses have 40 bits.
      guard value >> 40 == 0 else { throw .protection() }
      if isPaged, !isLong, reg(.cr4) & 0x20 != 0 { try loadDirectoryPointers(value) }
      set(.cr3, value)
      forgetLocalPages()
    case 4:
      if value & 0x20 == 0, isLong { throw .protection() }
      guard value & ~0x10_0FFC == 0 else { throw .unsupported("this bit of CR4") }
      let changed = value ^ reg(.cr4)
      if isPaged, !isLong, value & 0x20 != 0, changed & 0x10_00B0 != 0 {
        try loadDirectoryPointers(reg(.cr3))
      }
      set(.cr4, value)
      if changed & 0x10_00B0 != 0 { forgetAllPages() }
      updateMode()
    default:
      guard value < 16 else { throw .protection() }
      set(.cr8, value)
    }
  }

  private mutating func loadCR0(_ value: UInt64) throws(X86Fault) {
    let new = value & 0xE005_002F | 0x10
    let pages = new >> 31 & 1 != 0
    if value >> 32 != 0 || (pages && new & 1 == 0) || (new >> 29 & 1 != 0 && new >> 30 & 1 == 0) {
      throw .protection()
    }
    var mode = reg(.efer)
    if pages != isPaged {
      if pages {
        if mode & 0x100 != 0 {
          // Paging enters long mode.
          // PAE must be on, the code not 64 bits wide yet, and the task one of 32 bits.
          guard reg(.cr4) & 0x20 != 0, reg(.csAttributes) >> 13 & 1 == 0, reg(.trAttributes) & 8 != 0
          else { throw .protection() }
          mode |= 0x400
        }
      } else {
        if is64 { throw .protection() }
        mode &= ~0x400
      }
    }
    let changed = new ^ reg(.cr0)
    if pages, mode & 0x400 == 0, reg(.cr4) & 0x20 != 0, changed & 0xE000_0000 != 0 {
      try loadDirectoryPointers(reg(.cr3))
    }
    set(.efer, mode)
    set(.cr0, new)
    if changed & 0x8001_0000 != 0 { forgetAllPages() }
    updateMode()
  }

  // MARK: Fast system calls

  private func setFlat(_ code: UInt64, _ codeAttributes: UInt64, _ data: UInt64, _ dataAttributes: UInt64) {
    set(.cs, code & 0xFFFF)
    set(.csBase, 0)
    set(.csLimit, 0xFFFF_FFFF)
    set(.csAttributes, codeAttributes)
    set(.ss, data & 0xFFFF)
    set(.ssBase, 0)
    set(.ssLimit, 0xFFFF_FFFF)
    set(.ssAttributes, dataAttributes)
  }

  private mutating func systemCall() throws(X86Fault) {
    guard reg(.efer) & 1 != 0 else { throw X86Fault(vector: 6) }
    set(.rcx, next)
    set(.r11, flags & ~0x1_0000)
    next = reg(.lstar)
    flags = flags & ~reg(.sfmask) & ~0x1_0000 | 2
    let selector = reg(.star) >> 32 & 0xFFFC
    setFlat(selector, 0xA09B, selector &+ 8, 0xC093)
    updateMode()
  }

  private mutating func systemReturn(_ to64: Bool) throws(X86Fault) {
    guard reg(.efer) & 1 != 0 else { throw X86Fault(vector: 6) }
    try requirePrivilege()
    let target = to64 ? reg(.rcx) : reg(.rcx) & 0xFFFF_FFFF
    guard !to64 || isCanonical(target) else { throw .protection() }
    next = target
    flags = reg(.r11) & 0x3C_7FD7 | 2
    let base = reg(.star) >> 48
    setFlat(to64 ? (base &+ 16) | 3 : base | 3, to64 ? 0xA0FB : 0xC0FB, (base &+ 8) | 3, 0xC0F3)
    updateMode()
  }

  private mutating func systemEnter() throws(X86Fault) {
    guard isProtected, reg(.sysenterCS) & 0xFFFC != 0 else { throw .protection() }
    flags &= ~0x3_0200
    let selector = reg(.sysenterCS) & 0xFFFC
    setFlat(selector, isLong ? 0xA09B : 0xC09B, selector &+ 8, 0xC093)
    set(.rsp, isLong ? reg(.sysenterESP) : reg(.sysenterESP) & 0xFFFF_FFFF)
    next = isLong ? reg(.sysenterEIP) : reg(.sysenterEIP) & 0xFFFF_FFFF
    updateMode()
  }

  private mutating func systemExit(_ to64: Bool) throws(X86Fault) {
    guard isProtected, privilege == 0, reg(.sysenterCS) & 0xFFFC != 0 else { throw .protection() }
    let target = to64 ? reg(.rdx) : reg(.rdx) & 0xFFFF_FFFF
    let pointer = to64 ? reg(.rcx) : reg(.rcx) & 0xFFFF_FFFF
    guard isCanonical(target), isCanonical(pointer) else { throw .protection() }
    let base = reg(.sysenterCS) & 0xFFFC &+ (to64 ? 32 : 16)
    setFlat(base | 3, to64 ? 0xA0FB : 0xC0FB, (base &+ 8) | 3, 0xC0F3)
    set(.rsp, pointer)
    next = target
    updateMode()
  }
}
