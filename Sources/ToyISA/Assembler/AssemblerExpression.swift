/// Operators of assembler expressions.
enum NodeOperator: UInt8 {
  case constant, symbol, location
  case negate, complement, not, high20, low12
  case multiply, divide, remainder, add, subtract, shiftLeft, shiftRight
  case less, lessOrEqual, greater, greaterOrEqual, equal, notEqual
  case and, xor, or, logicalAnd, logicalOr
}

/// A node of an expression; `left` and `right` are node numbers, or a symbol or chunk number.
struct Node {
  var operation: NodeOperator
  var depth: UInt16 = 0
  var left: Int32 = 0
  var right: Int32 = 0
  var value: Int64 = 0
}

/// A value: absolute, or relative to a chunk whose address is not known yet.
struct Value {
  /// Chunk number, -1 for absolute.
  var chunk: Int32 = -1
  var value: Int64

  init(_ value: Int64, chunk: Int32 = -1) {
    self.value = value
    self.chunk = chunk
  }
  var isAbsolute: Bool { chunk < 0 }
}

/// Why an expression has no value.
enum NoValue: Error {
  case undefined(Int)
  /// Depends on where a section will lie.
  case floating
  case divisionByZero
  /// The symbol is defined by itself, or through too many others.
  case tooDeep
  /// More than 32 bits where an address is needed.
  case tooLarge(Int64)
}

extension AssemblyRun {
  static let expressionDepthLimit = 200

  func constant(_ value: Int64) -> Int32 { append(Node(operation: .constant, value: value)) }

  func append(_ node: Node) -> Int32 {
    nodes.append(node)
    return Int32(nodes.count - 1)
  }

  /// Reads an expression, or reports why it cannot.
  func expression(_ cursor: inout LineCursor) throws(Reported) -> Int32 {
    try binary(&cursor, minimum: 1, depth: 0)
  }

  private static func binaryOperator(_ cursor: LineCursor) -> (NodeOperator, Int, Int)? {
    let next = cursor.byte(ahead: 1)
    switch cursor.byte {
    case UInt8(ascii: "*"): return (.multiply, 10, 1)
    case UInt8(ascii: "/"): return (.divide, 10, 1)
    case UInt8(ascii: "%"): return (.remainder, 10, 1)
    case UInt8(ascii: "+"): return (.add, 9, 1)
    case UInt8(ascii: "-"): return (.subtract, 9, 1)
    case UInt8(ascii: "<"):
      if next == UInt8(ascii: "<") { return (.shiftLeft, 8, 2) }
      return next == UInt8(ascii: "=") ? (.lessOrEqual, 7, 2) : (.less, 7, 1)
    case UInt8(ascii: ">"):
      if next == UInt8(ascii: ">") { return (.shiftRight, 8, 2) }
      return next == UInt8(ascii: "=") ? (.greaterOrEqual, 7, 2) : (.greater, 7, 1)
    case UInt8(ascii: "="): return next == UInt8(ascii: "=") ? (.equal, 6, 2) : nil
    case UInt8(ascii: "!"): return next == UInt8(ascii: "=") ? (.notEqual, 6, 2) : nil
    case UInt8(ascii: "&"): return next == UInt8(ascii: "&") ? (.logicalAnd, 2, 2) : (.and, 5, 1)
    case UInt8(ascii: "^"): return (.xor, 4, 1)
    case UInt8(ascii: "|"): return next == UInt8(ascii: "|") ? (.logicalOr, 1, 2) : (.or, 3, 1)
    default: return nil
    }
  }

  private func binary(_ cursor: inout LineCursor, minimum: Int, depth: Int) throws(Reported) -> Int32 {
    var left = try unary(&cursor, depth: depth)
    while true {
      cursor.skipSpaces()
      guard let (operation, precedence, length) = Self.binaryOperator(cursor), precedence >= minimum else {
        return left
      }
      let start = cursor.position
      cursor.position += length
      let right = try binary(&cursor, minimum: precedence + 1, depth: depth + 1)
      left = try combine(operation, left, right, at: cursor.place(start..<start + length))
    }
  }

