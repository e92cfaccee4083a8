import MachineCore
import Properties
import X86Backend

let nanoCommand = CommandSpecification(
  name: "nano",
  summary: "Count and time one operation of the processor on every engine (the seven nanobenchmarks).",
  arguments: [
    ArgumentSpecification(
      name: "OPERATION",
      help: X86NanoOperation.allCases.map { "\($0)" }.joined(separator: ", ") + " (default all)", count: 0...7
    )
  ],
  options: [
    OptionSpecification("--isa", "ISA", "only toy or only x86 (default both)"),
    OptionSpecification("--rounds", "N", "pairs of timed runs, of which the shortest count (default 3)"),
    OptionSpecification(
      "--count", "N", "count whole runs of N operations, beginning and end included, and time nothing"),
    jsonOption,
  ],
  examples: [
    "triad nano", "triad nano syscall pgfault --isa x86", "triad nano --json",
    "triad nano syscall --isa toy --count 137",
  ],
  run: { arguments, terminal in
    let rounds = Int(clamping: try arguments.number("--rounds") ?? 3)
    guard (1...1000).contains(rounds) else { throw CommandFailure.usage("--rounds takes 1 to 1000") }
    let isa = arguments.value("--isa") ?? ""
    guard ["", "toy", "x86"].contains(isa) else { throw CommandFailure.usage("--isa takes toy or x86") }
    var operations = try arguments.positional.map { name in
      try parseChoice(name, "OPERATION", of: X86NanoOperation.self) { "\($0)" }
    }
    if operations.isEmpty { operations = X86NanoOperation.allCases }
    let count = try arguments.number("--count").map { Int(clamping: $0) }
    if let count {
      guard (1...1_000_000).contains(count) else {
        throw CommandFailure.usage("--count takes 1 to 1000000")
      }
      if arguments.has("--rounds") {
        throw CommandFailure.usage("--count times nothing, so --rounds means nothing")
      }
    }
    #if DEBUG
      if count == nil {
        terminal.note(
          "warning: this is a debug build; its times mean little. Use `swift run -c release triad nano`.")
      }
    #endif
    var report = NanoReport(isWhole: count != nil)
    for isa in ["toy", "x86"] where arguments.value("--isa") ?? isa == isa {
      for operation in operations {
        for kind in EngineKind.allCases {
          terminal.progress("nano: \(isa) \(operation) on the \(kind.rawValue)")
          do {
            report.rows.append(
              NanoRow(
                try count.map { try NanoBench.wholeRun(operation, isa: isa, on: kind, count: $0) }
                  ?? NanoBench.run(operation, isa: isa, on: kind, rounds: rounds)))
          } catch let refusal as EngineRefusal where refusal.isHostLack {
            report.notMeasured = "x86 virtualizer: \(refusal.reason)"
          } catch let failure as NanoBench.Failure {
            throw CommandFailure(status: .failure, message: failure.description)
          }
        }
      }
    }
    report.addRatios()
    terminal.progress("")
    if arguments.has("--json") { terminal.line(try jsonText(report)) } else { report.write(to: terminal) }
    return .success
  })

/// An operation on an engine.
private struct NanoRow: Encodable {
  var operation: String
  var isa: String
  var engine: String
  var flavour: String
  /// How many operations the counts are of.
  var operations: Int
  var instructions: Int?
  var traps: [String: Int]?
  var accesses: Int?
  var exits: [String: Int]
  var kernel: [String: Int]
  var nanoseconds: Double?
  /// The time over the emulator's.
  var timesEmulator: Double?

  init(_ result: NanoBench.Result) {
    operation = "\(result.operation)"
    isa = result.isa
    engine = result.engine.rawValue
    flavour = result.flavour
    operations = result.count
    instructions = result.counts.instructions
    traps = result.counts.traps
    accesses = result.counts.accesses
    exits = result.counts.exits
    kernel = result.counts.kernel
    nanoseconds = result.nanoseconds
  }
}

private struct NanoReport: Encodable {
  var rows: [NanoRow] = []
  var notMeasured: String?
  /// The counts are of whole runs, not of operations.
  let isWhole: Bool

  init(isWhole: Bool) { self.isWhole = isWhole }

  private enum CodingKeys: CodingKey { case rows, notMeasured }

  mutating func addRatios() {
    for index in rows.indices {
      let row = rows[index]
      let base = rows.first { $0.isa == row.isa && $0.operation == row.operation && $0.engine == "emulator" }
      guard let time = row.nanoseconds, let emulator = base?.nanoseconds, emulator > 0 else { continue }
      rows[index].timesEmulator = time / emulator
    }
  }

  func write(to terminal: Terminal) {
    var table = TextTable([
      ("isa", .left), ("operation", .left), ("engine", .left), ("instructions", .right), ("traps", .left),
      ("accesses", .right), ("exits", .left), ("kernel", .left), ("ns", .right), ("× emulator", .right),
    ])
    for row in rows {
      func each(_ count: Int?) -> String {
        count.map { perOperation($0, row.operations) } ?? "-"
      }
      table.add([
        row.isa, row.operation, row.engine, each(row.instructions),
        row.traps.map { list($0, row.operations) } ?? "not seen", each(row.accesses),
        row.engine == "virtualizer" ? list(row.exits, row.operations) : "-",
        list(row.kernel.filter { $0.value * 2 >= row.operations }, row.operations),
        row.nanoseconds.map { fixedPoint($0, 0) } ?? "-",
        row.timesEmulator.map { fixedPoint($0, 2) } ?? "-",
      ])
    }
    for line in table.lines() { terminal.line(line) }
    terminal.line()
    terminal.line(
      isWhole
        ? "Counts are for whole runs; the kernel's counters below half the number of operations are left out."
        : "Counts are for one operation; the kernel's counters below one half are left out.")
    if let notMeasured { terminal.line("Not measured: \(notMeasured)") }
  }

  private func list(_ counts: [String: Int], _ operations: Int) -> String {
    let parts = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return parts.isEmpty
      ? "-" : parts.map { "\($0.key) \(perOperation($0.value, operations))" }.joined(separator: ", ")
  }

  private func perOperation(_ count: Int, _ operations: Int) -> String {
    let divisor = isWhole ? 1 : operations
    return count % divisor == 0 ? "\(count / divisor)" : fixedPoint(Double(count) / Double(divisor), 2)
  }
}
