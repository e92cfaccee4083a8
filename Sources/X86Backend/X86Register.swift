public import MachineCore

/// Numbers of the x86 registers in traces, semantics and states.
///
/// General registers and segments come in encoding order, so that a field of an instruction plus
/// the first number gives the register. The hidden parts of segment registers are registers of
/// their own; `…Attributes` holds bits 8–15 and 20–23 of the descriptor's second word, packed as
/// type, S, DPL, P in bits 0–7 and AVL, L, D/B, G in bits 12–15 (Intel SDM vol. 3, 3.4.5).
public enum X86Register: RegisterID, Sendable, CaseIterable {
  case rax
  case rcx
  case rdx
  case rbx
  case rsp
  case rbp
  case rsi
  case rdi
  case r8
  case r9
  case r10
  case r11
  case r12
  case r13
  case r14
  case r15
  case rip
  case rflags
  case es
  case cs
  case ss
  case ds
  case fs
  case gs
  case esBase
  case csBase
  case ssBase
  case dsBase
  case fsBase
  case gsBase
  case esLimit
  case csLimit
  case ssLimit
  case dsLimit
  case fsLimit
  case gsLimit
  case esAttributes
  case csAttributes
  case ssAttributes
  case dsAttributes
  case fsAttributes
  case gsAttributes
  case ldtr
  case ldtrBase
  case ldtrLimit
  case ldtrAttributes
  case tr
  case trBase
  case trLimit
  case trAttributes
  case gdtrBase
  case gdtrLimit
  case idtrBase
  case idtrLimit
  case cr0
  case cr2
  case cr3
  case cr4
  case cr8
  case efer
  case star
  case lstar
  case cstar
  case sfmask
  case kernelGSBase
  case sysenterCS
  case sysenterESP
  case sysenterEIP
  case dr0
  case dr1
  case dr2
  case dr3
  case dr6
  case dr7
  case halted
  /// What holds interrupts off until the next instruction is done: bit 0 MOV SS or POP SS, bit 1 STI
  /// (numbers as in KVM). A pseudo register that traces leave out.
  case interruptShadow
  // The page-directory-pointer-table entries that PAE paging loads with CR3.
  case pdpte0
  case pdpte1
  case pdpte2
  case pdpte3
  // Model-specific registers; see ``X86ModelSpecific``.
  case timeOffset
  case tscAux
  case apicBase
  case miscEnable
  case pat
  case mtrrDefault
  case mtrrFix64K
  case mtrrFix16K0
  case mtrrFix16K1
  case mtrrFix4K0
  case mtrrFix4K1
  case mtrrFix4K2
  case mtrrFix4K3
  case mtrrFix4K4
  case mtrrFix4K5
  case mtrrFix4K6
  case mtrrFix4K7
  case mtrrBase0
  case mtrrMask0
  case mtrrBase1
  case mtrrMask1
  case mtrrBase2
  case mtrrMask2
  case mtrrBase3
  case mtrrMask3
  case mtrrBase4
  case mtrrMask4
  case mtrrBase5
  case mtrrMask5
  case mtrrBase6
  case mtrrMask6
  case mtrrBase7
  case mtrrMask7

  /// Number in the register table.
  public var id: RegisterID { rawValue }
  /// Number as an array index.
  public var index: Int { Int(rawValue) }

  /// Name, width in bits and role.
  public var descriptor: RegisterDescriptor {
    switch self {
    case .rax, .rcx, .rdx, .rbx, .rsp, .rbp, .rsi, .rdi, .r8, .r9, .r10, .r11, .r12, .r13, .r14, .r15:
      RegisterDescriptor(name, width: 64, role: .general)
    case .rip:
      RegisterDescriptor(name, width: 64, role: .programCounter)
    case .rflags:
      RegisterDescriptor(name, width: 64, role: .flags)
    case .es, .ss, .ds, .fs, .gs, .esAttributes, .csAttributes, .ssAttributes, .dsAttributes, .fsAttributes,
      .gsAttributes:
      RegisterDescriptor(name, width: 16, role: .relocation)
    case .cs:
      RegisterDescriptor(name, width: 16, role: .mode)
    case .esBase, .csBase, .ssBase, .dsBase, .fsBase, .gsBase, .cr0, .cr3, .cr4:
      RegisterDescriptor(name, width: 64, role: .relocation)
    case .esLimit, .csLimit, .ssLimit, .dsLimit, .fsLimit, .gsLimit:
      RegisterDescriptor(name, width: 32, role: .relocation)
    case .ldtr, .ldtrAttributes, .tr, .trAttributes, .gdtrLimit, .idtrLimit:
      RegisterDescriptor(name, width: 16, role: .control)
    case .ldtrBase, .trBase, .gdtrBase, .idtrBase, .cr2, .cr8, .efer, .star, .lstar, .cstar, .sfmask,
      .kernelGSBase, .sysenterCS, .sysenterESP, .sysenterEIP, .dr0, .dr1, .dr2, .dr3, .dr6, .dr7:
      RegisterDescriptor(name, width: 64, role: .control)
    case .ldtrLimit, .trLimit:
      RegisterDescriptor(name, width: 32, role: .control)
    case .halted:
      RegisterDescriptor(name, width: 1, role: .waiting)
    case .interruptShadow:
      RegisterDescriptor(name, width: 2, role: .interruptEnable, isTraced: false)
    case .pdpte0, .pdpte1, .pdpte2, .pdpte3:
      RegisterDescriptor(name, width: 64, role: .relocation)
    default:
      RegisterDescriptor(name, width: 64, role: .control)
    }
  }

  /// Name in traces.
  public var name: String { String(describing: self) }

  /// The register table of the instruction set.
  public static let table: [RegisterDescriptor] = allCases.map(\.descriptor)

  /// The register table of a model: the instruction pointer of the 8086 and 80286 wraps at 16 bits.
  static func table(of model: X86CPUModel) -> [RegisterDescriptor] {
    model == .i8086 || model == .i80286 ? table16 : table
  }

  private static let table16: [RegisterDescriptor] = allCases.map {
    $0 == .rip ? RegisterDescriptor($0.name, width: 16, role: .programCounter) : $0.descriptor
  }
}
