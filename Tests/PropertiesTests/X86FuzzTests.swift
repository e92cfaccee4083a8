import Properties
import Testing
import ToyISA
import X86Backend

/// Cases from the instruction table; long runs are made with `triad fuzz`.
@Suite struct X86FuzzTests {
  @Test(arguments: X86Mode.allCases)
  func simulatorAndEmulatorAgree(_ mode: X86Mode) throws {
    let fuzzer = try X86Fuzzer(mode, seed: 20)
    let report = try fuzzer.run(count: 2000)
    #expect(report.cases == 2000)
    #expect(report.agreed == 2000, "\(report.disagreements)")
    // All rows are tried more than twice; what is not reached hides behind a prefix now and then.
    #expect(report.rowsReached * 100 >= report.rows * 97, "\(report.misses)")
    #expect(report.trapped + report.stops.values.reduce(0, +) > 50)
  }

  @Test func aSeedGivesTheSameCases() throws {
    let machine = try X86FuzzMachine(.long64, seed: 3)
    let generator = X86CaseGenerator(machine)
    for index in UInt64(0)..<200 {
      let first = generator.make(index: index, seed: 9)
      let second = generator.make(index: index, seed: 9)
      #expect(first.bytes == second.bytes && first.state == second.state)
      #expect(first.bytes.count == 15)
    }
    #expect(generator.make(index: 1, seed: 9).state != generator.make(index: 1, seed: 10).state)
  }

  @Test func jobsDoNotChangeWhatIsFound() throws {
    let one = try X86Fuzzer.run(.protected32, seed: 5, jobs: 1, count: 1500)
    let three = try X86Fuzzer.run(.protected32, seed: 5, jobs: 3, count: 1500)
    #expect(one.cases == 1500 && three.cases == 1500)
    #expect(one.agreed == three.agreed && one.traps == three.traps && one.stops == three.stops)
    #expect(one.misses == three.misses && one.effects.misses == three.effects.misses)
    #expect(one.effects.branchesReached == three.effects.branchesReached)
  }

  @Test func coverageCountsBranchesAndFaults() throws {
    let few = try X86Fuzzer(.long64, seed: 7).run(count: 100).effects
    let many = try X86Fuzzer(.long64, seed: 7).run(count: 3000).effects
    #expect(few.branches == many.branches && few.traps == many.traps)
    #expect(few.branchesReached < many.branchesReached && many.branchesReached < many.branches)
    #expect(few.trapsReached < many.trapsReached)
    #expect(few.definitionsReached <= 100 && few.definitionsReached > 50)
    #expect(many.excluded > 0 && many.unexplained <= many.misses.count * 20)
  }

  @Test(arguments: X86Mode.allCases) func anyBytesComeBack(_ mode: X86Mode) throws {
    var options = X86ByteFuzzer.Options()
    options.usesSimulator = true
    let report = try X86ByteFuzzer.run(mode, seed: 11, options: options, jobs: 2, count: 3000)
    #expect(report.cases == 3000)
    #expect(report.differences == 0, "\(report.firstDifferences)")
    #expect(report.instructions > 3000)
    // Devices carry over from case to case; where a run begins must not matter.
    let part = try X86ByteFuzzer.run(mode, seed: 11, options: options, jobs: 1, first: 1500, count: 10)
    #expect(part.cases == 10 && part.differences == 0)
  }

  @Test(arguments: ToyVariant.allCases) func toyProgramsAgree(_ variant: ToyVariant) throws {
    let report = try ToyFuzzer.run(variant, seed: 500, count: 2, limit: 4000, jobs: 2)
    #expect(report.programs == 2 && report.disagreements.isEmpty, "\(report.disagreements)")
    #expect(report.virtualized == (variant == .classic ? 2 : 0))
    #expect(report.effects.definitionsReached > 20 && report.effects.trapsReached > 5)
  }
}

/// What is known of values when some bits are the same in all states.
@Suite struct CoverageReasonTests {
  @Test func realModeExcludesProtectedModesBranches() throws {
    // The 80386's cases are all of real mode.
    let effects = try X86Fuzzer(.real16, model: .i80386, seed: 2).run(count: 500).effects
    #expect(effects.misses.contains { $0.contains("cr0") && $0.contains("in every state here") })
    #expect(effects.misses.contains { $0.hasPrefix("(call-gate)") && $0.contains("comes to a call of it") })
  }

  @Test func formsAndConditionsOnTheWayExclude() throws {
    let effects = try X86Fuzzer(.protected32, seed: 2).run(count: 1500).effects
    // A shift by the constant 1 has no count of zero; a 32-bit value has nothing above bit 31.
    #expect(effects.misses.contains { $0.hasPrefix("shl: `t3` always holds: `t3` is true") })
    #expect(
      effects.misses.contains { $0.hasPrefix("mov: `(t0 >> 0x20)` never holds: `(t0 >> 0x20)` is false") })
    // Long mode's walk needs EFER.LMA, which no state here has.
    #expect(effects.misses.contains { $0.hasPrefix("(walk):") && $0.contains("comes to a call of it") })
  }

  @Test(arguments: X86Mode.allCases) func casesRunInEveryKindOfCode(_ mode: X86Mode) throws {
    let generator = X86CaseGenerator(try X86FuzzMachine(mode, seed: 3))
    var found: Set<String> = []
    for index in UInt64(0)..<3000 {
      let state = generator.make(index: index, seed: 12).state
      let code = state[.csAttributes]
      let isWide = code & 0x4000 != 0
      found.insert(
        state[.efer] & 0x400 != 0
          ? code & 0x2000 != 0 ? "64" : isWide ? "compatible 32" : "compatible 16"
          : state[.cr0] & 1 == 0
            ? "real" : state[.rflags] & 0x2_0000 != 0 ? "virtual" : isWide ? "protected 32" : "protected 16")
    }
    let expected: Set<String> =
      switch mode {
      case .real16: ["real", "virtual", "protected 16"]
      case .protected32: ["protected 32", "virtual", "protected 16"]
      case .long64: ["64", "compatible 32", "compatible 16"]
      }
    #expect(expected.isSubset(of: found))
  }
}
