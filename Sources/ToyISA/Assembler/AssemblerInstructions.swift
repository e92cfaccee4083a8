/// An operand on its way into a field.
struct OperandValue {
  var node: Int32
  var place: Place
}

extension AssemblyRun {
  /// One instruction of the table.
  func instruction(_ row: Int, _ cursor: inout LineCursor, at place: Place) throws(Reported) {
    let format = toyTable[row].format
    var values = [OperandValue](repeating: OperandValue(node: 0, place: place), count: format.fields.count)
    do throws(Reported) {
      for (index, (operand, name)) in Self.syntaxes[row].enumerated() {
        if index > 0 { try separator(&cursor, row: row, missing: name) }
        switch operand {
        case .register(let field): values[field] = try register(&cursor, name)
        case .value(let field), .target(let field): values[field] = try immediate(&cursor)
        case .memory(let offset, let base):
          let (displacement, register) = try memory(&cursor, hasOffset: offset != nil)
          values[base] = register
          if let offset { values[offset] = displacement }
        }
      }
      try expectEnd(&cursor)
    } catch {
      // Addresses stay what they would be, so that other errors make sense.
      try? emit([0, 0, 0, 0], at: place)
      throw error
    }
    try encode(row, values, at: place, cursor)
  }

  static let syntaxes: [[(operand: OperandSyntax, name: String)]] = toyTable.map(\.format.syntax)

  private func separator(_ cursor: inout LineCursor, row: Int, missing: String) throws(Reported) {
    guard !cursor.take(",") else { return }
    let syntax = Self.syntaxes[row].map(\.name).joined(separator: ", ")
    cursor.skipSpaces()
    throw report(
      cursor.isAtEnd ? "missing-operand" : "expected-comma",
      cursor.isAtEnd ? "operand `\(missing)` is missing" : "expected `,`", at: cursor.placeOfNext(),
      help: "the syntax is `\(toyTable[row].mnemonic) \(syntax)`")
  }

  /// A general register.
  func register(_ cursor: inout LineCursor, _ role: String) throws(Reported) -> OperandValue {
    cursor.skipSpaces()
    let start = cursor.position
    let next = cursor.placeOfNext()
    guard let name = cursor.identifier() else {
      throw report("expected-register", "expected a register for `\(role)`", at: next)
    }
    let place = cursor.place(from: start)
    guard let number = registerNumber(name) else {
      throw report(
        "unknown-register", "`\(name)` is no register", at: place,
        help: suggest(for: name, among: Self.registerNumbers.keys)
          ?? "general registers are `r0` to `r15`, or their names `zero`, `a0`, `t0`, `s0`, `sp`, `ra` …")
    }
    return OperandValue(node: constant(Int64(number)), place: place)
  }

  private func immediate(_ cursor: inout LineCursor) throws(Reported) -> OperandValue {
    cursor.skipSpaces()
    let start = cursor.position
    let node = try expression(&cursor)
    return OperandValue(node: node, place: cursor.place(from: start))
  }

  /// `offset(register)`, `(register)`, or an offset alone, which counts from zero.
  private func memory(
    _ cursor: inout LineCursor, hasOffset: Bool
  ) throws(Reported) -> (OperandValue, OperandValue) {
    cursor.skipSpaces()
    var offset = OperandValue(node: constant(0), place: cursor.placeOfNext())
    var ahead = cursor
    let isBase =
      ahead.take("(") && ahead.identifier().flatMap { registerNumber($0) } != nil && ahead.take(")")
    if !isBase {
      guard hasOffset else {
        throw report("expected-register", "expected a register in parentheses", at: cursor.placeOfNext())
      }
      offset = try immediate(&cursor)
    }
    let place = cursor.placeOfNext()
    guard cursor.take("(") else { return (offset, OperandValue(node: constant(0), place: place)) }
    let base = try register(&cursor, "base")
    guard cursor.take(")") else {
      throw report("missing-parenthesis", "expected `)`", at: cursor.placeOfNext())
    }
    return (offset, base)
  }

