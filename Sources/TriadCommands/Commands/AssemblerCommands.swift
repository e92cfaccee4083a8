import Foundation
import MachineCore
import Properties
import ToyISA
import Trace
import X86Backend

let assembleCommand = CommandSpecification(
  name: "asm", summary: "Assemble toy source into an image.",
  arguments: [ArgumentSpecification(name: "SOURCE", help: "toy assembly source", count: 1...1)],
  options: [
    OptionSpecification("--output", short: "-o", "FILE", "the image (default: SOURCE with .img)"),
    OptionSpecification("--listing", "print addresses, words and source to standard output"),
    OptionSpecification("--check", "report errors only; write nothing"),
    OptionSpecification("--short", "errors as file:line:col: error: message"),
    OptionSpecification("--define", "NAME=N", "constant for the source", repeats: true), jsonOption,
  ],
  examples: ["triad asm program.asm -o program.img", "triad asm program.asm --listing --check"],
  run: { arguments, terminal in
    let path = arguments.positional[0]
    let source = String(decoding: try readFile(path), as: UTF8.self)
    let result: ToyAssembler.Result
    do {
      result = try ToyAssembler.run(
        source, file: path, defines: try defines(arguments), include: fileIncludes(besides: path))
    } catch let failure as AssemblyFailure {
      if arguments.has("--json") {
        terminal.line(try jsonText(failure.diagnostics.map(DiagnosticOutput.init)))
      } else {
        terminal.note(arguments.has("--short") ? failure.short : failure.pretty)
      }
      return .badInput
    }
    for warning in result.warnings {
      terminal.note(arguments.has("--short") ? warning.short : warning.pretty)
    }
    if arguments.has("--json") { terminal.line(try jsonText(result.warnings.map(DiagnosticOutput.init))) }
    if arguments.has("--listing") { terminal.line(ToyDisassembler.listing(of: result.image)) }
    guard !arguments.has("--check") else { return .success }
    let output =
      arguments.value("--output")
      ?? URL(fileURLWithPath: path).deletingPathExtension().appendingPathExtension("img").relativePath
    try refuseOverwriting(arguments, with: output)
    try writeFile(result.image.encode(), to: output)
    terminal.note(
      "[\(output): \(result.image.segments.reduce(0) { $0 + $1.bytes.count }) bytes, entry \(hex(UInt64(result.image.entry)))]"
    )
    return .success
  })

/// One diagnostic, for editors and graders.
private struct DiagnosticOutput: Encodable {
  var severity: String
  var code: String
  var message: String
  var file: String
  var line: Int
  var column: Int
  var length: Int
  var notes: [String]
  var help: String?

  init(_ diagnostic: Diagnostic) {
    severity = diagnostic.severity.rawValue
    code = diagnostic.code
    message = diagnostic.message
    file = diagnostic.range.file
    line = diagnostic.range.line
    column = diagnostic.range.column
    length = diagnostic.range.length
    notes = diagnostic.notes
    help = diagnostic.help
  }
}

let disassembleCommand = CommandSpecification(
  name: "disasm", summary: "Show a program as instructions.", arguments: [programArgument],
  options: [
    OptionSpecification("--at", "ADDRESS", "where to begin in x86 code (default: its entry)"),
    OptionSpecification("--count", "N", "how many x86 instructions (default 64)"),
  ] + machineOptions,
  examples: ["triad disasm fib", "triad disasm long64 --count 20"],
  run: { arguments, terminal in
    let workload = try loadWorkload(arguments.positional[0], arguments)
    switch workload.machine {
    case .toy(let image, _, _):
      for option in ["--at", "--count"] where arguments.value(option) != nil {
        throw CommandFailure.usage("\(option) is for x86 programs; a toy program is shown whole")
      }
      terminal.line(ToyDisassembler.listing(of: image))
    case .x86(let machine):
      let start = try arguments.number("--at") ?? machine.entry
      let count = try arguments.number("--count") ?? 64
      guard count > 0 else { throw CommandFailure.usage("--count takes at least 1") }
      for line in try x86Listing(machine, from: start, count: count) { terminal.line(line) }
    }
    return .success
  })

/// x86 code by linear sweep; the machine's start mode decides how bytes are read.
private func x86Listing(_ machine: X86Machine, from start: UInt64, count: UInt64) throws -> [String] {
  let platform = try machine.makePlatform()
  let isa = X86InstructionSet()
  let context = X86DecodeContext(machine.mode)
  var lines: [String] = []
  var address = start
  while lines.count < Int(clamping: count), let first = platform.memory.load(address, width: 1) {
    var bytes = [UInt8(first)]
    var offset: UInt64 = 1
    while bytes.count < 15, let next = platform.memory.load(address + offset, width: 1) {
      bytes.append(UInt8(next))
      offset += 1
    }
    let window = InstructionBytes(bytes)
    var length = 1
    if case .instruction(let decoded) = isa.decode(window, context: context.rawValue) {
      length = max(1, decoded.length)
    }
    let text = isa.disassemble(InstructionBytes(bytes.prefix(length)), pc: address, context: context.rawValue)
    lines.append(
      "\(hex(address, digits: 8))  \(hexString(Array(bytes.prefix(length))).padding(to: 22))  \(text)")
    address += UInt64(length)
  }
  if lines.isEmpty { throw CommandFailure.badInput("there is no memory at \(hex(start))") }
  return lines
}
