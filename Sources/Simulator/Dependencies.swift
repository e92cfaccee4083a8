import MachineCore

/// What the values of some effects or expressions depend on, beside their arguments; found in the data.
struct Dependencies {
  /// By register: the bits that are read.
  private(set) var registers: [UInt64]
  /// Tables that are read.
  private(set) var tables: Set<Int> = []
  /// Guest-physical storage is read.
  private(set) var readsStorage = false
  /// Nothing else is read: no time, no devices, no program counter.
  private(set) var isClosed = true

  private let system: SystemSemantics
  private var visited: Set<ProcedureID> = []

  private init(_ system: SystemSemantics, registers count: Int) {
    self.system = system
    registers = Array(repeating: 0, count: count)
  }

  /// Those of a procedure's result, for calls that end without a trap.
  init(of procedure: ProcedureID, in system: SystemSemantics, registers count: Int) {
    self.init(system, registers: count)
    add(procedure)
  }

  /// Those of an expression.
  init(of expression: Expression, in system: SystemSemantics, registers count: Int) {
    self.init(system, registers: count)
    read(expression, .max)
  }

  private mutating func add(_ procedure: ProcedureID) {
    guard visited.insert(procedure).inserted else { return }
    guard system.procedures.indices.contains(procedure) else {
      isClosed = false
      return
    }
    add(system.procedures[procedure].body)
  }

  private mutating func add(_ effects: [Effect]) {
    for effect in effects {
      switch effect {
      // A call that traps leaves no result.
      case .trap, .unsupported: continue
      case .call(let callee, _, _): add(callee)
      case .store(.virtual, _, _, _), .store(.operand, _, _, _), .checkStore, .setOperand: isClosed = false
      default: break
      }
      for expression in SemanticsWalk.operands(of: effect) { read(expression, .max) }
      if case .when(_, let then, let otherwise) = effect {
        add(then)
        add(otherwise)
      }
    }
  }

  /// Takes note of what a value depends on of which only the `wanted` bits matter.
  private mutating func read(_ expression: Expression, _ wanted: UInt64) {
    switch expression {
    case .register(let register):
      guard Int(register) < registers.count, register != system.programCounter else {
        isClosed = false
        return
      }
      registers[Int(register)] |= wanted
    case .binary(.and, let value, .constant(let mask), let width),
      .binary(.and, .constant(let mask), let value, let width):
      read(value, wanted & mask & width.mask)
    case .binary(.shiftRightUnsigned, let value, .constant(let count), let width):
      read(value, count < UInt64(width.rawValue) ? (wanted << count) & width.mask : 0)
    case .binary(.shiftLeft, let value, .constant(let count), let width):
      read(value, count < UInt64(width.rawValue) ? (wanted & width.mask) >> count : 0)
    case .binary(.and, let first, let second, let width), .binary(.or, let first, let second, let width),
      .binary(.xor, let first, let second, let width):
      read(first, wanted & width.mask)
      read(second, wanted & width.mask)
    case .unary(.complement, let value, let width): read(value, wanted & width.mask)
    case .select(let condition, let first, let second):
      read(condition, .max)
      read(first, wanted)
      read(second, wanted)
    default:
      switch expression {
      case .load(.physical, _, _): readsStorage = true
      case .auxiliary(let table, _): tables.insert(table)
      case .load, .input, .time, .pc, .nextPC, .instructionWord, .operand, .address, .segment:
        isClosed = false
      default: break
      }
      for inner in SemanticsWalk.operands(of: expression) { read(inner, .max) }
    }
  }
}
