import Debugger
import Foundation
import MachineCore
import Properties
import ToyISA
import X86Backend

let runCommand = CommandSpecification(
  name: "run", summary: "Run a program on one machine.", arguments: [optionalProgramArgument],
  options: [
    onOption, depthOption, vmmOption, limitOption, hostSecondsOption,
    OptionSpecification("--until", "POINT", StopPoint.help, repeats: true),
    OptionSpecification("--then", "ENGINE", "hand the run on to another engine at --until"),
    gdbOption, waitOption,
    OptionSpecification("--dump", "START:LENGTH", "show guest-physical memory at the end", repeats: true),
    OptionSpecification("--expect", "REG=VALUE", "exit 1 unless the register ends so", repeats: true),
    OptionSpecification("--propagate", "exit with the status that the guest gave"),
    OptionSpecification("--quiet", short: "-q", "no summary line"), jsonOption,
    OptionSpecification(
      "--port-log", "PORT=FILE", "keep the bytes written to a port of an x86 machine", repeats: true),
    OptionSpecification("--screen", "show a full PC's text screen at the end"),
    OptionSpecification("--dirty", "list the pages of storage written to, from KVM's dirty log"),
    OptionSpecification("--write-back", "write a full PC's changed disk back to its file"),
  ] + machineOptions,
  examples: [
    "triad run hello", "triad run minos --on virtualizer --depth 2", "triad run crc32 --on simulator --json",
    "triad run minos --on virtualizer --until 20000 --then simulator",
    "triad run --rom /usr/share/seabios/bios.bin --memory 32M --screen",
  ],
  run: { arguments, terminal in
    let workload = try loadWorkload(arguments)
    let engine = try makeEngine(workload, arguments)
    return try finish(workload, engine, arguments, terminal)
  })

/// Runs an engine to the end that the options ask for, and shows what came of it.
func finish(
  _ workload: Workload, _ first: any Engine, _ arguments: ParsedArguments, _ terminal: Terminal
) throws -> ExitStatus {
  var engine = first
  var limits = try runLimits(workload, engine, arguments, terminal)
  let dumps = try arguments.all("--dump").map(parseRange)
  let expectations = try arguments.all("--expect").map { try parseExpectation($0, engine) }
  let wantsJSON = arguments.has("--json")
  let isQuiet = wantsJSON || arguments.has("--quiet")
  let console = ConsoleStream(terminal)
  if !wantsJSON { engine.platform.consoleObserver = { console.put($0) } }

  try adjust(engine, arguments)
  let point = try StopPoint(arguments.all("--until"), workload)
  let start = ContinuousClock.now
  var stop: StopReason?
  var isKilled = false
  if let server = try gdbServer(arguments, terminal, isQuiet: isQuiet) {
    let session = DebugSession(workload, engine)
    if !wantsJSON { session.console = { console.put($0) } }
    stop = try serve(session, server, arguments, terminal, isQuiet: isQuiet)
    isKilled = stop == nil
    engine = session.engine
  } else if let kind = try arguments.choice("--then", of: EngineKind.self, named: \.rawValue) {
    guard let target = try point?.single() else {
      throw CommandFailure.usage("--then needs --until: where the run is to be handed on")
    }
    let handOff = HandOff(workload, depth: try parseDepth(arguments), limits: limits)
    stop = try refusing { try handOff.run(engine, to: target) }
    if stop == nil {
      engine = try refusing { try handOff.transfer(engine, to: kind) }
      if !wantsJSON { engine.platform.consoleObserver = { console.put($0) } }
      let pc = engine.state.registers[Int(engine.instructionSet.system.programCounter)]
      if !isQuiet {
        terminal.note("[handed from \(first.kind.rawValue) to \(kind.rawValue) at \(hex(pc))]")
      }
      limits = try runLimits(workload, engine, arguments, terminal)
      stop = try refusing { try engine.run(limits, into: nil) }
    }
  } else if case .point(let target) = point {
    let handOff = HandOff(workload, depth: try parseDepth(arguments), limits: limits)
    stop = try refusing { try handOff.run(engine, to: target) }
  } else {
    if case .places(let places) = point { limits.until = places }
    // Engines do not look at the first instruction of a run, so that a stopped one can go on; here it counts.
    let pc = engine.state.registers[Int(engine.instructionSet.system.programCounter)]
    stop =
      limits.until.contains(pc) ? .breakpoint(pc: pc) : try refusing { try engine.run(limits, into: nil) }
  }
  let seconds = start.duration(to: .now).seconds
  // A point that is no address was reached.
  let reached = StopReason.breakpoint(
    pc: engine.state.registers[Int(engine.instructionSet.system.programCounter)])

  if !wantsJSON { console.flush() }
  try finishPC(engine.platform, arguments, terminal)
  if wantsJSON {
    terminal.line(try jsonText(RunOutput(workload, engine, stop ?? reached, seconds, dumps)))
  } else {
    for dump in dumps { terminal.line(try hexDump(engine.platform.memory, dump)) }
    if let pages = X86Virtualizer.writtenPages(engine) { writePages(pages, terminal) }
    if isKilled, !isQuiet { terminal.note("[ended by gdb]") }
    if !isQuiet { terminal.note(summary(workload, engine, stop ?? reached)) }
  }
  let wrong = expectations.filter { engine.state.registers[$0.register] != $0.value }
  for expectation in wrong {
    terminal.note(
      "expected \(expectation.name) = \(hex(expectation.value)), found \(hex(engine.state.registers[expectation.register]))"
    )
  }
  if !wrong.isEmpty { return .failure }
  return exitStatus(stop ?? reached, propagate: arguments.has("--propagate"))
}

