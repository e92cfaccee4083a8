import MachineCore

/// How assembly text is written.
public enum X86Syntax: String, Sendable, CaseIterable {
  /// Destination first: `add dword ptr [ebx + 4], eax`.
  case intel
  /// Destination last, with sizes in the mnemonic: `addl %eax, 4(%ebx)`.
  case att
}

/// The parts of an instruction's text; a syntax only arranges them.
struct X86InstructionText {
  /// A place in memory.
  struct Memory {
    /// Segment register to be shown; empty for the usual one.
    var segment = ""
    var base = ""
    var index = ""
    /// Factor of the index, 1…8.
    var scale = 1
    /// Sign-extended; an address if there is neither base nor index.
    var displacement: UInt64 = 0
    /// Bytes; 0 for a size that is not told.
    var size = 0
  }

  /// One operand.
  enum Part {
    case register(String)
    case immediate(UInt64)
    /// Address of a branch's target.
    case target(UInt64)
    /// Selector and offset of a far pointer.
    case far(UInt64, UInt64)
    case memory(Memory)
  }

  /// `lock`, `rep` and the like with a blank behind, or empty.
  var prefix = ""
  var mnemonic: String
  /// Mnemonic in AT&T syntax; `nil` for the same.
  var attMnemonic: String?
  /// Operands, destination first.
  var parts: [Part] = []
  /// AT&T syntax keeps the order (BOUND, ENTER).
  var keepsOrder = false
  /// A branch to what the operand holds: marked by `*` in AT&T syntax.
  var isIndirect = false

  /// The text in a syntax.
  func rendered(_ syntax: X86Syntax) -> String {
    switch syntax {
    case .intel:
      let name = prefix + mnemonic
      return parts.isEmpty ? name : name + " " + parts.map(Self.intel).joined(separator: ", ")
    case .att:
      let name = prefix + (attMnemonic ?? mnemonic)
      let ordered = keepsOrder ? parts : parts.reversed()
      let star = isIndirect ? "*" : ""
      return parts.isEmpty ? name : name + " " + star + ordered.map(Self.att).joined(separator: ", ")
    }
  }

  private static func number(_ value: UInt64) -> String { value < 10 ? String(value) : hex(value) }

  private static func intel(_ part: Part) -> String {
    switch part {
    case .register(let name): return name
    case .immediate(let value): return number(value)
    case .target(let address): return hex(address)
    case .far(let selector, let offset): return hex(selector) + ":" + hex(offset)
    case .memory(let memory): return intel(memory)
    }
  }

  private static func intel(_ memory: Memory) -> String {
    let sizes = [
      1: "byte ptr ", 2: "word ptr ", 4: "dword ptr ", 8: "qword ptr ", 10: "tbyte ptr ", 16: "xmmword ptr ",
    ]
    var text = (sizes[memory.size] ?? "") + (memory.segment.isEmpty ? "[" : memory.segment + ":[")
    text += memory.base
    if !memory.index.isEmpty {
      if !memory.base.isEmpty { text += " + " }
      text += memory.index
      if memory.scale > 1 { text += "*\(memory.scale)" }
    }
    if memory.base.isEmpty, memory.index.isEmpty {
      text += hex(memory.displacement)
    } else if memory.displacement != 0 {
      let isNegative = Int64(bitPattern: memory.displacement) < 0
      text += (isNegative ? " - " : " + ") + hex(isNegative ? 0 &- memory.displacement : memory.displacement)
    }
    return text + "]"
  }

  private static func att(_ part: Part) -> String {
    switch part {
    case .register(let name): return "%" + name
    case .immediate(let value): return "$" + number(value)
    case .target(let address): return hex(address)
    case .far(let selector, let offset): return "$" + hex(selector) + ", $" + hex(offset)
    case .memory(let memory): return att(memory)
    }
  }

  private static func att(_ memory: Memory) -> String {
    var text = memory.segment.isEmpty ? "" : "%" + memory.segment + ":"
    guard !memory.base.isEmpty || !memory.index.isEmpty else { return text + hex(memory.displacement) }
    if memory.displacement != 0 {
      let isNegative = Int64(bitPattern: memory.displacement) < 0
      text += isNegative ? "-" + hex(0 &- memory.displacement) : hex(memory.displacement)
    }
    text += "(" + (memory.base.isEmpty ? "" : "%" + memory.base)
    if !memory.index.isEmpty {
      text += ",%" + memory.index
      // A scale of one is written only where there is no base, to tell an index from a base.
      if memory.scale > 1 || memory.base.isEmpty { text += ",\(memory.scale)" }
    }
    return text + ")"
  }
}
