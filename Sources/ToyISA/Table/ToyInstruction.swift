public import MachineCore

/// Layout of an instruction word below the opcode, which is bits 31–24 always.
///
/// Fields: `a` bits 23–20, `b` bits 19–16, `c` bits 15–12, `imm16` bits 15–0, `imm20` bits 19–0.
/// Bits that a format does not use must be zero; otherwise the word is illegal.
public enum ToyFormat: String, Sendable, CaseIterable {
  /// No operands.
  case none
  /// `rd`: a.
  case rd
  /// `rs`: b.
  case rs
  /// `rd, rs1, rs2`: a, b, c.
  case rdRsRs
  /// `rd, rs1, imm`: a, b, imm16 sign-extended.
  case rdRsSigned
  /// `rd, rs1, imm`: a, b, imm16 zero-extended.
  case rdRsUnsigned
  /// `rd, rs1, count`: a, b, imm16 in 0…31.
  case rdRsShift
  /// `rd, imm`: a, imm20 placed at bits 31–12 of the value.
  case rdUpper
  /// `rd, offset(rs)`: a, b, imm16 sign-extended: memory.
  case rdMemory
  /// `rs2, offset(rs1)`: a, b, imm16 sign-extended: memory; `a` is read.
  case rsMemory
  /// `offset(rs)`: b, imm16 sign-extended: memory.
  case memory
  /// `rd, rs2, (rs1)`: a, c, b: memory without offset.
  case rdRsIndirect
  /// `rs1, rs2, target`: a, b, imm16 signed count of words from this instruction.
  case branch
  /// `rd, target`: a, imm20 signed count of words from this instruction.
  case rdTarget
  /// `imm`: imm16.
  case immediate
  /// `rd, port(rs)`: a, b, imm16 zero-extended.
  case rdPort
  /// `rs2, port(rs1)`: a, b, imm16 zero-extended; `a` is read.
  case rsPort
}

/// Rough cost of an instruction on a simple pipeline, for cost models.
public enum CycleClass: String, Sendable, CaseIterable {
  case simple, multiply, divide, load, store, branch, system, device

  /// Cycles in the reference cost model.
  public var cycles: Int {
    switch self {
    case .simple: 1
    case .multiply: 3
    case .divide: 20
    case .load, .store: 2
    case .branch: 2
    case .system: 10
    case .device: 50
    }
  }
}

/// Section of the reference card.
public enum ToyGroup: String, Sendable, CaseIterable {
  case arithmetic = "Arithmetic and logic"
  case immediate = "With immediates"
  case memory = "Storage"
  case control = "Control transfer"
  case system = "System"
}

/// One row of the instruction table: all there is to know of an instruction.
public struct ToyInstruction: Sendable {
  /// Assembly mnemonic.
  public var mnemonic: String
  /// Bits 31–24.
  public var opcode: UInt8
  /// Fields and assembly syntax.
  public var format: ToyFormat
  /// What it does in supervisor mode.
  public var effects: [Effect]
  /// What it does in user mode.
  public var userMode: UserBehaviour
  /// Variants in which user mode behaves otherwise.
  public var exceptions: [ToyVariant: UserBehaviour]
  /// Cost class.
  public var cycleClass: CycleClass
  /// Section of the reference card.
  public var group: ToyGroup
  /// One line.
  public var meaning: String

  init(
    _ mnemonic: String, _ opcode: UInt8, _ format: ToyFormat, _ cycleClass: CycleClass, _ group: ToyGroup,
    _ meaning: String, user: UserBehaviour = .execute, except: [ToyVariant: UserBehaviour] = [:],
    _ effects: [Effect]
  ) {
    self.mnemonic = mnemonic
    self.opcode = opcode
    self.format = format
    self.effects = effects
    self.userMode = user
    self.exceptions = except
    self.cycleClass = cycleClass
    self.group = group
    self.meaning = meaning
  }

  /// What the instruction does in user mode in this variant.
  public func userBehaviour(in variant: ToyVariant) -> UserBehaviour { exceptions[variant] ?? userMode }

  /// The effects in this variant, with the user-mode column worked in.
  public func effects(in variant: ToyVariant) -> [Effect] {
    let inUserMode = Expression.register(ToyRegister.mode)
    switch userBehaviour(in: variant) {
    case .execute: return effects
    case .trap:
      return [
        .when(
          inUserMode, then: [.trap(.constant(UInt64(ToyCause.privileged.rawValue)), .instructionWord)],
          otherwise: effects)
      ]
    case .ignore: return [.when(inUserMode, then: [], otherwise: effects)]
    }
  }
}
