internal import MachineCore
package import Properties
package import ToyISA
internal import X86Backend

/// A student's own variant of the toy instruction set, by seed: `classic` with some rows changed.
///
/// In half of them Theorem 3 holds, in the others not; Theorem 1 fails in all.
package struct IsaInstance: Sendable {
  /// A row that is not as in `classic`.
  package struct Change: Sendable {
    /// Number of the row.
    package var row: Int
    /// What took its place.
    package var instruction: ToyInstruction
    /// The *User* column of the reference card.
    package var user: String
  }

  /// What the variant is called in students' files.
  package static let name = "instance"

  package let seed: UInt64
  /// The changed rows, in the table's order.
  package let changes: [Change]
  /// The whole instruction set.
  package let set: ToyRowSet
  /// One class per row, from the effects.
  package let classes: [InstructionClass]

  /// The instance of a seed.
  package init(seed: UInt64) {
    self.seed = seed
    var draw = Draw(seed: seed)
    draw.all()
    changes = draw.changes.sorted { $0.row < $1.row }
    set = ToyRowSet(
      replacing: Dictionary(uniqueKeysWithValues: changes.map { ($0.row, $0.instruction) }))
    classes = StaticClassification(of: set).classes
  }

  /// What the theorems say of it.
  package var verdicts: TheoremVerdicts { TheoremVerdicts(classes) }

  /// The page that the student gets.
  package var page: String {
    var text = """
      # Lab 3: your instruction set

      The variant `\(Self.name)` (seed \(seed)) is the toy processor's `classic` but for the rows below. Everything else is as in
      `Docs/ToyISA.md`. *User* tells what happens in user mode.

      | syntax | encoding | meaning | user |
      |---|---|---|---|

      """
    for change in changes {
      let row = change.instruction
      let meaning = row.meaning.map { $0 == "|" ? "\\|" : String($0) }.joined()
      text +=
        "| `\(ToyReferenceCard.syntax(of: row))` | `\(ToyReferenceCard.pattern(of: row))` | \(meaning) | \(change.user) |\n"
    }
    text += "\nTheir effects, as `triad explain --isa toy` prints them for the others:\n\n```\n"
    for change in changes {
      // As the effects count them: a port is two of them.
      let operands: [String] =
        switch change.instruction.format {
        case .rdPort: ["rd", "rs", "port"]
        case .rsPort: ["rs2", "rs1", "port"]
        default: change.instruction.format.syntax.map(\.name)
        }
      text += ToyReferenceCard.syntax(of: change.instruction) + "\n"
      let lines = SemanticsText(set, operands: operands).lines(set.definitions[change.row].effects)
      text += (lines.isEmpty ? ["nothing"] : lines).map { "    \($0)\n" }.joined()
    }
    return text + "```\n"
  }
}

/// The random choice of changes.
private struct Draw {
  private var random: SplitMix
  private var taken: Set<String> = []
  private(set) var changes: [IsaInstance.Change] = []

  private typealias E = Expression
  private static let inUserMode = Expression.register(ToyRegister.mode)

  init(seed: UInt64) { random = SplitMix(state: seed &* 0xBF58_476D_1CE4_E5B9 &+ 0x1AB3) }

  /// All changes of an instance.
  mutating func all() {
    let isHybrid = random.oneIn(2)
    lieToUser()
    dependOnMode()
    guardHarmless()
    guardHarmless()
    makeHarmless()
    changeControl(inUserMode: false)
    if isHybrid {
      ignore()
    } else {
      leaveUnguarded()
      if random.oneIn(2) { showLocation() } else { showResource() }
      if random.oneIn(2) { changeControl(inUserMode: true) }
    }
  }

  /// One of these instructions that has no change yet.
  private mutating func row(_ names: [String]) -> Int {
    let name = random.pick(names.filter { !taken.contains($0) })
    taken.insert(name)
    return toyTable.firstIndex { $0.mnemonic == name } ?? 0
  }

  private mutating func change(_ row: Int, user: String, _ alter: (inout ToyInstruction) -> Void) {
    var instruction = toyTable[row]
    // What variants of other names do has no meaning here.
    instruction.exceptions = [:]
    alter(&instruction)
    changes.append(IsaInstance.Change(row: row, instruction: instruction, user: user))
  }

  /// The value that an instruction gives its first operand.
  private func value(_ instruction: ToyInstruction) -> Expression {
    for effect in instruction.effects {
      if case .setOperand(0, let value) = effect { return value }
    }
    return .constant(0)
  }

