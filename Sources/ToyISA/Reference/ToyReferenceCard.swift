internal import MachineCore

/// The reference card of the toy processor, made from the tables.
public enum ToyReferenceCard {
  /// Where the card is kept, from the package's root.
  public static let path = "Docs/ToyISA.md"
  /// The complete program that the card ends with.
  public static let example = ToyReferenceText.example

  /// The whole card.
  public static func markdown() -> String {
    var text = ToyReferenceText.head
    text += ToyRegister.aliases.map { "| `r\($0.number)` | `\($0.name)` | \($0.use) |\n" }.joined()
    text += "\n" + ToyReferenceText.translation
    text += ToyCause.allCases.map { "| \($0.rawValue) | `\($0.name)` | \(meaning(of: $0)) |\n" }.joined()
    text += ToyReferenceText.boundary + ToyReferenceText.encoding + instructions() + variants()
    text += ToyReferenceText.assembler + pseudoInstructions() + ToyReferenceText.image
    text += "\n## Example\n\n```asm\n" + example + "```\n"
    return text
  }

  /// What an instruction looks like in assembly.
  public static func syntax(of row: ToyInstruction) -> String {
    let operands = row.format.syntax.map(\.name).joined(separator: ", ")
    return operands.isEmpty ? row.mnemonic : row.mnemonic + " " + operands
  }

  /// The instruction word as bits: 0 and 1 fixed, `a`, `b`, `c` registers, `i` immediate.
  public static func pattern(of row: ToyInstruction) -> String {
    var bits = (0..<32).map { bit in
      bit < 24 ? Character("0") : (row.opcode >> UInt8(bit - 24)) & 1 == 1 ? "1" : "0"
    }
    for field in row.format.fields {
      let (shift, count) = field.place
      let letter: Character =
        switch field {
        case .a: "a"
        case .b: "b"
        case .c: "c"
        default: "i"
        }
      for bit in Int(shift)..<Int(shift + count) { bits[bit] = letter }
    }
    let text = String(bits.reversed())
    var groups: [Substring] = []
    var rest = text[...]
    for width in [8, 4, 4, 4, 12] {
      groups.append(rest.prefix(width))
      rest = rest.dropFirst(width)
    }
    return groups.joined(separator: " ")
  }

  private static func instructions() -> String {
    var text = ""
    for group in ToyGroup.allCases {
      let rows = toyTable.filter { $0.group == group }
      guard !rows.isEmpty else { continue }
      text +=
        "### \(group.rawValue)\n\n| syntax | encoding | meaning | user | cycles |\n|---|---|---|---|---|\n"
      for row in rows {
        let meaning = escape(row.meaning)
        text +=
          "| `\(syntax(of: row))` | `\(pattern(of: row))` | \(meaning) | \(user(row)) | \(row.cycleClass.rawValue) |\n"
      }
      text += "\n"
    }
    text += "Cycle classes of the reference cost model: "
    text += CycleClass.allCases.map { "\($0.rawValue) \($0.cycles)" }.joined(separator: ", ") + ".\n"
    return text
  }

  private static func user(_ row: ToyInstruction) -> String {
    let exceptions = ToyVariant.allCases.compactMap { variant in
      row.exceptions[variant].map { "`\(variant.rawValue)`: \($0.rawValue)" }
    }
    return ([row.userMode.rawValue] + exceptions).joined(separator: "; ")
  }

  private static func variants() -> String {
    var text = "\n## Variants\n\nA variant differs from `classic` only in the *User* column.\n\n"
    text += "| variant | meaning | Theorem 1 is claimed |\n|---|---|---|\n"
    for variant in ToyVariant.allCases {
      text +=
        "| `\(variant.rawValue)` | \(variant.meaning) | \(variant.claimsTheorem1 ? "yes" : "no") |\n"
    }
    return text
  }

  private static func pseudoInstructions() -> String {
    ToyPseudo.table.map { pseudo in
      let syntax = pseudo.syntax.isEmpty ? pseudo.mnemonic : "\(pseudo.mnemonic) \(pseudo.syntax)"
      return "| `\(syntax)` | \(escape(pseudo.meaning)) | \(expansion(pseudo)) |\n"
    }.joined()
  }

  private static func expansion(_ pseudo: ToyPseudo) -> String {
    switch pseudo.expansion {
    case .loadImmediate:
      "`addi`, `ori` or `lui` if the value is known here and one of them makes it; else `lui`, `ori`"
    case .loadAddress: "`lui`, `ori`"
    case .stack(let push): push ? "`addi`, then `sw` for each" : "`lw` for each, then `addi`"
    case .template(_, let instructions):
      instructions.map { "`\(example(of: $0.0, $0.1, pseudo))`" }.joined(separator: ", ")
    }
  }

  /// An instruction of an expansion with the pseudo-instruction's operand names in it.
  private static func example(
    of mnemonic: String, _ arguments: [ToyPseudo.Argument], _ pseudo: ToyPseudo
  ) -> String {
    guard let row = ToyPseudo.row(mnemonic) else { return mnemonic }
    let names = pseudo.syntax.split(separator: ", ").map(String.init)
    func text(_ index: Int, isRegister: Bool) -> String {
      switch arguments[index] {
      case .operand(let number): names[number]
      case .negated(let number): "-" + names[number]
      case .fixed(let value): isRegister ? "r\(value)" : "\(value)"
      }
    }
    let operands = toyTable[row].format.syntax.map { operand, _ in
      switch operand {
      case .register(let index): text(index, isRegister: true)
      case .value(let index), .target(let index): text(index, isRegister: false)
      case .memory(let offset, let base):
        (offset.map { text($0, isRegister: false) } ?? "") + "(" + text(base, isRegister: true) + ")"
      }
    }
    return operands.isEmpty ? mnemonic : mnemonic + " " + operands.joined(separator: ", ")
  }

  private static func escape(_ text: String) -> String {
    text.map { $0 == "|" ? "\\|" : String($0) }.joined()
  }

  private static func meaning(of cause: ToyCause) -> String {
    switch cause {
    case .illegal: "the word is no instruction; the word"
    case .privileged: "an instruction that traps in user mode; the word"
    case .bounds: "an address outside bound or storage; the address"
    case .alignment: "an address that is not a multiple of the access size; the address"
    case .pageFetch: "the page may not be executed; the address"
    case .pageRead: "the page may not be read; the address"
    case .pageWrite: "the page may not be written; the address"
    case .supervisorCall: "`svc`; its immediate"
    case .breakpoint: "`brk`; 0"
    case .divide: "division by zero; 0"
    case .timer: "interrupt of line \(ToyPort.timerLine): the timer has run out; the line"
    case .console: "interrupt of line \(ToyPort.consoleLine): console input is there; the line"
    case .disk: "interrupt of line \(ToyPort.diskLine): the disk has finished; the line"
    }
  }
}
