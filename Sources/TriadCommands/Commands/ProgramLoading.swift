import Foundation
import MachineCore
import Properties
import ToyISA
import Virtualizer
import X86Backend

/// The programs that come with the package.
enum BuiltIn {
  /// What `triad compare` runs when nothing is named.
  static let comparisonSet: [String] =
    ["hello", "crc32", "minos", "minos-paging"]
    + ToyPrograms.all.filter { $0.category == .hostile }.map(\.name) + X86Workload.all.map(\.name)
    + [X86Workload.minos.name]

  /// All names, for suggestions.
  static var names: [String] {
    ToyPrograms.all.map(\.name)
      + X86Workload.every.map(\.name)
  }
}

/// The workload of a command line that may name a program, or give firmware instead.
func loadWorkload(_ arguments: ParsedArguments) throws -> Workload {
  if let name = arguments.positional.first {
    if arguments.values["--rom"] != nil {
      throw CommandFailure.usage("a machine runs either `\(name)` or the firmware of --rom, not both")
    }
    return try loadWorkload(name, arguments)
  }
  guard arguments.values["--rom"] != nil else {
    throw CommandFailure.usage("missing argument: PROGRAM (or firmware with --rom FILE)")
  }
  return try firmwareWorkload(arguments)
}

/// The workload that a word on the command line names: a built-in program or a file.
func loadWorkload(_ name: String, _ arguments: ParsedArguments) throws -> Workload {
  let variant =
    try arguments.choice("--variant", of: ToyVariant.self, named: \.rawValue) ?? .classic
  if let isa = arguments.value("--isa"), !["toy", "x86"].contains(isa) {
    throw CommandFailure.usage("--isa takes toy or x86, not `\(isa)`")
  }
  if let program = ToyPrograms.named(name) {
    try refuse(["--mode", "--load-address"], arguments, "`\(name)` is a built-in toy program")
    try refuse(isa: "x86", arguments, "`\(name)` is a built-in toy program")
    return try builtIn(program, variant, arguments)
  }
  if let workload = X86Workload.named(name) {
    try refuse(["--mode", "--load-address"], arguments, "`\(name)` is a built-in x86 program")
    try refuse(isa: "toy", arguments, "`\(name)` is a built-in x86 program")
    return try builtIn(workload, arguments)
  }
  guard FileManager.default.fileExists(atPath: name) else {
    throw CommandFailure.badInput(
      "there is no built-in program and no file `\(name)`" + suggestion(name, BuiltIn.names)
        + "\n  help: `triad programs` lists what is built in")
  }
  return try workload(file: name, try readFile(name), variant, arguments)
}

/// An option that would be silently without effect is an error.
private func refuse(_ options: [String], _ arguments: ParsedArguments, _ why: String) throws {
  for option in options where arguments.values[option] != nil {
    throw CommandFailure.usage("\(option) has no meaning here: \(why)")
  }
}

private func refuse(isa: String, _ arguments: ParsedArguments, _ why: String) throws {
  if arguments.value("--isa") == isa { throw CommandFailure.usage("--isa \(isa) does not fit: \(why)") }
}

private func builtIn(_ program: ToyProgram, _ variant: ToyVariant, _ arguments: ParsedArguments) throws
  -> Workload
{
  var machine = program.machine
  try adjust(&machine, arguments)
  let extra = try defines(arguments)
  let image = try assemble(Array(program.source.utf8), program.file, program.defines.merging(extra) { $1 })
  let expected = extra.isEmpty && variant == .classic ? program.expectedConsole : nil
  return Workload(
    name: program.name, title: program.title, machine: .toy(image, machine, variant),
    instructionLimit: program.instructionLimit, expectedConsole: expected.map { Array($0.utf8) })
}

private func builtIn(_ workload: X86Workload, _ arguments: ParsedArguments) throws -> Workload {
  var rounds = X86Computation.rounds
  if workload.computation != nil {
    for (name, value) in try defines(arguments) {
      guard name == "rounds", let number = UInt32(exactly: value), number > 0 else {
        throw CommandFailure.usage("\(workload.name) takes --define rounds=NUMBER, 1 to \(UInt32.max)")
      }
      rounds = number
    }
  }
  var machine = try workload.machine(
    memorySize: try memorySize(arguments) ?? X86Layout.defaultMemorySize, rounds: rounds)
  try adjust(&machine, arguments, refused: workload.computation == nil ? ["--define"] : [])
  let isDefault = rounds == X86Computation.rounds
  return Workload(
    name: workload.name, title: workload.description, machine: .x86(machine),
    instructionLimit: isDefault ? 100_000_000 : RunLimits().instructions,
    expectedConsole: isDefault ? Array(workload.expectedConsole.utf8) : nil)
}

