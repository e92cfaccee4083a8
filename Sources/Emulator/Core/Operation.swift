/// What the fast loop does at a word of storage: instructions as routines, some of them fused.
///
/// A fused code, named by its parts, carries out the instructions of two or three consecutive words. It
/// takes the operands of the later ones from their own operations, which therefore must be decoded too.
enum OperationCode: UInt8 {
  /// Not decoded yet. Fresh zeroed memory reads as this, so it must come first.
  case undecoded
  /// End of the window that may be executed.
  case sentinel
  /// Left to the exact step: system instructions, illegal words, rare ones.
  case exact
  /// First word of a page: the budget is looked at before the operation in `single`.
  case check

  case nop
  case add, sub, and, or, xor, sll, srl, sra, slt, sltu
  case mul, mulhu, div, divu, rem, remu
  case addi, andi, ori, xori, slli, srli, srai, slti, sltiu, constant, auipc
  case lw, lh, lhu, lb, lbu, sw, sh, sb
  case beq, bne, blt, bge, bltu, bgeu, jal, jalr

  // Arithmetic or load, then branch.
  case addiBeq, addiBne, addiBlt, addiBge, addiBltu, addiBgeu
  case addBne, addBlt, addBltu, andiBeq, andiBne
  case sltBeq, sltBne, sltuBeq, sltuBne, sltiBeq, sltiBne, sltiuBeq, sltiuBne
  case lwBeq, lwBne, lwBlt, lwBge, lwBltu, lwBgeu, lbuBeq, lbuBne
  case addiJal, addiJalr, lwJalr

  // Arithmetic, loads and stores in pairs.
  case addiAddi, addiAdd, addiLw, addiSw, addAdd, addAddi, addLw, addLbu, mulAdd
  case andiSlli, slliAdd, srliXor, srliAndi, xorAndi, constantAddi, constantOri
  case lwLw, lwAddi, lwAdd, lbuAddi, lbuXor
  case swSw, swAddi, sbAdd, sbAddi

  // Triples.
  case swAddiBltu, swAddiBne, sbAddBltu, sbAddiBne
  case addiAddBltu, addiAddiBgeu, addiAddiBltu, addiLwBltu, addiLwBgeu, mulAddBltu, srliXorBltu
  case slliAddLw, xorAndiSlli, addLwSrli, lwLwAddi, lwLwLw, swSwSw, swSwAddi, lbuAddiXor
  case addiSwSw, lwAddiJalr, addiAddiJal
}

extension OperationCode {
  /// Whether the code covers more than one word.
  var isFused: Bool { rawValue >= OperationCode.addiBeq.rawValue }
  /// Whether the next word in sequence may not be executed after it.
  var endsRun: Bool {
    switch self {
    case .undecoded, .sentinel, .exact, .jal, .jalr: true
    default: false
    }
  }
}

/// One decoded word of storage; 8 bytes, of which all zero means "not decoded".
struct Operation {
  /// What the loop does here.
  var code: OperationCode = .undecoded
  /// What the instruction of this word is by itself.
  var single: OperationCode = .undecoded
  /// Register numbers; a destination that is register 0 becomes ``discard``.
  var a: UInt8 = 0
  var b: UInt8 = 0
  /// Immediate, third register, or distance of a jump in bytes of operations.
  var immediate: Int32 = 0

  /// Bytes of an operation; the instruction it stands for has four.
  static let size = 8
  /// Register slot that takes what is written to register 0.
  static let discard: UInt8 = 16
}

/// Which sequences have a fused routine.
enum Fusion {
  /// Fused code by the codes of its parts, the last in the low byte.
  static let codes: [UInt32: OperationCode] = {
    var codes: [UInt32: OperationCode] = [:]
    for (parts, code) in pairs { codes[key(parts.0, parts.1)] = code }
    for (parts, code) in triples { codes[key(parts.0, parts.1, parts.2)] = code }
    return codes
  }()

  static func key(_ first: OperationCode, _ second: OperationCode) -> UInt32 {
    UInt32(first.rawValue) << 8 | UInt32(second.rawValue)
  }

