public import MachineCore

/// Registers of the toy processor by number: sixteen general ones, then the PSW in its parts.
public enum ToyRegister {
  /// First general register; it is always zero.
  public static let zero: RegisterID = 0
  /// Program counter.
  public static let pc: RegisterID = 16
  /// Mode: 0 supervisor, 1 user.
  public static let mode: RegisterID = 17
  /// Interrupt enable.
  public static let interruptEnable: RegisterID = 18
  /// Translation: 0 base/bound, 1 paging.
  public static let paging: RegisterID = 19
  /// Base (base/bound) or physical address of the root table (paging).
  public static let base: RegisterID = 20
  /// Size of the virtual address space in bytes.
  public static let bound: RegisterID = 21
  /// The processor waits for an interrupt.
  public static let waiting: RegisterID = 22

  /// How many general registers.
  public static let generalCount = 16

  /// The register table.
  public static let table: [RegisterDescriptor] =
    (0..<16).map { RegisterDescriptor("r\($0)", width: 32, isZero: $0 == 0) } + [
      RegisterDescriptor("pc", width: 32, role: .programCounter),
      RegisterDescriptor("mode", width: 1, role: .mode),
      RegisterDescriptor("ie", width: 1, role: .interruptEnable),
      RegisterDescriptor("pg", width: 1, role: .relocation),
      RegisterDescriptor("base", width: 32, role: .relocation),
      RegisterDescriptor("bound", width: 32, role: .relocation),
      RegisterDescriptor("wait", width: 1, role: .waiting),
    ]

  /// Names the assembler takes for general registers beside `r0`…`r15`, by the calling convention.
  public static let aliases: [(name: String, number: Int, use: String)] = [
    ("zero", 0, "always zero"),
    ("a0", 1, "argument 1, result; system-call number"), ("a1", 2, "argument 2"), ("a2", 3, "argument 3"),
    ("a3", 4, "argument 4"),
    ("t0", 5, "temporary"), ("t1", 6, "temporary"), ("t2", 7, "temporary"), ("t3", 8, "temporary"),
    ("s0", 9, "saved by the callee"), ("s1", 10, "saved by the callee"), ("s2", 11, "saved by the callee"),
    ("s3", 12, "saved by the callee"), ("k0", 13, "kernel scratch: user code must not rely on it"),
    ("sp", 14, "stack pointer, saved by the callee"), ("ra", 15, "return address"),
  ]
}

/// Causes of traps and interrupts, by number.
public enum ToyCause: UInt32, Sendable, CaseIterable {
  /// The word is no instruction; value: the word.
  case illegal = 1
  /// A privileged instruction in user mode; value: the word.
  case privileged = 2
  /// An address outside the bound or the storage; value: the address.
  case bounds = 3
  /// An address not a multiple of the access size; value: the address.
  case alignment = 4
  /// The page may not be executed; value: the address.
  case pageFetch = 5
  /// The page may not be read; value: the address.
  case pageRead = 6
  /// The page may not be written; value: the address.
  case pageWrite = 7
  /// Supervisor call; value: its immediate.
  case supervisorCall = 8
  /// Breakpoint; value: 0.
  case breakpoint = 9
  /// Division by zero; value: 0.
  case divide = 10
  /// Timer interrupt; value: the line, 0.
  case timer = 16
  /// Console input has arrived; value: the line, 1.
  case console = 17
  /// The disk has finished; value: the line, 2.
  case disk = 18

  /// Name in traces and messages.
  public var name: String {
    switch self {
    case .pageFetch: "page-fetch"
    case .pageRead: "page-read"
    case .pageWrite: "page-write"
    case .supervisorCall: "svc"
    default: String(describing: self)
    }
  }

  /// Names by number, empty where there is no cause.
  public static let names: [String] = (0...18).map { ToyCause(rawValue: $0)?.name ?? "" }
}

/// The processor status word: what a trap stores and loads, four 32-bit words.
public struct PSW: Sendable, Hashable {
  /// User mode (else supervisor).
  public var user: Bool
  /// Interrupts are taken.
  public var interruptEnable: Bool
  /// Paging (else base/bound).
  public var paging: Bool
  /// Program counter, a virtual byte address.
  public var pc: UInt32
  /// Base, or physical address of the root page table; a multiple of 4.
  public var base: UInt32
  /// Size of the virtual address space in bytes; a multiple of 4.
  public var bound: UInt32

  /// A PSW; low bits of base and bound are dropped as the processor does.
  public init(
    user: Bool = false, interruptEnable: Bool = false, paging: Bool = false, pc: UInt32 = 0, base: UInt32 = 0,
    bound: UInt32 = .max
  ) {
    self.user = user
    self.interruptEnable = interruptEnable
    self.paging = paging
    self.pc = pc
    self.base = base & ~3
    self.bound = bound & ~3
  }

  /// The first word: bit 0 user mode, bit 1 interrupt enable, bit 2 paging.
  public var flags: UInt32 { (user ? 1 : 0) | (interruptEnable ? 2 : 0) | (paging ? 4 : 0) }

  /// A PSW from its four words.
  public init(flags: UInt32, pc: UInt32, base: UInt32, bound: UInt32) {
    self.init(
      user: flags & 1 != 0, interruptEnable: flags & 2 != 0, paging: flags & 4 != 0, pc: pc, base: base,
      bound: bound)
  }
}

/// The trap save area: where, in physical storage, a trap puts the old state and finds the new one.
public enum TrapArea {
  /// Bytes per virtual CPU; CPU n's area begins at n times this.
  public static let stride: UInt64 = 0x40
  /// Old PSW: flags, pc, base, bound.
  public static let oldPSW: UInt64 = 0x00
  /// Cause.
  public static let cause: UInt64 = 0x10
  /// Value.
  public static let value: UInt64 = 0x14
  /// New PSW: flags, pc, base, bound.
  public static let newPSW: UInt64 = 0x20
  /// Where programs are loaded and started unless told otherwise.
  public static let programStart: UInt64 = 0x100
}
