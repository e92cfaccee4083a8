import MachineCore
import Properties
import Testing
import ToyISA
import Trace
import X86Backend

/// Machines that are wrong on purpose: the check that ought to find each finds it, and raises no alarm
/// on the same machine without the fault.
@Suite struct SeededBugTests {
  static let mutants = DataMutants.all + MachineMutants.all

  @Test func `there are enough wrong machines of every sort`() {
    let names = Set(Self.mutants.map(\.name))
    #expect(names.count == Self.mutants.count)
    #expect(Self.mutants.count >= 12)
    for check in CatchingCheck.allCases { #expect(Self.mutants.contains { $0.caughtBy == check }) }
  }

  @Test(arguments: mutants)
  func `a wrong machine is caught`(_ mutant: Mutant) throws {
    let workload = try mutant.workload()
    var verdicts: [TraceLevel: EquivalenceCheck.Outcome] = [:]
    for level in TraceLevel.allCases {
      verdicts[level] = try Self.compare(workload, mutant.make(workload), mutant.reference, level)
    }
    let last = try mutant.make(workload)
    let control = try Self.control(workload, last)
    let instructions = try #require(verdicts[.instructions])
    let efficiency = Self.efficiency(last, instructions)
    let isCaught: Bool
    switch mutant.caughtBy {
    case .equivalence:
      isCaught = verdicts[mutant.level]?.verdict.isFailure == true
      try Self.expectPlace(mutant, instructions)
    case .control: isCaught = control.isFailure
    case .efficiency:
      isCaught = efficiency.isFailure
      // Only slow: whatever the guest sees is right.
      #expect(TraceLevel.allCases.allSatisfy { verdicts[$0]?.verdict == .pass })
    }
    #expect(isCaught, "\(mutant.name): \(mutant.fault)")
    Self.printLine(mutant, verdicts, control, efficiency)
  }

  @Test(arguments: mutants)
  func `its correct twin raises no alarm`(_ mutant: Mutant) throws {
    let workload = try mutant.workload()
    for level in TraceLevel.allCases {
      let twin = try workload.makeEngine(mutant.twin)
      let outcome = try Self.compare(workload, twin, mutant.reference, level)
      #expect(outcome.verdict == .pass, "\(mutant.name) at \(level.name)")
      #expect(!ControlCheck.verdict(twin).isFailure)
      #expect(!Self.efficiency(twin, outcome).isFailure)
      guard case .powerOff = try workload.makeEngine(mutant.twin).run(RunLimits(), into: nil) else {
        Issue.record("\(workload.name) does not come to its end")
        return
      }
    }
  }

  private static func compare(
    _ workload: Workload, _ engine: any Engine, _ reference: EngineKind, _ level: TraceLevel
  ) throws -> EquivalenceCheck.Outcome {
    try EquivalenceCheck.run(
      workload, machine: engine, against: workload.makeEngine(reference), level: level,
      limits: RunLimits(instructions: workload.instructionLimit))
  }

  private static func control(_ workload: Workload, _ engine: any Engine) throws -> Verdict {
    _ = try engine.run(RunLimits(instructions: workload.instructionLimit), into: nil)
    return ControlCheck.verdict(engine)
  }

  private static func efficiency(_ engine: any Engine, _ outcome: EquivalenceCheck.Outcome) -> Verdict {
    var report = EngineReport(engine.kind, allNotAssessed: "")
    report.statistics = engine.statistics
    return EfficiencyCheck.verdict(report, retired: engine.platform.retired, interpreted: outcome.interpreted)
  }

  /// The first difference shows where the fault is.
  private static func expectPlace(_ mutant: Mutant, _ outcome: EquivalenceCheck.Outcome) throws {
    guard mutant.field != nil || mutant.instruction != nil else { return }
    let (divergence, header, _) = try #require(outcome.divergence, "\(mutant.name)")
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

  private static func printLine(
    _ mutant: Mutant, _ verdicts: [TraceLevel: EquivalenceCheck.Outcome], _ control: Verdict,
    _ efficiency: Verdict
  ) {
    var caught = TraceLevel.allCases.filter { verdicts[$0]?.verdict.isFailure == true }.map(\.name)
    if control.isFailure { caught.append("control") }
    if efficiency.isFailure { caught.append("efficiency") }
    print("mutant \(mutant.name) (\(mutant.fault)): caught by \(caught.joined(separator: ", "))")
  }
}
