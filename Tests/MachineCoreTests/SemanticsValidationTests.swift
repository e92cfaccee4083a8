import MachineCore
import Testing
import ToyISA
import Trace

/// A sound little instruction set whose parts tests replace by wrong ones.
private struct Fixture: InstructionSet {
  var effects: [Effect] = []
  var translate: [Effect] = [.give(.local(0))]
  var deliver: [Effect] = [.write(1, .constant(8))]
  var extra: [Procedure] = []

  let name = "fixture"
  let variant = "test"
  let registers = [
    RegisterDescriptor("zero", width: 32, isZero: true),
    RegisterDescriptor("pc", width: 32, role: .programCounter), RegisterDescriptor("a", width: 32),
    RegisterDescriptor("waiting", width: 1, role: .waiting),
  ]
  let auxiliaries: [AuxiliaryDescriptor] = [AuxiliaryDescriptor("tlb", role: .relocation)]
  let causes = ["", "illegal"]
  let fetchUnit = 4
  var definitions: [InstructionDefinition] {
    [InstructionDefinition(mnemonic: "x", meaning: "test", effects: effects)]
  }
  var system: SystemSemantics {
    SystemSemantics(
      procedures: [
        Procedure("translate", [0, 1, 2, 3], translate), Procedure("deliver", [0, 1, 2], deliver),
      ]
        + extra,
      translate: 0, deliver: 1, interruptible: .constant(0), interruptCauseBase: 0, mode: .constant(0),
      decodeContext: .constant(0), programCounter: 1, waiting: 3, illegalCause: 1)
  }
  func decode(_ bytes: InstructionBytes, context: UInt64) -> DecodeResult { .illegal }
  func disassemble(_ bytes: InstructionBytes, pc: UInt64, context: UInt64) -> String { "" }

  var faults: [SemanticsProblem.Fault] { SemanticsValidation.problems(of: self).map(\.fault) }
}

@Suite struct SemanticsValidationTests {
  @Test func soundSetsHaveNoProblems() {
    #expect(Fixture().faults.isEmpty)
    for variant in ToyVariant.allCases {
      #expect(SemanticsValidation.problems(of: ToyInstructionSet(variant)).isEmpty)
    }
  }

  @Test(arguments: [
    ([Effect.assign(32, .constant(0))], SemanticsProblem.Fault.localNumber(32)),
    ([.write(2, .local(5))], .unassignedLocal(5)),
    (
      [.when(.register(2), then: [.assign(5, .constant(1))], otherwise: []), .write(2, .local(5))],
      .unassignedLocal(5)
    ),
    ([.write(9, .constant(0))], .registerNumber(9)),
    ([.write(2, .register(4))], .registerNumber(4)),
    ([.write(0, .constant(0))], .zeroRegisterWrite(0)),
    ([.write(1, .constant(0)), .write(1, .constant(4))], .programCounterTwice),
    ([.setOperand(4, .constant(0))], .operandNumber(4)),
    ([.write(2, .auxiliary(1, .constant(0)))], .auxiliaryNumber(1)),
    ([.call(7, [], result: nil)], .procedureNumber(7)),
    ([.call(0, [.constant(0)], result: nil)], .argumentCount(0, expected: 4, given: 1)),
    ([.give(.constant(0))], .giveOutsideProcedure),
    ([.trap(.constant(1), .constant(0)), .write(2, .constant(0))], .unreachable),
    ([.trap(.constant(5), .constant(0))], .unnamedCause(5)),
    ([.call(2, [], result: 0)], .missingGive(2)),
  ])
  func wrongInstruction(effects: [Effect], fault: SemanticsProblem.Fault) {
    var set = Fixture(effects: effects)
    set.extra = [Procedure("quiet", [], [.when(.register(2), then: [.give(.constant(1))], otherwise: [])])]
    #expect(set.faults == [fault])
  }

  @Test func soundPathsAreAccepted() {
    let either: Effect = .when(
      .register(2), then: [.write(1, .constant(0)), .assign(3, .constant(1))],
      otherwise: [.trap(.constant(1), .constant(0))])
    #expect(Fixture(effects: [either, .write(2, .local(3))]).faults.isEmpty)
    let branch: Effect = .when(
      .register(2), then: [.write(1, .constant(0))], otherwise: [.write(1, .constant(4))])
    #expect(Fixture(effects: [branch]).faults.isEmpty)
  }

  @Test func wrongSystem() {
    #expect(
      Fixture(translate: [.when(.local(1), then: [.give(.local(0))], otherwise: [])]).faults == [
        .missingGive(0)
      ])
    #expect(
      Fixture(translate: [.write(1, .constant(0)), .give(.local(0))]).faults == [.programCounterInTranslation]
    )
    #expect(
      Fixture(translate: [.give(.load(.virtual(segment: 0), .local(0), .bits32))]).faults == [.recursion(0)])
    #expect(Fixture(translate: [.give(.operand(0))]).faults == [.operandOutsideInstruction(0)])
    #expect(
      Fixture(deliver: [.when(.local(0), then: [.write(1, .constant(8))], otherwise: [])]).faults
        == [.deliveryWithoutTarget])
    #expect(
      Fixture(deliver: [
        .when(.local(0), then: [.write(1, .constant(8)), .give(.constant(0))], otherwise: []),
        .write(1, .constant(4)),
      ]).faults.isEmpty)
    var set = Fixture()
    set.extra = [
      Procedure("ping", [], [.call(3, [], result: nil)]), Procedure("pong", [], [.call(2, [], result: nil)]),
    ]
    #expect(set.faults == [.recursion(2), .recursion(3)])
  }
}
