import MachineCore

/// Debug registers, single-stepping and what else happens around an instruction (Intel SDM vol. 3, 17.2–17.3).
extension X86System {
  private static let addresses: [X86Register] = [.dr0, .dr1, .dr2, .dr3]

  /// 1 if breakpoint `number` is enabled, locally or globally.
  private static func isEnabled(_ number: Int) -> Expression {
    ((reg(.dr7) >> k(UInt64(number * 2))) & k(3)).differs(k(0))
  }
  /// What it waits for: 0 instructions, 1 writes, 2 ports, 3 reads and writes.
  private static func kind(_ number: Int) -> Expression { (reg(.dr7) >> k(UInt64(16 + number * 4))) & k(3) }
  /// Length less one: lengths are 1, 2, 8 and 4 bytes.
  private static func span(_ number: Int) -> Expression {
    let length = (reg(.dr7) >> k(UInt64(18 + number * 4))) & k(3)
    return .select(length.equals(k(2)), k(7), length)
  }

  /// One bit for each breakpoint that `matches`.
  private static func hits(_ matches: (Int) -> Expression) -> Expression {
    var sum = k(0)
    for number in 0..<4 {
      sum = sum | (.select(isEnabled(number), matches(number), k(0)) << k(UInt64(number)))
    }
    return sum
  }

  /// Whether the range of a breakpoint and that of an access meet; an access may go on at address 0.
  private static func overlaps(_ number: Int, _ address: Expression, _ size: Expression) -> Expression {
    let start = reg(addresses[number]) & ~span(number)
    return (start - address).isBelow(size) | (address - start).isAbove(span(number)).isZero
  }

  private static func note(_ hits: Expression) -> Effect {
    .setAuxiliary(breakpoints, k(0), .auxiliary(breakpoints, k(0)) | hits)
  }

  /// Accesses that meet no breakpoints; the local keeps those met before.
  static func withoutBreakpoints(_ met: Local, _ accesses: [Effect]) -> [Effect] {
    [.assign(met, .auxiliary(breakpoints, k(0)))] + accesses + [
      .when(
        .auxiliary(breakpoints, k(0)).differs(local(met)),
        then: [
          .when(
            local(met), then: [.setAuxiliary(breakpoints, k(0), local(met))],
            otherwise: [.clearAuxiliary(breakpoints)])
        ], otherwise: [])
    ]
  }

  /// (linear address, access, size): notes the data breakpoints that an access meets.
  static var matchDataProcedure: Procedure {
    let isWrite = local(1).equals(k(2))
    return Procedure(
      "match-data", [0, 1, 2],
      [
        note(
          hits { number in
            .select(kind(number).equals(k(1)), isWrite, kind(number).equals(k(3)))
              & overlaps(number, local(0), local(2))
          })
      ])
  }

  /// (port, size): notes the port breakpoints that an access meets.
  static var matchPortProcedure: Procedure {
    Procedure(
      "match-port", [0, 1],
      [
        .when(
          reg(.cr4).bit(3),
          then: [
            note(hits { number in kind(number).equals(k(2)) & overlaps(number, local(0), local(1)) })
          ], otherwise: [])
      ])
  }

  /// Bits of registers that ask for ``beforeProcedure`` and ``afterProcedure``.
  ///
  /// The older models keep the trap flag without acting on it; the resume flag came with the 386.
  static func watched(_ model: X86CPUModel) -> [(register: RegisterID, mask: UInt64)] {
    let flags: X86Flags = model == .modern ? [.trap, .resume] : model == .i80386 ? .resume : []
    return [
      (X86Register.rflags.id, flags.rawValue),
      (X86Register.dr7.id, model == .modern ? 0xFF : 0), (X86Register.interruptShadow.id, 3),
    ]
  }

  /// () Instruction breakpoints, unless RF or the shadow of MOV SS holds them off.
  static var beforeProcedure: Procedure {
    let linear: Expression = .select(is64, reg(.rip), (reg(.csBase) + reg(.rip)).low(.bits32))
    let held = reg(.rflags).bit(16) | reg(.interruptShadow).bit(0)
    return Procedure(
      "before", [],
      [
        .when(
          held, then: [],
          otherwise: [
            .assign(0, hits { number in kind(number).isZero & reg(addresses[number]).equals(linear) }),
            .when(local(0), then: [.trap(k(X86Vector.debug), local(0))], otherwise: []),
          ])
      ])
  }

  /// (address of the instruction; flags, DR7 and shadow before it) → the bits of DR6 of a debug trap, or 0.
  static func afterProcedure(_ model: X86CPUModel) -> Procedure {
    let shadow = reg(.interruptShadow) & ~local(3)
    let isPending = local(4)
    let steps: Expression =
      model == .modern ? .select(detail(stepsAfter), reg(.rflags).bit(8), local(1).bit(8)) : k(0)
    let keepsResume = detail(loadsResume) | reg(.rip).equals(local(0))
    return Procedure(
      "after", [0, 1, 2, 3],
      [
        .assign(5, keepsResume), .assign(6, steps),
        setDetail(stepsAfter, k(0)), setDetail(loadsResume, k(0)),
        .write(X86Register.interruptShadow.id, shadow),
        .when(
          local(1).bit(16) & (local(5) ^ k(1)),
          then: [.write(X86Register.rflags.id, reg(.rflags) & k(~X86Flags.resume.rawValue))], otherwise: []),
        // MOV SS holds a debug trap back until after the next instruction.
        .when(shadow.bit(0), then: [.give(k(0))], otherwise: []),
        .assign(4, .auxiliary(breakpoints, k(0)) | (local(6) << k(14))),
        .when(.auxiliary(breakpoints, k(0)), then: [.clearAuxiliary(breakpoints)], otherwise: []),
        .give(isPending),
      ])
  }
}

extension X86Semantics {
  /// Moves from and to debug registers.
  var debugMove: [Effect] {
    let number = Int(row.condition)
    let isStore = row.operation == .movToDebug
    let registers: [X86Register] = [.dr0, .dr1, .dr2, .dr3, .dr6, .dr7, .dr6, .dr7]
    let register = registers[number]
    var body: [Effect]
    if isStore {
      let value: Expression
      switch register {
      case .dr6: value = (a & k(0xE00F)) | k(0xFFFF_0FF0)
      case .dr7: value = (a & k(0xFFFF_23FF)) | k(0x400)
      default: value = a
      }
      let isControl = register == .dr6 || register == .dr7
      body = [
        .assign(Self.a, .operand(1)),
        .when(
          isControl ? a >> k(32) : k(0), then: raise(X86Vector.protection),
          otherwise: [.write(register.id, value)]),
      ]
    } else {
      body = [.setOperand(0, reg(register).low(width))]
    }
    body = [
      .when(reg(.dr7).bit(13), then: raise(X86Vector.debug, k(1 << 13)), otherwise: body)
    ]
    if number == 4 || number == 5 {
      body = [.when(reg(.cr4).bit(3), then: raise(X86Vector.undefined), otherwise: body)]
    }
    // As with control registers that do not exist, the privilege level comes first.
    return privileged(body)
  }
}
