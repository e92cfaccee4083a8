import MachineCore

extension X86Semantics {
  /// Data movement without the stack.
  var move: [Effect] {
    switch row.operation {
    case .mov, .movzx: return [.setOperand(0, .operand(1))]
    case .movsx:
      let source: Width =
        row.operands[1] == .eb ? .bits8 : row.operands[1] == .ew ? .bits16 : .bits32
      return [.setOperand(0, .operand(1).signExtended(source).low(width))]
    case .lea: return [.setOperand(0, .address(1).low(width))]
    case .xchg: return takeOperands + [.setOperand(0, b), .setOperand(1, a)]
    case .bswap:
      // Swapping a word gives zero on every processor that was looked at; the manual leaves it undefined.
      let swapped: Expression = width == .bits16 ? k(0) : .unary(.byteSwap, .operand(0), width)
      return [.setOperand(0, swapped)]
    case .movbe: return [.setOperand(0, .unary(.byteSwap, .operand(1), width))]
    case .xlat:
      let address = (reg(.rbx) + reg(.rax).low(.bits8)).low(form.address)
      return [write(.rax, .bits8, .load(.operand(0), address, .bits8))]
    case .cmov: return takeOperands + [.setOperand(0, .select(condition, b, a))]
    case .set: return [.setOperand(0, condition)]
    case .lahf:
      let flags = (reg(.rflags) & k(0xD5)) | k(2)
      return [.write(X86Register.rax.id, (reg(.rax) & k(~0xFF00)) | (flags << k(8)))]
    case .sahf:
      let kept = reg(.rflags) & k(~0xD5)
      return [.write(X86Register.rflags.id, kept | ((reg(.rax) >> k(8)) & k(0xD5)))]
    case .convertAccumulator:
      let half: Width = width == .bits16 ? .bits8 : width == .bits32 ? .bits16 : .bits32
      return [write(.rax, width, reg(.rax).signExtended(half))]
    case .convertDouble:
      return [write(.rdx, width, k(0) - accumulator(width).bit(Int(bits) - 1))]
    default: return []
    }
  }

  /// The stack.
  var stack: [Effect] {
    switch row.operation {
    case .push: return [.assign(Self.a, .operand(0))] + push([a])
    case .pop:
      return [.assign(Self.a, stackSlot(0)), moveStack(width.bytes), .setOperand(0, a)]
    case .pusha:
      return push([.rax, .rcx, .rdx, .rbx, .rsp, .rbp, .rsi, .rdi].map { reg($0) })
    case .popa:
      var effects: [Effect] = []
      for (slot, register) in [X86Register.rdi, .rsi, .rbp].enumerated() {
        effects.append(write(register, width, stackSlot(slot)))
      }
      for (slot, register) in [X86Register.rbx, .rdx, .rcx, .rax].enumerated() {
        effects.append(write(register, width, stackSlot(slot + 4)))
      }
      return effects + [moveStack(8 * width.bytes)]
    case .pushf:
      let hidden = X86Flags.resume.rawValue | X86Flags.virtual8086.rawValue
      return push([reg(.rflags) & k(~hidden)])
    case .popf: return [.assign(Self.a, stackSlot(0))] + loadFlags(a) + [moveStack(width.bytes)]
    case .enter: return enter
    case .leave:
      let frame = reg(.rbp).low(form.stack)
      return [
        .assign(Self.a, .load(.virtual(segment: 2), frame, width)),
        write(.rsp, form.stack, frame + k(UInt64(width.bytes))),
        write(.rbp, width, a),
      ]
    default: return []
    }
  }

  /// Loads the flags as POPF and IRET do: privileged bits as the privilege level allows.
  ///
  /// - Parameter resume: the resume flag is loaded too, not cleared.
  func loadFlags(_ value: Expression, resume: Bool = false) -> [Effect] {
    var always: X86Flags = [.arithmetic, .direction, .trap, .nested, .alignment, .identification]
    if resume { always.insert(.resume) }
    let wide = width == .bits16 ? UInt64(0xFFFF) : 0xFFFF_FFFF
    let level = (reg(.rflags) >> k(12)) & k(3)
    let interrupt: Expression = .select(
      level.isBelow(Self.privilege), k(0), k(X86Flags.interrupt.rawValue))
    let privileged: Expression = .select(Self.privilege, k(0), k(X86Flags.ioPrivilege.rawValue))
    let changed: Local = 5
    let cleared = width == .bits16 ? 0 : X86Flags.resume.rawValue
    return [
      .when(
        value.bit(8), then: [.unsupported("single-stepping with the trap flag")],
        otherwise: [
          .assign(changed, k(always.rawValue & wide) | interrupt | privileged),
          .write(
            X86Register.rflags.id,
            (reg(.rflags) & ~local(changed) & k(~cleared)) | (value & local(changed))),
        ])
    ]
  }

  private var enter: [Effect] {
    // Nesting levels copy frame pointers; compilers use level 0.
    let frame = stackAddress(-width.bytes)
    return [
      .when(
        .operand(1) & k(31), then: [.unsupported("enter with a nesting level")],
        otherwise: [
          .store(.virtual(segment: 2), frame, reg(.rbp).low(width), width),
          // The processor makes sure that the new top of the stack can be written.
          .call(
            X86System.translate,
            [
              (frame - .operand(0)).low(form.stack), k(Access.write.rawValue), k(2),
              k(UInt64(width.bytes)),
            ], result: nil),
          write(.rbp, width, frame),
          write(.rsp, form.stack, frame - .operand(0)),
        ])
    ]
  }
}
