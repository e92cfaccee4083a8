import MachineCore
import Properties
import Testing
import ToyISA
import Trace
import X86Backend

/// Every program on every engine at every level.
@Suite struct ProgramMatrixTests {
  /// Definitions that make long programs short enough to be compared instruction by instruction.
  static let sizes: [String: [String: Int64]] = [
    "sieve": ["SIZE": 1500], "crc32": ["SIZE": 700], "matmul": ["SIZE": 7], "fib": ["SIZE": 11],
    "bubblesort": ["SIZE": 50], "quicksort": ["SIZE": 250], "smc": ["SIZE": 300],
    "trap-flood": ["SIZE": 500], "clock-storm": ["SIZE": 500],
  ]
  /// Instructions after which a comparison of instructions ends; programs end before.
  static let instructionLimit: UInt64 = 130_000

  private static func workload(_ name: String, _ level: TraceLevel) throws -> Workload {
    let program = try #require(ToyPrograms.named(name))
    return try .toy(
      program, defines: sizes[name] ?? [:], limit: level == .instructions ? instructionLimit : nil)
  }

  @Test(arguments: ToyPrograms.all.map(\.name), TraceLevel.allCases)
  func `toy programs are the same on all engines`(_ name: String, _ level: TraceLevel) throws {
    let workload = try Self.workload(name, level)
    for kind in [EngineKind.emulator, .virtualizer] {
      try expectEqual(workload, kind, level: level)
    }
  }

  @Test(arguments: ["minos", "minos-paging"], [2, 3])
  func `MinOS is the same on stacked VMMs`(_ name: String, _ depth: Int) throws {
    try expectEqual(Self.workload(name, .events), .virtualizer, level: .events, depth: depth)
  }

  @Test(arguments: ToyVariant.allCases.filter { !$0.claimsTheorem1 })
  func `variants without the theorem are the same on simulator and emulator`(_ variant: ToyVariant) throws {
    for program in ToyPrograms.all {
      let workload = try Workload.toy(
        program, variant, defines: Self.sizes[program.name] ?? [:], limit: 25_000)
      try expectEqual(workload, .emulator, level: .instructions)
    }
  }

  @Test(arguments: ["real16", "protected32"], TraceLevel.allCases)
  func `x86 programs are the same on simulator and emulator`(_ name: String, _ level: TraceLevel) throws {
    try expectEqual(.x86(#require(X86Workload.named(name))), .emulator, level: level)
  }

  @Test(arguments: TraceLevel.allCases)
  func `long mode is the same on simulator and emulator`(_ level: TraceLevel) throws {
    var workload = try Workload.x86(.long64)
    workload.instructionLimit = 300_000
    try expectEqual(workload, .emulator, level: level)
  }

  #if os(Linux) && arch(x86_64)
    @Test(
      .enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"),
      arguments: X86Workload.all.map(\.name))
    func `x86 programs have the same events under KVM`(_ name: String) throws {
      // The emulator stands in for the simulator, which the tests above hold equal and which is slower.
      let workload = try Workload.x86(#require(X86Workload.named(name)))
      try expectEqual(workload, .virtualizer, against: .emulator, level: .events)
    }
  #endif

  /// Runs both, compares, and looks at the console.
  private func expectEqual(
    _ workload: Workload, _ kind: EngineKind, against reference: EngineKind = .simulator, level: TraceLevel,
    depth: Int = 1
  ) throws {
    let machine = try workload.makeEngine(kind, depth: depth)
    let outcome = try EquivalenceCheck.run(
      workload, machine: machine, against: workload.makeEngine(reference), level: level,
      limits: RunLimits(instructions: workload.instructionLimit))
    let label = "\(workload.name) on \(machine.flavour) at \(level.name)"
    switch outcome.verdict {
    case .pass: break
    // Real KVM may depart from the manual where it was found to.
    case .passExcept where kind == .virtualizer && workload.isa == "x86": break
    default: Issue.record("\(label): \(outcome.verdict)\(outcome.lack.map { ", " + $0 } ?? "")")
    }
    #expect(outcome.controlViolations.isEmpty, "\(label)")
    let isCut =
      machine.capabilities.countsInstructions && machine.platform.retired == workload.instructionLimit
    if let expected = workload.expectedConsole, !isCut {
      #expect(
        String(decoding: machine.platform.console, as: UTF8.self)
          == String(decoding: expected, as: UTF8.self),
        "\(label)")
    }
  }
}
