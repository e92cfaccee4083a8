internal import MachineCore

/// What an expression in a debugger can ask of the machine.
public protocol DebugValues {
  /// A register by name, without `$`.
  func register(named name: String) -> UInt64?
  /// A symbol's address.
  func symbol(named name: String) -> UInt64?
  /// A little-endian number in memory at a linear or virtual address.
  func number(at address: UInt64, bytes: Int) -> UInt64?
}

/// Arithmetic over registers, symbols and memory: C's operators on 64-bit numbers without sign.
///
/// `*ADDRESS` is a word of memory, four bytes; `byte`, `half`, `word` and `quad` before an operand in
/// parentheses are memory of that size: `byte(sp + 3)`. Names are registers, with or without `$`, else symbols.
public struct DebugExpression: Sendable, Equatable {
  indirect enum Node: Sendable, Equatable {
    case number(UInt64)
    case name(String)
    case memory(Int, Node)
    case unary(String, Node)
    case binary(String, Node, Node)
  }

  /// Why a text is no expression, or has no value.
  public struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
    public var description: String
    init(_ description: String) { self.description = description }
  }

  /// As it was written.
  public let text: String
  let node: Node

  /// Reads an expression.
  public init(_ text: String) throws(Failure) {
    // What is evaluated by recursion must not be as long as somebody likes.
    guard text.utf8.count <= 4096 else { throw Failure("an expression has at most 4096 bytes") }
    self.text = text
    var parser = ExpressionParser(text)
    node = try parser.whole()
  }

  /// Its value now.
  public func value(_ values: some DebugValues) throws(Failure) -> UInt64 { try Self.value(node, values) }

  /// Throws for a name that is neither a register nor a symbol; memory may come to be there later.
  func checkNames(_ values: some DebugValues) throws(Failure) { try Self.checkNames(node, values) }

  private static func checkNames(_ node: Node, _ values: some DebugValues) throws(Failure) {
    switch node {
    case .number: return
    case .name: _ = try value(node, values)
    case .memory(_, let operand), .unary(_, let operand): try checkNames(operand, values)
    case .binary(_, let left, let right):
      try checkNames(left, values)
      try checkNames(right, values)
    }
  }

  private static func value(_ node: Node, _ values: some DebugValues) throws(Failure) -> UInt64 {
    switch node {
    case .number(let number): return number
    case .name(let name):
      let plain = name.hasPrefix("$") ? String(name.dropFirst()) : name
      if let value = values.register(named: plain) { return value }
      if !name.hasPrefix("$"), let value = values.symbol(named: name) { return value }
      throw Failure("`\(name)` is neither a register nor a symbol")
    case .memory(let bytes, let place):
      let address = try value(place, values)
      guard let number = values.number(at: address, bytes: bytes) else {
        throw Failure("there is no memory at 0x\(String(address, radix: 16))")
      }
      return number
    case .unary(let operation, let operand):
      let number = try value(operand, values)
      switch operation {
      case "-": return 0 &- number
      case "~": return ~number
      default: return number == 0 ? 1 : 0
      }
    case .binary(let operation, let left, let right):
      let first = try value(left, values)
      if operation == "&&" { return first == 0 ? 0 : try value(right, values) == 0 ? 0 : 1 }
      if operation == "||" { return first != 0 ? 1 : try value(right, values) == 0 ? 0 : 1 }
      return try apply(operation, first, try value(right, values))
    }
  }

  private static func apply(_ operation: String, _ a: UInt64, _ b: UInt64) throws(Failure) -> UInt64 {
    switch operation {
    case "+": return a &+ b
    case "-": return a &- b
    case "*": return a &* b
    case "/", "%":
      guard b != 0 else { throw Failure("division by zero") }
      return operation == "/" ? a / b : a % b
    case "&": return a & b
    case "|": return a | b
    case "^": return a ^ b
    case "<<": return b < 64 ? a << b : 0
    case ">>": return b < 64 ? a >> b : 0
    case "==": return a == b ? 1 : 0
    case "!=": return a != b ? 1 : 0
    case "<": return a < b ? 1 : 0
    case "<=": return a <= b ? 1 : 0
    case ">": return a > b ? 1 : 0
    default: return a >= b ? 1 : 0
    }
  }
}

/// Reads expressions by precedence; how deep they nest is bounded.
private struct ExpressionParser {
  typealias Failure = DebugExpression.Failure
  typealias Node = DebugExpression.Node
  private let text: [Character]
  private var position = 0
  private var depth = 0

  private static let levels: [[String]] = [
    ["||"], ["&&"], ["|"], ["^"], ["&"], ["==", "!="], ["<=", ">=", "<", ">"], ["<<", ">>"], ["+", "-"],
    ["*", "/", "%"],
  ]
  private static let sizes = ["byte": 1, "half": 2, "word": 4, "quad": 8]

  init(_ text: String) { self.text = Array(text) }

  mutating func whole() throws(Failure) -> Node {
    let node = try binary(0)
    skipSpaces()
    guard position == text.count else {
      throw Failure("`\(String(text[position...]))` is not understood")
    }
    return node
  }

  private mutating func skipSpaces() {
    while position < text.count, text[position] == " " || text[position] == "\t" { position += 1 }
  }

  private func begins(with word: String) -> Bool {
    text[position...].starts(with: word)
  }

  /// The operator of a level that comes next; `<` does not stand for the beginning of `<<`.
  private mutating func take(_ level: [String]) -> String? {
    skipSpaces()
    let longer = ["||", "&&", "<<", ">>", "<=", ">="]
    for word in level where begins(with: word) {
      if word.count == 1, let long = longer.first(where: { begins(with: $0) }), !level.contains(long) {
        continue
      }
      position += word.count
      return word
    }
    return nil
  }

  private mutating func binary(_ level: Int) throws(Failure) -> Node {
    guard level < Self.levels.count else { return try operand() }
    depth += 1
    defer { depth -= 1 }
    guard depth < 400 else { throw Failure("the expression nests too deeply") }
    var node = try binary(level + 1)
    while let operation = take(Self.levels[level]) {
      node = .binary(operation, node, try binary(level + 1))
    }
    return node
  }

  private mutating func operand() throws(Failure) -> Node {
    skipSpaces()
    guard position < text.count else { throw Failure("the expression ends early") }
    depth += 1
    defer { depth -= 1 }
    guard depth < 400 else { throw Failure("the expression nests too deeply") }
    let first = text[position]
    switch first {
    case "-", "~", "!":
      position += 1
      return .unary(String(first), try operand())
    case "*":
      position += 1
      return .memory(4, try operand())
    case "(":
      position += 1
      let node = try binary(0)
      skipSpaces()
      guard position < text.count, text[position] == ")" else { throw Failure("a `)` is missing") }
      position += 1
      return node
    default: break
    }
    let start = position
    while position < text.count,
      text[position].isLetter || text[position].isNumber || "_.$".contains(text[position])
    {
      position += 1
    }
    let word = String(text[start..<position])
    guard !word.isEmpty else { throw Failure("`\(String(text[start...]))` is not understood") }
    if first.isNumber {
      guard let number = parseNumber(word) else { throw Failure("`\(word)` is no number of 64 bits") }
      return .number(number)
    }
    if let bytes = Self.sizes[word], position < text.count, text[position] == "(" {
      return .memory(bytes, try operand())
    }
    return .name(word)
  }
}
