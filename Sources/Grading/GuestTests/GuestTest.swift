internal import MachineCore
public import ToyISA

/// A test that a student wrote: a toy guest, the machines that it runs on, and what must come of it.
public struct GuestTest: Sendable {
  /// A machine that a test can run on.
  public enum Machine: String, Sendable, CaseIterable {
    case simulator, emulator, vmm, hybrid

    /// Options with which `triad run` takes this machine.
    public var options: String {
      switch self {
      case .simulator, .emulator: "--on \(rawValue)"
      case .vmm: "--on virtualizer"
      case .hybrid: "--on virtualizer --vmm hybrid"
      }
    }
  }

  /// How a count is compared.
  public enum Relation: String, Sendable {
    case equal = "="
    case atMost = "<="
    case atLeast = ">="

    func holds(_ count: UInt64, _ bound: UInt64) -> Bool {
      switch self {
      case .equal: count == bound
      case .atMost: count <= bound
      case .atLeast: count >= bound
      }
    }
  }

  /// Something that can be counted in a run.
  public enum Count: Sendable, Equatable {
    case retired, exits, stretch
    /// Traps or interrupts of a cause.
    case traps(ToyCause)
    /// Instructions that the VMM interpreted: all, or those of one mnemonic.
    case interpreted(String?)
  }

  /// One thing that must hold.
  public enum Expectation: Sendable {
    case output([UInt8])
    case status(UInt64)
    /// One of ``StopReason/names``.
    case stop(String)
    case register(Int, UInt32)
    case word(UInt32, UInt32)
    case count(Count, Relation, UInt64)
    case outsideUnchanged
  }

  /// Bytes of storage of the machine, always.
  public static let storage = 1 << 16
  /// Instructions of a run, unless the test says otherwise, and at most.
  public static let defaultLimit: UInt64 = 10_000
  public static let highestLimit: UInt64 = 100_000

  public let name: String
  public var machines = Machine.allCases
  public var variant = ToyVariant.classic
  public var limit = defaultLimit
  public var input: [UInt8] = []
  /// What must hold, with the line of the file that says so.
  public var expectations: [(line: Int, text: String, expectation: Expectation)] = []
  public let image: ToyImage

  /// Reads a test.
  ///
  /// - Throws: ``SubmissionError`` that names the line and what is wrong with it.
  public init(_ text: String, file: String) throws(SubmissionError) {
    name = file.hasSuffix(".asm") ? String(file.dropLast(4)) : file
    image = try GuestSource.assemble(text, file: file, storage: Self.storage)
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      var rest = line.drop { $0 == " " || $0 == "\t" }
      if rest.isEmpty || rest == "\r" { continue }
      guard let mark = ["//", "#", ";"].first(where: { rest.hasPrefix($0) }) else { break }
      rest = rest.dropFirst(mark.count)
      do {
        try readHeader(rest, line: index + 1)
      } catch {
        throw SubmissionError(description: "\(file):\(index + 1): \(error.description)")
      }
    }
    guard !expectations.isEmpty else {
      throw SubmissionError(
        description: "\(file): no `expect` in the comments before the first line of the program")
    }
  }

  private mutating func readHeader(_ line: Substring, line number: Int) throws(SubmissionError) {
    var words = HeaderWords(line)
    guard let first = words.next() else { return }
    switch first {
    case "machine:", "machines:":
      machines = []
      while let word = words.next() {
        if word == "all" { machines = Machine.allCases } else { machines.append(try words.choice(word)) }
      }
      guard !machines.isEmpty else { throw SubmissionError(description: "no machine is named") }
    case "variant:": variant = try words.choice(try words.needed("a variant"))
    case "limit:":
      limit = try words.number()
      guard (1...Self.highestLimit).contains(limit) else {
        throw SubmissionError(description: "a limit is from 1 to \(Self.highestLimit)")
      }
    case "input:": input = try words.string()
    case "expect":
      expectations.append((number, words.text, try expectation(&words)))
      guard expectations.count <= 64 else { throw SubmissionError(description: "more than 64 expectations") }
    default: return
    }
    guard words.next() == nil else {
      throw SubmissionError(description: "there is more on the line than `\(first)` takes")
    }
  }

  private func expectation(_ words: inout HeaderWords) throws(SubmissionError) -> Expectation {
    switch try words.needed("what is expected") {
    case "output": return .output(try words.string())
    case "status": return .status(try words.number())
    case "stop":
      let word = try words.needed("how it stops")
      let names = ["power-off", "idle", "limit", "check-stop"]
      guard names.contains(word) else {
        throw SubmissionError(description: "a run stops by \(names.joined(separator: ", ")), not `\(word)`")
      }
      return .stop(word)
    case "register":
      let word = try words.needed("a register")
      let number =
        ToyRegister.aliases.first { $0.name == word }?.number
        ?? (0..<ToyRegister.generalCount).first { "r\($0)" == word }
      guard let number else { throw SubmissionError(description: "`\(word)` is no general register") }
      return .register(number, try words.word())
    case "word":
      let address = try words.word()
      guard address & 3 == 0, address < UInt32(Self.storage) else {
        throw SubmissionError(description: "a word's address is a multiple of 4 in storage")
      }
      return .word(address, try words.word())
    case "traps":
      let word = try words.needed("a cause")
      guard let cause = ToyCause.allCases.first(where: { $0.name == word }) else {
        let names = ToyCause.allCases.map(\.name).joined(separator: ", ")
        throw SubmissionError(description: "`\(word)` is no cause; there are \(names)")
      }
      return .count(.traps(cause), try words.relation(), try words.number())
    case "retired": return .count(.retired, try words.relation(), try words.number())
    case "exits": return .count(.exits, try words.relation(), try words.number())
    case "stretch": return .count(.stretch, try words.relation(), try words.number())
    case "interpreted":
      let mnemonic = toyTable.first { $0.mnemonic == words.peek }?.mnemonic
      if mnemonic != nil { _ = words.next() }
      return .count(.interpreted(mnemonic), try words.relation(), try words.number())
    case "outside":
      guard try words.needed("`unchanged`") == "unchanged" else {
        throw SubmissionError(description: "it is `expect outside unchanged`")
      }
      return .outsideUnchanged
    case let word:
      throw SubmissionError(
        description:
          "`\(word)` cannot be expected; there are output, status, stop, register, word, traps, retired, exits, interpreted, stretch, outside"
      )
    }
  }
}

