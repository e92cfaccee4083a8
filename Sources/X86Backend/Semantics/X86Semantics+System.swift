import MachineCore

extension X86Semantics {
  private func writeRegister(_ register: X86Register, _ value: Expression) -> Effect {
    .write(register.id, value)
  }

  /// System instructions.
  var system: [Effect] {
    switch row.operation {
    case .hlt: return privileged([writeRegister(.halted, k(1))])
    case .ud: return raise(X86Vector.undefined)
    case .tooLong: return raise(X86Vector.protection)
    case .movFromControl: return privileged([.setOperand(0, .operand(1))])
    case .movToControl: return privileged(loadControl)
    case .lgdt, .lidt, .sgdt, .sidt: return descriptorTable
    case .smsw: return [.setOperand(0, reg(.cr0).low(width))]
    case .lmsw:
      // PE can be set and not cleared; MP, EM and TS take the new value.
      let value = (reg(.cr0) & k(~0xE)) | (.operand(0) & k(0xF))
      return privileged([.assign(Self.a, value)] + X86System.loadCR0(a))
    case .clts: return privileged([writeRegister(.cr0, reg(.cr0) & k(~8))])
    case .invlpg, .wbinvd: return privileged([])
    case .syscall: return syscall
    case .sysret: return sysret
    case .swapgs:
      return privileged([
        writeRegister(.gsBase, reg(.kernelGSBase)), writeRegister(.kernelGSBase, reg(.gsBase)),
      ])
    case .rdmsr: return privileged(readModelSpecific)
    case .wrmsr: return privileged(writeModelSpecific)
    case .cpuid: return identify
    case .rdtsc:
      // Time-stamp disable: only privilege level 0 may read it.
      let disabled: Expression = .select(Self.privilege, reg(.cr4).bit(2), k(0))
      return [.when(disabled, then: raise(X86Vector.protection), otherwise: setEDXEAX(.time))]
    default: return [.unsupported(row.mnemonic)]
    }
  }

  private func setEDXEAX(_ value: Expression) -> [Effect] {
    [write(.rax, .bits32, value), write(.rdx, .bits32, value >> k(32))]
  }

  private var descriptorTable: [Effect] {
    let isGlobal = row.operation == .lgdt || row.operation == .sgdt
    let base: X86Register = isGlobal ? .gdtrBase : .idtrBase
    let limit: X86Register = isGlobal ? .gdtrLimit : .idtrLimit
    let baseWidth: Width = form.is64 ? .bits64 : .bits32
    let second = (Expression.address(0) + k(2)).low(form.address)
    if row.operation == .sgdt || row.operation == .sidt {
      // The 80286 has 24 bits of base and stores ones in the sixth byte.
      let stored = model == .i80286 ? reg(base) | k(0xFF00_0000) : reg(base)
      return [
        .store(.operand(0), .address(0), reg(limit), .bits16),
        .store(.operand(0), second, stored.low(baseWidth), baseWidth),
      ]
    }
    let mask: UInt64 = width == .bits16 && !form.is64 ? 0xFF_FFFF : .max
    let loaded: [Effect] = [
      .assign(Self.a, .load(.operand(0), .address(0), .bits16)),
      .assign(Self.b, .load(.operand(0), second, baseWidth) & k(mask)),
    ]
    let set: [Effect] = [writeRegister(limit, a), writeRegister(base, b)]
    guard form.is64 else { return privileged(loaded + set) }
    return privileged(
      loaded + [.when(b.isNonCanonical, then: raise(X86Vector.protection), otherwise: set)])
  }

  // MARK: - Control registers

  private var loadControl: [Effect] {
    let fault = raise(X86Vector.protection)
    let set: [Effect]
    switch row.condition {
    case 0: set = X86System.loadCR0(a)
    case 2: set = [writeRegister(.cr2, a)]
    case 3: set = [.when(a >> k(52), then: fault, otherwise: [writeRegister(.cr3, a)])]
    case 4:
      // PAE cannot go while long mode is active.
      let losesPAE = (a.bit(5) ^ k(1)) & reg(.efer).bit(10)
      set = [
        .when(
          losesPAE, then: fault,
          otherwise: [
            .when(
              a & k(~X86System.supportedCR4), then: [.unsupported("this bit of CR4")],
              otherwise: [writeRegister(.cr4, a)])
          ])
      ]
    default: set = [.when(a & k(~15), then: fault, otherwise: [writeRegister(.cr8, a)])]
    }
    return [.assign(Self.a, .operand(1))] + set
  }

  // MARK: - Fast system calls

  private var syscall: [Effect] {
    let selector = (reg(.star) >> k(32)) & k(0xFFFC)
    return [
      .when(
        reg(.efer).bit(0),
        then: [
          writeRegister(.rcx, .nextPC), writeRegister(.r11, reg(.rflags) & k(~X86Flags.resume.rawValue)),
          writeRegister(.rip, reg(.lstar)),
          writeRegister(
            .rflags, (reg(.rflags) & ~reg(.sfmask) & k(~X86Flags.resume.rawValue)) | k(2)),
        ] + fixedSegments(selector, code: 0xA09B, data: 0xC093, dataSelector: selector + k(8)),
        otherwise: raise(X86Vector.undefined))
    ]
  }

