internal import MachineCore
public import X86Backend

/// Derives the class of every x86 instruction from its effects and the procedures that they call.
///
/// The rule of the machine is that of ``X86Classification``: protected mode or 64-bit mode, IOPL 0, no I/O bitmap, no
/// nested task, no debug breakpoints.
public struct X86StaticClassification: Sendable {
  /// The mode.
  public let mode: X86Mode
  /// One class for each row of the instruction table that the mode has.
  public private(set) var rows: [Int: X86InstructionClass] = [:]
  /// How many definitions (rows in their forms) were followed.
  public private(set) var definitions = 0

  /// Follows all definitions of a mode, or those of some rows.
  ///
  /// - Throws: ``MachineError`` when storage cannot be had.
  public init(_ mode: X86Mode, prevention: Bool = false, rows chosen: Set<Int>? = nil) throws {
    self.mode = mode
    let machine = try X86FuzzMachine(mode, seed: 1, isPlain: true)
    let set = X86InstructionSet()
    let all = set.definitions
    let procedures = set.system.procedures
    let possible = Self.possible(mode)
    let forms = machine.forms
    let rules = X86FlowRules(mode, prevention: prevention, set)
    for (row, text) in X86FuzzRow.all(machine).enumerated() where text.unreachable == nil {
      if let chosen, !chosen.contains(row) { continue }
      var found = X86InstructionClass()
      for number in X86FuzzRow.definitions(row) where possible.contains(number) {
        definitions += 1
        let operands = rules.operands(row, forms[number])
        func follow(_ level: UInt64?) -> FlowAnalysis.Finding {
          FlowAnalysis(
            all[number].effects, procedures, rules.rule(level, forms[number]),
            operands: operands(level)
          ).finding
        }
        found.add(Self.judge(follow(0), follow(3), follow(nil)))
      }
      rows[row] = found
    }
  }

  /// The definitions that code of a mode can decode to; found out once.
  private static func possible(_ mode: X86Mode) -> Set<Int> { mode == .long64 ? possible64 : possible32 }
  private static let possible32 =
    (try? X86FuzzMachine(.protected32, seed: 1, isPlain: true))?.possibleDefinitions ?? []
  private static let possible64 =
    (try? X86FuzzMachine(.long64, seed: 1, isPlain: true))?.possibleDefinitions ?? []

  /// The class from what was found in ring 0, in ring 3, and in a ring that is not known.
  private static func judge(
    _ system: FlowAnalysis.Finding, _ user: FlowAnalysis.Finding, _ any: FlowAnalysis.Finding
  ) -> X86InstructionClass {
    func reasons(_ finding: FlowAnalysis.Finding) -> Set<X86Reason> {
      guard finding.completes else { return [] }
      var reasons = X86Reason.of(finding.depends).subtracting([.level])
      if finding.changesControl { reasons.insert(.control) }
      if finding.usesDevice { reasons.insert(.device) }
      return reasons
    }
    var result = X86InstructionClass()
    result.completesInRing0 = system.completes
    result.completesInRing3 = user.completes
    result.ring0 = reasons(system)
    result.ring3 = reasons(user)
    result.dependsOnLevel =
      system.completes && user.completes && X86Reason.of(any.depends).contains(.level)
    return result
  }

  /// How a row's instruction traps in ring 3 with IOPL 0: each trap with the conditions on its path, as text.
  public static func traps(ofRow row: Int, _ mode: X86Mode, ring: UInt64 = 3) throws -> [String] {
    let machine = try X86FuzzMachine(mode, seed: 1, isPlain: true)
    let set = X86InstructionSet()
    let possible = Self.possible(mode)
    let forms = machine.forms
    let rules = X86FlowRules(mode, prevention: false, set)
    // The widest form says most.
    guard let number = X86FuzzRow.definitions(row).last(where: possible.contains) else { return [] }
    let analysis = FlowAnalysis(
      set.definitions[number].effects, set.system.procedures, rules.rule(ring, forms[number]),
      operands: rules.operands(row, forms[number])(ring), notesTraps: true)
    let text = SemanticsText(set, names: X86InstructionSet.semanticsNames)
    let paths = analysis.traps.map { path in
      let conditions = path.conditions.map { condition in
        let place = condition.procedure.map { set.system.procedures[$0].name + ": " } ?? ""
        return (condition.holds ? "" : "not ") + "(" + place + text.text(condition.expression) + ")"
      }
      return text.lines([.trap(path.cause, .constant(0))]).joined()
        + (conditions.isEmpty ? ", always" : " if " + conditions.joined(separator: " and "))
    }
    return paths + (analysis.finding.completes ? ["else it completes"] : [])
  }
}

/// The rules under which x86 instructions are followed.
struct X86FlowRules {
  private let mode: X86Mode
  private let prevention: Bool
  private let system: SystemSemantics
  private let tables: [AuxiliaryDescriptor]

  init(_ mode: X86Mode, prevention: Bool, _ set: X86InstructionSet) {
    self.mode = mode
    self.prevention = prevention
    system = set.system
    tables = set.auxiliaries
  }

