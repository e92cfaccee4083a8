internal import MachineCore
internal import Properties
internal import ToyISA
internal import Virtualizer

/// What is right and wrong with a student's guest for one variant.
struct SensitiveFindings {
  /// One thing that the guest must do.
  struct Item: Equatable {
    var title: String
    var isRight: Bool
    /// For the student, where it is wrong.
    var note = ""
  }

  private(set) var items: [Item] = []
  /// The first difference under the plain VMM.
  private(set) var plain: SensitiveGuest.Difference?
  /// The same under the hybrid VMM.
  private(set) var hybrid: SensitiveGuest.Difference?

  /// Runs a guest on all machines.
  init(_ guest: SensitiveGuest) throws {
    let task = guest.task
    let bare = try guest.bare(task.variant)
    var behaves = false
    if case .powerOff = bare.end.stop { behaves = bare.agree }
    items.append(
      Item(
        title: "it switches the bare machine off, and simulator and emulator agree", isRight: behaves,
        note: bare.agree ? "the run ended: \(bare.end.stop)" : "simulator and emulator differ"))
    guard behaves else {
      items += Self.titles(task).map { Item(title: $0, isRight: false, note: "not looked at") }
      return
    }
    let monitor = try guest.end(.virtualizer, task.variant)
    plain = try guest.difference(task.variant, .plain)
    hybrid = try guest.difference(task.variant, .hybrid)
    let word = Array("\(task.word)\n".utf8)
    let says = bare.end.console == word
    add(task, 0, says, "it wrote \(Self.quoted(bare.end.console))")
    let offenders = StaticClassification(of: task.variant).offenders
    let isSensitive = plain?.row.map { offenders.contains($0) } ?? false
    add(task, 1, isSensitive, plain.map { Self.block($0.text) } ?? "there is no difference")
    add(task, 2, isSensitive && isPlaced(plain, task, bare), Self.place(plain, bare, task))
    let tells =
      isSensitive && bare.end.stop == .powerOff(status: task.bareStatus)
      && monitor.stop == .powerOff(status: task.monitorStatus) && monitor.console == bare.end.console
    add(
      task, 3, tells,
      "bare machine: \(bare.end.stop); VMM: \(monitor.stop), console \(Self.quoted(monitor.console))")
    let classic = try guest.bare(.classic)
    let onClassic = try guest.difference(.classic, .plain)
    var isEqual = classic.agree && classic.end.stop.isGuestEnd && onClassic == nil
    var note = onClassic.map { "on classic: " + Self.block($0.text) } ?? "on classic: \(classic.end.stop)"
    if task.variant != .leaky, let hybrid {
      isEqual = false
      note = "under the hybrid VMM: " + Self.block(hybrid.text)
    }
    add(task, 4, isSensitive && isEqual, isSensitive ? note : "counts only with a difference")
    guard task.variant == .leaky else { return }
    let end = try guest.end(.virtualizer, task.variant, .hybrid)
    add(
      task, 5, isPlaced(hybrid, task, bare) && end.stop == .powerOff(status: task.monitorStatus),
      "the run ended: \(end.stop); \(Self.place(hybrid, bare, task))")
  }

  /// How many of the items after the first are right: the first is a condition of all.
  var good: Int { items.dropFirst().count { $0.isRight } }
  var all: Int { items.count - 1 }

  /// For the student; empty when all is right.
  func message(_ task: SensitiveTask, reproduction: String) -> String {
    guard good < all || items.first?.isRight != true else { return "" }
    let list = items.map { item in
      "- \(item.isRight ? "yes" : "NO"): \(item.title)" + (item.isRight ? "" : "\n  - \(item.note)")
    }
    let name = task.variant.rawValue
    return "Your guest for `\(name)` (another seed has another one):\n\n\(task.text)\n\nWhat it does:\n\n"
      + list.joined(separator: "\n")
      + "\n\nSee it again: `triad compare \(name).asm --variant \(name)`, and `\(reproduction)`"
  }

  /// What must hold, after the first.
  private static func titles(_ task: SensitiveTask) -> [String] {
    let others =
      task.variant == .leaky
      ? "no difference on classic" : "no difference on classic, nor under the hybrid VMM"
    return [
      "it writes its word",
      "under the VMM, the first difference is at a sensitive instruction that does not trap",
      "that is the instruction that the task names, in the way that it names",
      "both ways it ends with the right status",
      others,
    ]
      + (task.variant == .leaky
        ? ["the hybrid VMM differs at the same instruction, and the guest ends with the VMM's status"] : [])
  }

  private mutating func add(_ task: SensitiveTask, _ number: Int, _ isRight: Bool, _ note: String) {
    items.append(Item(title: Self.titles(task)[number], isRight: isRight, note: note))
  }

  private func isPlaced(
    _ difference: SensitiveGuest.Difference?, _ task: SensitiveTask, _ bare: SensitiveGuest.Bare
  ) -> Bool {
    guard let difference, let mnemonic = difference.mnemonic, difference.pc == UInt64(task.address),
      "\(mnemonic) r\(difference.operand)" == task.instruction
    else { return false }
    switch task.variant {
    case .classic: return false
    case .popf: return !bare.usesGetpsw
    case .jrst: return bare.traps.first { $0.clock >= difference.retired }?.cause == task.cause.rawValue
    case .leaky: return difference.mode == 1 && difference.written == UInt64(task.base)
    }
  }

  /// Where the difference is, and what else the task asks of the place.
  private static func place(
    _ difference: SensitiveGuest.Difference?, _ bare: SensitiveGuest.Bare, _ task: SensitiveTask
  ) -> String {
    guard let difference else { return "there is no difference" }
    let instruction = difference.mnemonic.map { "`\($0) r\(difference.operand)`" } ?? "no instruction"
    var parts = ["it is \(instruction) at `\(hex(difference.pc))`"]
    switch task.variant {
    case .classic: break
    case .popf: if bare.usesGetpsw { parts.append("`getpsw` is executed") }
    case .jrst:
      let cause = bare.traps.first { $0.clock >= difference.retired }.flatMap { ToyCause(rawValue: $0.cause) }
      parts.append("the first trap after it: \(cause?.name ?? "none")")
    case .leaky:
      parts.append(
        "\(difference.mode == 1 ? "user" : "supervisor") mode, base \(difference.written.map { hex($0) } ?? "not read")"
      )
    }
    return parts.joined(separator: "; ")
  }

  private static func block(_ text: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).prefix(16)
    return "\n\n```\n\(lines.joined(separator: "\n").replacing("```", with: "'''"))\n```\n"
  }

  /// The console's text, safe to show.
  static func quoted(_ bytes: [UInt8]) -> String {
    let text = String(
      String.UnicodeScalarView(
        bytes.prefix(80).map { (0x20...0x7E).contains($0) && $0 != 0x60 ? Unicode.Scalar($0) : "." }))
    return bytes.isEmpty ? "nothing" : "`\(text)`" + (bytes.count > 80 ? " …" : "")
  }
}
