import Trace
import X86Backend

/// The processor as QEMU's `-d cpu` prints it, line by line.
struct QEMUState {
  /// By the numbers of ``X86Register``.
  private(set) var registers = [UInt64](repeating: 0, count: X86Register.allCases.count)
  private(set) var mode: UInt8 = 0
  /// In system management mode, which belongs to the firmware.
  private(set) var isManagement = false
  /// The line with which it begins.
  private(set) var line = 0
  /// Bits for the lines that it must have: see ``Part``.
  private var parts: UInt16 = 0
  /// The general registers are shown with 32 bits.
  private var isNarrow = false

  /// What a state must have before it is over.
  private enum Part: UInt16, CaseIterable {
    case general = 1
    case index = 2
    case pointer = 4
    case segments = 8
    case tables = 16
    case control = 32

    var name: String {
      switch self {
      case .general: "RAX or EAX"
      case .index: "RSI or ESI"
      case .pointer: "RIP or EIP"
      case .segments: "segment registers"
      case .tables: "GDT and IDT"
      case .control: "CR0"
      }
    }
  }

  /// Registers that it tells of.
  static let registers: [X86Register] =
    [.rax, .rcx, .rdx, .rbx, .rsp, .rbp, .rsi, .rdi, .r8, .r9, .r10, .r11, .r12, .r13, .r14, .r15, .rflags]
    + [.es, .cs, .ss, .ds, .fs, .gs, .esBase, .csBase, .ssBase, .dsBase, .fsBase, .gsBase]
    + [.esLimit, .csLimit, .ssLimit, .dsLimit, .fsLimit, .gsLimit]
    + [.esAttributes, .csAttributes, .ssAttributes, .dsAttributes, .fsAttributes, .gsAttributes]
    + [.ldtr, .ldtrBase, .ldtrLimit, .ldtrAttributes, .tr, .trBase, .trLimit, .trAttributes]
    + [.gdtrBase, .gdtrLimit, .idtrBase, .idtrLimit, .cr0, .cr2, .cr3, .cr4, .efer]
    + [.dr0, .dr1, .dr2, .dr3, .dr6, .dr7]

  /// Whether a line begins a state.
  static func begins(_ line: LogText) -> Bool { line.starts(with: "EAX=") || line.starts(with: "RAX=") }

  /// Whether it is begun and not over.
  var isOpen: Bool { parts != 0 }

  /// Reads a line of a state; `true` when it is the last one.
  mutating func read(_ line: LogText, _ log: ImportedLog) throws(TraceError) -> Bool {
    if Self.begins(line) {
      guard !isOpen else {
        throw log.failure("the state that begins in line \(self.line) is not over, and here begins another")
      }
      isNarrow = line.starts(with: "EAX=")
      self.line = log.number
    }
    var line = line
    while true {
      let name = line.name()
      guard name != 0 else { return false }
      guard let field = Self.fields[name] else {
        // CCS, A20 and the like.
        continue
      }
      try set(field, &line, log)
      if field == .register(.efer) {
        for part in Part.allCases where parts & part.rawValue == 0 {
          throw log.failure("the state that begins in line \(self.line) has no \(part.name)")
        }
        parts = 0
        return true
      }
    }
  }

  private enum Field: Equatable {
    case register(X86Register)
    case general(X86Register)
    /// Selector; base, limit and attributes follow by these numbers.
    case segment(X86Register, base: X86Register, limit: X86Register, attributes: X86Register)
    case table(base: X86Register, limit: X86Register)
    case level
    case management
  }

  private mutating func set(_ field: Field, _ line: inout LogText, _ log: ImportedLog) throws(TraceError) {
    line.skipSpaces()
    switch field {
    case .register(let register):
      registers[register.index] = try number(&line, register.name, log)
      if register == .rip { parts |= Part.pointer.rawValue }
      if register == .cr0 { parts |= Part.control.rawValue }
    case .general(let register):
      let value = try number(&line, register.name, log)
      let old = registers[register.index]
      // In 32-bit code the upper half is not shown; it stands as long as the lower one does.
      registers[register.index] = isNarrow && old & 0xFFFF_FFFF == value ? old : value
      if register == .rax { parts |= Part.general.rawValue }
      if register == .rsi { parts |= Part.index.rawValue }
    case .segment(let selector, let base, let limit, let attributes):
      registers[selector.index] = try number(&line, selector.name, log)
      registers[base.index] = try number(&line, base.name, log)
      registers[limit.index] = try number(&line, limit.name, log)
      // Bits 8–23 of the descriptor's second word; the limit's bits between are not of them.
      registers[attributes.index] = try number(&line, attributes.name, log) >> 8 & 0xF0FF
      if selector == .gs { parts |= Part.segments.rawValue }
    case .table(let base, let limit):
      registers[base.index] = try number(&line, base.name, log)
      registers[limit.index] = try number(&line, limit.name, log)
      if base == .idtrBase { parts |= Part.tables.rawValue }
    case .level: mode = UInt8(truncatingIfNeeded: try number(&line, "CPL", log) & 3)
    case .management: isManagement = try number(&line, "SMM", log) != 0
    }
  }

  private func number(_ line: inout LogText, _ name: String, _ log: ImportedLog) throws(TraceError) -> UInt64
  {
    line.skipSpaces()
    guard let value = line.hex() else { throw log.failure("\(name) has no number in hexadecimal") }
    return value
  }

  private static let fields: [UInt64: Field] = {
    var fields: [UInt64: Field] = [
      packedName("CPL"): .level, packedName("SMM"): .management,
      packedName("RIP"): .register(.rip), packedName("EIP"): .register(.rip),
      packedName("RFL"): .register(.rflags), packedName("EFL"): .register(.rflags),
      packedName("GDT"): .table(base: .gdtrBase, limit: .gdtrLimit),
      packedName("IDT"): .table(base: .idtrBase, limit: .idtrLimit),
      packedName("LDT"): .segment(.ldtr, base: .ldtrBase, limit: .ldtrLimit, attributes: .ldtrAttributes),
      packedName("TR"): .segment(.tr, base: .trBase, limit: .trLimit, attributes: .trAttributes),
    ]
    let general: [X86Register] = [.rax, .rbx, .rcx, .rdx, .rsi, .rdi, .rbp, .rsp]
    for register in general {
      let name = register.name.uppercased()
      fields[packedName(name)] = .general(register)
      fields[packedName("E" + name.dropFirst())] = .general(register)
    }
    for register in [X86Register.r8, .r9, .r10, .r11, .r12, .r13, .r14, .r15, .cr0, .cr2, .cr3, .cr4, .efer]
      + [.dr0, .dr1, .dr2, .dr3, .dr6, .dr7]
    {
      fields[packedName(register.name.uppercased())] = .register(register)
    }
    let segments: [(X86Register, X86Register, X86Register, X86Register)] = [
      (.es, .esBase, .esLimit, .esAttributes), (.cs, .csBase, .csLimit, .csAttributes),
      (.ss, .ssBase, .ssLimit, .ssAttributes), (.ds, .dsBase, .dsLimit, .dsAttributes),
      (.fs, .fsBase, .fsLimit, .fsAttributes), (.gs, .gsBase, .gsLimit, .gsAttributes),
    ]
    for (selector, base, limit, attributes) in segments {
      fields[packedName(selector.name.uppercased())] = .segment(
        selector, base: base, limit: limit, attributes: attributes)
    }
    return fields
  }()
}