  /// Appends an instruction; fields that are not known yet become fixups.
  func encode(
    _ row: Int, _ values: [OperandValue], at place: Place, _ cursor: LineCursor
  ) throws(Reported) {
    let index = current
    let offset = chunks[index].size
    if ((chunks[index].linkAddress ?? 0) &+ Int64(offset)) & 3 != 0 {
      report(
        "misaligned-instruction", "this instruction is not at a multiple of 4", at: place,
        help: "put `.balign 4` before it")
    }
    var word = UInt32(toyTable[row].opcode) << 24
    for (field, value) in zip(toyTable[row].format.fields, values) {
      do {
        let bits = try bits(
          of: value.node, field: field, row: row, chunk: index, offset: offset, at: value.place)
        word |= bits
      } catch let reason as NoValue {
        switch reason {
        case .undefined, .floating:
          fixups.append(
            Fixup(
              kind: .field(field, row: row), chunk: Int32(index), offset: offset, node: value.node,
              place: value.place))
        default: report(reason, at: value.place, needed: nil)
        }
      } catch {
        // Reported; the word is emitted all the same so that addresses stay.
      }
    }
    if firstInstruction == nil, chunks[index].section == 0 { firstInstruction = (Int32(index), offset) }
    lineTable.append((Int32(index), offset, cursor.line.source, cursor.line.line))
    try emit((0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }, at: place)
  }

  /// The bits of a field, or an error: ``NoValue`` when the value is not known, ``Reported`` when it is bad.
  func bits(
    of node: Int32, field: ToyField, row: Int, chunk: Int, offset: Int, at place: Place
  ) throws -> UInt32 {
    let value = try evaluate(node)
    let number: Int64
    if field == .words16 || field == .words20 {
      let link = chunks[chunk].linkAddress
      let here = link.map { Value($0 &+ Int64(offset)) } ?? Value(Int64(offset), chunk: Int32(chunk))
      guard value.chunk == here.chunk else { throw NoValue.floating }
      guard !value.isAbsolute || Self.isAddress(value.value) else { throw NoValue.tooLarge(value.value) }
      // Addresses wrap around, as the processor's do.
      number = Int64(Int32(truncatingIfNeeded: value.value &- here.value))
    } else {
      guard value.isAbsolute else { throw NoValue.floating }
      number = value.value
    }
    try check(number, field: field, row: row, at: place)
    return field.insert(number)
  }

  private func check(_ value: Int64, field: ToyField, row: Int, at place: Place) throws(Reported) {
    let range = field.range
    let mnemonic = toyTable[row].mnemonic
    if field == .words16 || field == .words20 {
      guard value % 4 == 0 else {
        throw report(
          "misaligned-target", "the target is not a multiple of 4 bytes away", at: place,
          help: "a target is an address, most often a label")
      }
      guard !range.contains(value) else { return }
      throw report(
        "out-of-range",
        "the target is \(value) bytes away; `\(mnemonic)` reaches \(range.lowerBound) to \(range.upperBound)",
        at: place,
        help: field == .words16
          ? "branch on the inverse condition around a `j` to the target"
          : "load the address with `la` and use `jalr`")
    }
    guard !range.contains(value) else { return }
    let help: String? =
      switch field {
      case .signed16: "bring the value into a register with `li` or `la`"
      case .unsigned16 where value < 0:
        "`\(mnemonic)` zero-extends its immediate; bring the value into a register with `li`"
      case .unsigned16: "bring the value into a register with `li`"
      case .upper20: "the field holds bits 31 to 12; `hi20(value)` gives them"
      default: nil
      }
    throw report(
      "out-of-range",
      "\(value) does not fit: `\(mnemonic)` takes \(range.lowerBound) to \(range.upperBound)", at: place,
      help: help)
  }

  // MARK: Pseudo-instructions

