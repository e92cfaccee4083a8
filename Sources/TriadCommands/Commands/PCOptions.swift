import Foundation
import MachineCore
import Properties
import X86Backend

// Options of the full PC: firmware, Multiboot kernels, drives, keyboard, ports that are kept, the screen.

/// How many instructions a machine that runs firmware may take unless told.
private let firmwareLimit: UInt64 = 4_000_000_000

/// The machine that begins in the firmware of `--rom`.
func firmwareWorkload(_ arguments: ParsedArguments) throws -> Workload {
  for option in ["--mode", "--load-address", "--append", "--module", "--define", "--variant"]
  where arguments.values[option] != nil {
    throw CommandFailure.usage("\(option) has no meaning here: firmware is what runs")
  }
  var roms = try arguments.all("--rom").map(parseROM)
  // What ends at 1 MiB is firmware, too, if nothing else is: it shows in both places, as on a PC.
  if !roms.contains(where: { $0.address == nil || $0.end == X86Layout.firmwareEnd }),
    let low = roms.firstIndex(where: {
      $0.end == X86Layout.shadowEnd && $0.bytes.count <= X86Layout.lowFirmwareSize && $0.bytes.count >= 16
    })
  {
    roms[low].address = nil
  }
  guard
    roms.contains(where: { $0.address == nil || $0.end == X86Layout.firmwareEnd })
  else {
    throw CommandFailure.usage(
      "one --rom has to be the firmware, which ends at 4 GiB: give it without @ADDRESS")
  }
  var machine = X86Machine(
    firmware: PCParts(roms: roms), memorySize: try x86MemorySize(arguments))
  if let file = arguments.value("--input") { machine.input = try readFile(file) }
  try adjustPC(&machine, arguments)
  return Workload(
    name: roms.map(\.name).joined(separator: "+"), machine: .x86(machine), instructionLimit: firmwareLimit)
}

extension ROMImage {
  /// Address behind the last byte of an image with an address of its own.
  fileprivate var end: UInt64? { address.map { $0 &+ UInt64(bytes.count) } }
}

private func parseROM(_ text: String) throws -> ROMImage {
  var path = text
  var address: UInt64?
  if let at = text.lastIndex(of: "@") {
    guard let number = parseNumber(String(text[text.index(after: at)...])) else {
      throw CommandFailure.usage("--rom takes FILE or FILE@ADDRESS, not `\(text)`")
    }
    path = String(text[..<at])
    address = number
  }
  let bytes = try readFile(path)
  guard !bytes.isEmpty else { throw CommandFailure.badInput("`\(path)` is empty: it is no firmware") }
  guard bytes.count <= X86Layout.mostFirmware else {
    throw CommandFailure.badInput(
      "`\(path)` has \(bytes.count) bytes; read-only memory takes at most \(X86Layout.mostFirmware)")
  }
  if let address, address > X86Layout.firmwareEnd - UInt64(bytes.count) {
    throw CommandFailure.badInput("\(MachineError.badROMPlace(path, address, bytes.count))")
  }
  if address == nil, bytes.count < 16 {
    throw CommandFailure.badInput(
      "`\(path)` has \(bytes.count) bytes: firmware needs 16, where a reset begins")
  }
  return ROMImage(name: URL(fileURLWithPath: path).lastPathComponent, bytes: bytes, address: address)
}

private func x86MemorySize(_ arguments: ParsedArguments) throws -> Int {
  let size = try memorySize(arguments) ?? X86Layout.defaultMemorySize
  guard size >= X86Layout.minimumMemorySize, size <= X86Layout.maximumMemorySize, size % 4096 == 0 else {
    throw CommandFailure.badInput("\(LoaderError.badMemorySize(size))")
  }
  return size
}

/// Whether a file is to be loaded as a kernel, of Multiboot's or the Linux form.
func isKernel(_ bytes: [UInt8], _ arguments: ParsedArguments) -> Bool {
  (arguments.values["--mode"] == nil && X86Loader.isLinux(bytes)) || isMultiboot(bytes, arguments)
}

/// Whether a file is to be loaded as a Multiboot kernel.
private func isMultiboot(_ bytes: [UInt8], _ arguments: ParsedArguments) -> Bool {
  let isAsked = arguments.values["--append"] != nil || arguments.values["--module"] != nil
  return isAsked || (arguments.values["--mode"] == nil && X86Loader.isMultiboot(bytes))
}

