internal import MachineCore
internal import X86Backend

/// What makes an x86 instruction sensitive.
public enum X86Reason: String, Sendable, CaseIterable {
  /// It changes mode, segments, tables or system flags without a trap.
  case control = "changes mode, segments or system flags"
  case level = "depends on the privilege level"
  case segment = "shows a segment register"
  case globalTable = "shows the GDT register"
  case interruptTable = "shows the IDT register"
  case localTable = "shows the LDT register"
  case task = "shows the task register"
  case machineStatus = "shows CR0"
  case systemRegister = "shows another system register"
  case interruptFlag = "shows the interrupt flag"
  case time = "shows time"
  case device = "reads or writes a device"

  /// Name in files.
  public var name: String { String(describing: self) }

  /// Number as a source of ``FlowAnalysis``.
  var source: FlowSource { Self.allCases.firstIndex(of: self) ?? 0 }

  /// The reason of a number.
  static func of(_ sources: UInt32) -> Set<X86Reason> {
    Set(allCases.filter { sources >> UInt32($0.source) & 1 != 0 })
  }

  /// Flags that are the supervisor's: IF and IOPL. The others that POPF can change are the program's own.
  static let systemFlags: UInt64 = 0x3200
  /// The arithmetic flags and the direction flag: what every program sees of RFLAGS.
  static let programFlags: UInt64 = 0xCD5

  /// Registers whose change is a change of control; the shadow of MOV SS and STI passes with the next instruction.
  static let controlRegisters: [X86Register] = X86Register.allCases.filter { register in
    switch register.descriptor.role {
    case .mode, .relocation, .control, .waiting, .interruptEnable: register != .interruptShadow
    case .general, .flags, .programCounter: false
    }
  }
}

/// What was found of an instruction, from its effects or by running it.
public struct X86InstructionClass: Sendable, Equatable {
  /// Some case completes in ring 0, in ring 3.
  public var completesInRing0 = false
  public var completesInRing3 = false
  /// Why it is sensitive in ring 0, and in ring 3. That a result depends on the level needs both rings and stands
  /// in neither.
  public var ring0: Set<X86Reason> = []
  public var ring3: Set<X86Reason> = []
  /// It completes in both rings, and the result depends on which.
  public var dependsOnLevel = false

  /// An innocuous instruction.
  public init() {}

  /// Every reason.
  public var reasons: Set<X86Reason> { ring0.union(ring3).union(dependsOnLevel ? [.level] : []) }
  /// Sensitive in some ring.
  public var isSensitive: Bool { !reasons.isEmpty }
  /// Sensitive already in ring 3: what the hybrid monitor of Theorem 3 cannot have.
  public var isUserSensitive: Bool { !ring3.isEmpty }
  /// Completes in ring 0 and never in ring 3.
  public var isPrivileged: Bool { completesInRing0 && !completesInRing3 }

  /// Everything that is true of one of both.
  mutating func add(_ other: X86InstructionClass) {
    completesInRing0 = completesInRing0 || other.completesInRing0
    completesInRing3 = completesInRing3 || other.completesInRing3
    ring0.formUnion(other.ring0)
    ring3.formUnion(other.ring3)
    dependsOnLevel = dependsOnLevel || other.dependsOnLevel
  }

  /// Each claim as text, for comparisons.
  var claims: Set<String> {
    var found: Set<String> = []
    if completesInRing0 { found.insert("completes in ring 0") }
    if completesInRing3 { found.insert("completes in ring 3") }
    if dependsOnLevel { found.insert(X86Reason.level.rawValue) }
    for reason in ring0 { found.insert(reason.rawValue + " in ring 0") }
    for reason in ring3 { found.insert(reason.rawValue + " in ring 3") }
    return found
  }
}