/// How the engine keeps time, and what it keeps of the run.
private func adjust(_ engine: any Engine, _ arguments: ParsedArguments) throws {
  let isHandedOn = arguments.value("--then") != nil
  switch arguments.value("--time") {
  case nil, "instructions", "shared": break
  case "free":
    if isHandedOn {
      throw CommandFailure.usage("--time free does not go with --then: two kinds of time do not mix")
    }
    try refusing { try X86Virtualizer.runFreely(engine) }
  case let other?:
    throw CommandFailure.usage("--time takes instructions, shared or free, not `\(other)`")
  }
  guard arguments.has("--dirty") else { return }
  if isHandedOn { throw CommandFailure.usage("--dirty does not go with --then: one log, one engine") }
  try refusing { try X86Virtualizer.logWrites(engine) }
}

/// Page numbers as ranges of addresses, a line each.
private func writePages(_ pages: [UInt64], _ terminal: Terminal) {
  terminal.line("\(grouped(UInt64(pages.count))) pages written to")
  for range in ranges(pages) {
    let end = (range.upperBound + 1) << 12
    terminal.line(
      "  \(hex(range.lowerBound << 12))..<\(hex(end))  \(range.count == 1 ? "1 page" : "\(range.count) pages")"
    )
  }
}

/// Runs of numbers in an ascending list.
private func ranges(_ numbers: [UInt64]) -> [ClosedRange<UInt64>] {
  var result: [ClosedRange<UInt64>] = []
  for number in numbers {
    if let last = result.last, last.upperBound + 1 == number {
      result[result.count - 1] = last.lowerBound...number
    } else {
      result.append(number...number)
    }
  }
  return result
}

/// The limits that the options ask for, with a note where the engine cannot keep them.
func runLimits(
  _ workload: Workload, _ engine: any Engine, _ arguments: ParsedArguments, _ terminal: Terminal
) throws -> RunLimits {
  let instructions = try arguments.number("--max-instructions")
  let seconds = try arguments.number("--host-seconds") ?? 60
  guard (1...86_400).contains(seconds) else { throw CommandFailure.usage("--host-seconds takes 1 to 86400") }
  if instructions != nil, !engine.capabilities.countsInstructions {
    terminal.note(
      "note: \(engine.flavour) cannot count instructions; the run is bounded by --host-seconds \(seconds) instead"
    )
  }
  return RunLimits(
    instructions: instructions ?? workload.instructionLimit, hostSeconds: Double(seconds))
}

extension StopReason {
  /// The reason in a line, with the instruction set's name for a cause.
  func text(_ isa: any InstructionSet) -> String {
    if case .checkStop(let cause, let pc) = self, Int(cause) < isa.causes.count,
      !isa.causes[Int(cause)].isEmpty
    {
      return "check stop at \(hex(pc)): the trap `\(isa.causes[Int(cause)])` could not be delivered"
    }
    return description
  }
}

/// The exit status that a run's end stands for.
func exitStatus(_ stop: StopReason, propagate: Bool = false) -> ExitStatus {
  switch stop {
  case .powerOff(let status): propagate ? ExitStatus(rawValue: Int32(status & 0xFF)) : .success
  case .idle, .breakpoint: .success
  case .limit, .hostTimeLimit: .limitReached
  case .checkStop, .unsupported, .hostFailure: .guestFault
  case .recorderFailed: .badInput
  }
}