/// A file's workload, by what the bytes and the options say it is.
private func workload(
  file: String, _ bytes: [UInt8], _ variant: ToyVariant, _ arguments: ParsedArguments
) throws -> Workload {
  let name = URL(fileURLWithPath: file).lastPathComponent
  let isa = arguments.value("--isa")
  let isELF = bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46])
  let isImage = ToyImage.isImage(bytes)
  let isSource = ["asm", "s", "S"].contains(URL(fileURLWithPath: file).pathExtension)
  if isELF || isa == "x86" || isKernel(bytes, arguments)
    || (isa == nil && !isImage && !isSource && arguments.value("--mode") != nil)
  {
    var machine = try loadX86(bytes, name, arguments)
    try adjust(&machine, arguments)
    return Workload(name: name, machine: .x86(machine))
  }
  guard isImage || isSource || isa == "toy" else {
    throw CommandFailure.badInput(
      "`\(file)` is neither ELF, nor a toy image, nor named .asm or .s"
        + "\n  help: a flat x86 file needs --mode 16, 32 or 64; toy source of another name needs --isa toy")
  }
  var machine = ToyMachine()
  try adjust(&machine, arguments)
  let image =
    isImage
    ? try ToyImage(decoding: bytes)
    : try assemble(bytes, file, defines(arguments))
  return Workload(name: name, machine: .toy(image, machine, variant))
}

/// Assembles, or fails with every error rendered.
func assemble(_ source: [UInt8], _ file: String, _ defines: [String: Int64]) throws -> ToyImage {
  do {
    return try ToyAssembler.run(
      bytes: source, file: file, defines: defines, include: fileIncludes(besides: file)
    ).image
  } catch {
    throw CommandFailure.badInput(error.pretty)
  }
}

/// Finds included files beside the one that includes them.
func fileIncludes(besides file: String) -> (String) -> [UInt8]? {
  let folder = URL(fileURLWithPath: file).deletingLastPathComponent()
  return { name in (try? Data(contentsOf: folder.appendingPathComponent(name))).map(Array.init) }
}

/// The constants of `--define`.
func defines(_ arguments: ParsedArguments) throws -> [String: Int64] {
  var result: [String: Int64] = [:]
  for text in arguments.all("--define") {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard let name = parts.first, parts.count <= 2, let value = parts.count == 2 ? parseSigned(parts[1]) : 1
    else {
      throw CommandFailure.usage("--define takes NAME=NUMBER, not `\(text)`")
    }
    result[name] = value
  }
  return result
}

private func parseSigned(_ text: String) -> Int64? {
  text.hasPrefix("-")
    ? parseNumber(String(text.dropFirst())).flatMap { Int64(exactly: $0) }.map { -$0 }
    : parseNumber(text).flatMap { Int64(exactly: $0) }
}

private func x86Mode(_ arguments: ParsedArguments) throws -> X86Mode? {
  try arguments.value("--mode").map { text in
    try parseChoice(text, "--mode", of: X86Mode.self) { String($0.rawValue) }
  }
}

