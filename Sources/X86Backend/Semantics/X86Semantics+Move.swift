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
    case .salc: return [write(.rax, .bits8, k(0) - reg(.rflags).bit(0))]
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
    case .pushStack: return push([reg(.rsp) - k(UInt64(width.bytes))])
    case .pop where model == .i80286:
      // The 80286 has moved the stack pointer already when the store faults.
      return [.assign(Self.a, stackSlot(0)), moveStack(width.bytes), .keep, .setOperand(0, a)]
    case .pop:
      return [.assign(Self.a, stackSlot(0)), moveStack(width.bytes), .setOperand(0, a)]
    case .pusha:
      let values = [X86Register.rax, .rcx, .rdx, .rbx, .rsp, .rbp, .rsi, .rdi].map { reg($0) }
      return model.keepsPartialWork ? pushOneByOne(values) : push(values)
    case .popa where model == .i80386: return popOneByOne
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
      return virtualSensitive + push([(reg(.rflags) & k(~hidden)) | k(model.storedOnes)])
    case .popf:
      return virtualSensitive + [.assign(Self.a, stackSlot(0))] + loadFlags(a) + [moveStack(width.bytes)]
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
    let conditional = X86Flags([.interrupt, .ioPrivilege]).rawValue
    let hasResume = model == .modern || model == .i80386
    let wide = width == .bits16 ? UInt64(0xFFFF) : 0xFFFF_FFFF
    func always(_ isProtected: Bool) -> UInt64 {
      ((model.writableFlags(isProtected: isProtected) & ~conditional)
        | (resume && hasResume ? X86Flags.resume.rawValue : 0)) & wide
    }
    let level = (reg(.rflags) >> k(12)) & k(3)
    let interrupt: Expression = .select(
      level.isBelow(Self.privilege), k(0), k(X86Flags.interrupt.rawValue))
    let hasLevel: Expression = model == .i8086 ? k(0) : model == .i80286 ? X86System.isProtected : k(1)
    let privileged: Expression = .select(
      Self.privilege, k(0), .select(hasLevel, k(X86Flags.ioPrivilege.rawValue), k(0)))
    let free: Expression =
      model == .i80286
      ? .select(X86System.isProtected, k(always(true)), k(always(false))) : k(always(true))
    let changed: Local = 5
    let cleared = width == .bits16 ? 0 : X86Flags.resume.rawValue
    let news: [Effect] =
      resume && hasResume
      ? [X86System.tell(X86System.loadsResume, width == .bits16 ? k(1) : value.bit(16))] : []
    return [
      .assign(changed, free | interrupt | privileged),
      .write(
        X86Register.rflags.id,
        (reg(.rflags) & ~local(changed) & k(~cleared)) | (value & local(changed))),
    ] + news
  }

  /// The flags after an IRET of protected mode with slots of `size` bytes.
  static func flagsOfReturn(_ value: Expression, size: Expression, _ model: X86CPUModel) -> Expression {
    let conditional = X86Flags([.interrupt, .ioPrivilege]).rawValue
    let free =
      (model.writableFlags(isProtected: true) & ~conditional)
      | (model == .i80286 ? 0 : X86Flags.resume.rawValue)
    let level = (reg(.rflags) >> k(12)) & k(3)
    let interrupt: Expression = .select(level.isBelow(privilege), k(0), k(X86Flags.interrupt.rawValue))
    let ranked: Expression = .select(privilege, k(0), k(X86Flags.ioPrivilege.rawValue))
    let wide: Expression = .select(size.equals(k(2)), k(0xFFFF), k(0xFFFF_FFFF))
    let mask = (k(free) | interrupt | ranked) & wide
    return (reg(.rflags) & ~mask) | (value & mask) | k(2)
  }

  /// Pushes of PUSHA that stay when a later one faults: the 80286 stores the first register first, the 80386 the
  /// last one, at the lowest address.
  private func pushOneByOne(_ values: [Expression]) -> [Effect] {
    var stores = values.enumerated().map { index, value -> [Effect] in
      let place = stackAddress(-(index + 1) * width.bytes)
      return [.store(.virtual(segment: 2), place, value.low(width), width), .keep]
    }
    if model == .i80386 { stores.reverse() }
    return stores.flatMap { $0 } + [moveStack(-values.count * width.bytes)]
  }

  /// POPA of the 80386: registers loaded before a fault stay, and with 32-bit operands on a 16-bit stack the
  /// upper half of ESP comes from the image that is otherwise passed over.
  private var popOneByOne: [Effect] {
    let image: Local = 3
    var effects: [Effect] = []
    let order: [X86Register?] = [.rdi, .rsi, .rbp, nil, .rbx, .rdx, .rcx, .rax]
    for (slot, register) in order.enumerated() {
      if let register {
        effects += [.assign(Self.a, stackSlot(slot)), write(register, width, a), .keep]
      } else {
        effects.append(.assign(image, stackSlot(slot)))
      }
    }
    guard width == .bits32, form.stack == .bits16 else { return effects + [moveStack(8 * width.bytes)] }
    let pointer = (reg(.rsp) + k(32)).low(.bits16) | (local(image) & k(0xFFFF_0000))
    return effects + [write(.rsp, .bits32, pointer)]
  }

  /// ENTER: the frame pointer, those of the outer levels, the new frame's address, room for variables.
  private var enter: [Effect] {
    let level: Local = 8
    let frame: Local = 9
    let room: Local = 10
    let pointer: Local = 11
    let size = UInt64(width.bytes)
    func place(_ slot: Int) -> Expression { (local(frame) - k(UInt64(slot) * size)).low(form.stack) }
    var effects: [Effect] = [
      .assign(level, .operand(1) & k(31)),
      .assign(frame, (reg(.rsp) - k(size)).low(form.stack)),
      .store(.virtual(segment: 2), local(frame), reg(.rbp).low(width), width),
    ]
    // One after the other: in overlapping frames a level can be what was just pushed. What the 80286 and 80386
    // pushed before a fault stays.
    let step: [Effect] = model.keepsPartialWork ? [.keep] : []
    effects += step
    for slot in 1...30 {
      let outer = (reg(.rbp) - k(UInt64(slot) * size)).low(form.stack)
      effects.append(
        .when(
          local(level).isAbove(k(UInt64(slot))),
          then: [
            .assign(pointer, .load(.virtual(segment: 2), outer, width)),
            .store(.virtual(segment: 2), place(slot), local(pointer), width),
          ] + step, otherwise: []))
    }
    let last = (local(frame) - local(level) * k(size)).low(form.stack)
    // Processors of today make sure that the new top of the stack can be written; the 80286 and 80386 do not.
    let probe: [Effect] =
      model == .modern
      ? X86System.withoutBreakpoints(12, [.checkStore(.virtual(segment: 2), local(room), width)]) : []
    return effects + [
      .when(
        local(level),
        then: [.store(.virtual(segment: 2), last, local(frame).low(width), width)], otherwise: []),
      .assign(room, (last - .operand(0)).low(form.stack)),
    ] + probe + [
      write(.rbp, width, local(frame)),
      write(.rsp, form.stack, local(room)),
    ]
  }
}