  // MARK: Sensitive instructions

  /// In user mode it executes.
  private mutating func leaveUnguarded() {
    let names = ["getpsw", "getbase", "getbound", "getclk", "wait", "tlbflush", "in", "out", "setie"]
    change(row(names), user: "execute") { $0.userMode = .execute }
  }

  /// In user mode nothing happens.
  private mutating func ignore() {
    change(row(["setie", "tlbflush", "wait", "out"]), user: "ignore") { $0.userMode = .ignore }
  }

  /// In user mode the answer is always the same, and one that the truth is not in a state with time 0.
  private mutating func lieToUser() {
    let row = row(["getpsw", "getbase", "getbound", "getclk"])
    let old = value(toyTable[row])
    let lie = UInt64(8 + random.below(56)) * 4
    change(row, user: "execute") {
      $0.userMode = .execute
      $0.meaning += "; in user mode rd = \(lie)"
      $0.effects = [.setOperand(0, .select(Self.inUserMode, .constant(lie), old))]
    }
  }

  /// The answer is always the same; the guard stays or goes.
  private mutating func makeHarmless() {
    let row = row(["getbase", "getbound", "getclk", "wait"])
    let stays = random.oneIn(2)
    let number = UInt64(random.below(64) * 4)
    change(row, user: stays ? "trap" : "execute") {
      $0.userMode = stays ? .trap : .execute
      if toyTable[row].mnemonic == "wait" {
        $0.meaning = "do nothing"
        $0.effects = []
      } else {
        $0.meaning = "rd = \(number)"
        $0.effects = [.setOperand(0, .constant(number))]
      }
    }
  }

  // MARK: Harmless instructions

  /// In user mode it traps.
  private mutating func guardHarmless() {
    let names = ["mul", "mulhu", "sltu", "auipc", "cas", "lb", "sh", "slti", "srai", "jalr"]
    change(row(names), user: "trap") { $0.userMode = .trap }
  }

  /// In user mode it computes something else.
  private mutating func dependOnMode() {
    let row = row(["andi", "xori", "slt", "sub", "srl"])
    let old = value(toyTable[row])
    let (other, text): (E, String) =
      random.oneIn(2)
      ? (.binary(.and, old, .constant(0xFFFF_FFFE), .bits32), "with bit 0 cleared in user mode")
      : (.operand(1), "but rd = rs1 in user mode")
    change(row, user: "execute") {
      $0.meaning += ", " + text
      $0.effects = [.setOperand(0, .select(Self.inUserMode, other, old))]
    }
  }

  /// It shows base or bound.
  private mutating func showLocation() {
    let row = row(["auipc", "lui", "mulhu", "sltu"])
    let old = value(toyTable[row])
    let (register, name) = random.oneIn(2) ? (ToyRegister.base, "base") : (ToyRegister.bound, "bound")
    change(row, user: "execute") {
      $0.meaning = "rd = (\($0.meaning.dropFirst("rd = ".count))) + \(name)"
      $0.effects = [.setOperand(0, .binary(.add, old, .register(register), .bits32))]
    }
  }

  /// It shows time or whether interrupts are enabled.
  private mutating func showResource() {
    let row = row(["or", "mul", "sltiu", "srli"])
    let old = value(toyTable[row])
    let isTime = random.oneIn(2)
    let shown: E =
      isTime
      ? .binary(.and, .time, .constant(0xFFFF_FFFF), .bits32) : .register(ToyRegister.interruptEnable)
    change(row, user: "execute") {
      $0.meaning =
        "rd = (\($0.meaning.dropFirst("rd = ".count))) xor "
        + (isTime ? "low word of virtual time" : "interrupt enable")
      $0.effects = [.setOperand(0, .binary(.xor, old, shown, .bits32))]
    }
  }

  /// It switches interrupts, in both modes or only in supervisor mode.
  private mutating func changeControl(inUserMode: Bool) {
    let row = row(["xor", "sll", "sra", "add", "and"])
    let write = Effect.write(
      ToyRegister.interruptEnable, .binary(.and, .operand(2), .constant(1), .bits32))
    change(row, user: "execute") {
      $0.meaning +=
        inUserMode
        ? "; interrupt enable = bit 0 of rs2" : "; in supervisor mode also interrupt enable = bit 0 of rs2"
      $0.effects.append(inUserMode ? write : .when(Self.inUserMode, then: [], otherwise: [write]))
    }
  }
}
