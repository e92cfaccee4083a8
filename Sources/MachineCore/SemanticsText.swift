/// What people call the parts of an instruction set that its tables only number.
package struct SemanticsNames: Sendable {
  /// Bits of the flags register.
  package var flags: [Int: String]
  /// Segments, by number.
  package var segments: [String]

  /// Names; none by default.
  package init(flags: [Int: String] = [:], segments: [String] = []) {
    self.flags = flags
    self.segments = segments
  }
}

/// Effects as text, for people; expressions are folded.
package struct SemanticsText {
  private let set: any InstructionSet
  let names: SemanticsNames
  let flags: RegisterID?
  private let system: SystemSemantics
  private let registers: [String]
  /// What operands are called; `operand 0` and so on where there are fewer.
  private let operands: [String]

  /// Text for definitions of an instruction set.
  package init(_ set: any InstructionSet, operands: [String] = [], names: SemanticsNames = SemanticsNames()) {
    self.set = set
    self.names = names
    flags = set.registers.firstIndex { $0.role == .flags }.map { RegisterID($0) }
    system = set.system
    registers = set.registers.map(\.name)
    self.operands = operands
  }

  /// One line for each effect, those inside conditions further to the right.
  package func lines(_ effects: [Effect], indent: Int = 0) -> [String] {
    effects.flatMap { lines($0, indent) }
  }

  private func lines(_ effect: Effect, _ indent: Int) -> [String] {
    let space = String(repeating: "  ", count: indent)
    switch effect {
    case .assign(let local, let value): return [space + "t\(local) ← \(text(value))"]
    case .write(let register, let value):
      if register == flags, let lines = flagLines(value) { return lines.map { space + $0 } }
      return [space + "\(name(register)) ← \(text(value))"]
    case .setOperand(let index, let value): return [space + "\(operand(index)) ← \(text(value))"]
    case .store(let place, let address, let value, let width):
      return [space + "\(storage(place))[\(text(address))]:\(width.rawValue) ← \(text(value))"]
    case .checkStore(let place, let address, let width):
      return [space + "check that \(storage(place))[\(text(address))]:\(width.rawValue) can be written"]
    case .setAuxiliary(let table, let index, let value):
      return [space + "\(auxiliary(table))[\(text(index))] ← \(text(value))"]
    case .clearAuxiliary(let table): return [space + "clear \(auxiliary(table))"]
    case .output(let port, let value, let width):
      return [space + "port[\(text(port))]:\(width.rawValue) ← \(text(value))"]
    case .when(let condition, let then, let otherwise):
      var result: [String] = []
      if then.isEmpty {
        result = [space + "unless \(text(condition)):"] + lines(otherwise, indent: indent + 1)
      } else {
        result = [space + "if \(text(condition)):"] + lines(then, indent: indent + 1)
        if !otherwise.isEmpty { result += [space + "else:"] + lines(otherwise, indent: indent + 1) }
      }
      return result
    case .trap(let cause, let value):
      let detail = value == .constant(0) ? "" : ", value \(text(value))"
      return [space + "trap \(causeText(cause))\(detail)"]
    case .call(let number, let arguments, let result):
      let call = "\(procedure(number))(\(arguments.map { text($0) }.joined(separator: ", ")))"
      return [space + (result.map { "t\($0) ← " } ?? "") + call]
    case .give(let value): return [space + "give \(text(value))"]
    case .undefine(let register, let bits):
      if register == flags, let lines = undefinedLines(bits) { return lines.map { space + $0 } }
      return [space + "bits \(text(bits)) of \(name(register)) become undefined"]
    case .keep: return [space + "what is done so far stays, even after a trap"]
    case .unsupported(let what): return [space + "not supported: \(what)"]
    }
  }

  private func name(_ register: RegisterID) -> String {
    Int(register) < registers.count ? registers[Int(register)] : "register \(register)"
  }
  private func operand(_ index: Int) -> String {
    operands.indices.contains(index) ? operands[index] : "operand\(index)"
  }
  private func auxiliary(_ table: Int) -> String {
    set.auxiliaries.indices.contains(table) ? set.auxiliaries[table].name : "table \(table)"
  }
  private func procedure(_ number: Int) -> String {
    system.procedures.indices.contains(number) ? system.procedures[number].name : "procedure \(number)"
  }
  private func causeText(_ cause: Expression) -> String {
    if case .constant(let number) = cause, number < UInt64(set.causes.count) {
      return set.causes[Int(number)]
    }
    return text(cause)
  }
  private func storage(_ place: StorageSpace) -> String {
    switch place {
    case .virtual(let segment):
      names.segments.indices.contains(Int(segment))
        ? "\(names.segments[Int(segment)]):" : segment == 0 ? "memory" : "memory(segment \(segment))"
    case .operand(let index): "memory of \(operand(index))"
    case .physical: "physical"
    }
  }

  /// An expression with the fewest parentheses that leave no doubt.
  package func text(_ expression: Expression) -> String { plainText(expression.folded) }

  private func plainText(_ expression: Expression) -> String {
    switch expression {
    case .constant(let value):
      return value < 10
        ? "\(value)"
        : value >> 48 == 0xFFFF ? "¬0x\(String(~value, radix: 16))" : "0x" + String(value, radix: 16)
    case .operand(let index): return operand(index)
    case .segment(let index): return "segment of \(operand(index))"
    case .address(let index): return "address of \(operand(index))"
    case .register(let register): return name(register)
    case .local(let local): return "t\(local)"
    case .unary(.complement, let value, let width):
      return "¬" + plainText(value) + suffix(width)
    case .binary(.add, let first, .constant(let number), .bits64) where number >> 63 != 0:
      return "(\(plainText(first)) − \(plainText(.constant(~number &+ 1))))"
    case .unary(let operation, let value, let width):
      return "\(operation)(\(plainText(value)))" + suffix(width)
    case .binary(let operation, let first, let second, let width):
      if let sign = Self.signs[operation] {
        return "(\(plainText(first)) \(sign) \(plainText(second)))" + suffix(width)
      }
      return "\(operation)(\(plainText(first)), \(plainText(second)))" + suffix(width)
    case .wide(let operation, let high, let low, let divisor, let width):
      return "\(operation)(\(plainText(high)):\(plainText(low)), \(plainText(divisor)))" + suffix(width)
    case .select(let condition, let first, let second):
      return "(\(plainText(condition)) ? \(plainText(first)) : \(plainText(second)))"
    case .load(let place, let address, let width):
      return "\(storage(place))[\(plainText(address))]:\(width.rawValue)"
    case .auxiliary(let table, let index): return "\(auxiliary(table))[\(plainText(index))]"
    case .input(let port, let width): return "port[\(plainText(port))]:\(width.rawValue)"
    case .time: return "time"
    case .pc: return "pc"
    case .nextPC: return "next pc"
    case .instructionWord: return "instruction word"
    case .storageSize: return "storage size"
    case .cpu: return "cpu"
    }
  }

  private func suffix(_ width: Width) -> String { width == .bits64 ? "" : ":\(width.rawValue)" }

  private static let signs: [BinaryOperator: String] = [
    .add: "+", .subtract: "−", .multiply: "×", .and: "&", .or: "|", .xor: "^", .shiftLeft: "<<",
    .shiftRightUnsigned: ">>", .shiftRightSigned: ">>ˢ", .equal: "=", .notEqual: "≠", .lessUnsigned: "<",
    .lessSigned: "<ˢ", .lessOrEqualUnsigned: "≤", .lessOrEqualSigned: "≤ˢ",
  ]
}