private func summary(_ workload: Workload, _ engine: any Engine, _ stop: StopReason) -> String {
  let statistics = engine.statistics
  var text =
    "[\(workload.name) on \(engine.kind.rawValue) (\(engine.flavour)): \(stop.text(engine.instructionSet))"
  if engine.capabilities.countsInstructions { text += "; \(grouped(engine.platform.retired)) instructions" }
  if statistics.exitCount > 0 { text += "; \(grouped(statistics.exitCount)) exits" }
  return text + "]"
}

private struct Expectation {
  var name: String
  var register: Int
  var value: UInt64
}

private func parseExpectation(_ text: String, _ engine: any Engine) throws -> Expectation {
  let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
  let registers = engine.instructionSet.registers
  guard parts.count == 2, let value = parseNumber(parts[1]) else {
    throw CommandFailure.usage("--expect takes REGISTER=VALUE, not `\(text)`")
  }
  let alias = engine.instructionSet.name == "toy" ? ToyRegister.aliases.first { $0.name == parts[0] } : nil
  guard let register = alias?.number ?? registers.firstIndex(where: { $0.name == parts[0] }) else {
    throw CommandFailure.usage(
      "--expect: there is no register `\(parts[0])`" + suggestion(parts[0], registers.map(\.name)))
  }
  return Expectation(name: parts[0], register: register, value: value)
}

private func parseRange(_ text: String) throws -> Range<Int> {
  let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
  guard parts.count == 2, let start = parseNumber(parts[0]), let length = parseNumber(parts[1]), length > 0,
    start <= 1 << 40, length <= 1 << 24
  else {
    throw CommandFailure.usage("--dump takes START:LENGTH in bytes (LENGTH at most 16 MiB), not `\(text)`")
  }
  return Int(start)..<Int(start + length)
}

/// Console bytes go to standard output as they are, line by line.
private final class ConsoleStream {
  private let terminal: Terminal
  private var pending: [UInt8] = []

  init(_ terminal: Terminal) { self.terminal = terminal }

  func put(_ byte: UInt8) {
    pending.append(byte)
    if byte == 0x0A || pending.count >= 4096 { flush() }
  }

  func flush() {
    guard !pending.isEmpty else { return }
    terminal.outputBytes(pending)
    pending.removeAll(keepingCapacity: true)
  }
}

/// Sixteen bytes a line, with printable characters beside them.
func hexDump(_ memory: GuestMemory, _ range: Range<Int>) throws -> String {
  let bytes = try memory.read(range)
  return stride(from: 0, to: bytes.count, by: 16).map { offset in
    let row = bytes[offset..<min(offset + 16, bytes.count)]
    let digits = row.map { String(hex(UInt64($0), digits: 2).dropFirst(2)) }.joined(separator: " ")
    let text = row.map { (0x20..<0x7F).contains($0) ? String(UnicodeScalar($0)) : "." }.joined()
    return "\(hex(UInt64(range.lowerBound + offset), digits: 8))  \(digits.padding(to: 47))  \(text)"
  }.joined(separator: "\n")
}

extension Duration {
  /// The duration in seconds.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}

/// What `triad run --json` prints.
private struct RunOutput: Encodable {
  var program: String
  var isa: String
  var variant: String
  var engine: String
  var flavour: String
  var stop: StopOutput
  var console: String
  var consoleBytes: String
  var registers: [String: String]
  var statistics: StatisticsOutput
  var memoryDigest: String
  var memory: [String: String]
  var writtenPages: [UInt64]?
  var kernelCounters: [String: UInt64]?
  var hostSeconds: Double

  init(
    _ workload: Workload, _ engine: any Engine, _ stop: StopReason, _ seconds: Double, _ dumps: [Range<Int>]
  )
    throws
  {
    program = workload.name
    isa = workload.isa
    variant = workload.variant
    self.engine = engine.kind.rawValue
    flavour = engine.flavour
    self.stop = StopOutput(stop)
    console = String(decoding: engine.platform.console, as: UTF8.self)
    consoleBytes = hexString(engine.platform.console)
    let state = engine.state
    registers = Dictionary(
      uniqueKeysWithValues: zip(engine.instructionSet.registers.map(\.name), state.registers.map { hex($0) }))
    statistics = StatisticsOutput(engine.statistics)
    memoryDigest = hex(engine.platform.memory.digest, digits: 16)
    memory = try Dictionary(
      dumps.map {
        ("\(hex(UInt64($0.lowerBound))):\($0.count)", hexString(try engine.platform.memory.read($0)))
      }, uniquingKeysWith: { first, _ in first })
    writtenPages = X86Virtualizer.writtenPages(engine)
    kernelCounters = X86Virtualizer.kernelCounters(engine)
    hostSeconds = seconds
  }
}
