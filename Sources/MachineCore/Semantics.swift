/// Number of a register in an instruction set's ``InstructionSet/registers``.
public typealias RegisterID = UInt16

/// What a register is for; the Popek–Goldberg classification is computed from these roles.
public enum RegisterRole: String, Sendable, CaseIterable {
  /// Computation; reading or writing it is innocuous.
  case general
  /// Condition flags that computation uses; innocuous.
  case flags
  /// The program counter.
  case programCounter
  /// Processor mode: supervisor or user, privilege level.
  case mode
  /// Whether interrupts are taken.
  case interruptEnable
  /// Relocation: base and bound, segment bases, page-table roots, translation mode.
  case relocation
  /// Anything else the supervisor owns: descriptor tables, control and model-specific registers.
  case control
  /// Whether the processor waits for an interrupt.
  case waiting
}

/// One register of an instruction set.
public struct RegisterDescriptor: Sendable, Hashable {
  /// Name in traces, assembly and debuggers.
  public var name: String
  /// Width in bits, at most 64; values are kept zero-extended.
  public var width: Int
  /// What it is for.
  public var role: RegisterRole
  /// Reads as zero whatever is written.
  public var isZero: Bool
  /// Changes of it are recorded in traces.
  public var isTraced: Bool

  /// A register.
  public init(
    _ name: String, width: Int, role: RegisterRole = .general, isZero: Bool = false, isTraced: Bool = true
  ) {
    self.name = name
    self.width = width
    self.role = role
    self.isZero = isZero
    self.isTraced = isTraced
  }
}

/// A table inside the processor, such as a TLB: sparse, zero where nothing was written.
public struct AuxiliaryDescriptor: Sendable, Hashable {
  /// Name for messages.
  public var name: String
  /// What it is for.
  public var role: RegisterRole

  /// A table.
  public init(_ name: String, role: RegisterRole) {
    self.name = name
    self.role = role
  }
}

/// Width of an operation's operands and result, in bits.
///
/// Results are truncated to the width and kept zero-extended in 64 bits.
public enum Width: UInt8, Sendable, Hashable, CaseIterable {
  case bits8 = 8
  case bits16 = 16
  case bits32 = 32
  case bits64 = 64

  /// Bytes.
  @inlinable public var bytes: Int { Int(rawValue) / 8 }
  /// All ones in this width.
  @inlinable public var mask: UInt64 { UInt64.max >> (64 - UInt64(rawValue)) }
}

/// Operations on one value.
public enum UnaryOperator: UInt8, Sendable, Hashable, CaseIterable {
  /// Bitwise complement.
  case complement
  /// Two's complement.
  case negate
  /// 1 if the operand is zero, else 0.
  case isZero
  /// The low 8 bits, sign-extended to the width.
  case signExtend8
  /// The low 16 bits, sign-extended to the width.
  case signExtend16
  /// The low 32 bits, sign-extended to the width.
  case signExtend32
  /// How many bits are one.
  case populationCount
  /// Zero bits above the highest one; the width when there is none.
  case leadingZeros
  /// Zero bits below the lowest one; the width when there is none.
  case trailingZeros
  /// 1 if the low eight bits hold an even number of ones.
  case parity8
  /// Bytes in reverse order.
  case byteSwap
}

/// Operations on two values. Comparisons give 1 or 0. Shift counts are not masked: a count of the
/// width or more gives 0 (or all sign bits); rotate counts are taken modulo the width.
/// Division by zero gives 0 and an overflowing signed division wraps: semantics must trap before.
public enum BinaryOperator: UInt8, Sendable, Hashable, CaseIterable {
  case add, subtract, multiply, multiplyHighUnsigned, multiplyHighSigned
  case divideUnsigned, divideSigned, remainderUnsigned, remainderSigned
  case and, or, xor
  case shiftLeft, shiftRightUnsigned, shiftRightSigned, rotateLeft, rotateRight
  case equal, notEqual, lessUnsigned, lessSigned, lessOrEqualUnsigned, lessOrEqualSigned
}