  static func key(_ first: OperationCode, _ second: OperationCode, _ third: OperationCode) -> UInt32 {
    key(first, second) << 8 | UInt32(third.rawValue)
  }

  private static let pairs: [((OperationCode, OperationCode), OperationCode)] = [
    ((.addi, .beq), .addiBeq), ((.addi, .bne), .addiBne), ((.addi, .blt), .addiBlt),
    ((.addi, .bge), .addiBge), ((.addi, .bltu), .addiBltu), ((.addi, .bgeu), .addiBgeu),
    ((.add, .bne), .addBne), ((.add, .blt), .addBlt), ((.add, .bltu), .addBltu),
    ((.andi, .beq), .andiBeq), ((.andi, .bne), .andiBne),
    ((.slt, .beq), .sltBeq), ((.slt, .bne), .sltBne), ((.sltu, .beq), .sltuBeq), ((.sltu, .bne), .sltuBne),
    ((.slti, .beq), .sltiBeq), ((.slti, .bne), .sltiBne),
    ((.sltiu, .beq), .sltiuBeq), ((.sltiu, .bne), .sltiuBne),
    ((.lw, .beq), .lwBeq), ((.lw, .bne), .lwBne), ((.lw, .blt), .lwBlt), ((.lw, .bge), .lwBge),
    ((.lw, .bltu), .lwBltu), ((.lw, .bgeu), .lwBgeu), ((.lbu, .beq), .lbuBeq), ((.lbu, .bne), .lbuBne),
    ((.addi, .jal), .addiJal), ((.addi, .jalr), .addiJalr), ((.lw, .jalr), .lwJalr),
    ((.addi, .addi), .addiAddi), ((.addi, .add), .addiAdd), ((.addi, .lw), .addiLw),
    ((.addi, .sw), .addiSw), ((.add, .add), .addAdd), ((.add, .addi), .addAddi), ((.add, .lw), .addLw),
    ((.add, .lbu), .addLbu), ((.mul, .add), .mulAdd),
    ((.andi, .slli), .andiSlli), ((.slli, .add), .slliAdd), ((.srli, .xor), .srliXor),
    ((.srli, .andi), .srliAndi), ((.xor, .andi), .xorAndi),
    ((.constant, .addi), .constantAddi), ((.constant, .ori), .constantOri),
    ((.lw, .lw), .lwLw), ((.lw, .addi), .lwAddi), ((.lw, .add), .lwAdd), ((.lbu, .addi), .lbuAddi),
    ((.lbu, .xor), .lbuXor),
    ((.sw, .sw), .swSw), ((.sw, .addi), .swAddi), ((.sb, .add), .sbAdd),
    ((.sb, .addi), .sbAddi),
  ]

  private static let triples: [((OperationCode, OperationCode, OperationCode), OperationCode)] = [
    ((.sw, .addi, .bltu), .swAddiBltu), ((.sw, .addi, .bne), .swAddiBne),
    ((.sb, .add, .bltu), .sbAddBltu), ((.sb, .addi, .bne), .sbAddiBne),
    ((.addi, .add, .bltu), .addiAddBltu), ((.addi, .addi, .bgeu), .addiAddiBgeu),
    ((.addi, .addi, .bltu), .addiAddiBltu), ((.addi, .lw, .bltu), .addiLwBltu),
    ((.addi, .lw, .bgeu), .addiLwBgeu), ((.mul, .add, .bltu), .mulAddBltu),
    ((.srli, .xor, .bltu), .srliXorBltu), ((.slli, .add, .lw), .slliAddLw),
    ((.xor, .andi, .slli), .xorAndiSlli), ((.add, .lw, .srli), .addLwSrli), ((.lw, .lw, .addi), .lwLwAddi),
    ((.lw, .lw, .lw), .lwLwLw), ((.sw, .sw, .sw), .swSwSw), ((.sw, .sw, .addi), .swSwAddi),
    ((.lbu, .addi, .xor), .lbuAddiXor),
    ((.addi, .sw, .sw), .addiSwSw), ((.lw, .addi, .jalr), .lwAddiJalr), ((.addi, .addi, .jal), .addiAddiJal),
  ]
}
