import Foundation
import MachineCore
import Properties
import ToyISA
import Trace
import X86Backend

let disassembleCommand = CommandSpecification(
  name: "disasm", summary: "Show a program, or bytes, as instructions.",
  arguments: [ArgumentSpecification(name: "PROGRAM", help: "built-in name or file", count: 0...1)],
  options: [
    OptionSpecification("--at", "ADDRESS", "where to begin in x86 code (default: its entry)"),
    OptionSpecification("--count", "N", "how many x86 instructions (default 64)"),
    OptionSpecification("--syntax", "SYNTAX", "of x86 instructions: intel (default), att"),
    OptionSpecification(
      "--hex", "FILE",
      "x86 bytes instead of a program: hex digits, one instruction a line (- reads standard input); prints length and text"
    ),
  ] + machineOptions,
  examples: [
    "triad disasm fib", "triad disasm long64 --count 20 --syntax att",
    "echo 0fafc3 | triad disasm --isa x86 --mode 32 --hex -",
  ],
  run: { arguments, terminal in
    let syntax = try arguments.choice("--syntax", of: X86Syntax.self, named: \.rawValue) ?? .intel
    if let file = arguments.value("--hex") {
      guard arguments.positional.isEmpty else {
        throw CommandFailure.usage("--hex takes the place of a program; leave out one of them")
      }
      try disassembleLines(of: file, syntax, arguments, terminal)
      return .success
    }
    guard let name = arguments.positional.first else {
      throw CommandFailure.usage("a program is missing, or --hex FILE")
    }
    let workload = try loadWorkload(name, arguments)
    switch workload.machine {
    case .toy(let image, _, _):
      for option in ["--at", "--count", "--syntax"] where arguments.value(option) != nil {
        throw CommandFailure.usage("\(option) is for x86 programs; a toy program is shown whole")
      }
      terminal.line(ToyDisassembler.listing(of: image))
    case .x86(let machine):
      let start = try arguments.number("--at") ?? machine.entry
      let count = try arguments.number("--count") ?? 64
      guard count > 0 else { throw CommandFailure.usage("--count takes at least 1") }
      for line in try x86Listing(machine, from: start, count: count, syntax) { terminal.line(line) }
    }
    return .success
  })

/// x86 code by linear sweep; the machine's start mode decides how bytes are read.
private func x86Listing(
  _ machine: X86Machine, from start: UInt64, count: UInt64, _ syntax: X86Syntax
) throws -> [String] {
  let platform = try machine.makePlatform()
  let isa = X86InstructionSet(model: machine.model)
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
    let found = isa.disassembly(of: InstructionBytes(bytes), pc: address, context: context, syntax: syntax)
    // After what is no instruction, the next one may begin at any byte.
    let isInstruction = [.executed, .named, .refused].contains(found.kind)
    let length = isInstruction ? max(1, found.length) : 1
    lines.append(
      "\(hex(address, digits: 8))  \(hexString(Array(bytes.prefix(length))).padding(to: 22))  \(found.text)")
    address += UInt64(length)
  }
  if lines.isEmpty { throw CommandFailure.badInput("there is no memory at \(hex(start))") }
  return lines
}

/// One instruction from every line of hex digits; each gives a line `length<TAB>text`.
private func disassembleLines(
  of file: String, _ syntax: X86Syntax, _ arguments: ParsedArguments, _ terminal: Terminal
) throws {
  guard arguments.value("--isa") ?? "x86" == "x86" else {
    throw CommandFailure.usage("--hex is for x86 code")
  }
  guard let word = arguments.value("--mode") else {
    throw CommandFailure.usage("--hex needs --mode 16, 32 or 64")
  }
  let mode = try parseChoice(word, "--mode", of: X86Mode.self) { String($0.rawValue) }
  let model = try arguments.choice("--cpu", of: X86CPUModel.self, named: \.rawValue) ?? .modern
  guard mode.rawValue <= model.widestMode.rawValue else {
    throw CommandFailure.usage("the \(model.rawValue) has no \(mode.rawValue)-bit mode")
  }
  let isa = X86InstructionSet(model: model)
  let context = X86DecodeContext(mode)
  var text = ""
  var lineNumber = 0
  func show(_ line: some Sequence<UInt8>) throws {
    lineNumber += 1
    guard let bytes = hexBytes(line) else {
      throw CommandFailure.badInput(
        "\(file):\(lineNumber): hex digits in pairs are expected, as in `0f af c3`")
    }
    guard !bytes.isEmpty else { return }
    let found = isa.disassembly(of: InstructionBytes(bytes), pc: 0x1000, context: context, syntax: syntax)
    text += "\(found.length)\t\(found.text)\n"
    guard text.utf8.count > 1 << 16 else { return }
    terminal.output(text)
    text = ""
  }
  if file == "-" {
    while let line = readLine() { try show(line.utf8) }
  } else {
    for line in try readFile(file).split(separator: 10, omittingEmptySubsequences: false) { try show(line) }
  }
  terminal.output(text)
}

/// Bytes of hex digits, with blanks between pairs allowed; `nil` for anything else.
private func hexBytes(_ line: some Sequence<UInt8>) -> [UInt8]? {
  var bytes: [UInt8] = []
  var half: UInt8?
  for character in line {
    let digit: UInt8
    switch character {
    case 0x30...0x39: digit = character - 0x30
    case 0x41...0x46, 0x61...0x66: digit = (character | 0x20) - 0x61 + 10
    case 0x20, 0x09, 0x0D:
      if half != nil { return nil }
      continue
    default: return nil
    }
    if let first = half {
      bytes.append(first << 4 | digit)
      half = nil
    } else {
      half = digit
    }
  }
  return half == nil ? bytes : nil
}
