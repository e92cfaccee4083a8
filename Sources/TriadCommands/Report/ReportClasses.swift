import MachineCore
import Properties
import ToyISA
import Trace
import X86Backend

/// The classes of an instruction set as the page shows them, from the effects as `triad classify` derives them.
struct ReportClasses: Encodable {
  struct Instruction: Encodable {
    var name: String
    var privileged: Bool
    var control: Bool
    var behaviour: Bool
    var user: Bool
    /// Why it is sensitive, in words.
    var reasons: String
    /// Rows of the instruction table that have the name.
    var rows: Int

    var sensitive: Bool { control || behaviour }
  }

  struct Theorem: Encodable {
    var name: String
    var holds: Bool
    var because: String
    /// Instructions that break it.
    var offenders: [String]
  }

  /// Whose classes these are.
  var title: String
  var note: String?
  /// The privileged and the sensitive ones.
  var instructions: [Instruction]
  /// The others: instructions, and rows of the table.
  var innocuous: Int
  var innocuousRows: Int
  var theorems: [Theorem]

  private static let names = [
    "1: a virtual machine monitor can be made", "2: it can run itself", "3: a hybrid monitor can be made",
  ]

  /// The classes of a variant of the toy instruction set.
  init(_ variant: ToyVariant) {
    let classes = StaticClassification(of: variant).classes
    let all = zip(toyTable, classes).map { row, found in
      Instruction(
        name: row.mnemonic, privileged: found.privileged, control: found.controlSensitive,
        behaviour: found.behaviourSensitive, user: found.userSensitive,
        reasons: found.sensitivity.names.joined(separator: "; "), rows: 1)
    }
    let verdicts = TheoremVerdicts(classes)
    func offenders(_ test: SubsetTest) -> [String] { test.offenders.map { toyTable[$0].mnemonic } }
    self.init(
      title: "toy \(variant.rawValue)", note: variant.meaning, all,
      offenders(verdicts.monitor), offenders(verdicts.timing), offenders(verdicts.hybrid))
  }

  /// The classes of x86 in a mode.
  ///
  /// - Throws: ``MachineError`` when storage cannot be had.
  init(_ machine: X86Machine) throws {
    let mode = machine.mode == .long64 ? X86Mode.long64 : .protected32
    let found = try X86StaticClassification(mode)
    let rows = Dictionary(grouping: found.rows.keys, by: X86FuzzRow.classifiedName)
    let all = found.byName.sorted { $0.key < $1.key }.map { name, found in
      var reasons = found.dependsOnLevel ? [X86Reason.level.rawValue] : []
      for reason in X86Reason.allCases where found.ring0.contains(reason) || found.ring3.contains(reason) {
        reasons.append(reason.rawValue + (found.ring3.contains(reason) ? "" : ", in ring 0 only"))
      }
      return Instruction(
        name: name, privileged: found.isPrivileged, control: found.reasons.contains(.control),
        behaviour: !found.reasons.subtracting([.control]).isEmpty, user: found.isUserSensitive,
        reasons: reasons.joined(separator: "; "), rows: rows[name]?.count ?? 0)
    }
    let timing: Set<X86Reason> = [.time, .device, .interruptFlag]
    let free = found.byName.filter { !$0.value.isPrivileged }
    func offenders(_ isMember: (X86InstructionClass) -> Bool) -> [String] {
      free.filter { isMember($0.value) }.keys.sorted()
    }
    var notes = ["ring 3 with IOPL 0 and no I/O bitmap is the user mode"]
    if machine.mode == .real16 {
      notes.append(
        "the program starts in real mode, which has no rings: these are the classes of protected mode")
    }
    if machine.model != .modern {
      notes.append("of the modern processor, and not of the \(machine.model.rawValue)")
    }
    self.init(
      title: "x86, \(mode.rawValue)-bit mode", note: notes.joined(separator: "; "), all,
      offenders(\.isSensitive), offenders { !$0.reasons.isDisjoint(with: timing) },
      offenders(\.isUserSensitive))
  }

  private init(
    title: String, note: String, _ all: [Instruction], _ monitor: [String], _ timing: [String],
    _ hybrid: [String]
  ) {
    self.title = title
    self.note = note
    instructions = all.filter { $0.privileged || $0.sensitive }
    let others = all.filter { !$0.privileged && !$0.sensitive }
    innocuous = others.count
    innocuousRows = others.reduce(0) { $0 + $1.rows }
    func theorem(_ number: Int, _ set: String, _ offenders: [String], _ holds: Bool) -> Theorem {
      Theorem(
        name: Self.names[number], holds: holds,
        because: !offenders.isEmpty
          ? "\(set), and not privileged:"
          : holds ? "everything that is \(set) is privileged" : "there is no monitor that could run itself",
        offenders: offenders)
    }
    theorems = [
      theorem(0, "sensitive", monitor, monitor.isEmpty),
      theorem(1, "sensitive to time, interrupt state or devices", timing, monitor.isEmpty && timing.isEmpty),
      theorem(2, "user-sensitive", hybrid, hybrid.isEmpty),
    ]
  }
}

/// Names under which the classes have a program's instructions.
func classifier(_ workload: Workload) -> (TraceRecord) -> String? {
  switch workload.machine {
  case .toy(_, _, let variant):
    let isa = ToyInstructionSet(variant)
    return { record in
      guard case .instruction(let decoded) = isa.decode(record.bytes, context: 0) else { return nil }
      return isa.definitions[decoded.definition].mnemonic
    }
  case .x86(let machine):
    // As for disassembly: what the length fits.
    let contexts: [X86DecodeContext] = [X86DecodeContext(machine.mode), .long64, .flat32, .real16]
    return { record in
      for context in contexts {
        if let row = X86FuzzRow.row(of: record.bytes, context) { return X86FuzzRow.classifiedName(row) }
      }
      return nil
    }
  }
}
