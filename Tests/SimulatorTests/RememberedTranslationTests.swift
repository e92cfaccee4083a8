import MachineCore
import Simulator
import Testing
import Trace

private typealias Set = ScriptedSet

/// Translations that are remembered give what a fresh translation would give.
@Suite struct RememberedTranslationTests {
  /// A small generator of numbers; the same for a seed everywhere.
  struct Numbers {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }

    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
    mutating func pick<Element>(_ list: [Element]) -> Element { list[below(list.count)] }

    /// An expression of the address, the access, two registers, a table and storage.
    mutating func expression(_ depth: Int) -> Expression {
      guard depth > 0, below(8) > 0 else {
        switch below(8) {
        case 0...3: return .local(0)
        case 4: return .register(pick([Set.c, Set.n]))
        case 5: return .local(UInt8(1 + below(3)))
        default:
          return .constant(pick([0, 1, 3, 4, 0xF0, 0xFF, 0x100, 0x800, 0xFFF, 0x1000, 0x2345, ~0xFFF, .max]))
        }
      }
      let width = pick([Width.bits64, .bits64, .bits32, .bits16])
      switch below(12) {
      case 0: return .unary(pick(UnaryOperator.allCases), expression(depth - 1), width)
      case 1:
        return .load(
          .physical, .binary(.and, expression(depth - 1), .constant(0x3F8), .bits64), pick(Width.allCases))
      case 2: return .auxiliary(0, .binary(.and, expression(depth - 1), .constant(3), .bits64))
      case 3: return .select(expression(depth - 1), expression(depth - 1), expression(depth - 1))
      case 4...6:
        let operation = pick([
          BinaryOperator.shiftLeft, .shiftRightUnsigned, .shiftRightSigned, .and, .or,
        ])
        return .binary(operation, expression(depth - 1), .constant(pick([1, 4, 8, 12, 0xFF, 0xFF0])), width)
      default:
        return .binary(pick(BinaryOperator.allCases), expression(depth - 1), expression(depth - 1), width)
      }
    }
  }

  /// Loads and stores of neighbours, with changes of everything that the translation may look at.
  private static func set(_ numbers: inout Numbers) -> ScriptedSet {
    let place: Expression = .register(Set.b)
    var set = ScriptedSet([
      Set.Form(1, [], [.write(Set.a, .load(.virtual(segment: 1), place, .bits32))]),
      Set.Form(1, [], [.store(.virtual(segment: 1), place, .register(Set.a), .bits16)]),
      Set.Form(1, [], [.write(Set.a, .load(.virtual(segment: 2), place, .bits8))]),
      Set.Form(1, [], [.write(Set.b, .binary(.add, place, .constant(1), .bits64))]),
      Set.Form(1, [], [.write(Set.b, .binary(.and, place, .constant(0x1FF0), .bits64))]),
      Set.Form(1, [], [.write(Set.b, .binary(.add, place, .constant(0x7F8), .bits64))]),
      Set.Form(1, [], [.write(Set.c, .binary(.xor, .register(Set.c), .constant(0x10), .bits64))]),
      Set.Form(
        1, [],
        [
          .store(
            .physical, .binary(.and, place, .constant(0x3F8), .bits64), .register(Set.a), .bits16)
        ]),
      Set.Form(
        1, [], [.setAuxiliary(0, .binary(.and, place, .constant(3), .bits64), .register(Set.a))]),
      Set.Form(1, [], [.write(Set.n, .binary(.add, .register(Set.n), .constant(1), .bits16))]),
    ])
    let inside: Expression = .binary(.and, .local(4), .constant(0x3FFF), .bits64)
    set.procedures[0] = Procedure(
      "translate", [0, 1, 2, 3],
      [
        // Instructions lie where they are.
        .when(.local(1), then: [], otherwise: [.give(.local(0))]),
        .assign(4, numbers.expression(4)),
        .when(numbers.expression(3), then: [.assign(4, numbers.expression(4))], otherwise: []),
        .when(
          .binary(.equal, .local(4), .constant(0), .bits64), then: [.trap(.constant(2), .local(0))],
          otherwise: []),
        .give(inside),
      ])
    return set
  }

  private static func run(_ seed: UInt64, remembering: Bool) throws -> [TraceRecord] {
    var numbers = Numbers(state: seed)
    let set = set(&numbers)
    var program = (0..<200).map { _ in UInt8(numbers.below(set.forms.count)) }
    program += [UInt8](repeating: 3, count: 0x900 - program.count)
    let machine = try ScriptedMachine(set, [], registers: [Set.pc: 0x1000, Set.b: numbers.next() & 0x1FFF])
    try machine.platform.memory.write((0..<0x3000).map { _ in UInt8(numbers.below(256)) }, at: 0)
    // Handlers of traps come first and run on into the program.
    try machine.platform.memory.write(Array(program.prefix(0x800)), at: 0x800)
    try machine.platform.memory.write(program, at: 0x1000)
    machine.evaluator.remembersTranslations = remembering
    #expect(machine.evaluator.remembersTranslations == remembering)
    return try machine.trace(400).1
  }

  @Test(arguments: 0..<40) func sameTraceWithAndWithout(_ part: UInt64) throws {
    for seed in (part * 10)..<(part * 10 + 10) {
      let with = try Self.run(seed, remembering: true)
      let without = try Self.run(seed, remembering: false)
      #expect(with == without, "seed \(seed)")
    }
  }

  /// A limit in the middle of a page ends what is remembered of it, and a changed limit counts at once.
  @Test func limitsInsidePages() throws {
    var set = ScriptedSet([
      Set.Form(
        9, [.immediate(0, .bits64)], [.write(Set.a, .load(.virtual(segment: 0), .operand(0), .bits8))]),
      Set.Form(9, [.immediate(0, .bits64)], [.write(Set.c, .operand(0))]),
    ])
    set.procedures[0] = Procedure(
      "translate", [0, 1, 2, 3],
      [
        .when(
          .binary(.and, .local(1), .binary(.lessUnsigned, .register(Set.c), .local(0), .bits64), .bits64),
          then: [.trap(.constant(2), .local(0))], otherwise: []),
        .give(.local(0)),
      ])
    func word(_ number: UInt8, _ value: UInt16) -> [UInt8] {
      [number, UInt8(value & 0xFF), UInt8(value >> 8), 0, 0, 0, 0, 0, 0]
    }
    let program = word(0, 0x2010) + word(0, 0x2020) + word(1, 0x2030) + word(0, 0x2030) + word(0, 0x2031)
    let machine = try ScriptedMachine(set, program, registers: [Set.c: 0x2020])
    let (_, records) = try machine.trace(5)
    #expect(records.filter { $0.eventKind == .retire }.map(\.pc).prefix(4) == [0, 9, 18, 27])
    let trap = try #require(records.first { $0.eventKind == .trap })
    #expect(trap.pc == 36 && trap.value == 0x2031)
  }
}
