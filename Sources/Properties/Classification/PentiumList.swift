/// The instructions that Robin and Irvine (2000) found sensitive and unprivileged on the Pentium, and what the search
/// makes of them.
public struct PentiumComparison: Sendable {
  /// One name of the paper's list, with the names that the search uses.
  public struct Entry: Sendable {
    /// The paper's name.
    public var name: String
    /// The search's names.
    public var names: [String]
  }

  /// The paper's list. It has eighteen names where the text counts seventeen instructions.
  public static let list: [Entry] = [
    Entry(name: "SGDT", names: ["SGDT"]), Entry(name: "SIDT", names: ["SIDT"]),
    Entry(name: "SLDT", names: ["SLDT"]), Entry(name: "SMSW", names: ["SMSW"]),
    Entry(name: "PUSHF", names: ["PUSHF"]), Entry(name: "POPF", names: ["POPF"]),
    Entry(name: "LAR", names: ["LAR"]), Entry(name: "LSL", names: ["LSL"]),
    Entry(name: "VERR", names: ["VERR"]), Entry(name: "VERW", names: ["VERW"]),
    Entry(name: "POP", names: ["POP segment"]), Entry(name: "PUSH", names: ["PUSH segment"]),
    Entry(name: "CALL", names: ["CALL far"]), Entry(name: "JMP", names: ["JMP far"]),
    Entry(name: "INT n", names: ["INT n"]), Entry(name: "RET", names: ["RET far"]),
    Entry(name: "STR", names: ["STR"]), Entry(name: "MOV", names: ["MOV from segment", "MOV to segment"]),
  ]

  /// Why the search finds what is not in the paper's list.
  private static let explanations: [(names: Set<String>, text: String)] = [
    (
      ["LDS", "LES", "LFS", "LGS", "LSS"],
      "loads a segment register, as MOV to segment does; the paper names MOV and POP"
    ),
    (["IRET"], "the paper treats it with RET: a far return that also loads flags"),
    (["INT3", "INTO", "INT1", "BOUND"], "enters the IDT as INT n does"),
    (
      ["SYSCALL", "SYSENTER"],
      "enters ring 0 without the trap sequence; not in the Pentium of the paper, or added late"
    ),
    (["SYSRET", "SYSEXIT"], "leaves ring 0"),
    (["RDTSC", "RDTSCP"], "shows real time unless CR4.TSD is set; the paper's rules do not ask for time"),
  ]

  /// Names of the paper that were found, and that were not.
  public private(set) var found: [String] = []
  public private(set) var missing: [String] = []
  /// What was found beyond the list, with an explanation each; `nil` where there is none.
  public private(set) var beyond: [(name: String, explanation: String?)] = []

  /// Compares a search with the list.
  public init(_ classification: X86Classification) {
    let names = Set(classification.offenders.map(\.name))
    for entry in Self.list {
      if entry.names.allSatisfy(names.contains) {
        found.append(entry.name)
      } else {
        missing.append(entry.name)
      }
    }
    let listed = Set(Self.list.flatMap(\.names))
    for name in names.subtracting(listed).sorted() {
      beyond.append((name, Self.explanations.first { $0.names.contains(name) }?.text))
    }
  }
}
