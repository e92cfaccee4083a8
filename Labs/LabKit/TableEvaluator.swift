public import MachineCore
public import ToyISA
internal import Trace

/// Carries out effects as the tables list them, one by one: the slow and simple way.
///
/// Register writes and stores to virtual addresses wait until the list has ended without a trap. Not for students' files.
@_spi(Tables) public struct TableEvaluator {
  private enum Ending: Error {
    case trap(GuestTrap)
    case gives(UInt64)
  }

  private let cpu: LabProcessor
  private let operands: InlineArray<4, Operand>
  private let nextPC: UInt32
  private var locals = [UInt64](repeating: 0, count: 32)
  private var registers: [(RegisterID, UInt64)] = []
  private var stores: [(address: UInt32, value: UInt32, size: Int)] = []

  private init(_ cpu: LabProcessor, _ operands: InlineArray<4, Operand>) {
    self.cpu = cpu
    self.operands = operands
    nextPC = cpu.psw.pc &+ 4
  }

  private static let sets: [ToyInstructionSet] = ToyVariant.allCases.map { ToyInstructionSet($0) }

  /// Translates as the table has it.
  public static func translate(_ address: UInt32, _ access: Access, _ size: Int, _ cpu: LabProcessor)
    throws(GuestTrap) -> UInt32
  {
    let system = sets[0].system
    let arguments = [UInt64(address), access.rawValue, 0, UInt64(size)]
    return UInt32(truncatingIfNeeded: try call(system.procedures[system.translate], arguments, cpu))
  }

  /// Delivers a trap as the table has it.
  public static func deliver(_ trap: GuestTrap, _ cpu: LabProcessor) {
    let system = sets[0].system
    let arguments = [UInt64(trap.cause.rawValue), UInt64(trap.value), 0]
    // Its physical accesses cannot trap.
    _ = try? call(system.procedures[system.deliver], arguments, cpu)
  }

  /// Carries out the instruction at the program counter as the table of a variant has it.
  public static func step(_ cpu: LabProcessor, variant: ToyVariant) throws(GuestTrap) {
    let word = try cpu.fetch()
    let set = sets[ToyVariant.allCases.firstIndex(of: variant) ?? 0]
    guard case .instruction(let decoded) = set.decode(InstructionBytes(word: word), context: 0) else {
      throw GuestTrap(.illegal, value: word)
    }
    var evaluator = TableEvaluator(cpu, decoded.operands)
    // In front of the instruction's own writes, so that a jump replaces it.
    evaluator.registers.append((ToyRegister.pc, UInt64(evaluator.nextPC)))
    try evaluator.finish(set.definitions[decoded.definition].effects)
  }

  private static func call(_ procedure: Procedure, _ arguments: [UInt64], _ cpu: LabProcessor)
    throws(GuestTrap) -> UInt64
  {
    var evaluator = TableEvaluator(cpu, InlineArray(repeating: Operand()))
    for (local, argument) in zip(procedure.parameters, arguments) { evaluator.locals[Int(local)] = argument }
    return try evaluator.finish(procedure.body)
  }

  /// Runs a list and makes its writes; the value it gives, or 0.
  @discardableResult private mutating func finish(_ effects: [Effect]) throws(GuestTrap) -> UInt64 {
    var result: UInt64 = 0
    do throws(Ending) {
      try run(effects)
    } catch {
      switch error {
      case .trap(let trap): throw trap
      case .gives(let value): result = value
      }
    }
    for (address, value, size) in stores { try cpu.store(address, size: size, value) }
    for (register, value) in registers { cpu.set(register, value) }
    return result
  }

  private mutating func run(_ effects: [Effect]) throws(Ending) {
    for effect in effects {
      switch effect {
      case .assign(let local, let value): locals[Int(local)] = try self.value(value)
      case .write(let register, let value): registers.append((register, try self.value(value)))
      case .setOperand(let index, let value):
        registers.append((operands[index].register, try self.value(value)))
      case .store(.physical, let address, let value, let width):
        cpu.setPhysical(try word(address), size: width.bytes, try word(value))
      case .store(_, let address, let value, let width):
        let (address, value) = (try word(address), try word(value))
        // The checks now, the store when nothing can trap any more.
        do throws(GuestTrap) {
          _ = try cpu.traps.translate(address, .write, size: width.bytes, cpu)
        } catch { throw .trap(error) }
        stores.append((address, value, width.bytes))
      case .checkStore: break
      case .setAuxiliary(_, let index, let value): cpu.tlb[try word(index)] = try word(value)
      case .clearAuxiliary: cpu.tlb = [:]
      case .output(let port, let value, _): cpu.output(try word(port), try word(value))
      case .when(let condition, let then, let otherwise):
        try run(try value(condition) != 0 ? then : otherwise)
      case .trap(let cause, let value):
        let cause = ToyCause(rawValue: try word(cause)) ?? .illegal
        throw .trap(GuestTrap(cause, value: try word(value)))
      case .give(let value): throw .gives(try self.value(value))
      // The toy table has none of these.
      case .call, .undefine, .keep, .unsupported: break
      }
    }
  }