  private var sysret: [Effect] {
    let base = (reg(.star) >> k(48)) & k(0xFFFF)
    let flags = (reg(.r11) & k(0x3C7FD7)) | k(2)
    let is64 = width == .bits64
    let target = is64 ? reg(.rcx) : reg(.rcx).low(.bits32)
    let codeSelector = (is64 ? base + k(16) : base) | k(3)
    let body: [Effect] =
      [writeRegister(.rip, target), writeRegister(.rflags, flags)]
      + fixedSegments(
        codeSelector & k(0xFFFF), code: is64 ? 0xA0FB : 0xC0FB, data: 0xC0F3,
        dataSelector: (base + k(8)) | k(3))
    let checked: [Effect] =
      is64 ? [.when(target.isNonCanonical, then: raise(X86Vector.protection), otherwise: body)] : body
    return [
      .when(
        reg(.efer).bit(0),
        then: privileged([
          .when(
            reg(.r11).bit(8), then: [.unsupported("single-stepping with the trap flag")],
            otherwise: checked)
        ]), otherwise: raise(X86Vector.undefined))
    ]
  }

  private func fixedSegments(
    _ codeSelector: Expression, code: UInt64, data: UInt64, dataSelector: Expression
  ) -> [Effect] {
    [
      writeRegister(.cs, codeSelector), writeRegister(.csBase, k(0)),
      writeRegister(.csLimit, k(0xFFFF_FFFF)), writeRegister(.csAttributes, k(code)),
      writeRegister(.ss, dataSelector & k(0xFFFF)), writeRegister(.ssBase, k(0)),
      writeRegister(.ssLimit, k(0xFFFF_FFFF)), writeRegister(.ssAttributes, k(data)),
    ]
  }

  // MARK: - Model-specific registers

  /// Number, register and whether the value must be a canonical address.
  static let modelSpecific: [(UInt64, X86Register, Bool)] = [
    (0x174, .sysenterCS, false), (0x175, .sysenterESP, true), (0x176, .sysenterEIP, true),
    (0xC000_0080, .efer, false), (0xC000_0081, .star, false), (0xC000_0082, .lstar, true),
    (0xC000_0083, .cstar, true), (0xC000_0084, .sfmask, false), (0xC000_0100, .fsBase, true),
    (0xC000_0101, .gsBase, true), (0xC000_0102, .kernelGSBase, true),
  ]

  private var readModelSpecific: [Effect] {
    var effects: [Effect] = [.unsupported("this model-specific register")]
    effects = [.when(reg(.rcx).low(.bits32).equals(k(0x10)), then: setEDXEAX(.time), otherwise: effects)]
    for (number, register, _) in Self.modelSpecific {
      effects = [
        .when(
          reg(.rcx).low(.bits32).equals(k(number)), then: setEDXEAX(reg(register)), otherwise: effects)
      ]
    }
    return effects
  }

  private var writeModelSpecific: [Effect] {
    var effects: [Effect] = [.unsupported("this model-specific register")]
    for (number, register, isAddress) in Self.modelSpecific {
      var set: [Effect] = [writeRegister(register, a)]
      if register == .efer { set = loadEFER }
      if register == .sfmask {
        set = [.when(a >> k(32), then: raise(X86Vector.protection), otherwise: set)]
      }
      if isAddress { set = [.when(a.isNonCanonical, then: raise(X86Vector.protection), otherwise: set)] }
      effects = [.when(reg(.rcx).low(.bits32).equals(k(number)), then: set, otherwise: effects)]
    }
    return [.assign(Self.a, reg(.rax).low(.bits32) | (reg(.rdx) << k(32)))] + effects
  }

  private var loadEFER: [Effect] {
    // SCE, LME, LMA and NXE exist; LMA follows paging and ignores what is written.
    let changesLME = (a ^ reg(.efer)).bit(8) & reg(.cr0).bit(31)
    return [
      .when(
        (a & k(~0xD01)) | changesLME, then: raise(X86Vector.protection),
        otherwise: [writeRegister(.efer, (a & k(0x901)) | (reg(.efer) & k(0x400)))])
    ]
  }

  // MARK: - Identification

  private var identify: [Effect] {
    let leaf = reg(.rax).low(.bits32)
    let words: [Local] = [10, 11, 12, 13]
    var effects: [Effect] = words.map { .assign($0, k(0)) }
    for entry in X86CPUID.leaves {
      let values = [entry.eax, entry.ebx, entry.ecx, entry.edx]
      effects.append(
        .when(
          leaf.equals(k(UInt64(entry.leaf))),
          then: zip(words, values).map { .assign($0, k(UInt64($1))) }, otherwise: []))
    }
    return effects + [
      write(.rax, .bits32, local(words[0])), write(.rbx, .bits32, local(words[1])),
      write(.rcx, .bits32, local(words[2])), write(.rdx, .bits32, local(words[3])),
    ]
  }
}
