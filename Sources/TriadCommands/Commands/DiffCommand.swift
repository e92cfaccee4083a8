import MachineCore
import Properties
import ToyISA
import Trace
import X86Backend

let diffCommand = CommandSpecification(
  name: "diff", summary: "Compare two traces; exit 0 same, 1 different, 2 trouble.",
  arguments: [
    ArgumentSpecification(name: "A", help: "trace file", count: 1...1),
    ArgumentSpecification(name: "B", help: "trace file", count: 1...1),
  ],
  options: [
    OptionSpecification("--context", "N", "events shown around the divergence (default 5)"),
    OptionSpecification("--level", "LEVEL", "compare no more than final, events or instructions"),
    OptionSpecification("--ignore", "WHAT", "clock, modes, memory, or a register's name", repeats: true),
    OptionSpecification("--vmm", "compare what the VMM did, too"),
    OptionSpecification("--prefix", "accept that one trace ends earlier"),
    OptionSpecification("--unified", "one column, as diff -u, instead of two"),
    OptionSpecification(
      "--program", "PROGRAM",
      "the program, for symbols and source lines (default: the built-in one of that name)"),
    jsonOption,
  ],
  examples: ["triad diff a.jsonl b.bin", "triad diff a.bin b.bin --ignore clock --context 3"],
  run: { arguments, terminal in
    do {
      let left = try TraceReader(TraceFileInput(path: arguments.positional[0]))
      let right = try TraceReader(TraceFileInput(path: arguments.positional[1]))
      let result = try TraceComparator.compare(
        left, right, policy: try diffPolicy(arguments, left.header, right.header))
      let workload = try? loadWorkload(arguments.value("--program") ?? left.header.program, ParsedArguments())
      let known = workload.flatMap { $0.programDigest == left.header.programDigest ? $0 : nil }
      if arguments.has("--json") {
        terminal.line(
          try jsonText(
            DiffOutput(
              result, left.header, right.header, divergenceRenderer(left.header, right.header, known))))
      } else {
        try show(result, left.header, right.header, known, arguments, terminal)
      }
      return ExitStatus(rawValue: result.verdict.exitStatus)
    } catch let error as TraceError {
      // diff(1) gives 2 for trouble, whatever its kind.
      throw CommandFailure(status: .usage, message: error.description)
    }
  })

private func diffPolicy(
  _ arguments: ParsedArguments, _ left: TraceHeader, _ right: TraceHeader
) throws -> ComparisonPolicy {
  let registers = left.registers
  // A trace of a real processor is compared as `triad compare` does it.
  let isHardware =
    left.isa == "x86" && [left, right].contains { $0.engine == EngineKind.virtualizer.rawValue }
  let isImported = left.isa == "x86" && (left.isImported || right.isImported)
  var policy = isHardware ? X86Comparison.policy(withHardware: HostDeviations.measured) : ComparisonPolicy()
  // Another program's idea of flags that the manual leaves undefined is as good as ours.
  if isImported {
    policy.undefinedBits = QEMUDifferences.undefinedBits
    policy.registerMasks += QEMUDifferences.masks
  }
  policy.guestEventsOnly = !arguments.has("--vmm")
  policy.acceptsPrefix = arguments.has("--prefix")
  policy.contextEvents = Int(clamping: try arguments.number("--context") ?? 5)
  if let level = try arguments.choice("--level", of: TraceLevel.self, named: \.name) { policy.level = level }
  for word in arguments.all("--ignore") {
    switch word {
    case "clock": policy.ignoreClock = true
    case "modes": policy.ignoreModes = true
    case "memory": policy.ignoreMemoryEffects = true
    default:
      guard let number = registers.firstIndex(of: word) else {
        throw CommandFailure.usage(
          "--ignore takes clock, modes, memory or a register, not `\(word)`"
            + suggestion(word, ["clock", "modes", "memory"] + registers))
      }
      policy.registerMasks.append(
        RegisterMask(register: UInt32(number), reason: "\(word) is ignored as asked"))
    }
  }
  return policy
}

private func show(
  _ result: ComparisonResult, _ left: TraceHeader, _ right: TraceHeader, _ known: Workload?,
  _ arguments: ParsedArguments,
  _ terminal: Terminal
) throws {
  let names = "\(arguments.positional[0]) and \(arguments.positional[1])"
  switch result.verdict {
  case .equal: terminal.line("equal: \(names), \(grouped(result.events)) events")
  case .equalExcept(let exceptions):
    terminal.line("equal except: \(names), \(grouped(result.events)) events")
    for exception in exceptions {
      terminal.line("  \(exception.reason): \(exception.count)×, first at event \(exception.firstEvent)")
    }
  case .notComparable(let reason): terminal.note("not comparable: \(reason)")
  case .divergent(let divergence):
    terminal.line(terminal.styled("divergent at event \(divergence.index)", .red))
    let renderer = divergenceRenderer(left, right, known)
    terminal.output(
      arguments.has("--unified") ? renderer.unified(divergence) : renderer.sideBySide(divergence, width: 160))
  }
  for note in result.notes { terminal.line("note: " + note) }
}