  /// The rule at a privilege level; for `nil` the level is not known, and a source.
  func rule(_ level: UInt64?, _ form: X86FuzzForm?) -> FlowAnalysis.Rule {
    var rule = FlowAnalysis.Rule()
    rule.count = X86Reason.allCases.count
    rule.time = X86Reason.time.source
    for reason in [X86Reason.globalTable, .interruptTable, .localTable, .task] {
      rule.tables |= 1 << UInt32(reason.source)
    }
    for register in X86Register.allCases {
      rule.sources[register.id] = Self.sources(register).map { ($0.source, $1) }
    }
    for register in X86Reason.controlRegisters { rule.control[register.id] = .max }
    rule.control[X86Register.rflags.id] = X86Reason.systemFlags
    for register in X86Register.allCases.prefix(17) { rule.visible[register.id] = .max }
    rule.visible[X86Register.rflags.id] = X86Reason.programFlags
    rule.controlTables = Set(tables.indices.filter { tables[$0].role == .relocation })
    rule.firstOwnSegment = system.firstOwnSegment
    rule.translate = system.translate
    rule.frameStore = X86FuzzRow.frameStore
    know(level, form, &rule.registers)
    return rule
  }

  /// What is known of decoded operands at a level: constants, widths, and which registers of the system they can be.
  func operands(_ row: Int, _ form: X86FuzzForm?) -> (UInt64?) -> [Int: FlowValue] {
    { level in
      var result: [Int: FlowValue] = [:]
      for (place, value) in form?.constants ?? [:] { result[place] = FlowValue(KnownBits(value)) }
      for (place, width) in form?.widths ?? [:] {
        result[place] = FlowValue(KnownBits(below: UInt64(width.rawValue)))
      }
      for place in 0..<3 {
        let registers = X86FuzzRow.systemOperand(row, place)
        guard !registers.isEmpty else { continue }
        var marks = [UInt64](repeating: 0, count: X86Reason.allCases.count)
        for register in registers {
          for (reason, mask) in Self.sources(register) where reason != .level || level == nil {
            marks[reason.source] |= mask
          }
        }
        result[place] = FlowValue(.unknown, marks: marks)
      }
      return result
    }
  }

  /// Which sources a register's bits are.
  private static func sources(_ register: X86Register) -> [(X86Reason, UInt64)] {
    switch register {
    case .rflags: return [(.interruptFlag, 0x200)]
    // The two low bits are the privilege level.
    case .cs, .ss: return [(.level, 3), (.segment, 0xFFFC)]
    case .csAttributes, .ssAttributes: return [(.level, 0x60), (.segment, 0xFF9F)]
    case .gdtrBase, .gdtrLimit: return [(.globalTable, .max)]
    case .idtrBase, .idtrLimit: return [(.interruptTable, .max)]
    case .ldtr, .ldtrBase, .ldtrLimit, .ldtrAttributes: return [(.localTable, .max)]
    case .tr, .trBase, .trLimit, .trAttributes: return [(.task, .max)]
    case .cr0: return [(.machineStatus, .max)]
    case .timeOffset: return [(.time, .max)]
    case .es, .ds, .fs, .gs, .esAttributes, .dsAttributes, .fsAttributes, .gsAttributes, .esBase, .csBase,
      .ssBase,
      .dsBase, .fsBase, .gsBase, .esLimit, .csLimit, .ssLimit, .dsLimit, .fsLimit, .gsLimit:
      return [(.segment, .max)]
    default:
      return X86Reason.controlRegisters.contains(register) ? [(.systemRegister, .max)] : []
    }
  }

  private func know(_ level: UInt64?, _ form: X86FuzzForm?, _ registers: inout [RegisterID: KnownBits]) {
    func set(_ register: X86Register, ones: UInt64 = 0, zeros: UInt64 = 0) {
      var bits = KnownBits()
      (bits.ones, bits.zeros) = (ones, zeros)
      registers[register.id] = (registers[register.id] ?? .unknown).with(bits)
    }
    let isLong = mode == .long64
    // Not virtual-8086 mode, no nested task, IOPL 0.
    set(.rflags, ones: 2, zeros: 0x2_7000)
    set(.cr0, ones: isLong ? 0x8000_0001 : 1)
    set(.efer, ones: isLong ? 0x500 : 0, zeros: isLong ? 0 : 0x500)
    set(.csAttributes, ones: isLong ? 0x2080 : 0x4080, zeros: isLong ? 0x4000 : 0x2000)
    set(.ssAttributes, ones: 0x80)
    // A 32-bit task-state segment without a bitmap.
    set(.trAttributes, ones: 0x88)
    registers[X86Register.trLimit.id] = KnownBits(0x66)
    set(.dr7, zeros: 0xFF)
    registers[X86Register.interruptShadow.id] = .zero
    set(.cr4, ones: prevention ? 0x800 : 0, zeros: prevention ? 0 : 0x800)
    if mode != .long64 {
      set(
        .ssAttributes, ones: form?.stack == .bits16 ? 0 : 0x4000, zeros: form?.stack == .bits16 ? 0x4000 : 0)
    }
    guard let level else { return }
    for attributes in [X86Register.csAttributes, .ssAttributes] {
      set(attributes, ones: level << 5, zeros: ~level << 5 & 0x60)
    }
    for selector in [X86Register.cs, .ss] { set(selector, ones: level, zeros: ~level & 3) }
  }
}
