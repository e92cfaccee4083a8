import Grading
import MachineCore
import Simulator
import Testing
import ToyISA
import Trace

/// Traps of generated programs, as the simulator takes them.
@Suite struct FaultProgramTests {
  private struct Taken {
    var cause: ToyCause
    var value: UInt64
    var isUser: Bool
    var pc: UInt64
  }

  /// Runs a program and returns its traps in order.
  private func run(_ subject: FaultPrograms.Subject, _ seed: UInt64, _ number: Int) throws -> [Taken] {
    let image = try FaultPrograms.image(subject, seed: seed, number: number)
    let platform = try ToyMachine(memorySize: FaultPrograms.memorySize).makePlatform()
    try image.load(into: platform.memory)
    let engine = Evaluator(
      instructionSet: ToyInstructionSet(), platform: platform,
      state: ToyInstructionSet.resetState(entry: image.entry, storage: FaultPrograms.memorySize))
    var records: [TraceRecord] = []
    let recorder = TraceRecorder(level: .events) { records += $0 }
    let stop = try engine.run(RunLimits(instructions: 2000), into: recorder)
    recorder.flush()
    #expect(stop == .powerOff(status: 0), "\(subject) \(number + 1), seed \(seed)")
    return records.compactMap { record in
      guard let kind = record.eventKind, [.trap, .interrupt].contains(kind),
        let cause = ToyCause(rawValue: record.code)
      else { return nil }
      return Taken(cause: cause, value: record.value, isUser: record.mode == 1, pc: record.pc)
    }
  }

  /// What programs of a subject trap with, beside the calls that end an episode.
  private static let causes: [FaultPrograms.Subject: Set<ToyCause>] = [
    .calls: [.supervisorCall, .breakpoint, .divide, .illegal, .privileged],
    .bounds: [.supervisorCall, .bounds],
    .alignment: [.supervisorCall, .alignment],
    .paging: [.supervisorCall, .bounds, .pageFetch, .pageRead, .pageWrite],
    .tlb: [.supervisorCall, .pageFetch, .pageRead, .pageWrite],
    .interrupts: [.supervisorCall, .breakpoint, .divide, .privileged, .timer],
  ]

  @Test(arguments: FaultPrograms.Subject.allCases)
  func programsEndAndTrapAsTheirSubjectSays(_ subject: FaultPrograms.Subject) throws {
    var seen: Set<ToyCause> = []
    var modes: Set<Bool> = []
    for seed in [1, 2, 77] as [UInt64] {
      for number in 0..<FaultPrograms.cycle(of: subject) {
        let taken = try run(subject, seed, number)
        #expect(!taken.isEmpty)
        for trap in taken where trap.cause != .supervisorCall || subject == .calls {
          seen.insert(trap.cause)
          modes.insert(trap.isUser)
        }
        seen.formUnion(taken.map(\.cause))
      }
    }
    #expect(seen == Self.causes[subject])
    if subject != .tlb, subject != .interrupts { #expect(modes == [false, true], "both modes trap") }
  }

  @Test func everyPrivilegedInstructionIsTried() throws {
    var words: Set<UInt8> = []
    for number in 0..<FaultPrograms.cycle(of: .calls) {
      for trap in try run(.calls, 5, number) where trap.cause == .privileged {
        words.insert(UInt8(truncatingIfNeeded: trap.value >> 24))
      }
    }
    #expect(words == Set(toyTable.filter { $0.userMode == .trap }.map(\.opcode)))
  }

  @Test func interruptsComeAtManyBoundaries() throws {
    var places: Set<UInt64> = []
    for number in 0..<FaultPrograms.cycle(of: .interrupts) {
      for trap in try run(.interrupts, 1, number) where trap.cause == .timer { places.insert(trap.pc) }
    }
    #expect(places.count >= 8, "\(places.sorted())")
  }

  @Test func seedsDecideThePrograms() {
    for subject in FaultPrograms.Subject.allCases {
      let one = FaultPrograms.source(subject, seed: 1, number: 0)
      #expect(one == FaultPrograms.source(subject, seed: 1, number: 0))
      #expect(one != FaultPrograms.source(subject, seed: 2, number: 0))
    }
  }
}
