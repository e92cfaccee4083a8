import MachineCore
import Properties
import Trace
import X86Backend

/// Reads damaged traces and logs the way the commands do: whatever they hold, there is an error with words or an end.
///
/// Kinds of damage come in turn. A case depends on the seed and its number only.
final class TraceFuzzer {
  /// What reading one kind came to.
  struct Tally: Sendable {
    var cases: UInt64 = 0
    /// Traces that were read to their ends.
    var whole: UInt64 = 0
    /// Exports that were written to their ends.
    var exports: UInt64 = 0
    /// Comparisons with a verdict.
    var verdicts: [String: UInt64] = [:]
    /// Errors that differ in more than numbers.
    var errors: Set<String> = []
    var slowest: (index: UInt64, seconds: Double) = (0, 0)

    mutating func add(_ other: Tally) {
      cases += other.cases
      whole += other.whole
      exports += other.exports
      verdicts.merge(other.verdicts, uniquingKeysWith: +)
      errors.formUnion(other.errors)
      if other.slowest.seconds > slowest.seconds { slowest = other.slowest }
    }
  }

  struct Report: Sendable {
    var tallies: [TraceDamage: Tally] = [:]
    /// What must not be: errors without words or of a wrong kind.
    var failures: [String] = []
  }

  private let seed: UInt64
  private let traces: [TraceLog]
  private let logs: [(format: any TraceImport.Type, bytes: [UInt8], header: TraceHeader, start: UInt64)]
  private(set) var report = Report()
  /// Of the case that is run.
  private var tally = Tally()

  /// A fuzzer with whole traces of several machines.
  init(seed: UInt64) throws {
    self.seed = seed
    traces = [
      try Self.trace("hello", .emulator, .instructions), try Self.trace("minos", .virtualizer, .instructions),
      try Self.trace("minos", .virtualizer, .events), try Self.trace("real16", .emulator, .instructions),
      try Self.trace("long64", .simulator, .instructions), try Self.trace("fib", .emulator, .final),
    ]
    let workload = try loadWorkload("protected32", ParsedArguments())
    let start: UInt64 = 0x10_0000
    logs = try TraceImports.all.map { format in
      var options = ImportOptions(start: start)
      options.registers = ExecLogImport.nameable
      return (
        format, Array((format == ExecLogImport.self ? TraceFuzzLogs.execlog : TraceFuzzLogs.states).utf8),
        try importHeader(workload, format, options), start
      )
    }
  }

  private static func trace(_ name: String, _ kind: EngineKind, _ level: TraceLevel) throws -> TraceLog {
    let workload = try loadWorkload(name, ParsedArguments())
    let engine = try workload.makeEngine(kind)
    let output = TraceBytesOutput()
    let writer = try TraceWriter(workload.header(for: engine, level: level), as: .binary, to: output)
    let recorder = writer.makeRecorder()
    let stop = try engine.run(RunLimits(instructions: level == .instructions ? 60 : 2000), into: recorder)
    FinalState.append(stop, of: engine, to: recorder)
    recorder.flush()
    try writer.finish()
    return try TraceReader(TraceBytesInput(output.bytes)).readAll()
  }

  /// Reads the case with this number.
  func run(_ index: UInt64) {
    let damage = TraceDamage.allCases[Int(index % UInt64(TraceDamage.allCases.count))]
    var mixer = SplitMix(state: seed &+ index &* 0xA076_1D64_78BD_642F)
    var random = SplitMix(state: mixer.next())
    tally = Tally()
    tally.cases = 1
    let start = ContinuousClock.now
    if damage == .log {
      readLog(index, &random)
    } else {
      let log = random.pick(traces)
      read(damage.apply(to: log, &random), log, index, &random)
    }
    tally.slowest = (index, start.duration(to: .now).seconds)
    report.tallies[damage, default: Tally()].add(tally)
  }

  private func readLog(_ index: UInt64, _ random: inout SplitMix) {
    let (format, bytes, header, start) = random.pick(logs)
    let damaged =
      random.chance(50)
      ? FileMutation.apply(to: bytes, head: 0, isText: random.chance(50), &random)
      : TraceDamage.damagedLines(bytes, &random)
    var options = ImportOptions(start: start)
    options.acceptsCut = random.chance(50)
    options.registers = ExecLogImport.nameable
    let output = TraceBytesOutput()
    let step = 1 + random.below(5000)
    attempt(index) {
      _ = try importTrace(
        ImportedLog(TraceBytesInput(damaged, name: "damaged", step: step)), as: format, options,
        header: header,
        random.chance(50) ? .json : .binary, to: output)
      // What was imported is a trace.
      read(output.bytes, TraceLog(header: header), index, &random)
    }
  }