/// Operations on a double-width dividend (high and low half) and a divisor of the width.
/// The quotient is truncated: semantics must trap on overflow before.
public enum WideOperator: UInt8, Sendable, Hashable, CaseIterable {
  case quotientUnsigned, quotientSigned, remainderUnsigned, remainderSigned
  /// 1 if the divisor is zero or the quotient does not fit.
  case overflowsUnsigned, overflowsSigned
}

/// Where a load or store goes.
public enum StorageSpace: Sendable, Hashable {
  /// Through the translation procedure, in a segment (0 where the ISA has none).
  case virtual(segment: UInt8)
  /// Through the translation procedure, in the segment of a memory operand.
  case operand(Int)
  /// Guest-physical storage, without translation.
  case physical
}

/// A local value of one effect list or procedure; numbers are the author's choice, below 32.
public typealias Local = UInt8

/// A value computed from the state before the instruction.
///
/// All reads of registers see the state before the instruction; locals see what was assigned before them,
/// and loads what the same instruction has stored before them.
public indirect enum Expression: Sendable, Hashable {
  case constant(UInt64)
  /// A decoded operand's value: a register's contents, an immediate, or a load from memory.
  case operand(Int)
  /// Effective address of a decoded memory operand.
  case address(Int)
  /// Number of a decoded memory operand's segment.
  case segment(Int)
  case register(RegisterID)
  case local(Local)
  case unary(UnaryOperator, Expression, Width)
  case binary(BinaryOperator, Expression, Expression, Width)
  case wide(WideOperator, high: Expression, low: Expression, by: Expression, Width)
  /// The second value if the first is not zero, else the third; only the chosen one is evaluated.
  case select(Expression, Expression, Expression)
  /// A load; it may trap.
  case load(StorageSpace, Expression, Width)
  /// An entry of an auxiliary table.
  case auxiliary(Int, Expression)
  /// A device register read through a port.
  case input(Expression, Width)
  /// Virtual time (``Platform/now``) before this instruction.
  case time
  /// Address of the instruction.
  case pc
  /// Address of the next instruction in sequence.
  case nextPC
  /// The instruction's first four bytes, little-endian.
  case instructionWord
  /// Size of guest-physical storage in bytes.
  case storageSize
  /// Number of the virtual CPU.
  case cpu
}

/// One thing an instruction does.
///
/// Register writes and stores to virtual spaces take effect together when the instruction
/// completes, so a trap leaves nothing half done, but for what comes before a ``keep``. Stores to physical storage and to auxiliary
/// tables take effect at once: translation (accessed bits, TLB fills) stands even if the
/// instruction then traps.
public indirect enum Effect: Sendable, Hashable {
  case assign(Local, Expression)
  case write(RegisterID, Expression)
  /// Writes a decoded operand: a register (or part of one) or memory.
  case setOperand(Int, Expression)
  case store(StorageSpace, Expression, Expression, Width)
  /// Makes the checks of a store to a virtual space (translation, protection) and stores nothing; it may
  /// trap. Nothing at all for an operand that is a register.
  case checkStore(StorageSpace, Expression, Width)
  case setAuxiliary(Int, Expression, Expression)
  case clearAuxiliary(Int)
  /// A device register written through a port.
  case output(Expression, Expression, Width)
  case when(Expression, then: [Effect], otherwise: [Effect])
  /// Ends the instruction with a trap: cause and value.
  case trap(Expression, Expression)
  /// Runs a procedure of the instruction set; its result goes to the local.
  case call(ProcedureID, [Expression], result: Local?)
  /// Ends a procedure with this result.
  case give(Expression)
  /// These bits of the register have no defined value after the instruction.
  case undefine(RegisterID, Expression)
  /// What was written and stored so far stays, even if the instruction traps further on.
  case keep
  /// Ends the run: the engine does not go further, for this reason.
  case unsupported(String)
}

/// Number of a procedure in ``SystemSemantics/procedures``.
public typealias ProcedureID = Int

/// Effects that several instructions, or the processor itself, share.
public struct Procedure: Sendable {
  /// Name for documentation.
  public var name: String
  /// Locals that take the arguments.
  public var parameters: [Local]
  /// What it does.
  public var body: [Effect]

