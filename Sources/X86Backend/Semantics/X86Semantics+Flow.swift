import MachineCore

extension X86Semantics {
  /// The target of a relative branch.
  private var relativeTarget: Expression { (.nextPC + .operand(0)).low(width) }

  /// Near branches.
  var flow: [Effect] {
    switch row.operation {
    case .jcc: return [.when(condition, then: jump(relativeTarget), otherwise: [])]
    case .jmp: return jump(isRelative ? relativeTarget : .operand(0), evaluatingOnce: !isRelative)
    case .call:
      let target: Expression = isRelative ? relativeTarget : .operand(0)
      let values: [Effect] = [.assign(Self.a, target), .assign(Self.b, Expression.nextPC.low(width))]
      // The limit is checked before the push; in 64-bit mode the push comes first (Intel SDM vol. 2, CALL).
      return values + (width == .bits64 ? push([b]) + jump(a) : jump(a) + push([b]))
    case .ret:
      var effects: [Effect] = [.assign(Self.a, stackSlot(0))] + jump(a)
      if row.operands.isEmpty {
        effects.append(moveStack(width.bytes))
      } else {
        effects.append(
          write(.rsp, form.stack, reg(.rsp) + k(UInt64(width.bytes)) + .operand(0)))
      }
      return effects
    case .jcxz:
      return [.when(reg(.rcx).low(form.address), then: [], otherwise: jump(relativeTarget))]
    default:
      let left: Local = 3
      let zero = reg(.rflags).bit(6)
      let goes: Expression
      switch row.operation {
      case .loope: goes = .select(local(left), zero, k(0))
      case .loopne: goes = .select(local(left), zero ^ k(1), k(0))
      default: goes = local(left)
      }
      return [
        .assign(left, (reg(.rcx) - k(1)).low(form.address)), write(.rcx, form.address, local(left)),
        .when(goes, then: jump(relativeTarget), otherwise: []),
      ]
    }
  }

  private var isRelative: Bool {
    guard let first = row.operands.first else { return false }
    return first == .jb || first == .jz
  }

  private func jump(_ target: Expression, evaluatingOnce: Bool) -> [Effect] {
    evaluatingOnce ? [.assign(Self.a, target)] + jump(a) : jump(target)
  }

  /// INT and its like complete: they enter the handler and save the address of the next instruction.
  var softwareInterrupt: [Effect] {
    switch row.operation {
    case .int:
      return virtualSensitive + [.assign(Self.a, .operand(0).low(.bits8))] + enterHandler(a)
    case .int1: return enterHandler(k(1), isSoftware: 2)
    case .int3: return enterHandler(k(X86Vector.breakpoint))
    case .into: return [.when(reg(.rflags).bit(11), then: enterHandler(k(X86Vector.overflow)), otherwise: [])]
    default: return bound
    }
  }

  /// Enters the handler of `vector` as an interrupt instruction does.
  ///
  /// - Parameter isSoftware: 1 if the gate's privilege level is checked, 2 if not.
  func enterHandler(_ vector: Expression, isSoftware: UInt64 = 1) -> [Effect] {
    [
      .call(X86System.enter, [vector, k(0), k(1), .nextPC, k(isSoftware)], result: nil),
      X86System.tell(X86System.stepsAfter, k(1)),
    ]
  }

  /// A divide error: the 8086 saves the address of the next instruction, its successors that of this one.
  var divideError: [Effect] {
    model == .i8086 ? enterHandler(k(X86Vector.divide)) : raise(X86Vector.divide)
  }

  private var bound: [Effect] {
    let index: Local = 3
    let lower: Local = 4
    let upper: Local = 5
    let second = (Expression.address(1) + k(UInt64(width.bytes))).low(form.address)
    let below = Expression.binary(.lessSigned, local(index), local(lower), .bits64)
    let above = Expression.binary(.lessSigned, local(upper), local(index), .bits64)
    return [
      .assign(lower, Expression.load(.operand(1), .address(1), width).signExtended(width)),
      .assign(upper, Expression.load(.operand(1), second, width).signExtended(width)),
      .assign(index, Expression.operand(0).signExtended(width)),
      .when(below | above, then: raise(X86Vector.bound), otherwise: []),
    ]
  }

  /// Flags, and instructions that do nothing.
  var flagOperation: [Effect] {
    switch row.operation {
    case .clc: return [setFlags([(.carry, k(0))])]
    case .stc: return [setFlags([(.carry, k(1))])]
    case .cmc: return [setFlags([(.carry, reg(.rflags).bit(0) ^ k(1))])]
    case .cld: return [setFlags([(.direction, k(0))])]
    case .std: return [setFlags([(.direction, k(1))])]
    case .cli: return ioPrivileged([setFlags([(.interrupt, k(0))])])
    case .sti:
      let shadow: [Effect] = [
        .when(
          reg(.rflags).bit(9), then: [], otherwise: [.write(X86Register.interruptShadow.id, k(2))])
      ]
      return ioPrivileged([setFlags([(.interrupt, k(1))])] + shadow)
    default: return []
    }
  }

