import MachineCore
import Mutants
import Properties
import Simulator
import Testing
import ToyISA
import Trace

/// A single wrong instruction in a long run is found by digests.
@Suite struct BisectionTests {
  /// Loops for millions of instructions, with a value that changes all the time.
  static let source = """
    _start: li   s0, 300000
    loop:   addi t0, t0, 7
            xor  t1, t1, t0
            addi s0, s0, -1
            bnez s0, loop
            out  zero, 0x30(zero)
    """

  /// An evaluator that adds one too many in the `addi` at this time.
  private func wrong(_ workload: Workload, at time: UInt64) throws -> any Engine {
    let right = try workload.makeEngine(.simulator)
    var altered = AlteredSet(ToyInstructionSet())
    altered.alter("addi") { effects in
      [
        .when(
          .binary(.equal, .time, .constant(time), .bits64),
          then: [
            .setOperand(
              0,
              .binary(.add, .binary(.add, .operand(1), .operand(2), .bits32), .constant(1), .bits32))
          ], otherwise: effects)
      ]
    }
    return Evaluator(instructionSet: altered, platform: right.platform, state: right.state)
  }

  @Test(arguments: [2, 99_998, 1_000_002] as [UInt64])
  func aWrongInstructionIsFoundAtItsClock(_ time: UInt64) throws {
    let workload = try Workload.source("long", Self.source, limit: 2_000_000)
    let outcome = try DigestBisection.run(
      workload, machine: try wrong(workload, at: time), against: try workload.makeEngine(.emulator),
      limits: RunLimits(instructions: workload.instructionLimit), stride: 100_000)
    let divergence = try #require(outcome.divergence?.0)
    // At an even time the loop is at one of its two `addi`.
    #expect(divergence.left?.head.clock == time + 1)
    #expect(divergence.fieldName.hasPrefix("register"))
  }

  @Test(arguments: [EngineKind.emulator, .virtualizer])
  func rightMachinesPass(_ kind: EngineKind) throws {
    for name in ["minos-paging", "diskcopy", "smc"] {
      let workload = try Workload.toy(try #require(ToyPrograms.named(name)))
      let outcome = try DigestBisection.run(
        workload, machine: try workload.makeEngine(kind), against: try workload.makeEngine(.simulator),
        limits: RunLimits(instructions: workload.instructionLimit), stride: 5_000)
      #expect(outcome.verdict == .pass, "\(name)")
    }
  }

  @Test func goingBackLosesNothing() throws {
    // A difference in the last stretch makes both machines go back many times; what is left must still be exact.
    let workload = try Workload.toy(try #require(ToyPrograms.named("minos")))
    let machine = try workload.makeEngine(.virtualizer)
    let reference = try workload.makeEngine(.emulator)
    machine.platform.console = [0x21]
    let outcome = try DigestBisection.run(
      workload, machine: machine, against: reference, limits: RunLimits(instructions: 50_000), stride: 10_000)
    #expect(outcome.verdict.isFailure)
  }
}