  private func combine(
    _ operation: NodeOperator, _ left: Int32, _ right: Int32, at place: Place
  ) throws(Reported) -> Int32 {
    let a = nodes[Int(left)]
    let b = nodes[Int(right)]
    if a.operation == .constant, b.operation == .constant,
      let value = Self.compute(operation, a.value, b.value)
    {
      return constant(value)
    }
    let depth = max(a.depth, b.depth) + 1
    guard depth < Self.expressionDepthLimit else {
      throw report("expression-too-complex", "expression is nested too deeply", at: place)
    }
    return append(Node(operation: operation, depth: depth, left: left, right: right))
  }

  private func unary(_ cursor: inout LineCursor, depth: Int) throws(Reported) -> Int32 {
    cursor.skipSpaces()
    guard depth < Self.expressionDepthLimit else {
      throw report("expression-too-complex", "expression is nested too deeply", at: cursor.placeOfNext())
    }
    let operation: NodeOperator
    switch cursor.byte {
    case UInt8(ascii: "-"): operation = .negate
    case UInt8(ascii: "~"): operation = .complement
    case UInt8(ascii: "!"): operation = .not
    case UInt8(ascii: "+"):
      cursor.position += 1
      return try unary(&cursor, depth: depth + 1)
    default: return try primary(&cursor, depth: depth)
    }
    let place = cursor.placeOfNext()
    cursor.position += 1
    return try apply(operation, try unary(&cursor, depth: depth + 1), at: place)
  }

  /// A unary operator on a node, folded when the node is constant.
  func apply(_ operation: NodeOperator, _ operand: Int32, at place: Place) throws(Reported) -> Int32 {
    let node = nodes[Int(operand)]
    if node.operation == .constant, let value = Self.compute(operation, node.value) { return constant(value) }
    guard node.depth + 1 < Self.expressionDepthLimit else {
      throw report("expression-too-complex", "expression is nested too deeply", at: place)
    }
    return append(Node(operation: operation, depth: node.depth + 1, left: operand))
  }

  private func primary(_ cursor: inout LineCursor, depth: Int) throws(Reported) -> Int32 {
    let start = cursor.position
    let byte = cursor.byte
    if byte.isDigit { return try number(&cursor) }
    if byte == UInt8(ascii: "'") {
      cursor.position += 1
      guard let value = character(&cursor, quote: byte), cursor.take("'") else {
        cursor.position = cursor.end
        throw report(
          "bad-character", "character literal does not end", at: cursor.place(start..<start + 1),
          help: "write one character between quotes, such as 'a' or '\\n'")
      }
      return constant(value)
    }
    if cursor.take("(") {
      let inner = try binary(&cursor, minimum: 1, depth: depth + 1)
      guard cursor.take(")") else {
        throw report(
          "missing-parenthesis", "expected `)`", at: cursor.placeOfNext(),
          label: (cursor.place(start..<start + 1), "opened here"))
      }
      return inner
    }
    guard let name = cursor.identifier() else {
      let what = cursor.isAtEnd ? "end of line" : "`\(SourceText.display([cursor.byte][...]))`"
      throw report(
        "expected-expression", "expected a value, found \(what)", at: cursor.placeOfNext())
    }
    if name == "." { return append(locationNode()) }
    let place = cursor.place(from: start)
    if name == "hi20" || name == "lo12", cursor.byte == UInt8(ascii: "(") {
      cursor.position += 1
      let inner = try binary(&cursor, minimum: 1, depth: depth + 1)
      guard cursor.take(")") else {
        throw report("missing-parenthesis", "expected `)`", at: cursor.placeOfNext())
      }
      return try apply(name == "hi20" ? .high20 : .low12, inner, at: place)
    }
    if registerNumber(name) != nil {
      throw report(
        "unexpected-register", "expected a value, found register `\(name)`", at: place)
    }
    return use(name, at: place)
  }