/// The value of `--memory`: bytes, or with K, M or G behind it.
func memorySize(_ arguments: ParsedArguments) throws -> Int? {
  guard let text = arguments.value("--memory") else { return nil }
  let units: [Character: UInt64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
  guard let last = text.last, let unit = units[Character(last.uppercased())] else {
    return try arguments.number("--memory").map { Int(clamping: $0) }
  }
  guard let number = parseNumber(String(text.dropLast())) else {
    throw CommandFailure.usage("--memory takes a number of bytes, or of K, M or G, not `\(text)`")
  }
  return Int(clamping: number.multipliedReportingOverflow(by: unit).overflow ? UInt64.max : number * unit)
}

private func adjust(_ machine: inout ToyMachine, _ arguments: ParsedArguments) throws {
  try refuse(["--cpu"], arguments, "it names the processor of an x86 machine")
  if let size = try memorySize(arguments) {
    // The bound of the address space is a 32-bit word.
    guard size <= 0xFFFF_F000 else {
      throw CommandFailure.badInput(
        "--memory: a toy machine has at most 4294963200 bytes (4 GiB - 4 KiB) of storage")
    }
    machine.memorySize = size
  }
  if let file = arguments.value("--input") { machine.input = try readFile(file) }
  if let file = arguments.value("--disk") { machine.disk = try readFile(file) }
}

private func adjust(
  _ machine: inout X86Machine, _ arguments: ParsedArguments, refused: [String] = ["--define"]
) throws {
  for option in ["--variant"] + refused where arguments.values[option] != nil {
    throw CommandFailure.usage("\(option) is for toy programs")
  }
  if let file = arguments.value("--input") { machine.input = try readFile(file) }
  try adjustPC(&machine, arguments)
}

/// The bytes of a file, or an error that names it. More than 256 MiB is refused.
func readFile(_ path: String) throws -> [UInt8] {
  let limit = 256 << 20
  do {
    let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { try? handle.close() }
    let data = try handle.read(upToCount: limit + 1) ?? Data()
    guard data.count <= limit else {
      throw CommandFailure.badInput(
        "`\(path)` is larger than \(limit >> 20) MiB: no program or input is that large")
    }
    return [UInt8](data)
  } catch let failure as CommandFailure {
    throw failure
  } catch {
    throw CommandFailure.badInput("cannot read `\(path)`: \(reason(error))")
  }
}

/// Writes a file whole or not at all.
func writeFile(_ bytes: [UInt8], to path: String) throws {
  do {
    try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
  } catch {
    throw CommandFailure.badInput("cannot write `\(path)`: \(reason(error))")
  }
}

/// An output that is one of the inputs would be lost.
func refuseOverwriting(_ arguments: ParsedArguments, with output: String) throws {
  func identity(_ path: String) -> String? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    return URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
  }
  guard let target = identity(output) else { return }
  let inputs = arguments.positional + ["--input", "--disk"].compactMap { arguments.value($0) }
  if let input = inputs.first(where: { identity($0) == target }) {
    throw CommandFailure.usage("the output `\(output)` is the input `\(input)`: give another name with -o")
  }
}

/// What the operating system says, without Foundation's wrapping.
private func reason(_ error: any Error) -> String {
  let outer = error as NSError
  let inner = outer.userInfo[NSUnderlyingErrorKey] as? NSError ?? outer
  if inner.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(inner.code))) }
  switch CocoaError.Code(rawValue: outer.code) {
  case .fileNoSuchFile, .fileReadNoSuchFile: return "no such file or directory"
  case .fileWriteNoPermission, .fileReadNoPermission: return "permission denied"
  case .fileWriteUnknown, .fileReadUnknown: return "it is not a regular file"
  default: return outer.localizedDescription
  }
}

/// The engine that the options ask for.
func makeEngine(_ workload: Workload, _ arguments: ParsedArguments) throws -> any Engine {
  let kind =
    try arguments.choice("--on", of: EngineKind.self, named: \.rawValue) ?? .emulator
  let depth = try parseDepth(arguments)
  if depth > 1, kind != .virtualizer || workload.isa != "toy" {
    throw CommandFailure.usage("--depth is for toy programs --on virtualizer")
  }
  do {
    return try workload.makeEngine(
      kind, depth: depth, construction: try parseConstruction(arguments, kind, workload))
  } catch let refusal as EngineRefusal {
    throw CommandFailure(status: refusal.isHostLack ? .hostLacks : .badInput, message: refusal.description)
  }
}

/// The value of `--vmm`.
func parseConstruction(
  _ arguments: ParsedArguments, _ kind: EngineKind, _ workload: Workload
) throws -> VirtualMachineMonitor.Construction {
  let found = try arguments.choice("--vmm", of: VirtualMachineMonitor.Construction.self, named: \.rawValue)
  if found == .hybrid, kind != .virtualizer || workload.isa != "toy" {
    throw CommandFailure.usage("--vmm hybrid is for toy programs --on virtualizer")
  }
  return found ?? .plain
}

/// The value of `--depth`.
func parseDepth(_ arguments: ParsedArguments) throws -> Int {
  let depth = try arguments.number("--depth") ?? 1
  guard (1...4).contains(depth) else { throw CommandFailure.usage("--depth takes 1 to 4, not \(depth)") }
  return Int(depth)
}

extension Workload {
  /// The address that a word names: a number or a symbol.
  func address(_ text: String) throws -> UInt64 {
    if let number = parseNumber(text) ?? symbolAddress(text) { return number }
    throw CommandFailure.usage(
      "`\(text)` is neither an address nor a symbol of \(name)" + suggestion(text, symbolNames))
  }
}