/// An x86 machine with a program file in memory.
func loadX86(_ bytes: [UInt8], _ name: String, _ arguments: ParsedArguments) throws -> X86Machine {
  let size = try memorySize(arguments) ?? X86Layout.defaultMemorySize
  if arguments.values["--mode"] == nil, X86Loader.isLinux(bytes) {
    let files = arguments.all("--module")
    guard files.count <= 1 else {
      throw CommandFailure.usage("`\(name)` takes one --module, its initial file system")
    }
    return try X86Loader.loadLinux(
      bytes, commandLine: arguments.value("--append") ?? "", initialFiles: try files.first.map(readFile),
      memorySize: size)
  }
  if isMultiboot(bytes, arguments) {
    let modules = try arguments.all("--module").map { path in
      BootModule(text: path, bytes: try readFile(path))
    }
    return try X86Loader.loadMultiboot(
      bytes, name: name, commandLine: arguments.value("--append") ?? "", modules: modules, memorySize: size)
  }
  let mode = try arguments.value("--mode").map { text in
    try parseChoice(text, "--mode", of: X86Mode.self) { String($0.rawValue) }
  }
  return try X86Loader.load(
    bytes, mode: mode, loadAddress: try arguments.number("--load-address"), memorySize: size)
}

/// Sets what the options say of the PC around the processor.
func adjustPC(_ machine: inout X86Machine, _ arguments: ParsedArguments) throws {
  if let model = try arguments.choice("--cpu", of: X86CPUModel.self, named: \.rawValue) {
    try machine.choose(model)
  }
  switch arguments.value("--machine") {
  case nil: break
  case "pc": machine.pc = machine.pc ?? PCParts()
  case "small":
    guard arguments.values["--rom"] == nil else {
      throw CommandFailure.usage("--machine small has no place for --rom: leave one of them out")
    }
    machine.pc = nil
  case let other?:
    throw CommandFailure.usage(
      "--machine takes small or pc, not `\(other)`" + suggestion(other, ["small", "pc"]))
  }
  switch arguments.value("--time") {
  case nil: break
  case "shared": machine.usesSharedPoints = true
  // The host's clock is the engine's business.
  case "instructions", "free": machine.usesSharedPoints = false
  case let other?:
    throw CommandFailure.usage(
      "--time takes instructions, shared or free, not `\(other)`"
        + suggestion(other, ["instructions", "shared", "free"]))
  }
  machine.loggedPorts = try portLogs(arguments).map(\.port)
  for option in ["--disk", "--floppy", "--keys", "--screen"]
  where arguments.values[option] != nil || arguments.flags.contains(option) {
    guard machine.pc != nil else {
      throw CommandFailure.usage("\(option) is for a full PC: give --machine pc")
    }
  }
  if let path = arguments.value("--disk") {
    let bytes = try readFile(path)
    guard !bytes.isEmpty else { throw CommandFailure.badInput("the disk image `\(path)` is empty") }
    machine.pc?.disk = bytes
  }
  if let path = arguments.value("--floppy") {
    var bytes = try readFile(path)
    if FloppyController.geometry(ofSize: bytes.count) == nil {
      // Images of which only the first sectors were kept: the rest of a disk of 1.44 MB is zero.
      let size = FloppyController.commonSize
      guard !bytes.isEmpty, bytes.count % 512 == 0, bytes.count < size else {
        throw CommandFailure.badInput(
          "the floppy image `\(path)` has \(bytes.count) bytes, the size of no floppy disk, nor whole sectors of a smaller part of one: 1474560 and 737280 are the common sizes"
        )
      }
      bytes += [UInt8](repeating: 0, count: size - bytes.count)
    }
    machine.pc?.floppy = bytes
  }
  if let keys = arguments.value("--keys") {
    machine.pc?.keys = Array(
      keys.replacing("\\n", with: "\n").replacing("\\e", with: "\u{1B}").replacing("\\t", with: "\t").utf8)
  }
}

/// Ports to keep and the files that their bytes go to.
func portLogs(_ arguments: ParsedArguments) throws -> [(port: UInt16, path: String)] {
  try arguments.all("--port-log").map { text in
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2, let number = parseNumber(parts[0]), let port = UInt16(exactly: number) else {
      throw CommandFailure.usage("--port-log takes PORT=FILE with a port up to 0xffff, not `\(text)`")
    }
    return (port, parts[1])
  }
}

/// What a full PC leaves behind: kept ports and a changed disk go to files, the screen to standard output.
func finishPC(_ platform: Platform, _ arguments: ParsedArguments, _ terminal: Terminal) throws {
  for log in try portLogs(arguments) {
    try writeFile(PCPlatform.log(of: log.port, on: platform) ?? [], to: log.path)
  }
  if arguments.has("--write-back") {
    let drives = [("--disk", PCPlatform.disk(of: platform)), ("--floppy", PCPlatform.floppy(of: platform))]
    for case (let option, let image?) in drives where image.isChanged {
      if let path = arguments.value(option) { try writeFile(image.contents, to: path) }
    }
  }
  if arguments.has("--screen"), !arguments.has("--json"), let lines = PCPlatform.screen(of: platform) {
    let last = lines.lastIndex { !$0.isEmpty } ?? 0
    for line in lines[...last] { terminal.line(line) }
  }
}