  /// A node for a symbol; one that `.set` can change is bound to its present value.
  private func use(_ name: String, at place: Place) -> Int32 {
    let index = symbolIndex(name)
    if symbols[index].firstUse == nil { symbols[index].firstUse = place }
    symbols[index].uses += 1
    if symbols[index].isVariable, let value = symbols[index].value {
      return value.isAbsolute
        ? constant(value.value)
        : append(Node(operation: .location, left: value.chunk, value: value.value))
    }
    return append(Node(operation: .symbol, left: Int32(index)))
  }

  private func number(_ cursor: inout LineCursor) throws(Reported) -> Int32 {
    let start = cursor.position
    var radix: UInt8 = 10
    if cursor.byte == 48 {
      switch cursor.byte(ahead: 1) | 0x20 {
      case UInt8(ascii: "x"): radix = 16
      case UInt8(ascii: "o"): radix = 8
      case UInt8(ascii: "b") where cursor.byte(ahead: 2).isDigit: radix = 2
      default: break
      }
      if radix != 10 { cursor.position += 2 }
    }
    let digits = cursor.position
    var value: UInt64 = 0
    var overflow = false
    while cursor.byte.digit < radix || (cursor.byte == UInt8(ascii: "_") && cursor.position > digits) {
      defer { cursor.position += 1 }
      guard cursor.byte != UInt8(ascii: "_") else { continue }
      let (product, high) = value.multipliedReportingOverflow(by: UInt64(radix))
      let (sum, carry) = product.addingReportingOverflow(UInt64(cursor.byte.digit))
      overflow = overflow || high || carry
      value = sum
    }
    let hasDigits = cursor.position > digits
    let suffix = cursor.byte
    if radix == 10, suffix == UInt8(ascii: "b") || suffix == UInt8(ascii: "f"),
      !cursor.byte(ahead: 1).isIdentifier
    {
      cursor.position += 1
      let forward = suffix == UInt8(ascii: "f")
      let count = localLabels[Int64(clamping: value), default: 0]
      guard forward || count > 0 else {
        throw report(
          "undefined-symbol", "there is no label `\(value):` before this line",
          at: cursor.place(from: start), help: "`\(value)f` means the next one after this line")
      }
      return use(
        Self.localName(Int64(clamping: value), forward ? count + 1 : count), at: cursor.place(from: start))
    }
    guard hasDigits, !cursor.byte.isIdentifier else {
      while cursor.byte.isIdentifier { cursor.position += 1 }
      let text = cursor.text(start..<cursor.position)
      throw report(
        "bad-number", "`\(text)` is not a number", at: cursor.place(from: start),
        help: "numbers are 12, 0x1f, 0o17 or 0b101")
    }
    guard !overflow, value <= UInt64(Int64.max) else {
      throw report("bad-number", "number does not fit in 63 bits", at: cursor.place(from: start))
    }
    return constant(Int64(value))
  }

  static func localName(_ number: Int64, _ count: Int) -> String { "\(number)\u{1}\(count)" }

  /// Reads one character of a string or literal with its escapes; `nil` at its end.
  func character(_ cursor: inout LineCursor, quote: UInt8) -> Int64? {
    guard !cursor.isAtEnd else { return nil }
    let byte = cursor.byte
    cursor.position += 1
    guard byte == UInt8(ascii: "\\") else { return Int64(byte) }
    guard !cursor.isAtEnd else { return nil }
    let escape = cursor.byte
    cursor.position += 1
    switch escape {
    case UInt8(ascii: "n"): return 10
    case UInt8(ascii: "t"): return 9
    case UInt8(ascii: "r"): return 13
    case UInt8(ascii: "b"): return 8
    case UInt8(ascii: "e"): return 27
    case UInt8(ascii: "x"):
      var value: Int64 = 0
      var count = 0
      while count < 2, cursor.byte.digit < 16 {
        value = value * 16 + Int64(cursor.byte.digit)
        cursor.position += 1
        count += 1
      }
      return value
    case 48...55:
      var value = Int64(escape - 48)
      var count = 1
      while count < 3, cursor.byte.digit < 8 {
        value = value * 8 + Int64(cursor.byte.digit)
        cursor.position += 1
        count += 1
      }
      return value & 0xFF
    default: return Int64(escape)
    }
  }