  private func word(_ expression: Expression) throws(Ending) -> UInt32 {
    UInt32(truncatingIfNeeded: try value(expression))
  }

  private func value(_ expression: Expression) throws(Ending) -> UInt64 {
    switch expression {
    case .constant(let number): return number
    case .operand(let index):
      let operand = operands[index]
      return operand.kind == .register ? UInt64(cpu[Int(operand.register)]) : operand.value
    case .address(let index):
      let operand = operands[index]
      return UInt64(cpu[Int(operand.register)] &+ UInt32(truncatingIfNeeded: operand.value))
    case .register(let register): return cpu.registers[Int(register)]
    case .local(let local): return locals[Int(local)]
    case .unary(let operation, let operand, let width):
      return Self.apply(operation, try value(operand), width)
    case .binary(let operation, let first, let second, let width):
      return Self.apply(operation, try value(first), try value(second), width)
    case .select(let condition, let first, let second):
      return try value(condition) != 0 ? try value(first) : try value(second)
    case .load(.physical, let address, let width):
      return UInt64(cpu.physical(try word(address), size: width.bytes))
    case .load(_, let address, let width):
      let address = try word(address)
      do throws(GuestTrap) {
        return UInt64(try cpu.load(address, size: width.bytes))
      } catch { throw .trap(error) }
    case .auxiliary(_, let index): return UInt64(cpu.tlb[try word(index)] ?? 0)
    case .input(let port, _): return UInt64(cpu.input(try word(port)))
    case .time: return cpu.platform.now
    case .pc: return UInt64(cpu.psw.pc)
    case .nextPC: return UInt64(nextPC)
    case .instructionWord: return UInt64(cpu.word)
    case .storageSize: return UInt64(cpu.storageSize)
    // One processor, no segments, no double-width dividends.
    case .cpu, .segment, .wide: return 0
    }
  }

  private static func apply(_ operation: UnaryOperator, _ value: UInt64, _ width: Width) -> UInt64 {
    switch operation {
    case .complement: ~value & width.mask
    case .negate: (0 &- value) & width.mask
    case .isZero: value & width.mask == 0 ? 1 : 0
    case .signExtend8: UInt64(bitPattern: Int64(Int8(truncatingIfNeeded: value))) & width.mask
    case .signExtend16: UInt64(bitPattern: Int64(Int16(truncatingIfNeeded: value))) & width.mask
    case .signExtend32: UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: value))) & width.mask
    default: 0
    }
  }

  private static func signed(_ value: UInt64, _ width: Width) -> Int64 {
    let shift = 64 - UInt64(width.rawValue)
    return Int64(bitPattern: value << shift) >> Int64(shift)
  }

  private static func apply(_ operation: BinaryOperator, _ first: UInt64, _ second: UInt64, _ width: Width)
    -> UInt64
  {
    let (a, b) = (first & width.mask, second & width.mask)
    let (x, y) = (signed(a, width), signed(b, width))
    let bits = UInt64(width.rawValue)
    let result: UInt64 =
      switch operation {
      case .add: a &+ b
      case .subtract: a &- b
      case .multiply: a &* b
      case .multiplyHighUnsigned: width == .bits64 ? a.multipliedFullWidth(by: b).high : (a &* b) >> bits
      case .multiplyHighSigned:
        width == .bits64
          ? UInt64(bitPattern: x.multipliedFullWidth(by: y).high)
          : UInt64(bitPattern: (x &* y) >> Int64(bits))
      case .divideUnsigned: b == 0 ? 0 : a / b
      case .remainderUnsigned: b == 0 ? 0 : a % b
      case .divideSigned: y == 0 ? 0 : UInt64(bitPattern: x.dividingFullWidthSafely(by: y).quotient)
      case .remainderSigned: y == 0 ? 0 : UInt64(bitPattern: x.dividingFullWidthSafely(by: y).remainder)
      case .and: a & b
      case .or: a | b
      case .xor: a ^ b
      case .shiftLeft: b < bits ? a << b : 0
      case .shiftRightUnsigned: b < bits ? a >> b : 0
      case .shiftRightSigned: UInt64(bitPattern: x >> Int64(min(b, bits - 1)))
      case .rotateLeft: a << (b % bits) | (b % bits == 0 ? 0 : a >> (bits - b % bits))
      case .rotateRight: a >> (b % bits) | (b % bits == 0 ? 0 : a << (bits - b % bits))
      case .equal: a == b ? 1 : 0
      case .notEqual: a != b ? 1 : 0
      case .lessUnsigned: a < b ? 1 : 0
      case .lessSigned: x < y ? 1 : 0
      case .lessOrEqualUnsigned: a <= b ? 1 : 0
      case .lessOrEqualSigned: x <= y ? 1 : 0
      }
    return result & width.mask
  }
}

extension Int64 {
  /// Quotient and remainder; the one overflow wraps.
  fileprivate func dividingFullWidthSafely(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    (
      dividedReportingOverflow(by: divisor).partialValue,
      remainderReportingOverflow(dividingBy: divisor).partialValue
    )
  }
}