/// The words of one header line.
private struct HeaderWords {
  private var rest: Substring
  private let whole: Substring

  init(_ line: Substring) {
    whole = line
    rest = line
  }

  /// The line as it was written.
  var text: String { String(whole.drop { $0 == " " }.prefix(120)) }

  private static func isSpace(_ character: Character) -> Bool {
    [" ", "\t", "\r", ","].contains(character)
  }

  /// The next word, still there afterwards.
  var peek: Substring {
    rest.drop(while: Self.isSpace).prefix { !Self.isSpace($0) }
  }

  mutating func next() -> String? {
    let word = peek
    rest = rest[word.endIndex...]
    return word.isEmpty ? nil : String(word)
  }

  mutating func needed(_ what: String) throws(SubmissionError) -> String {
    guard let word = next() else { throw SubmissionError(description: "here \(what) is missing") }
    return word
  }

  mutating func choice<T: CaseIterable & RawRepresentable>(_ word: String) throws(SubmissionError) -> T
  where T.RawValue == String {
    guard let value = T(rawValue: word) else {
      let names = T.allCases.map(\.rawValue).joined(separator: ", ")
      throw SubmissionError(description: "`\(word)` is none of \(names)")
    }
    return value
  }

  mutating func relation() throws(SubmissionError) -> GuestTest.Relation {
    guard let relation = GuestTest.Relation(rawValue: String(peek)) else { return .equal }
    _ = next()
    return relation
  }

  mutating func number() throws(SubmissionError) -> UInt64 {
    let word = try needed("a number")
    guard let value = parseNumber(word) else {
      throw SubmissionError(description: "`\(word)` is not a number")
    }
    return value
  }

  /// A word of storage: 32 bits, negative or not.
  mutating func word() throws(SubmissionError) -> UInt32 {
    if peek.hasPrefix("-"), let value = Int32(peek) {
      _ = next()
      return UInt32(bitPattern: value)
    }
    guard let value = UInt32(exactly: try number()) else {
      throw SubmissionError(description: "a word has 32 bits")
    }
    return value
  }

  /// A string in double quotes, with `\n`, `\t`, `\\`, `\"` and `\xHH`.
  mutating func string() throws(SubmissionError) -> [UInt8] {
    rest = rest.drop(while: Self.isSpace)
    guard rest.first == "\"" else { throw SubmissionError(description: "a text is in double quotes") }
    var bytes = Array(rest.dropFirst().utf8)[...]
    var result: [UInt8] = []
    while let byte = bytes.popFirst() {
      if byte == UInt8(ascii: "\"") {
        rest = Substring(String(decoding: bytes, as: UTF8.self))
        return result
      }
      guard byte == UInt8(ascii: "\\"), let escape = bytes.popFirst() else {
        result.append(byte)
        continue
      }
      switch escape {
      case UInt8(ascii: "n"): result.append(10)
      case UInt8(ascii: "t"): result.append(9)
      case UInt8(ascii: "x"):
        guard bytes.count >= 2, let value = UInt8(String(decoding: bytes.prefix(2), as: UTF8.self), radix: 16)
        else { throw SubmissionError(description: "after `\\x` come two hexadecimal digits") }
        bytes = bytes.dropFirst(2)
        result.append(value)
      default: result.append(escape)
      }
    }
    throw SubmissionError(description: "the text does not end")
  }
}