  /// Port input and output.
  var port: [Effect] {
    let number: Local = 3
    let isInput = row.operation == .in
    let access: [Effect] =
      isInput
      ? [write(.rax, width, .input(local(number), width))]
      : [.output(local(number), accumulator(width), width)]
    return [.assign(number, .operand(isInput ? 1 : 0))] + checkPort(local(number))
      + watchPort(local(number)) + access
  }

  /// General protection when the privilege level may not access `port`.
  func checkPort(_ port: Expression) -> [Effect] {
    [.call(X86System.checkPort, [port, k(UInt64(width.bytes))], result: nil)]
  }

  /// Notes the port breakpoints that an access meets.
  private func watchPort(_ port: Expression) -> [Effect] {
    guard model == .modern else { return [] }
    return [
      .when(
        reg(.dr7) & k(0xFF),
        then: [.call(X86System.matchPort, [port, k(UInt64(width.bytes))], result: nil)], otherwise: [])
    ]
  }

  // MARK: - Strings

  /// String instructions: one iteration is one step, and a repeated one stays at its address.
  var string: [Effect] {
    let step: Local = 6
    let bytes = UInt64(width.bytes)
    let element: Effect = .assign(step, .select(reg(.rflags).bit(10), k(0 &- bytes), k(bytes)))
    let once = [element] + iteration(local(step))
    guard form.repeats != 0 else { return portCheck + once }
    let left: Local = 7
    let again: Effect = .write(X86Register.rip.id, .pc)
    var goesOn = local(left)
    if row.operation == .scas || row.operation == .cmps {
      let equal = result.isZero
      goesOn = .select(local(left), form.repeats == 1 ? equal : equal ^ k(1), k(0))
    }
    return portCheck + [
      .when(
        reg(.rcx).low(form.address),
        then: once + [
          .assign(left, (reg(.rcx) - k(1)).low(form.address)), write(.rcx, form.address, local(left)),
          .when(goesOn, then: [again], otherwise: []),
        ],
        otherwise: [])
    ]
  }

  private func iteration(_ step: Expression) -> [Effect] {
    if model == .i80286 { return iterationOf80286(step) }
    let source = write(.rsi, form.address, reg(.rsi) + step)
    let destination = write(.rdi, form.address, reg(.rdi) + step)
    switch row.operation {
    case .movs: return [.setOperand(0, .operand(1)), source, destination]
    case .stos: return [.setOperand(0, .operand(1)), destination]
    case .lods: return [.setOperand(0, .operand(1)), source]
    case .scas: return takeOperands + subtracting() + [destination]
    case .cmps:
      // The manual leaves open which string is read first; Intel's processors take the one at ES:rDI.
      let operands = model == .modern ? Array(takeOperands.reversed()) : takeOperands
      return operands + subtracting() + [source, destination]
    case .ins:
      return watchPort(local(Self.port)) + [.setOperand(0, .input(local(Self.port), width)), destination]
    default: return watchPort(local(Self.port)) + [.output(local(Self.port), .operand(1), width), source]
    }
  }

  private static let port: Local = 3

  /// Ports are checked even when a repeated instruction has nothing left to do.
  private var portCheck: [Effect] {
    guard row.operation == .ins || row.operation == .outs else { return [] }
    return [.assign(Self.port, .operand(row.operation == .ins ? 1 : 0))] + checkPort(local(Self.port))
  }

  /// One iteration on the 80286, which moves an index register when it starts the access: after a fault it
  /// stays moved, and a repeated instruction has counted this iteration (for a store even the next one).
  private func iterationOf80286(_ step: Expression) -> [Effect] {
    func begin(_ register: X86Register, counted: UInt64) -> [Effect] {
      var effects = [write(register, .bits16, reg(register) + step)]
      if form.repeats != 0 { effects.append(write(.rcx, .bits16, reg(.rcx) - k(counted))) }
      return effects + [.keep]
    }
    switch row.operation {
    case .movs:
      return begin(.rsi, counted: 1) + [.assign(Self.a, .operand(1))] + begin(.rdi, counted: 2)
        + [.setOperand(0, a)]
    case .stos: return begin(.rdi, counted: 2) + [.setOperand(0, .operand(1))]
    case .lods: return begin(.rsi, counted: 1) + [.setOperand(0, .operand(1))]
    case .scas: return begin(.rdi, counted: 1) + takeOperands + subtracting()
    case .cmps:
      // The operand at ES:DI is read first.
      return begin(.rdi, counted: 0) + [.assign(Self.b, .operand(1))] + begin(.rsi, counted: 1)
        + [.assign(Self.a, .operand(0))] + subtracting()
    case .ins:
      return [.assign(Self.a, .input(local(Self.port), width))] + begin(.rdi, counted: 2) + [
        .setOperand(0, a)
      ]
    default:
      return begin(.rsi, counted: 1) + [.assign(Self.a, .operand(1)), .output(local(Self.port), a, width)]
    }
  }
}
