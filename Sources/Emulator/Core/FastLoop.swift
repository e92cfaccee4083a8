/// Runs innocuous instructions until one needs `step`, the window ends, or the budget is near its end.
///
/// With `counted`, the budget is looked at before every operation, otherwise at jumps and page starts,
/// and the budget must leave room for a page.
@inline(__always)
private func interpret(_ frame: FastFrame, paged: Bool, counted: Bool) -> FastExit {
  let r = frame.registers
  let window = UnsafeRawPointer(frame.window)
  let memory = GuestView(frame, isPaged: paged)
  let margin = CodeMap.longestFusion + (counted ? 0 : OperationDecoder.checkInterval)
  var at = Progress(frame, margin: margin)

  // SAFETY: `at.position` is inside the window, or on the sentinel just behind it, whenever an operation
  // is read: jumps compare it with the window's size, and straight code cannot pass the sentinel. Fused
  // operations end before sentinel and page end, and what they cover is decoded.
  loop: while true {
    if counted, at.isOver {
      _ = at.leave()
      break loop
    }
    let op = (window + Int(bitPattern: at.position)).assumingMemoryBound(to: Operation.self)
    var code = op.pointee.code
    again: while true {
      switch code {
      case .check:
        guard !at.isOver || at.leave() else { break loop }
        code = op.pointee.single
        continue again
      case .undecoded:
        frame.decoder.decode(op - UnsafePointer(frame.code.operations))
      case .sentinel:
        _ = at.leave()
        break loop
      case .exact:
        break loop
      case .nop:
        at.next()
      case .auipc:
        r[Int(op.pointee.a)] = at.address &+ unsigned(op.pointee.immediate)
        at.next()

      case .add:
        Routine.add(r, op)
        at.next()
      case .sub:
        Routine.sub(r, op)
        at.next()
      case .and:
        Routine.and(r, op)
        at.next()
      case .or:
        Routine.or(r, op)
        at.next()
      case .xor:
        Routine.xor(r, op)
        at.next()
      case .sll:
        Routine.sll(r, op)
        at.next()
      case .srl:
        Routine.srl(r, op)
        at.next()
      case .sra:
        Routine.sra(r, op)
        at.next()
      case .slt:
        Routine.slt(r, op)
        at.next()
      case .sltu:
        Routine.sltu(r, op)
        at.next()
      case .mul:
        Routine.mul(r, op)
        at.next()
      case .mulhu:
        Routine.mulhu(r, op)
        at.next()
      case .div:
        guard Routine.div(r, op) else { break loop }
        at.next()
      case .divu:
        guard Routine.divu(r, op) else { break loop }
        at.next()
      case .rem:
        guard Routine.rem(r, op) else { break loop }
        at.next()
      case .remu:
        guard Routine.remu(r, op) else { break loop }
        at.next()
      case .addi:
        Routine.addi(r, op)
        at.next()
      case .andi:
        Routine.andi(r, op)
        at.next()
      case .ori:
        Routine.ori(r, op)
        at.next()
      case .xori:
        Routine.xori(r, op)
        at.next()
      case .slli:
        Routine.slli(r, op)
        at.next()
      case .srli:
        Routine.srli(r, op)
        at.next()
      case .srai:
        Routine.srai(r, op)
        at.next()
      case .slti:
        Routine.slti(r, op)
        at.next()
      case .sltiu:
        Routine.sltiu(r, op)
        at.next()
      case .constant:
        Routine.constant(r, op)
        at.next()
      case .lw:
        guard memory.lw(r, op) else { break loop }
        at.next()
      case .lh:
        guard memory.lh(r, op) else { break loop }
        at.next()
      case .lhu:
        guard memory.lhu(r, op) else { break loop }
        at.next()
      case .lb:
        guard memory.lb(r, op) else { break loop }
        at.next()
      case .lbu:
        guard memory.lbu(r, op) else { break loop }
        at.next()
      case .sw:
        guard memory.sw(r, op) != nil else { break loop }
        at.next()
      case .sh:
        guard memory.sh(r, op) != nil else { break loop }
        at.next()
      case .sb:
        guard memory.sb(r, op) != nil else { break loop }
        at.next()
      case .beq:
        guard at.branch(Routine.beq(r, op), op) else { break loop }
      case .bne:
        guard at.branch(Routine.bne(r, op), op) else { break loop }
      case .blt:
        guard at.branch(Routine.blt(r, op), op) else { break loop }
      case .bge:
        guard at.branch(Routine.bge(r, op), op) else { break loop }
      case .bltu:
        guard at.branch(Routine.bltu(r, op), op) else { break loop }
      case .bgeu:
        guard at.branch(Routine.bgeu(r, op), op) else { break loop }
      case .jal:
        guard at.jal(r, op) else { break loop }
      case .jalr:
        guard at.jalr(r, op) else { break loop }
      case .addiBeq:
        Routine.addi(r, op)
        at.next()
        guard at.branch(Routine.beq(r, op + 1), op + 1) else { break loop }
      case .addiBne:
        Routine.addi(r, op)
        at.next()
        guard at.branch(Routine.bne(r, op + 1), op + 1) else { break loop }
      case .addiBlt:
        Routine.addi(r, op)
        at.next()
        guard at.branch(Routine.blt(r, op + 1), op + 1) else { break loop }
      case .addiBge:
        Routine.addi(r, op)
        at.next()
        guard at.branch(Routine.bge(r, op + 1), op + 1) else { break loop }
      case .addiBltu:
        Routine.addi(r, op)
        at.next()
        guard at.branch(Routine.bltu(r, op + 1), op + 1) else { break loop }
      case .addiBgeu:
        Routine.addi(r, op)
        at.next()
        guard at.branch(Routine.bgeu(r, op + 1), op + 1) else { break loop }
      case .addBne:
        Routine.add(r, op)
        at.next()
        guard at.branch(Routine.bne(r, op + 1), op + 1) else { break loop }
      case .addBlt:
        Routine.add(r, op)
        at.next()
        guard at.branch(Routine.blt(r, op + 1), op + 1) else { break loop }
      case .addBltu:
        Routine.add(r, op)
        at.next()
        guard at.branch(Routine.bltu(r, op + 1), op + 1) else { break loop }
      case .andiBeq:
        Routine.andi(r, op)
        at.next()
        guard at.branch(Routine.beq(r, op + 1), op + 1) else { break loop }
      case .andiBne:
        Routine.andi(r, op)
        at.next()
        guard at.branch(Routine.bne(r, op + 1), op + 1) else { break loop }
      case .sltBeq:
        Routine.slt(r, op)
        at.next()
        guard at.branch(Routine.beq(r, op + 1), op + 1) else { break loop }
      case .sltBne:
        Routine.slt(r, op)
        at.next()
        guard at.branch(Routine.bne(r, op + 1), op + 1) else { break loop }
      case .sltuBeq:
        Routine.sltu(r, op)
        at.next()
        guard at.branch(Routine.beq(r, op + 1), op + 1) else { break loop }
      case .sltuBne:
        Routine.sltu(r, op)
        at.next()
        guard at.branch(Routine.bne(r, op + 1), op + 1) else { break loop }
      case .sltiBeq:
        Routine.slti(r, op)
        at.next()
        guard at.branch(Routine.beq(r, op + 1), op + 1) else { break loop }
      case .sltiBne:
        Routine.slti(r, op)
        at.next()
        guard at.branch(Routine.bne(r, op + 1), op + 1) else { break loop }
      case .sltiuBeq:
        Routine.sltiu(r, op)
        at.next()
        guard at.branch(Routine.beq(r, op + 1), op + 1) else { break loop }
      case .sltiuBne:
        Routine.sltiu(r, op)
        at.next()
        guard at.branch(Routine.bne(r, op + 1), op + 1) else { break loop }
      case .lwBeq:
        guard memory.lw(r, op) else { break loop }
        at.next()
        guard at.branch(Routine.beq(r, op + 1), op + 1) else { break loop }
      case .lwBne:
        guard memory.lw(r, op) else { break loop }
        at.next()
        guard at.branch(Routine.bne(r, op + 1), op + 1) else { break loop }
      case .lwBlt:
        guard memory.lw(r, op) else { break loop }
        at.next()
        guard at.branch(Routine.blt(r, op + 1), op + 1) else { break loop }
      case .lwBge:
        guard memory.lw(r, op) else { break loop }
        at.next()
        guard at.branch(Routine.bge(r, op + 1), op + 1) else { break loop }
      case .lwBltu:
        guard memory.lw(r, op) else { break loop }
        at.next()
        guard at.branch(Routine.bltu(r, op + 1), op + 1) else { break loop }
      case .lwBgeu:
        guard memory.lw(r, op) else { break loop }
        at.next()
        guard at.branch(Routine.bgeu(r, op + 1), op + 1) else { break loop }
      case .lbuBeq:
        guard memory.lbu(r, op) else { break loop }
        at.next()
        guard at.branch(Routine.beq(r, op + 1), op + 1) else { break loop }
      case .lbuBne:
        guard memory.lbu(r, op) else { break loop }
        at.next()
        guard at.branch(Routine.bne(r, op + 1), op + 1) else { break loop }
      case .addiJal:
        Routine.addi(r, op)
        at.next()
        guard at.jal(r, op + 1) else { break loop }
      case .addiJalr:
        Routine.addi(r, op)
        at.next()
        guard at.jalr(r, op + 1) else { break loop }
      case .lwJalr:
        guard memory.lw(r, op) else { break loop }
        at.next()
        guard at.jalr(r, op + 1) else { break loop }
      case .addiAddi:
        Routine.addi(r, op)
        at.next()
        Routine.addi(r, op + 1)
        at.next()
      case .addiAdd:
        Routine.addi(r, op)
        at.next()
        Routine.add(r, op + 1)
        at.next()
      case .addiLw:
        Routine.addi(r, op)
        at.next()
        guard memory.lw(r, op + 1) else { break loop }
        at.next()
      case .addiSw:
        Routine.addi(r, op)
        at.next()
        guard memory.sw(r, op + 1) != nil else { break loop }
        at.next()
      case .addAdd:
        Routine.add(r, op)
        at.next()
        Routine.add(r, op + 1)
        at.next()
      case .addAddi:
        Routine.add(r, op)
        at.next()
        Routine.addi(r, op + 1)
        at.next()
      case .addLw:
        Routine.add(r, op)
        at.next()
        guard memory.lw(r, op + 1) else { break loop }
        at.next()
      case .addLbu:
        Routine.add(r, op)
        at.next()
        guard memory.lbu(r, op + 1) else { break loop }
        at.next()
      case .mulAdd:
        Routine.mul(r, op)
        at.next()
        Routine.add(r, op + 1)
        at.next()
      case .andiSlli:
        Routine.andi(r, op)
        at.next()
        Routine.slli(r, op + 1)
        at.next()
      case .slliAdd:
        Routine.slli(r, op)
        at.next()
        Routine.add(r, op + 1)
        at.next()
      case .srliXor:
        Routine.srli(r, op)
        at.next()
        Routine.xor(r, op + 1)
        at.next()
      case .srliAndi:
        Routine.srli(r, op)
        at.next()
        Routine.andi(r, op + 1)
        at.next()
      case .xorAndi:
        Routine.xor(r, op)
        at.next()
        Routine.andi(r, op + 1)
        at.next()
      case .constantAddi:
        Routine.constant(r, op)
        at.next()
        Routine.addi(r, op + 1)
        at.next()
      case .constantOri:
        Routine.constant(r, op)
        at.next()
        Routine.ori(r, op + 1)
        at.next()
      case .lwLw:
        guard memory.lw(r, op) else { break loop }
        at.next()
        guard memory.lw(r, op + 1) else { break loop }
        at.next()
      case .lwAddi:
        guard memory.lw(r, op) else { break loop }
        at.next()
        Routine.addi(r, op + 1)
        at.next()
      case .lwAdd:
        guard memory.lw(r, op) else { break loop }
        at.next()
        Routine.add(r, op + 1)
        at.next()
      case .lbuAddi:
        guard memory.lbu(r, op) else { break loop }
        at.next()
        Routine.addi(r, op + 1)
        at.next()
      case .lbuXor:
        guard memory.lbu(r, op) else { break loop }
        at.next()
        Routine.xor(r, op + 1)
        at.next()
      case .swSw:
        guard let isPlain = memory.sw(r, op) else { break loop }
        at.next()
        guard isPlain else { continue loop }
        guard memory.sw(r, op + 1) != nil else { break loop }
        at.next()
      case .swAddi:
        guard let isPlain = memory.sw(r, op) else { break loop }
        at.next()
        guard isPlain else { continue loop }
        Routine.addi(r, op + 1)
        at.next()
      case .sbAdd:
        guard let isPlain = memory.sb(r, op) else { break loop }
        at.next()
        guard isPlain else { continue loop }
        Routine.add(r, op + 1)
        at.next()
      case .sbAddi:
        guard let isPlain = memory.sb(r, op) else { break loop }
        at.next()
        guard isPlain else { continue loop }
        Routine.addi(r, op + 1)
        at.next()
      case .swAddiBltu:
        guard let isPlain = memory.sw(r, op) else { break loop }
        at.next()
        guard isPlain else { continue loop }
        Routine.addi(r, op + 1)
        at.next()
        guard at.branch(Routine.bltu(r, op + 2), op + 2) else { break loop }
      case .swAddiBne:
        guard let isPlain = memory.sw(r, op) else { break loop }
        at.next()
        guard isPlain else { continue loop }
        Routine.addi(r, op + 1)
        at.next()
        guard at.branch(Routine.bne(r, op + 2), op + 2) else { break loop }
      case .sbAddBltu:
        guard let isPlain = memory.sb(r, op) else { break loop }
        at.next()
        guard isPlain else { continue loop }
        Routine.add(r, op + 1)
        at.next()
        guard at.branch(Routine.bltu(r, op + 2), op + 2) else { break loop }
      case .sbAddiBne:
        guard let isPlain = memory.sb(r, op) else { break loop }
        at.next()
        guard isPlain else { continue loop }
        Routine.addi(r, op + 1)
        at.next()
        guard at.branch(Routine.bne(r, op + 2), op + 2) else { break loop }
      case .addiAddBltu:
        Routine.addi(r, op)
        at.next()
        Routine.add(r, op + 1)
        at.next()
        guard at.branch(Routine.bltu(r, op + 2), op + 2) else { break loop }
      case .addiAddiBgeu:
        Routine.addi(r, op)
        at.next()
        Routine.addi(r, op + 1)
        at.next()
        guard at.branch(Routine.bgeu(r, op + 2), op + 2) else { break loop }
      case .addiAddiBltu:
        Routine.addi(r, op)
        at.next()
        Routine.addi(r, op + 1)
        at.next()
        guard at.branch(Routine.bltu(r, op + 2), op + 2) else { break loop }
      case .addiLwBltu:
        Routine.addi(r, op)
        at.next()
        guard memory.lw(r, op + 1) else { break loop }
        at.next()
        guard at.branch(Routine.bltu(r, op + 2), op + 2) else { break loop }
      case .addiLwBgeu:
        Routine.addi(r, op)
        at.next()
        guard memory.lw(r, op + 1) else { break loop }
        at.next()
        guard at.branch(Routine.bgeu(r, op + 2), op + 2) else { break loop }
      case .mulAddBltu:
        Routine.mul(r, op)
        at.next()
        Routine.add(r, op + 1)
        at.next()
        guard at.branch(Routine.bltu(r, op + 2), op + 2) else { break loop }
      case .srliXorBltu:
        Routine.srli(r, op)
        at.next()
        Routine.xor(r, op + 1)
        at.next()
        guard at.branch(Routine.bltu(r, op + 2), op + 2) else { break loop }
      case .slliAddLw:
        Routine.slli(r, op)
        at.next()
        Routine.add(r, op + 1)
        at.next()
        guard memory.lw(r, op + 2) else { break loop }
        at.next()
      case .xorAndiSlli:
        Routine.xor(r, op)
        at.next()
        Routine.andi(r, op + 1)
        at.next()
        Routine.slli(r, op + 2)
        at.next()
      case .addLwSrli:
        Routine.add(r, op)
        at.next()
        guard memory.lw(r, op + 1) else { break loop }
        at.next()
        Routine.srli(r, op + 2)
        at.next()
      case .lwLwAddi:
        guard memory.lw(r, op) else { break loop }
        at.next()
        guard memory.lw(r, op + 1) else { break loop }
        at.next()
        Routine.addi(r, op + 2)
        at.next()
      case .lwLwLw:
        guard memory.lw(r, op) else { break loop }
        at.next()
        guard memory.lw(r, op + 1) else { break loop }
        at.next()
        guard memory.lw(r, op + 2) else { break loop }
        at.next()
      case .swSwSw:
        guard let isPlain = memory.sw(r, op) else { break loop }
        at.next()
        guard isPlain else { continue loop }
        guard let isPlain2 = memory.sw(r, op + 1) else { break loop }
        at.next()
        guard isPlain2 else { continue loop }
        guard memory.sw(r, op + 2) != nil else { break loop }
        at.next()
      case .swSwAddi:
        guard let isPlain = memory.sw(r, op) else { break loop }
        at.next()
        guard isPlain else { continue loop }
        guard let isPlain2 = memory.sw(r, op + 1) else { break loop }
        at.next()
        guard isPlain2 else { continue loop }
        Routine.addi(r, op + 2)
        at.next()
      case .lbuAddiXor:
        guard memory.lbu(r, op) else { break loop }
        at.next()
        Routine.addi(r, op + 1)
        at.next()
        Routine.xor(r, op + 2)
        at.next()
      case .addiSwSw:
        Routine.addi(r, op)
        at.next()
        guard let isPlain2 = memory.sw(r, op + 1) else { break loop }
        at.next()
        guard isPlain2 else { continue loop }
        guard memory.sw(r, op + 2) != nil else { break loop }
        at.next()
      case .lwAddiJalr:
        guard memory.lw(r, op) else { break loop }
        at.next()
        Routine.addi(r, op + 1)
        at.next()
        guard at.jalr(r, op + 2) else { break loop }
      case .addiAddiJal:
        Routine.addi(r, op)
        at.next()
        Routine.addi(r, op + 1)
        at.next()
        guard at.jal(r, op + 2) else { break loop }
      }
      continue loop
    }
  }
  return at.exit
}

/// Instantiations of the loop; the disassembly of these is checked for reference counting.
enum FastLoop {
  /// Under base and bound.
  @inline(never)
  static func linear(_ frame: FastFrame) -> FastExit {
    interpret(frame, paged: false, counted: false)
  }
  /// Under base and bound, near the end of the budget.
  @inline(never)
  static func linearCounted(_ frame: FastFrame) -> FastExit {
    interpret(frame, paged: false, counted: true)
  }
  /// Under paging, inside one page of code.
  @inline(never)
  static func paged(_ frame: FastFrame) -> FastExit {
    interpret(frame, paged: true, counted: false)
  }
  /// Under paging, near the end of the budget.
  @inline(never)
  static func pagedCounted(_ frame: FastFrame) -> FastExit {
    interpret(frame, paged: true, counted: true)
  }
}
