import Foundation
import Grading
import MachineCore
import Properties
import Testing
import ToyISA
import Trace
import X86Backend

@Suite struct MonitorJudgeTests {
  private let layout = MonitorLayout(levels: 2, guest: 0x10000, seed: 3)

  private func judge(_ change: (inout MonitorDemands) -> Void = { _ in }) throws -> MonitorJudge {
    let guest = try MonitorGuests.allocator.image(seed: 1, number: 0)
    var demands = MonitorDemands()
    change(&demands)
    return MonitorJudge(
      workload: Workload(
        name: "guest", machine: .toy(guest, ToyMachine(memorySize: 0x10000), .classic), instructionLimit: 1000
      ),
      level: .instructions, layout: layout, seed: 7, demands: demands, reproduction: "triad grade")
  }

  private func entry(
    _ level: Int, flags: UInt32 = 1, base: UInt64? = nil, bound: UInt64 = 16, slice: UInt64 = 9
  )
    -> TraceRecord
  {
    TraceRecord(
      .schedule, cpu: UInt16(level), code: flags, clock: 5,
      address: base ?? UInt64(layout.regions[level].lowerBound), value: bound, aux: slice)
  }

  /// A report in which all is well but for some records that are added.
  private func report(_ records: [TraceRecord], outside: UInt64? = nil) -> MonitorReport {
    var report = MonitorReport(layout)
    let facts = [
      TraceRecord(.host, code: 1, value: outside ?? layout.digestOutside(seed: 7)),
      TraceRecord(.host, code: 3, value: 99), TraceRecord(.final, value: 99),
    ]
    for record in records + facts { report.add(record) }
    return report
  }