/// What can be read off the effects of an instruction without running it.
package struct SemanticsFacts {
  /// Causes of traps that some path can raise, through procedures and memory accesses, too.
  package private(set) var causes: Set<UInt64> = []
  /// Those that only memory accesses raise.
  package private(set) var memoryCauses: Set<UInt64> = []
  /// Bits of the flags register that keep their value on every path.
  package private(set) var kept = UInt64.max
  /// Bits that become undefined, always or in some case.
  package private(set) var undefined: UInt64 = 0
  package private(set) var undefinedSometimes: UInt64 = 0
  /// The flags are written with a value that keeps nothing recognisable.
  package private(set) var writesFlags = false
  /// Memory, ports, and whether some condition looks at the privilege level or mode.
  package private(set) var readsMemory = false
  package private(set) var writesMemory = false
  package private(set) var usesPorts = false
  package private(set) var looksAtMode = false
  /// A trap follows directly from the privilege level or mode.
  package private(set) var isPrivileged = false

  private let system: SystemSemantics
  private let flags: RegisterID?
  private let modeRegisters: Set<RegisterID>
  private var seen: Set<Int> = []

  /// Facts about effects of an instruction set.
  package init(_ set: any InstructionSet, _ effects: [Effect], hasMemoryOperand: Bool) {
    system = set.system
    flags = set.registers.firstIndex { $0.role == .flags }.map { RegisterID($0) }
    var mode: Set<RegisterID> = []
    SemanticsWalk.visit(set.system.mode) { if case .register(let register) = $0 { mode.insert(register) } }
    modeRegisters = mode
    if hasMemoryOperand {
      SemanticsWalk.visit(
        effects,
        effect: { if case .setOperand = $0 { writesMemory = true } },
        expression: { if case .operand = $0 { readsMemory = true } })
    }
    collect(effects, conditional: false)
    if readsMemory || writesMemory, system.procedures.indices.contains(system.translate) {
      var translation = self
      translation.causes = []
      translation.seen = []
      let (privileged, looks) = (isPrivileged, looksAtMode)
      translation.collect(system.procedures[system.translate].body, conditional: true)
      memoryCauses = translation.causes.subtracting(causes)
      causes.formUnion(translation.causes)
      (isPrivileged, looksAtMode) = (privileged, looks)
    }
  }

  private func dependsOnMode(_ expression: Expression) -> Bool {
    var found = false
    SemanticsWalk.visit(expression) {
      if case .register(let register) = $0, modeRegisters.contains(register) { found = true }
    }
    return found
  }

  private mutating func collect(_ effects: [Effect], conditional: Bool) {
    for effect in effects {
      for operand in SemanticsWalk.operands(of: effect) { collect(operand) }
      switch effect {
      case .trap(let cause, _): collectCauses(cause)
      case .store(let place, _, _, _): if place != .physical { writesMemory = true }
      case .output: usesPorts = true
      case .write(let register, let value) where register == flags: collectFlags(value)
      case .undefine(let register, let bits) where register == flags:
        if case .constant(let mask) = bits, !conditional {
          undefined |= mask
        } else {
          SemanticsWalk.visit(bits) {
            if case .constant(let mask) = $0, mask <= 0xFFFF { undefinedSometimes |= mask & 0x8D5 }
          }
        }
      case .when(let condition, let then, let otherwise):
        if dependsOnMode(condition) {
          looksAtMode = true
          if [then, otherwise].contains(where: { list in
            list.contains { if case .trap = $0 { true } else { false } }
          }) {
            isPrivileged = true
          }
        }
        collect(then, conditional: true)
        collect(otherwise, conditional: true)
      case .call(let number, _, _):
        guard seen.insert(number).inserted, system.procedures.indices.contains(number) else { continue }
        collect(system.procedures[number].body, conditional: true)
      default: break
      }
    }
  }

  private mutating func collect(_ expression: Expression) {
    SemanticsWalk.visit(expression) {
      switch $0 {
      case .load(let place, _, _): if place != .physical { readsMemory = true }
      case .input: usesPorts = true
      default: break
      }
    }
  }

  /// Constants among the values that a cause can have.
  private mutating func collectCauses(_ cause: Expression) {
    switch cause {
    case .constant(let number): causes.insert(number)
    case .select(_, let first, let second):
      collectCauses(first)
      collectCauses(second)
    default: break
    }
  }

  /// The usual form of a flag write keeps some bits with a mask.
  private mutating func collectFlags(_ value: Expression) {
    var mask: UInt64?
    SemanticsWalk.visit(value) { [flags] in
      if case .binary(.and, .register(let register), .constant(let bits), _) = $0, register == flags,
        mask == nil
      {
        mask = bits
      }
    }
    writesFlags = true
    kept &= mask ?? 0
  }
}