  /// A procedure.
  public init(_ name: String, _ parameters: [Local], _ body: [Effect]) {
    self.name = name
    self.parameters = parameters
    self.body = body
  }
}

/// Kind of a memory access, as the translation procedure's second argument.
public enum Access: UInt64, Sendable, CaseIterable {
  case fetch = 0
  case read = 1
  case write = 2
}

/// What the processor does beside instructions, as data.
public struct SystemSemantics: Sendable {
  /// All procedures.
  public var procedures: [Procedure]
  /// (address, ``Access``, segment, size in bytes) → guest-physical address; may trap.
  public var translate: ProcedureID
  /// (cause, value, 1 for an interrupt or 0): saves the old state and enters the handler.
  /// `.pc` is the saved pc. A `trap` inside it is a check stop.
  public var deliver: ProcedureID
  /// Not zero when an interrupt would be taken.
  public var interruptible: Expression
  /// (line) → cause of an interrupt on this line.
  public var interruptCauseBase: UInt64
  /// Privilege mode for traces, 0 the most privileged.
  public var mode: Expression
  /// Context for ``InstructionSet/decode(_:context:)``.
  public var decodeContext: Expression
  /// Which register is the program counter.
  public var programCounter: RegisterID
  /// Which register tells that the processor waits; written by instructions like any other.
  public var waiting: RegisterID
  /// A waiting processor wakes up only for an interrupt that it can take, and else waits for ever; without
  /// this any pending interrupt wakes it.
  public var wakesOnlyInterruptible: Bool
  /// Cause of the illegal-instruction trap; its value is the instruction's first word.
  public var illegalCause: UInt64
  /// The last virtual address, where addresses end and a 16-bit access goes on at address zero, byte by
  /// byte; `nil` where the translation sees accesses whole.
  public var wordWrap: UInt64?
  /// Cause that a check stop reports; `nil` for the trap that could not be delivered.
  ///
  /// On processors where the outside sees only that they shut down, every engine gives the same cause.
  public var checkStopCause: UInt64?
  /// How many deliveries may follow each other with no instruction retired between them; one more is a
  /// check stop, so that a handler that cannot be fetched does not trap for ever.
  public var deliveryLimit = 1
  /// (cause being delivered, cause of the trap that arose) → cause to deliver in its place, with the new
  /// trap's value if it is its cause and else 0; above 255 for a check stop. `nil`: always a check stop.
  public var escalate: ProcedureID?
  /// () Runs when a check stop ends the run; what it writes is seen afterwards.
  public var shutdown: ProcedureID?
  /// Bits of registers that make an instruction run with ``before`` and ``after``; at most three.
  public var watched: [(register: RegisterID, mask: UInt64)] = []
  /// () Runs before the instruction is fetched; it may trap.
  public var before: ProcedureID?
  /// (address of the instruction, values before it of the ``watched`` registers) → 0, or the value of a trap with
  /// cause ``afterCause`` that follows the instruction at once. It sees the state after the instruction, and
  /// its register writes are among the instruction's effects.
  public var after: ProcedureID?
  /// Cause of the trap that ``after`` asks for.
  public var afterCause: UInt64 = 0
  /// Accesses in segments from this number on are the processor's own: no memory effects in traces.
  public var firstOwnSegment: UInt8 = .max

  /// System semantics; see the properties.
  public init(
    procedures: [Procedure], translate: ProcedureID, deliver: ProcedureID, interruptible: Expression,
    interruptCauseBase: UInt64, mode: Expression, decodeContext: Expression, programCounter: RegisterID,
    waiting: RegisterID, wakesOnlyInterruptible: Bool = false, illegalCause: UInt64,
    wordWrap: UInt64? = nil, checkStopCause: UInt64? = nil
  ) {
    self.procedures = procedures
    self.translate = translate
    self.deliver = deliver
    self.interruptible = interruptible
    self.interruptCauseBase = interruptCauseBase
    self.mode = mode
    self.decodeContext = decodeContext
    self.programCounter = programCounter
    self.waiting = waiting
    self.wakesOnlyInterruptible = wakesOnlyInterruptible
    self.illegalCause = illegalCause
    self.wordWrap = wordWrap
    self.checkStopCause = checkStopCause
  }
}