  @Test func controlNeedsUserModeTheRegionTheQuantumAndTheStorageAround() throws {
    let judge = try judge { $0.control = true }
    #expect(judge.complaint(about: report([entry(0), entry(1)])) == nil)
    for level in [0, 1] {
      let end = UInt64(layout.regions[level].upperBound)
      let bad = [
        entry(level, flags: 0), entry(level, flags: 5), entry(level, base: 0),
        entry(level, base: end - 8, bound: 12), entry(level, bound: 0xFFFF_FFFC),
        entry(level, slice: MonitorJudge.quantum + 1),
      ]
      for record in bad { #expect(judge.complaint(about: report([record])) != nil, "\(record)") }
      for record in [entry(level, base: end - 8, bound: 8), entry(level, base: 0, bound: 0)] {
        #expect(judge.complaint(about: report([record])) == nil, "\(record)")
      }
    }
    #expect(judge.complaint(about: report([], outside: 1)) != nil)
    #expect(judge.complaint(about: report([TraceRecord(.host, code: 3, value: 98)])) == nil)
    var blind = report([])
    blind.fromAbove = 98
    #expect(judge.complaint(about: blind) != nil)
    blind.fromAbove = nil
    #expect(judge.complaint(about: blind) != nil)
  }

  @Test func efficiencyCountsWhatRanOnTheBareMachine() throws {
    let judge = try judge { $0.direct = 0.9 }
    func run(_ direct: UInt64, emulated: Int) -> MonitorReport {
      report(
        [entry(0), TraceRecord(.exit, code: 2, clock: 5 + direct)]
          + Array(repeating: TraceRecord(.emulate), count: emulated))
    }
    #expect(judge.complaint(about: run(90, emulated: 10)) == nil)
    #expect(judge.complaint(about: run(89, emulated: 11)) != nil)
    #expect(judge.complaint(about: run(0, emulated: 50)) != nil)
    // Nothing at all, and an exit without an entry.
    #expect(judge.complaint(about: report([])) != nil)
    #expect(judge.complaint(about: report([TraceRecord(.exit, clock: 1000)])) != nil)
  }

  @Test func hybridsRunNoSupervisorDirectlyAndInterpretInStretches() throws {
    func run(mode: UInt8, stretches: UInt64) -> MonitorReport {
      var start = entry(0)
      start.mode = mode
      return report(
        [start, TraceRecord(.exit, code: 8, clock: 25), TraceRecord(.host, code: 4, value: stretches)]
          + Array(repeating: TraceRecord(.emulate), count: 30))
    }
    let hybrid = try judge { $0.hybrid = true }
    #expect(hybrid.complaint(about: run(mode: 1, stretches: 30)) == nil)
    #expect(hybrid.complaint(about: run(mode: 0, stretches: 30)) != nil)
    let stretch = try judge { $0.stretch = 10 }
    #expect(stretch.complaint(about: run(mode: 1, stretches: 3)) == nil)
    #expect(stretch.complaint(about: run(mode: 1, stretches: 4)) != nil)
  }

  @Test func eachTrapArrivesOnceAtEachLevel() throws {
    let judge = try judge { $0.multiplication = true }
    /// Three traps of the guest, with as many arrivals and entries at the two levels.
    func run(_ traps: [Int], _ entries: [Int]) -> MonitorReport {
      var records = [TraceRecord(.emulate), TraceRecord(.trap, code: 8), TraceRecord(.trap, code: 2)]
      for level in [0, 1] {
        records += Array(repeating: entry(level), count: entries[level])
        records += Array(
          repeating: TraceRecord(.exit, cpu: UInt16(level), code: 2, clock: 5), count: traps[level])
      }
      return report(records)
    }
    #expect(judge.complaint(about: run([3, 3], [20, 20])) == nil)
    #expect(judge.complaint(about: run([4, 4], [22, 20])) == nil)
    #expect(judge.complaint(about: run([3, 3], [23, 20])) != nil)
    #expect(judge.complaint(about: run([5, 3], [20, 20])) != nil)
    #expect(judge.complaint(about: run([0, 3], [20, 20])) != nil)
  }

  @Test func probesMustFindNothing() throws {
    let judge = try judge { $0.probe = true }
    #expect(judge.complaint(about: report([TraceRecord(.host, code: 2, value: 0)])) == nil)
    #expect(judge.complaint(about: report([TraceRecord(.host, code: 2, value: 1)])) != nil)
    #expect(judge.complaint(about: report([], outside: 1)) != nil)
  }

  /// The trace of the right run with another header, another end or nothing at all is worth nothing.
  @Test func onlyTheWholeTraceCounts() throws {
    let judge = try judge()
    let folder = try TemporaryFolder()
    let file = folder.url.appendingPathComponent("trace").path
    func write(_ level: TraceLevel, facts: Bool) throws {
      let engine = try judge.workload.makeEngine(.emulator)
      guard case .toy(let image, _, _) = judge.workload.machine else { return }
      let header = FinalState.header(
        for: engine, level: level, program: "exercise",
        programDigest: Digest.of(image.encode(includeText: false)), configurationDigest: 0)
      let bytes = TraceBytesOutput()
      let writer = try TraceWriter(header, as: .binary, to: bytes)
      let recorder = writer.makeRecorder()
      let stop = try engine.run(RunLimits(instructions: 1000), into: recorder)
      if facts { recorder.append(TraceRecord(.host, code: 3, value: engine.platform.memory.digest)) }
      FinalState.append(stop, of: engine, to: recorder)
      recorder.flush()
      try writer.finish()
      try Data(bytes.bytes).write(to: URL(fileURLWithPath: file))
    }
    func complaint(_ end: ProcessEnd = .exited(0)) throws -> String? {
      try judge.complaint(about: file, ended: end, errors: "")
    }
    #expect(try complaint()?.contains("no trace") == true)
    try write(.instructions, facts: true)
    #expect(try complaint() == nil)
    #expect(try complaint(.exited(3)) != nil)
    try write(.instructions, facts: false)
    #expect(try complaint() != nil)
    try write(.events, facts: true)
    #expect(try complaint()?.contains("not one of this exercise") == true)
    let data = try Data(contentsOf: URL(fileURLWithPath: file))
    try data.prefix(data.count / 2).write(to: URL(fileURLWithPath: file))
    #expect(try complaint() != nil)
  }
}
