import Grading
import MachineCore
import Properties
import Testing
import ToyISA
import Trace
import X86Backend

@Suite struct MonitorGuestTests {
  /// What happened in a run on the bare machine: its end, causes in order, and mnemonics that retired.
  private func run(_ part: MonitorGuests, seed: UInt64, _ number: Int) throws -> (
    StopReason, [UInt32], Set<String>
  ) {
    let workload = Workload(
      name: "guest",
      machine: .toy(
        try part.image(seed: seed, number: number), ToyMachine(memorySize: MonitorGuests.memorySize), .classic
      ))
    let engine = try workload.makeEngine(.simulator)
    var causes: [UInt32] = []
    var mnemonics: Set<String> = []
    let recorder = TraceRecorder(level: .instructions) { batch in
      for record in batch {
        switch record.eventKind {
        case .trap, .interrupt: causes.append(record.code)
        case .retire:
          let text = ToyDisassembler.text(of: UInt32(truncatingIfNeeded: record.bytes.low), at: 0)
          mnemonics.insert(String(text.prefix { $0 != " " }))
        default: break
        }
      }
    }
    let stop = try engine.run(RunLimits(instructions: 20_000), into: recorder)
    recorder.flush()
    return (stop, causes, mnemonics)
  }

  /// Each guest ends by itself, and together they need every decision that the lab asks for.
  @Test(arguments: [1, 2, 77] as [UInt64]) func guestsShowWhatTheyAreAbout(seed: UInt64) throws {
    var seen: [MonitorGuests: (causes: Set<UInt32>, mnemonics: Set<String>)] = [:]
    for part in MonitorGuests.allCases {
      for number in 0..<12 {
        let (stop, causes, mnemonics) = try run(part, seed: seed, number)
        #expect(stop == .powerOff(status: 0), "seed \(seed), \(part) \(number)")
        seen[part, default: ([], [])].causes.formUnion(causes)
        seen[part, default: ([], [])].mnemonics.formUnion(mnemonics)
      }
    }
    #expect(seen[.allocator]?.causes == [ToyCause.bounds.rawValue], "seed \(seed)")
    #expect(seen[.allocator]?.mnemonics.isDisjoint(with: ["getbase", "getbound", "setie"]) == true)
    let causes: [ToyCause] = [
      .illegal, .privileged, .bounds, .alignment, .supervisorCall, .breakpoint, .divide,
    ]
    #expect(seen[.dispatcher]?.causes.isSuperset(of: causes.map(\.rawValue)) == true, "seed \(seed)")
    let privileged = [
      "lpsw", "jrst", "setie", "getpsw", "getbase", "getbound", "getclk", "tlbflush", "wait", "in", "out",
    ]
    #expect(seen[.routines]?.mnemonics.isSuperset(of: privileged) == true, "seed \(seed)")
    #expect(seen[.users]?.causes == [ToyCause.privileged.rawValue, ToyCause.supervisorCall.rawValue])
    #expect(seen[.interrupts]?.causes == [ToyCause.timer.rawValue], "seed \(seed)")
  }

  @Test func theSameSeedMakesTheSameGuest() throws {
    for part in MonitorGuests.allCases {
      let bytes = try (0..<2).map { _ in try part.image(seed: 9, number: 3).encode(includeText: false) }
      #expect(bytes[0] == bytes[1])
      #expect(try part.image(seed: 10, number: 3).encode(includeText: false) != bytes[0])
    }
  }
}