/// Renders a divergence between two traces of a workload, or of one that is not known.
func divergenceRenderer(_ left: TraceHeader, _ right: TraceHeader, _ workload: Workload?)
  -> DivergenceRenderer
{
  DivergenceRenderer(
    left: left, right: right, disassemble: disassembler(for: left, workload),
    locate: { workload?.location(of: $0) })
}

/// Instructions to text, by the header's instruction set.
func disassembler(for header: TraceHeader, _ workload: Workload?) -> (TraceRecord) -> String? {
  if header.isa == "toy" {
    return {
      ToyDisassembler.text(
        of: UInt32(truncatingIfNeeded: $0.bytes.low), at: UInt32(truncatingIfNeeded: $0.pc))
    }
  }
  // A record does not say how its bytes were read: as the program's start mode says, and where the
  // length does not fit, as another.
  var contexts: [X86DecodeContext] = [.long64, .flat32, .real16]
  if case .x86(let machine) = workload?.machine {
    contexts.insert(X86DecodeContext(machine.mode), at: 0)
  }
  let isa = X86InstructionSet(model: X86CPUModel(rawValue: header.variant) ?? .modern)
  return { record in
    let fitting = contexts.first { isa.length(of: record.bytes, context: $0) == record.bytes.count }
    return isa.disassemble(record.bytes, pc: record.pc, context: (fitting ?? .long64).rawValue)
  }
}

/// What `triad diff --json` prints.
struct DiffOutput: Encodable {
  struct Difference: Encodable {
    var event: UInt64
    var field: String
    var left: String?
    var right: String?
    var leftPC: String?
    var rightPC: String?
    var leftClock: UInt64?
    var rightClock: UInt64?
    var leftInstruction: String?
    var rightInstruction: String?
    var context: [Side]
    var leftLastWriter: Writer?
    var rightLastWriter: Writer?
  }

  /// One event of the context, as text.
  struct Side: Encodable {
    var event: UInt64
    var left: String?
    var right: String?
  }

  struct Writer: Encodable {
    var event: UInt64
    var pc: String
    var clock: UInt64

    init(_ writer: LastWriter) {
      event = writer.event
      pc = hex(writer.pc)
      clock = writer.clock
    }
  }

  struct Exception: Encodable {
    var reason: String
    var count: UInt64
    var firstEvent: UInt64
  }

  var verdict: String
  var reason: String?
  var events: UInt64
  var notes: [String]
  var exceptions: [Exception] = []
  var divergence: Difference?

  init(
    _ result: ComparisonResult, _ header: TraceHeader, _ rightHeader: TraceHeader,
    _ renderer: DivergenceRenderer
  ) {
    verdict = result.verdict.name
    events = result.events
    notes = result.notes
    switch result.verdict {
    case .notComparable(let why): reason = why
    case .equalExcept(let list):
      exceptions = list.map { Exception(reason: $0.reason, count: $0.count, firstEvent: $0.firstEvent) }
    case .divergent(let found):
      divergence = Difference(
        event: found.index, field: found.fieldName, left: found.difference.left.map { hex($0) },
        right: found.difference.right.map { hex($0) }, leftPC: found.left.map { hex($0.head.pc) },
        rightPC: found.right.map { hex($0.head.pc) }, leftClock: found.left?.head.clock,
        rightClock: found.right?.head.clock,
        leftInstruction: found.left.map { hexString($0.head.bytes.array) },
        rightInstruction: found.right.map { hexString($0.head.bytes.array) },
        context: Self.context(found, renderer, header, rightHeader),
        leftLastWriter: found.leftWriter.map(Writer.init),
        rightLastWriter: found.rightWriter.map(Writer.init))
    case .equal: break
    }
  }

  /// The events around the divergence on both sides, the diverging ones in the middle.
  private static func context(
    _ found: Divergence, _ renderer: DivergenceRenderer, _ left: TraceHeader, _ right: TraceHeader
  ) -> [Side] {
    let lefts = found.leftBefore + [found.left].compactMap { $0 } + found.leftAfter
    let rights = found.rightBefore + [found.right].compactMap { $0 } + found.rightAfter
    let indices = Set(lefts.map(\.index) + rights.map(\.index)).sorted()
    return indices.map { index in
      Side(
        event: index, left: lefts.first { $0.index == index }.map { renderer.line($0, left) },
        right: rights.first { $0.index == index }.map { renderer.line($0, right) })
    }
  }
}
