import Foundation
import MachineCore
import Properties

let snapshotCommand = CommandSpecification(
  name: "snapshot", summary: "Save a whole machine to a file, look at one, or go on from one.",
  arguments: [
    ArgumentSpecification(name: "ACTION", help: "save, restore or show", count: 1...1),
    ArgumentSpecification(
      name: "WORD",
      help:
        "save: PROGRAM, none with --rom; restore: FILE and, unless built in or with --rom, PROGRAM; show: FILE",
      count: 0...2),
  ],
  options: [
    onOption, depthOption, vmmOption, limitOption, hostSecondsOption,
    OptionSpecification("--until", "POINT", StopPoint.help),
    OptionSpecification("--output", short: "-o", "FILE", "save: where the snapshot goes"),
    OptionSpecification("--quiet", short: "-q", "no summary line"), jsonOption,
    OptionSpecification("--screen", "restore: show a full PC's text screen at the end"),
  ] + machineOptions,
  examples: [
    "triad snapshot save minos --on virtualizer --until 20000 -o minos.snapshot",
    "triad snapshot show minos.snapshot", "triad snapshot restore minos.snapshot --on simulator",
  ],
  run: { arguments, terminal in
    let words = Array(arguments.positional.dropFirst())
    switch arguments.positional[0] {
    case "save": return try save(words, arguments, terminal)
    case "restore": return try restore(words, arguments, terminal)
    case "show": return try show(words, arguments, terminal)
    case let other:
      throw CommandFailure.usage(
        "snapshot takes save, restore or show, not `\(other)`"
          + suggestion(other, ["save", "restore", "show"]))
    }
  })

private func save(_ words: [String], _ arguments: ParsedArguments, _ terminal: Terminal) throws -> ExitStatus
{
  guard words.count == (arguments.values["--rom"] == nil ? 1 : 0) else {
    throw CommandFailure.usage("snapshot save takes one program, or firmware with --rom")
  }
  guard let path = arguments.value("--output") else {
    throw CommandFailure.usage("snapshot save needs -o FILE")
  }
  let workload = try loadWorkload(words, arguments)
  guard let point = try StopPoint(arguments.all("--until"), workload)?.single() else {
    throw CommandFailure.usage("snapshot save needs --until: where the machine is to stop")
  }
  try refuseOverwriting(arguments, with: path)
  let engine = try makeEngine(workload, arguments)
  let limits = try runLimits(workload, engine, arguments, terminal)
  let handOff = HandOff(workload, depth: try parseDepth(arguments), limits: limits)
  if let stop = try refusing({ try handOff.run(engine, to: point) }) {
    terminal.note("no snapshot: the run ended before the point (\(stop.text(engine.instructionSet)))")
    let status = exitStatus(stop)
    return status == .success ? .failure : status
  }
  let snapshot = try refusing { try handOff.snapshot(of: engine) }
  let bytes = snapshot.encoded
  try writeFile(bytes, to: path)
  if !arguments.has("--quiet") {
    terminal.note(
      "[\(workload.name) on \(engine.kind.rawValue): \(grouped(UInt64(bytes.count))) bytes in \(path)]")
  }
  return .success
}

/// The workload of these words, or of `--rom`.
private func loadWorkload(_ words: [String], _ arguments: ParsedArguments) throws -> Workload {
  var inner = arguments
  inner.positional = words
  return try loadWorkload(inner)
}

private func restore(_ words: [String], _ arguments: ParsedArguments, _ terminal: Terminal) throws
  -> ExitStatus
{
  guard let file = words.first else {
    throw CommandFailure.usage("snapshot restore needs the snapshot's file")
  }
  let snapshot = try readSnapshot(file)
  let isFirmware = arguments.values["--rom"] != nil
  let program = words.count > 1 ? words[1] : snapshot.program
  guard words.count > 1 || isFirmware || BuiltIn.names.contains(program) else {
    throw CommandFailure.usage(
      "`\(file)` was taken of `\(program)`, which is not built in: name its file as the second word, or give its --rom"
    )
  }
  var adjusted = arguments
  if snapshot.isa == "toy", arguments.value("--variant") == nil {
    adjusted.values["--variant"] = [snapshot.variant]
  }
  if snapshot.isa == "x86", arguments.value("--cpu") == nil {
    adjusted.values["--cpu"] = [snapshot.variant]
  }
  if arguments.value("--memory") == nil { adjusted.values["--memory"] = [String(snapshot.memorySize)] }
  let workload = try loadWorkload(
    isFirmware ? Array(words.dropFirst()) : [program], adjusted)
  try refusing { try workload.check(snapshot) }
  let engine = try makeEngine(workload, adjusted)
  try refusing { try snapshot.install(into: engine) }
  if !arguments.has("--json") { terminal.outputBytes(snapshot.console) }
  return try finish(workload, engine, adjusted, terminal)
}