  func pseudo(_ pseudo: ToyPseudo, _ cursor: inout LineCursor, at place: Place) throws(Reported) {
    switch pseudo.expansion {
    case .template(let kinds, let instructions):
      var operands: [OperandValue] = []
      do throws(Reported) {
        for (index, kind) in kinds.enumerated() {
          if index > 0, !cursor.take(",") {
            throw report(
              "missing-operand", "expected `,` and another operand", at: cursor.placeOfNext(),
              help: "the syntax is `\(pseudo.mnemonic) \(pseudo.syntax)`")
          }
          operands.append(kind == .register ? try register(&cursor, "register") : try immediate(&cursor))
        }
        try expectEnd(&cursor)
      } catch {
        for _ in instructions { try? emit([0, 0, 0, 0], at: place) }
        throw error
      }
      for (mnemonic, arguments) in instructions {
        guard let row = ToyPseudo.row(mnemonic) else { continue }
        var values: [OperandValue] = []
        for argument in arguments {
          switch argument {
          case .operand(let index): values.append(operands[index])
          case .negated(let index):
            let negated = try apply(.negate, operands[index].node, at: place)
            values.append(OperandValue(node: negated, place: operands[index].place))
          case .fixed(let number): values.append(OperandValue(node: constant(number), place: place))
          }
        }
        try encode(row, values, at: place, cursor)
      }
    case .loadImmediate, .loadAddress:
      let target = try register(&cursor, "rd")
      guard cursor.take(",") else {
        throw report(
          "missing-operand", "expected `,` and a value", at: cursor.placeOfNext(),
          help: "the syntax is `\(pseudo.mnemonic) \(pseudo.syntax)`")
      }
      let value = try immediate(&cursor)
      try expectEnd(&cursor)
      var short = false
      if case .loadImmediate = pseudo.expansion { short = true }
      try load(target, value, shortest: short, at: place, cursor)
    case .stack(let push): try stack(push: push, &cursor, at: place)
    }
  }

  private func load(
    _ target: OperandValue, _ value: OperandValue, shortest: Bool, at place: Place, _ cursor: LineCursor
  ) throws(Reported) {
    func emit(_ mnemonic: String, _ nodes: Int32...) throws(Reported) {
      guard let row = ToyPseudo.row(mnemonic) else { return }
      let values = nodes.map { OperandValue(node: $0, place: value.place) }
      try encode(row, values, at: place, cursor)
    }
    let zero = constant(0)
    if shortest, let known = try? evaluate(value.node), known.isAbsolute {
      guard Self.isAddress(known.value) else {
        throw report("out-of-range", "\(known.value) does not fit in 32 bits", at: value.place)
      }
      let signed = Int64(Int32(truncatingIfNeeded: known.value))
      if ToyField.signed16.range.contains(signed) {
        return try emit("addi", target.node, zero, constant(signed))
      }
      if ToyField.unsigned16.range.contains(signed) {
        return try emit("ori", target.node, zero, constant(signed))
      }
      if signed & 0xFFF == 0 { return try emit("lui", target.node, constant((signed >> 12) & 0xFFFFF)) }
    }
    try emit("lui", target.node, try apply(.high20, value.node, at: value.place))
    try emit("ori", target.node, target.node, try apply(.low12, value.node, at: value.place))
  }

  private func stack(push: Bool, _ cursor: inout LineCursor, at place: Place) throws(Reported) {
    var registers: [OperandValue] = []
    repeat { registers.append(try register(&cursor, "register")) } while cursor.take(",")
    try expectEnd(&cursor)
    guard let addi = ToyPseudo.row("addi"), let move = ToyPseudo.row(push ? "sw" : "lw") else { return }
    let pointer = OperandValue(node: constant(14), place: place)
    let size = Int64(registers.count * 4)
    func adjust(_ by: Int64) throws(Reported) {
      try encode(addi, [pointer, pointer, OperandValue(node: constant(by), place: place)], at: place, cursor)
    }
    if push { try adjust(-size) }
    for (index, register) in registers.enumerated() {
      let offset = OperandValue(node: constant(Int64(index * 4)), place: place)
      try encode(move, [register, pointer, offset], at: place, cursor)
    }
    if !push { try adjust(size) }
  }
}