  /// A unary operation on a number, `nil` where it is an error.
  static func compute(_ operation: NodeOperator, _ a: Int64) -> Int64? {
    switch operation {
    case .negate: 0 &- a
    case .complement: ~a
    case .not: a == 0 ? 1 : 0
    case .high20: isAddress(a) ? (a >> 12) & 0xFFFFF : nil
    case .low12: isAddress(a) ? a & 0xFFF : nil
    default: nil
    }
  }

  /// Whether a value fits in 32 bits, signed or unsigned.
  static func isAddress(_ value: Int64) -> Bool { (-0x8000_0000...0xFFFF_FFFF).contains(value) }

  /// A binary operation on numbers, `nil` where it is an error.
  static func compute(_ operation: NodeOperator, _ a: Int64, _ b: Int64) -> Int64? {
    func truth(_ value: Bool) -> Int64 { value ? 1 : 0 }
    switch operation {
    case .multiply: return a &* b
    case .divide: return b == 0 ? nil : b == -1 ? 0 &- a : a / b
    case .remainder: return b == 0 ? nil : b == -1 ? 0 : a % b
    case .add: return a &+ b
    case .subtract: return a &- b
    case .shiftLeft: return b < 0 ? 0 : a << b
    case .shiftRight: return b < 0 ? 0 : a >> b
    case .less: return truth(a < b)
    case .lessOrEqual: return truth(a <= b)
    case .greater: return truth(a > b)
    case .greaterOrEqual: return truth(a >= b)
    case .equal: return truth(a == b)
    case .notEqual: return truth(a != b)
    case .and: return a & b
    case .xor: return a ^ b
    case .or: return a | b
    case .logicalAnd: return truth(a != 0 && b != 0)
    case .logicalOr: return truth(a != 0 || b != 0)
    default: return nil
    }
  }

  /// The value of a node as far as it is known now.
  func evaluate(_ index: Int32, depth: Int = 0) throws(NoValue) -> Value {
    let node = nodes[Int(index)]
    switch node.operation {
    case .constant: return Value(node.value)
    case .location: return resolve(Value(node.value, chunk: node.left))
    case .symbol:
      let symbol = symbols[Int(node.left)]
      if let value = symbol.value { return resolve(value) }
      guard let definition = symbol.definition else { throw .undefined(Int(node.left)) }
      guard depth < Self.expressionDepthLimit, !symbols[Int(node.left)].isBusy else { throw .tooDeep }
      symbols[Int(node.left)].isBusy = true
      defer { symbols[Int(node.left)].isBusy = false }
      let value = try evaluate(definition, depth: depth + 1)
      symbols[Int(node.left)].value = value
      return resolve(value)
    case .negate, .complement, .not, .high20, .low12:
      let operand = try evaluate(node.left, depth: depth + 1)
      guard operand.isAbsolute else { throw .floating }
      guard let result = Self.compute(node.operation, operand.value) else { throw .tooLarge(operand.value) }
      return Value(result)
    default:
      let a = try evaluate(node.left, depth: depth + 1)
      let b = try evaluate(node.right, depth: depth + 1)
      return try Self.combine(node.operation, a, b)
    }
  }

  private static func combine(_ operation: NodeOperator, _ a: Value, _ b: Value) throws(NoValue) -> Value {
    if !a.isAbsolute || !b.isAbsolute {
      switch operation {
      case .add where a.isAbsolute: return Value(a.value &+ b.value, chunk: b.chunk)
      case .add where b.isAbsolute: return Value(a.value &+ b.value, chunk: a.chunk)
      case .subtract where b.isAbsolute: return Value(a.value &- b.value, chunk: a.chunk)
      case .subtract, .less, .lessOrEqual, .greater, .greaterOrEqual, .equal, .notEqual:
        guard a.chunk == b.chunk else { throw .floating }
      default: throw .floating
      }
    }
    guard let result = compute(operation, a.value, b.value) else { throw .divisionByZero }
    return Value(result)
  }

  /// Adds the address of the chunk when it is known.
  private func resolve(_ value: Value) -> Value {
    guard !value.isAbsolute, let base = chunks[Int(value.chunk)].linkAddress else { return value }
    return Value(value.value &+ base)
  }
}
