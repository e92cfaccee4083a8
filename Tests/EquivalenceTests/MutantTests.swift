import MachineCore
import Mutants
import Properties
import Testing
import ToyISA
import Trace
import X86Backend

/// Machines that are wrong on purpose: the right check catches each, and raises no alarm on the same machine
/// without the fault.
@Suite struct MutantTests {
  @Test func `there are enough wrong machines of every sort`() {
    let names = Set(Mutant.all.map(\.name))
    #expect(names.count == Mutant.all.count)
    #expect(names.count >= 40)
    for property in Mutant.Property.allCases { #expect(Mutant.all.contains { $0.breaks == property }) }
  }

  @Test func `every wrong machine is caught by the right check first`() throws {
    let kills = try Mutant.all.map { try Kill($0) }
    print(KillMatrix.markdown(kills))
    for kill in kills {
      let verdicts = kill.check.verdicts.map { "\($0.name) \($0.verdict)" }
      #expect(kill.isRight, "\(kill.mutant.name): \(verdicts)")
      #expect(
        !kill.isFalseAlarm,
        "\(kill.mutant.name), twin: \(kill.twin.verdicts.map { "\($0.name) \($0.verdict)" })")
      try expectPlace(kill)
    }
  }

  /// The first difference shows where the fault is.
  private func expectPlace(_ kill: Kill) throws {
    let mutant = kill.mutant
    guard mutant.field != nil || mutant.instruction != nil else { return }
    let (divergence, header, _) = try #require(kill.check.divergence, "\(mutant.name)")
    if let field = mutant.field {
      #expect(divergence.fieldName.contains(field), "\(mutant.name): \(divergence.fieldName)")
    }
    if let instruction = mutant.instruction {
      let texts = [divergence.left, divergence.right].compactMap(\.self)
        .filter { $0.head.eventKind == .retire }.map { Self.text($0, header.isa) }
      #expect(
        texts.contains { $0.hasPrefix(instruction) }, "\(mutant.name): \(texts) \(divergence.fieldName)")
    }
  }

  private static func text(_ event: TraceEvent, _ isa: String) -> String {
    let set: any InstructionSet = isa == "toy" ? ToyInstructionSet() : X86InstructionSet()
    return set.disassemble(
      event.head.bytes, pc: event.head.pc, context: isa == "toy" ? 0 : X86DecodeContext.long64.rawValue)
  }

  @Test(arguments: 1...6)
  func `right machines raise no alarm on random programs`(_ seed: Int) throws {
    let found = try RandomProgramCheck.run(seed: UInt64(seed), limit: 1_000)
    #expect(found.checks >= 9)
    #expect(found.alarms.isEmpty, "\(found.alarms)")
  }
}
