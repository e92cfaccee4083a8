import MachineCore
import ToyISA
import X86Backend

let explainCommand = CommandSpecification(
  name: "explain", summary: "Say what an instruction does, from the semantics tables.",
  arguments: [
    ArgumentSpecification(name: "INSTRUCTION", help: "such as 'adc eax, ebx', ADC or lpsw", count: 1...8)
  ],
  options: [
    OptionSpecification("--mode", "BITS", "code of 16, 32 or 64 bits (default: the model's widest)"),
    OptionSpecification("--cpu", "MODEL", "8086, 286, 386 or x86-64 (default x86-64)"),
    OptionSpecification("--variant", "VARIANT", "variant of the toy instruction set (default classic)"),
    OptionSpecification("--isa", "ISA", "x86 or toy (default: both)"),
  ],
  examples: ["triad explain 'adc eax, ebx'", "triad explain lpsw"],
  run: { arguments, terminal in
    let text = arguments.positional.joined(separator: " ")
    let model = try arguments.choice("--cpu", of: X86CPUModel.self, named: \.rawValue) ?? .modern
    let variant =
      try arguments.choice("--variant", of: ToyVariant.self, named: \.rawValue) ?? .classic
    let isa = arguments.value("--isa")
    var pages: [String] = []
    if isa != "toy" {
      let set = X86InstructionSet(model: model)
      let mode = try arguments.choice("--mode", of: X86Mode.self, named: { "\($0.rawValue)" })
      if let form = set.forms(of: text, mode: mode.flatMap { Width(rawValue: UInt8($0.rawValue)) }).first {
        let effects = withoutChecks(form.definition.effects, of: form.registerOperands)
        pages.append(
          explanation(
            form.encoding, form.definition.meaning, effects, set, operands: form.operands,
            names: X86InstructionSet.semanticsNames, hasMemory: form.hasMemoryOperand))
      }
    }
    if isa != "x86" {
      let set = ToyInstructionSet(variant)
      let name = text.split(separator: " ").first?.lowercased() ?? ""
      if let definition = set.definitions.first(where: { $0.mnemonic.lowercased() == name }) {
        pages.append(
          explanation(
            definition.mnemonic, definition.meaning, definition.effects, set, operands: [],
            names: SemanticsNames(), hasMemory: false))
      }
    }
    guard !pages.isEmpty else {
      let names =
        ToyInstructionSet(variant).definitions.map(\.mnemonic)
        + X86InstructionSet(model: model).definitions.map(\.mnemonic)
      throw CommandFailure.usage(
        "no instruction `\(text)`" + suggestion(text.lowercased(), names)
          + "\n  operands can be left out: `triad explain adc`")
    }
    terminal.line(pages.joined(separator: "\n\n"))
    return .success
  })

/// The page of one instruction; everything in it comes from the effects.
private func explanation(
  _ title: String, _ meaning: String, _ effects: [Effect], _ set: any InstructionSet, operands: [String],
  names flagNames: SemanticsNames, hasMemory: Bool
) -> String {
  let facts = SemanticsFacts(set, effects, hasMemoryOperand: hasMemory)
  let printer = SemanticsText(set, operands: operands, names: flagNames)
  var lines = ["\(title)    (\(set.name) \(set.variant))", meaning, "", "Effects"]
  let text = printer.lines(effects, indent: 1)
  lines += text.isEmpty ? ["  none"] : text
  if set.name == "x86" {
    lines += ["", "Flags"] + flagLines(facts)
  }
  func names(_ causes: Set<UInt64>) -> String {
    causes.sorted().map { $0 < UInt64(set.causes.count) ? set.causes[Int($0)] : "\($0)" }
      .joined(separator: ", ")
  }
  let own = facts.causes.subtracting(facts.memoryCauses)
  lines += ["", "Faults"]
  lines.append("  of the instruction: " + (own.isEmpty ? "none" : names(own)))
  if !facts.memoryCauses.isEmpty { lines.append("  of its memory accesses: " + names(facts.memoryCauses)) }
  let privilege =
    facts.isPrivileged
    ? "traps where the mode or privilege level does not allow it"
    : facts.looksAtMode ? "does different things by mode or privilege level" : "none: any mode may execute it"
  return (lines + ["", "Privilege", "  " + privilege]).joined(separator: "\n")
}

/// Effects without the checks of operands that turn out to be registers, which have nothing to check.
private func withoutChecks(_ effects: [Effect], of registers: Set<Int>) -> [Effect] {
  effects.compactMap { effect in
    switch effect {
    case .checkStore(.operand(let index), _, _) where registers.contains(index): nil
    case .when(let condition, let then, let otherwise):
      .when(
        condition, then: withoutChecks(then, of: registers),
        otherwise: withoutChecks(otherwise, of: registers))
    default: effect
    }
  }
}

private func flagLines(_ facts: SemanticsFacts) -> [String] {
  let flags: [(String, UInt64)] = [
    ("OF", 1 << 11), ("DF", 1 << 10), ("IF", 1 << 9), ("TF", 1 << 8), ("SF", 1 << 7), ("ZF", 1 << 6),
    ("AF", 1 << 4), ("PF", 1 << 2), ("CF", 1),
  ]
  func names(_ mask: UInt64) -> String {
    let list = flags.filter { mask & $0.1 != 0 }.map(\.0)
    return list.isEmpty ? "none" : list.joined(separator: " ")
  }
  let changed = facts.writesFlags ? ~facts.kept : 0
  var lines = ["  defined: " + names(changed & ~facts.undefined), "  undefined: " + names(facts.undefined)]
  let sometimes = facts.undefinedSometimes & ~facts.undefined
  if sometimes != 0 { lines.append("  undefined in some cases: " + names(sometimes)) }
  return lines + ["  unchanged: " + names(~changed & ~facts.undefined & ~sometimes)]
}
