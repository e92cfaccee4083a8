internal import MachineCore
internal import ToyISA
internal import Trace

extension DebugAdapter {
  /// A number as the client shows it: hexadecimal, and decimal where that is more.
  static func shown(_ value: UInt64, bits: Int = 32) -> String {
    guard value > 9 else { return "\(value)" }
    let bits = bits < 64 && value >> UInt64(bits) != 0 ? 64 : bits
    let sign = bits <= 64 && value >> UInt64(bits - 1) & 1 != 0
    let number =
      sign ? Int64(bitPattern: value | (bits < 64 ? ~0 << UInt64(bits) : 0)) : Int64(bitPattern: value)
    return "\(hex(value)) (\(number))"
  }

  func variables(_ arguments: JSON) throws -> JSON {
    let reference = arguments["variablesReference"]?.int ?? 0
    var found: [JSON]
    switch VariableScope(rawValue: reference) {
    case .registers:
      found = session.mainRegisters.map { register($0, session.engine.state.registers, isNow: true) }
    case .status: found = statusRegisters.map { register($0, session.engine.state.registers, isNow: true) }
    case .trapArea: found = TrapWord.all.map(variable)
    case .machine: found = machineVariables()
    case nil:
      let number = reference - VariableScope.firstFrame
      let all = frames().frames
      guard number >= 1, number <= all.count, let registers = all[number - 1].registers else {
        throw Failure("there are no variables \(reference) at this stop")
      }
      found = session.mainRegisters.map { register($0, registers, isNow: false) }
    }
    if arguments["filter"]?.string == "indexed" { found = [] }
    let start = max(0, arguments["start"]?.int ?? 0)
    let count = arguments["count"]?.int ?? 0
    return ["variables": .array(Array(found.dropFirst(start).prefix(count > 0 ? count : found.count)))]
  }

  private func register(_ number: Int, _ registers: [UInt64], isNow: Bool) -> JSON {
    let table = session.engine.instructionSet.registers
    let value = registers[number]
    var text = Self.shown(value)
    switch RegisterID(number) {
    case ToyRegister.mode: text += value == 0 ? " supervisor" : " user"
    case ToyRegister.paging: text += value == 0 ? " base/bound" : " paging"
    case ToyRegister.pc:
      if let place = session.label(of: value)?.name { text = "\(hex(value)) <\(place)>" }
    default: break
    }
    let isWide = table[number].width == 32
    return .fields([
      "name": .string(Self.name(number, table[number].name)), "value": .string(text), "variablesReference": 0,
      "type": .string(table[number].width == 1 ? "bit" : "word"),
      "evaluateName": isNow ? .string("$" + table[number].name) : nil,
      "memoryReference": isWide ? .string(hex(value)) : nil,
      "presentationHint": isNow && number != 0 ? nil : ["attributes": ["readOnly"]],
    ])
  }

  /// A register's name, with the one that the assembler takes beside it.
  private static func name(_ number: Int, _ name: String) -> String {
    ToyRegister.aliases.first { $0.number == number }.map { "\(name) \($0.name)" } ?? name
  }

  private func variable(_ word: TrapWord) -> JSON {
    let value = session.read(word.address, count: 4, isPhysical: true).reversed().reduce(UInt64(0)) {
      $0 << 8 | UInt64($1)
    }
    var text = Self.shown(value)
    if word.address == TrapArea.cause,
      let name = ToyCause.names.indices.contains(Int(clamping: value))
        ? ToyCause.names[Int(clamping: value)] : nil, !name.isEmpty
    {
      text += " \(name)"
    }
    return ["name": .string(word.name), "value": .string(text), "variablesReference": 0, "type": "word"]
  }

  func machineVariables() -> [JSON] {
    let engine = session.engine
    var values: [(String, String)] = [
      ("engine", "\(engine.kind.rawValue) (\(engine.flavour))"),
      ("instructions", "\(session.position.count)"),
    ]
    if !engine.exitNames.isEmpty {
      let statistics = engine.statistics
      values.append(("exits", "\(statistics.exitCount)"))
      values += statistics.exits.filter { $0.value > 0 }.sorted { $0.key < $1.key }
        .map { ("exits: \($0.key)", "\($0.value)") }
    }
    return values.map {
      [
        "name": .string($0.0), "value": .string($0.1), "variablesReference": 0,
        "presentationHint": ["attributes": ["readOnly"]],
      ]
    }
  }

  // MARK: Changing