private func show(_ words: [String], _ arguments: ParsedArguments, _ terminal: Terminal) throws -> ExitStatus
{
  guard words.count == 1 else { throw CommandFailure.usage("snapshot show takes one file") }
  let snapshot = try readSnapshot(words[0])
  if arguments.has("--json") {
    terminal.line(try jsonText(SnapshotOutput(snapshot)))
    return .success
  }
  terminal.line(
    "\(snapshot.program) (\(snapshot.isa) \(snapshot.variant)), program \(hex(snapshot.programDigest, digits: 16)), machine \(hex(snapshot.configurationDigest, digits: 16))"
  )
  terminal.line(
    "\(grouped(snapshot.retired)) instructions retired, \(grouped(snapshot.idle)) idle, interrupts pending \(hex(UInt64(snapshot.pending)))"
  )
  if let status = snapshot.powerOff { terminal.line("switched off with status \(status)") }
  if snapshot.processor.deliveries > 0 {
    terminal.line("\(snapshot.processor.deliveries) deliveries since an instruction retired")
  }
  terminal.line(
    "storage \(grouped(UInt64(snapshot.memorySize))) bytes, \(grouped(UInt64(snapshot.pages.count))) pages not zero"
  )
  terminal.line("console \(grouped(UInt64(snapshot.console.count))) bytes")
  var table = TextTable([("register", .left), ("value", .right)])
  for (name, value) in zip(snapshot.registerNames, snapshot.processor.registers) where value != 0 {
    table.add([name, hex(value)])
  }
  table.lines().forEach(terminal.line)
  var devices = TextTable([("device", .left), ("bus", .left), ("at", .right), ("state", .left)])
  for device in snapshot.devices {
    devices.add([
      device.name, device.space == 0 ? "port" : "memory", hex(device.start),
      device.state.map { hex($0) }.joined(separator: " ")
        + (device.contents.isEmpty ? "" : " + \(grouped(UInt64(device.contents.count))) bytes"),
    ])
  }
  devices.lines().forEach(terminal.line)
  return .success
}

private func readSnapshot(_ path: String) throws -> MachineSnapshot {
  let bytes = try readFile(path)
  do {
    return try MachineSnapshot(decoding: bytes)
  } catch {
    throw CommandFailure.badInput("`\(path)`: \(error)")
  }
}

/// Turns an engine's refusal into a failure of the command.
func refusing<Value>(_ body: () throws -> Value) throws -> Value {
  do {
    return try body()
  } catch let refusal as EngineRefusal {
    throw CommandFailure(status: refusal.isHostLack ? .hostLacks : .badInput, message: refusal.description)
  } catch let error as SnapshotError {
    throw CommandFailure.badInput(error.description)
  }
}

/// What `triad snapshot show --json` prints.
private struct SnapshotOutput: Encodable {
  struct DeviceOutput: Encodable {
    var name: String
    var bus: String
    var address: String
    var state: [String]
    var contentBytes: Int
  }
  var version = MachineSnapshot.version
  var isa: String
  var variant: String
  var program: String
  var programDigest: String
  var configurationDigest: String
  var retired: UInt64
  var idle: UInt64
  var pending: UInt32
  var powerOff: UInt64?
  var deliveries: Int
  var registers: [String: String]
  var tables: [[String: String]]
  var devices: [DeviceOutput]
  var memorySize: Int
  var pages: [UInt64]
  var consoleBytes: String

  init(_ snapshot: MachineSnapshot) {
    isa = snapshot.isa
    variant = snapshot.variant
    program = snapshot.program
    programDigest = hex(snapshot.programDigest, digits: 16)
    configurationDigest = hex(snapshot.configurationDigest, digits: 16)
    retired = snapshot.retired
    idle = snapshot.idle
    pending = snapshot.pending
    powerOff = snapshot.powerOff
    deliveries = snapshot.processor.deliveries
    registers = Dictionary(
      zip(snapshot.registerNames, snapshot.processor.registers.map { hex($0) }),
      uniquingKeysWith: { first, _ in first })
    tables = snapshot.processor.auxiliaries.map { table in
      Dictionary(uniqueKeysWithValues: table.map { (hex($0.key), hex($0.value)) })
    }
    devices = snapshot.devices.map {
      DeviceOutput(
        name: $0.name, bus: $0.space == 0 ? "port" : "memory", address: hex($0.start),
        state: $0.state.map { hex($0) }, contentBytes: $0.contents.count)
    }
    memorySize = snapshot.memorySize
    pages = snapshot.pages.keys.sorted()
    consoleBytes = hexString(snapshot.console)
  }
}
