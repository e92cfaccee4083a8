import MachineCore
import Properties
import Testing
import Trace
import X86Backend

/// Header, retire events and final event of a trace say the same of its clock.
@Suite struct TraceClockTests {
  private static func records(_ engine: any Engine, _ workload: Workload, _ level: TraceLevel) throws -> (
    header: TraceHeader, records: [TraceRecord]
  ) {
    let source = EngineRecordSource(
      engine, header: workload.header(for: engine, level: level), limits: RunLimits(instructions: 2000))
    var records: [TraceRecord] = []
    let batch = UnsafeMutableBufferPointer<TraceRecord>.allocate(capacity: 1024)
    defer { batch.deallocate() }
    while true {
      let count = try source.read(into: batch)
      guard count > 0 else { return (source.header, records) }
      records += batch[..<count]
    }
  }

  private static func check(_ kind: EngineKind) throws {
    let workload = try Workload.x86(.real16)
    let (header, records) = try records(try workload.makeEngine(kind), workload, .instructions)
    #expect(header.hasClock)
    let retired = records.filter { $0.kind == EventKind.retire.rawValue }
    #expect(retired.count == 2000)
    #expect(retired.map(\.clock) == Array(1...2000))
    #expect(records.first { $0.kind == EventKind.final.rawValue }?.clock == 2000)
  }

  @Test(arguments: [EngineKind.simulator, .emulator]) func softwareEnginesCount(kind: EngineKind) throws {
    try Self.check(kind)
  }

  #if os(Linux) && arch(x86_64)
    @Test(.enabled(if: KVMProbe.shared.stepping.real16, "this host cannot single-step real mode"))
    func singleStepsAreCounted() throws {
      try Self.check(.virtualizer)
    }

    @Test(.enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"))
    func instructionsThatRanFreelyAreNot() throws {
      let workload = try Workload.x86(.real16)
      let engine = try workload.makeEngine(.virtualizer)
      let (header, records) = try Self.records(engine, workload, .events)
      #expect(!header.hasClock)
      #expect(records.allSatisfy { $0.clock == 0 })
      // What is stepped later does not bring the lost count back.
      #expect(!workload.header(for: engine, level: .instructions).hasClock)
    }
  #endif
}