  /// What a variable of a container is.
  func subject(ofVariable name: String, in container: Int) throws -> Watchpoint.Subject? {
    let word = name.split(separator: " ").first.map(String.init) ?? name
    switch VariableScope(rawValue: container) {
    case .registers, .status:
      guard let number = session.registerNumber(named: word) else {
        throw Failure("there is no register `\(name)`")
      }
      return .register(number)
    case .trapArea:
      guard let found = TrapWord.all.first(where: { $0.name == name }) else {
        throw Failure("there is no word `\(name)` in the trap save area")
      }
      return .memory(found.address, length: 4)
    case .machine: return nil
    case nil:
      throw Failure(
        "the registers of a call that has not come back are memories: only those of now can be changed")
    }
  }

  func setVariable(_ arguments: JSON) throws -> JSON {
    guard let name = arguments["name"]?.string, let text = arguments["value"]?.string,
      let container = arguments["variablesReference"]?.int
    else { throw Failure("setVariable takes variablesReference, name and value") }
    switch try subject(ofVariable: name, in: container) {
    case .register(let number): return try set(register: number, text)
    case .memory(let address, _): return try set(memory: address, bytes: 4, text, isPhysical: true)
    case nil: throw Failure("`\(name)` is counted, and cannot be changed")
    }
  }

  func setExpression(_ arguments: JSON) throws -> JSON {
    guard let target = arguments["expression"]?.string?.trimmed, let text = arguments["value"]?.string else {
      throw Failure("setExpression takes expression and value")
    }
    let plain = target.hasPrefix("$") ? String(target.dropFirst()) : target
    if let number = session.registerNumber(named: plain) { return try set(register: number, text) }
    if target.hasPrefix("*") {
      return try set(memory: try value(String(target.dropFirst())), bytes: 4, text, isPhysical: false)
    }
    for (word, size) in [("byte", 1), ("half", 2), ("word", 4), ("quad", 8)]
    where target.hasPrefix(word + "(") && target.hasSuffix(")") {
      return try set(
        memory: try value(String(target.dropFirst(word.count))), bytes: size, text, isPhysical: false)
    }
    throw Failure("`\(target)` cannot be set: a register, *ADDRESS, or byte, half, word or quad(ADDRESS) can")
  }

  private func set(register number: Int, _ text: String) throws -> JSON {
    let descriptor = session.engine.instructionSet.registers[number]
    guard !descriptor.isZero else { throw Failure("\(descriptor.name) is always zero") }
    let new = try fitting(try value(text), bits: descriptor.width, descriptor.name)
    switch RegisterID(number) {
    case ToyRegister.pc, ToyRegister.base, ToyRegister.bound:
      guard new % 4 == 0 else { throw Failure("\(descriptor.name) is a multiple of 4, not \(hex(new))") }
    default: break
    }
    session.setRegister(number, new)
    changed()
    return ["value": .string(Self.shown(new)), "type": descriptor.width == 1 ? "bit" : "word"]
  }

  private func set(memory address: UInt64, bytes: Int, _ text: String, isPhysical: Bool) throws -> JSON {
    let new = try fitting(try value(text), bits: bytes * 8, "\(bytes) bytes")
    let content = (0..<bytes).map { UInt8(truncatingIfNeeded: new >> UInt64($0 * 8)) }
    guard session.write(content, at: address, isPhysical: isPhysical) else {
      throw Failure("there is no storage at \(hex(address))")
    }
    changed()
    return ["value": .string(Self.shown(new, bits: bytes * 8))]
  }

  /// A number that fits, with a negative one as its complement.
  private func fitting(_ value: UInt64, bits: Int, _ what: String) throws -> UInt64 {
    guard bits < 64 else { return value }
    let mask: UInt64 = 1 << UInt64(bits) - 1
    if value <= mask { return value }
    guard bits > 1, value >= ~0 - mask / 2 else {
      throw Failure("\(hex(value)) does not fit into \(what), \(bits) bits")
    }
    return value & mask
  }

  /// The machine is another one than the client knows.
  func changed() {
    isTerminated = false
    lastEvent = nil
    if client?["supportsInvalidatedEvent"]?.bool == true {
      event("invalidated", ["areas": ["stacks", "variables"]])
    }
  }

  /// An expression's value now.
  func value(_ text: String) throws -> UInt64 {
    guard !text.trimmed.isEmpty else { throw Failure("an expression is missing") }
    return try DebugExpression(text).value(session)
  }
}
