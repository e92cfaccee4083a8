import MachineCore

extension X86Core {
  private func requirePrivilege() throws(X86Fault) {
    guard privilege == 0 else { throw .protection() }
  }

  private func isCanonical(_ address: UInt64) -> Bool { (address &+ 0x8000_0000_0000) >> 48 == 0 }

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
    case .smsw: try write(i.pointee.a, reg(.cr0))
    case .lmsw:
      try requirePrivilege()
      let value = try read(i.pointee.a)
      try loadCR0(reg(.cr0) & ~0xE | value & 0xF)
    case .clts:
      try requirePrivilege()
      set(.cr0, reg(.cr0) & ~8)
    case .invlpg, .wbinvd: try requirePrivilege()
    case .syscall: try systemCall()
    case .sysret: try systemReturn(i.pointee.width == .bits64)
    case .swapgs:
      try requirePrivilege()
      let old = reg(.gsBase)
      set(.gsBase, reg(.kernelGSBase))
      set(.kernelGSBase, old)
    case .rdmsr:
      try requirePrivilege()
      setPair(try readModelSpecific(UInt32(truncatingIfNeeded: reg(.rcx))))
    case .wrmsr:
      try requirePrivilege()
      try writeModelSpecific(UInt32(truncatingIfNeeded: reg(.rcx)), reg(.rax) & 0xFFFF_FFFF | reg(.rdx) << 32)
    case .cpuid:
      let leaf = X86CPUID.leaf(UInt32(truncatingIfNeeded: reg(.rax)))
      set(.rax, UInt64(leaf.eax))
      set(.rbx, UInt64(leaf.ebx))
      set(.rcx, UInt64(leaf.ecx))
      set(.rdx, UInt64(leaf.edx))
    case .rdtsc:
      if privilege != 0, reg(.cr4) & 4 != 0 { throw .protection() }
      setPair(retired &+ idle)
    default: throw .unsupported("this system instruction")
    }
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
      guard value >> 52 == 0 else { throw .protection() }
      set(.cr3, value)
      dropTranslations()
    case 4:
      if value & 0x20 == 0, isLong { throw .protection() }
      guard value & ~0x7FC == 0 else { throw .unsupported("this bit of CR4") }
      set(.cr4, value)
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
    if pages != isPaged {
      if pages {
        if reg(.efer) & 0x100 != 0 {
          // Paging enters long mode.
          guard reg(.cr4) & 0x20 != 0, reg(.csAttributes) >> 13 & 1 == 0 else { throw .protection() }
          set(.efer, reg(.efer) | 0x400)
        }
      } else {
        if is64 { throw .protection() }
        set(.efer, reg(.efer) & ~0x400)
      }
    }
    set(.cr0, new)
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
    if reg(.r11) & 0x100 != 0 { throw .unsupported("single-stepping with the trap flag") }
    let target = to64 ? reg(.rcx) : reg(.rcx) & 0xFFFF_FFFF
    guard !to64 || isCanonical(target) else { throw .protection() }
    next = target
    flags = reg(.r11) & 0x3C_7FD7 | 2
    let base = reg(.star) >> 48
    setFlat(to64 ? (base &+ 16) | 3 : base | 3, to64 ? 0xA0FB : 0xC0FB, (base &+ 8) | 3, 0xC0F3)
    updateMode()
  }

  // MARK: Model-specific registers

  private func modelSpecific(_ number: UInt32) -> X86Register? {
    switch number {
    case 0x174: .sysenterCS
    case 0x175: .sysenterESP
    case 0x176: .sysenterEIP
    case 0xC000_0080: .efer
    case 0xC000_0081: .star
    case 0xC000_0082: .lstar
    case 0xC000_0083: .cstar
    case 0xC000_0084: .sfmask
    case 0xC000_0100: .fsBase
    case 0xC000_0101: .gsBase
    case 0xC000_0102: .kernelGSBase
    default: nil
    }
  }

  private func readModelSpecific(_ number: UInt32) throws(X86Fault) -> UInt64 {
    if number == 0x10 { return retired &+ idle }
    guard let register = modelSpecific(number) else { throw .unsupported("this model-specific register") }
    return reg(register)
  }

  private mutating func writeModelSpecific(_ number: UInt32, _ value: UInt64) throws(X86Fault) {
    guard let register = modelSpecific(number) else { throw .unsupported("this model-specific register") }
    switch register {
    case .efer:
      let changesLong = (value ^ reg(.efer)) & 0x100 != 0 && isPaged
      guard value & ~0xD01 == 0, !changesLong else { throw .protection() }
      set(.efer, value & 0x901 | reg(.efer) & 0x400)
      updateMode()
      return
    case .sfmask:
      guard value >> 32 == 0 else { throw .protection() }
    case .sysenterCS, .star: break
    default:
      guard isCanonical(value) else { throw .protection() }
    }
    set(register, value)
  }
}