  /// Reads a trace in all ways that there are.
  private func read(
    _ bytes: [UInt8], _ original: TraceLog, _ index: UInt64, _ random: inout SplitMix
  ) {
    let step = 1 + random.below(5000)
    func reader() throws(TraceError) -> TraceReader {
      try TraceReader(TraceBytesInput(bytes, name: "damaged", step: step))
    }
    attempt(index) {
      _ = try reader().readAll()
      tally.whole += 1
    }
    for format in TraceExports.all {
      attempt(index) {
        var size = 0
        let input = try reader()
        let traces = [
          (
            input,
            ExportedTrace(
              header: input.header, disassemble: disassembler(for: input.header, nil), locate: { _ in nil })
          )
        ]
        try export(traces, as: format, to: ExportOutput { size += $0.count })
        // A trace without instructions has no line of Spike's.
        if size == 0, format != SpikeExport.self { throw TraceError(.misuse, "an empty export") }
        tally.exports += 1
      }
    }
    var policy = ComparisonPolicy()
    (policy.guestEventsOnly, policy.acceptsPrefix) = (random.chance(50), random.chance(50))
    (policy.ignoreModes, policy.ignoreClock) = (random.chance(20), random.chance(20))
    if random.chance(50) { policy.undefinedBits = X86Comparison.undefinedBits }
    policy.contextEvents = random.below(8)
    policy.registerMasks = [
      RegisterMask(register: UInt32(random.below(20)), bits: random.next(), reason: "any")
    ]
    for other in [nil, original] {
      attempt(index) {
        let left = try reader()
        let right: any TraceSource = try other.map { TraceLogSource($0) } ?? reader()
        let result = try TraceComparator.compare(left, right, policy: policy)
        tally.verdicts[result.verdict.name, default: 0] += 1
        let renderer = divergenceRenderer(left.header, right.header, nil)
        _ = try jsonText(DiffOutput(result, left.header, right.header, renderer))
        guard case .divergent(let divergence) = result.verdict else { return }
        if other == nil { throw TraceError(.misuse, "a trace is not equal to itself") }
        _ = renderer.unified(divergence)
        _ = renderer.sideBySide(divergence, width: 160)
      }
    }
  }

  /// Anything but a ``TraceError`` with words is a failure.
  private func attempt(_ index: UInt64, _ body: () throws -> Void) {
    do {
      try body()
    } catch let error as TraceError
      where !error.message.isEmpty && error.reason != .misuse && error.reason != .system
    {
      tally.errors.insert(String(error.message.filter { !$0.isHexDigit }.prefix(40)))
    } catch {
      report.failures.append("case \(index): \(error)")
    }
  }
}

/// Whole logs of QEMU's, made up.
enum TraceFuzzLogs {
  static let states: String = (0..<20).map { number -> String in
    let pc = String(0x10_0000 + number, radix: 16)
    return """
      ----------------
      IN:
      0x00\(pc):  \(number % 5 == 4 ? "f3 aa" : "90")          text

      Trace 0: 0x7f00 [0000000000000000/0000000000\(pc)/000000b0/ff000201]
      EAX=0000000\(number % 7) EBX=00000000 ECX=0000000\(number % 3) EDX=00000000
      ESI=00000000 EDI=00000000 EBP=00000000 ESP=00080000
      EIP=00\(pc) EFL=00000046 [---Z-P-] CPL=\(number % 4) II=0 A20=1 SMM=0 HLT=0
      ES =0010 00000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
      CS =0008 00000000 ffffffff 00cf9b00 DPL=0 CS32 [-RA]
      SS =0010 00000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
      DS =0010 00000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
      FS =0010 00000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
      GS =0010 00000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
      LDT=0000 00000000 0000ffff 00008200 DPL=0 LDT
      TR =0030 00000600 00000067 00008b00 DPL=0 TSS32-busy
      GDT=     00000500 0000003f
      IDT=     00000000 00000000
      CR0=00000011 CR2=00000000 CR3=00000000 CR4=00000000
      DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000
      DR6=00000000ffff0ff0 DR7=0000000000000400
      CCS=00000000 CCD=00000000 CCO=EFLAGS
      EFER=0000000000000000
      \(number % 6 == 5 ? "     0: v=0e e=0004 i=0 cpl=3 IP=0008:000000000010\(pc.suffix(4)) pc=0 SP=0010:00 CR2=0000000000001234\n" : "")
      """
  }.joined()

  static let execlog: String = (0..<30).map { number in
    let pc = String(0x10_0000 + number / 2, radix: 16)
    return """
      0, 0x\(pc), 0x\(number % 4 < 2 ? "aaf3" : "90"), "text \\"a\\" (%eax, %ecx)"\(number % 3 == 0 ? ", store, 0x00001000, RAM" : "")\(number % 5 == 0 ? ", rax -> 0x000000000000000\(number % 8), eflags -> 0x00000002" : "")
      \(number % 6 == 5 ? "Servicing hardware INT=0x20\n     0: v=20 e=0000 i=0 cpl=0 IP=0008:0000000000\(pc) pc=0 SP=0010:00 env->regs[R_EAX]=0\n" : "")
      """
  }.joined()
}
