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
    case .smsw: return [userModePrevention, .setOperand(0, reg(.cr0).low(width))]
    case .lmsw:
      // PE can be set and not cleared; MP, EM and TS take the new value.
      return privileged([writeRegister(.cr0, (reg(.cr0) & k(~0xE)) | (.operand(0) & k(0xF)))])
    case .clts: return privileged([writeRegister(.cr0, reg(.cr0) & k(~8))])
    case .invlpg: return privileged(invalidatePage)
    case .wbinvd: return privileged([])
    case .clflush:
      // It is checked as a read of a byte, which does not take place, and may name execute-only code.
      let access = k(X86System.flush)
      return [
        .call(X86System.translate, [.address(0), access, .segment(0), k(1)], result: Self.a)
      ]
    case .fwait:
      return [
        .when(reg(.cr0).bit(1) & reg(.cr0).bit(3), then: raise(X86Vector.noDevice), otherwise: [])
      ]
    case .fninit:
      // Programs look for a coprocessor with it: without one it passes, unless CR0 says to emulate (table 2-2).
      return [
        .when(reg(.cr0) & k(0xC), then: raise(X86Vector.noDevice), otherwise: [])
      ]
    case .movFromDebug, .movToDebug: return debugMove
    case .sysenter: return sysenter
    case .sysexit: return sysexit
    // There are no counters to choose.
    case .rdpmc: return raise(X86Vector.protection)
    case .syscall: return syscall
    case .sysret: return sysret
    case .swapgs:
      return privileged([
        writeRegister(.gsBase, reg(.kernelGSBase)), writeRegister(.kernelGSBase, reg(.gsBase)),
      ])
    case .rdmsr: return privileged(readModelSpecific)
    case .wrmsr: return privileged(writeModelSpecific)
    case .cpuid: return identify
    case .rdtsc, .rdtscp:
      // Time-stamp disable: only privilege level 0 may read it.
      let disabled: Expression = .select(Self.privilege, reg(.cr4).bit(2), k(0))
      let number: [Effect] =
        row.operation == .rdtscp ? [write(.rcx, .bits32, reg(.tscAux))] : []
      return [
        .when(
          disabled, then: raise(X86Vector.protection),
          otherwise: [.assign(Self.a, .time + reg(.timeOffset))] + setEDXEAX(a) + number)
      ]
    default: return []
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
        userModePrevention,
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
    case 3: set = X86System.loadCR3(a)
    case 4: set = X86System.loadCR4(a)
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
          X86System.tell(X86System.stepsAfter, k(1)),
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
        then: privileged(checked + [X86System.tell(X86System.stepsAfter, k(1), if: reg(.r11).bit(8))]),
        otherwise: raise(X86Vector.undefined))
    ]
  }

  /// SYSENTER: to level 0, 64-bit code in long mode and else 32-bit.
  private var sysenter: [Effect] {
    let long = X86System.isLong
    let selector = reg(.sysenterCS) & k(0xFFFC)
    let attributes: Expression = .select(long, k(0xA09B), k(0xC09B))
    let mask: Expression = .select(long, k(.max), k(0xFFFF_FFFF))
    let bad = (X86System.hasProtection ^ k(1)) | selector.isZero
    return [
      .when(
        bad, then: raise(X86Vector.protection),
        otherwise: [
          writeRegister(.rflags, reg(.rflags) & k(~X86Flags([.virtual8086, .interrupt, .resume]).rawValue)),
          writeRegister(.rsp, reg(.sysenterESP) & mask), writeRegister(.rip, reg(.sysenterEIP) & mask),
        ] + fixedSegments(selector, code: attributes, data: 0xC093, dataSelector: selector + k(8)))
    ]
  }

  /// SYSEXIT: to level 3, 64-bit code with REX.W.
  private var sysexit: [Effect] {
    let is64 = width == .bits64
    let base = reg(.sysenterCS) & k(0xFFFF)
    let selector = base + k(is64 ? 32 : 16)
    let bad = (X86System.hasProtection ^ k(1)) | (reg(.sysenterCS) & k(0xFFFC)).isZero | Self.privilege
    let outside = is64 ? reg(.rcx).isNonCanonical | reg(.rdx).isNonCanonical : k(0)
    return [
      .when(
        bad | outside, then: raise(X86Vector.protection),
        otherwise: [
          writeRegister(.rsp, is64 ? reg(.rcx) : reg(.rcx).low(.bits32)),
          writeRegister(.rip, is64 ? reg(.rdx) : reg(.rdx).low(.bits32)),
        ]
          + fixedSegments(
            (selector | k(3)) & k(0xFFFF), code: k(is64 ? 0xA0FB : 0xC0FB), data: 0xC0F3,
            dataSelector: (selector + k(8)) | k(3)))
    ]
  }

  /// INVLPG never faults but for its privilege; an address that is not canonical has no page.
  private var invalidatePage: [Effect] {
    let segments: [X86Register] = [.esBase, .csBase, .ssBase, .dsBase, .fsBase, .gsBase]
    let number: Expression = .segment(0)
    var base = form.is64 ? k(0) : reg(.esBase)
    for index in (form.is64 ? 4 : 1)..<6 {
      base = .select(number.equals(k(UInt64(index))), reg(segments[index]), base)
    }
    let linear = X86System.linear(.address(0) + base)
    return [.call(X86System.forgetPage, [linear], result: nil)]
  }

  private func fixedSegments(
    _ codeSelector: Expression, code: UInt64, data: UInt64, dataSelector: Expression
  ) -> [Effect] {
    fixedSegments(codeSelector, code: k(code), data: data, dataSelector: dataSelector)
  }

  private func fixedSegments(
    _ codeSelector: Expression, code: Expression, data: UInt64, dataSelector: Expression
  ) -> [Effect] {
    [
      writeRegister(.cs, codeSelector), writeRegister(.csBase, k(0)),
      writeRegister(.csLimit, k(0xFFFF_FFFF)), writeRegister(.csAttributes, code),
      writeRegister(.ss, dataSelector & k(0xFFFF)), writeRegister(.ssBase, k(0)),
      writeRegister(.ssLimit, k(0xFFFF_FFFF)), writeRegister(.ssAttributes, k(data)),
    ]
  }

  // MARK: - Model-specific registers

  private var msrNumber: Expression { reg(.rcx).low(.bits32) }

  private var readModelSpecific: [Effect] {
    var effects = raise(X86Vector.protection)
    for entry in X86ModelSpecific.all.reversed() {
      let value: Expression
      switch (entry.rule, entry.register) {
      case (.time, _): value = .time + reg(.timeOffset)
      case (.constant(let number), _): value = k(number)
      case (_, .some(let register)): value = reg(register)
      case (_, .none): value = k(0)
      }
      effects = [
        .when(
          msrNumber.equals(k(UInt64(entry.number))), then: [.assign(Self.a, value)] + setEDXEAX(a),
          otherwise: effects)
      ]
    }
    return effects
  }

  private var writeModelSpecific: [Effect] {
    let fault = raise(X86Vector.protection)
    var effects = fault
    for entry in X86ModelSpecific.all.reversed() {
      let store: [Effect] = entry.register.map { [writeRegister($0, a)] } ?? []
      let set: [Effect]
      switch entry.rule {
      case .storage(let bits): set = [.when(a & k(~bits), then: fault, otherwise: store)]
      case .canonical: set = [.when(a.isNonCanonical, then: fault, otherwise: store)]
      case .constant: set = fault
      case .ignored: set = []
      case .types(let allowsUncached):
        set = [.when(hasBadType(allowsUncached), then: fault, otherwise: store)]
      case .time: set = [writeRegister(.timeOffset, a - .time)]
      case .extendedFeatures: set = loadEFER
      }
      effects = [.when(msrNumber.equals(k(UInt64(entry.number))), then: set, otherwise: effects)]
    }
    return [.assign(Self.a, reg(.rax).low(.bits32) | (reg(.rdx) << k(32)))] + effects
  }

  /// 1 if one of the eight bytes is no memory type: 0, 1, 4, 5, 6, and 7 in PAT.
  private func hasBadType(_ allowsUncached: Bool) -> Expression {
    let good: UInt64 = allowsUncached ? 0b1111_0011 : 0b0111_0011
    var bad = (a & k(0xF8F8_F8F8_F8F8_F8F8)).differs(k(0))
    for number in 0..<8 {
      bad = bad | (((k(good) >> ((a >> k(UInt64(number * 8))) & k(7))) & k(1)) ^ k(1))
    }
    return bad
  }

  private var loadEFER: [Effect] {
    // SCE, LME, LMA and NXE exist; LMA follows paging and ignores what is written.
    let changesLME = (a ^ reg(.efer)).bit(8) & reg(.cr0).bit(31)
    return [
      .when(
        (a & k(~0xD01)) | changesLME, then: raise(X86Vector.protection),
        otherwise: [
          writeRegister(.efer, (a & k(0x901)) | (reg(.efer) & k(0x400))),
          .when((a ^ reg(.efer)).bit(11), then: X86System.forgetAll, otherwise: []),
        ])
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
