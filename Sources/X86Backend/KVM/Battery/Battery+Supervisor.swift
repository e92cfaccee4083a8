internal import MachineCore

extension BatteryProbe {
  /// Debugging and instructions in ring 0 of long mode.
  static var supervisor: [BatteryProbe] {
    [
      // int3
      BatteryProbe(
        id: "int3-ring0", behaviour: "INT3 in ring 0", section: "vol. 2, INT3",
        expected: "trap breakpoint, at +1", place: .long64,
        code: [0xCC],
        look: { $0.place }),
      // pushf; orl $0x100,(%rsp); popf; nop; nop
      BatteryProbe(
        id: "single-step", behaviour: "single step after POPF set TF", section: "vol. 3, 18.3.1.4",
        expected: "trap debug, at +10, DR6 0xffff4ff0", place: .long64,
        code: [0x9C, 0x81, 0x0C, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9D, 0x90, 0x90],
        differing: [.dr6],
        look: { $0.debug }),
      // mov %ss,%eax; pushf; orl $0x100,(%rsp); popf; mov %eax,%ss; nop; nop
      BatteryProbe(
        id: "step-mov-ss", behaviour: "single step over MOV SS and what follows", section: "vol. 3, 6.8.3",
        expected: "trap debug, at +14, DR6 0xffff4ff0", place: .long64,
        code: [0x8C, 0xD0, 0x9C, 0x81, 0x0C, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9D, 0x8E, 0xD0, 0x90, 0x90],
        look: { $0.debug }),
      // nop; nop
      BatteryProbe(
        id: "breakpoint", behaviour: "breakpoint on an instruction in a debug register",
        section: "vol. 3, 18.3.1.1",
        expected: "trap debug, at +1, DR6 0xffff0ff1", place: .long64,
        code: [0x90, 0x90],
        registers: [.dr0: 0x2_0001, .dr7: 0x402],
        differing: [.dr6],
        look: { $0.debug }),
      // movb $1,0x40000; nop
      BatteryProbe(
        id: "watchpoint", behaviour: "breakpoint on a store in a debug register", section: "vol. 3, 18.3.1.2",
        expected: "trap debug, at +8, DR6 0xffff0ff1", place: .long64,
        code: [0xC6, 0x04, 0x25, 0x00, 0x00, 0x04, 0x00, 0x01, 0x90],
        registers: [.dr0: 0x4_0000, .dr7: 0x1_0402],
        differing: [.dr6],
        look: { $0.debug }),
      // mov %dr0,%rax
      BatteryProbe(
        id: "general-detect", behaviour: "MOV from a debug register with DR7.GD", section: "vol. 3, 18.3.1.3",
        expected: "trap debug, at +0, DR6 0xffff2ff0", place: .long64,
        code: [0x0F, 0x21, 0xC0],
        registers: [.dr7: 0x2400],
        differing: [.dr6],
        look: { $0.debug }),
      // movabs $0x100000400,%rax; mov %rax,%dr7
      BatteryProbe(
        id: "debug-reserved", behaviour: "MOV to DR7 with bit 32", section: "vol. 2, MOV DR",
        expected: "trap general protection, code 0x0", place: .long64,
        code: [0x48, 0xB8, 0x00, 0x04, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x0F, 0x23, 0xF8]),
      // mov $0x10,%ecx; lar %ecx,%eax
      BatteryProbe(
        id: "lar-ring0", behaviour: "LAR of the data segment in ring 0", section: "vol. 2, LAR",
        expected: "RAX 0xc09300", place: .long64,
        code: [0xB9, 0x10, 0x00, 0x00, 0x00, 0x0F, 0x02, 0xC1],
        look: { $0.registers([.rax], mask: 0xF0_FF00) }),
      // mov $0x10,%ecx; lsl %ecx,%eax
      BatteryProbe(
        id: "lsl-ring0", behaviour: "LSL of the data segment in ring 0", section: "vol. 2, LSL",
        expected: "RAX 0xffffffff", place: .long64,
        code: [0xB9, 0x10, 0x00, 0x00, 0x00, 0x0F, 0x03, 0xC1],
        look: { $0.registers([.rax]) }),
      // mov $0x10,%ecx; verw %cx; setz %al; movzbl %al,%eax
      BatteryProbe(
        id: "verw-ring0", behaviour: "VERW of the data segment in ring 0, ZF",
        section: "vol. 2, VERR and VERW",
        expected: "RAX 0x1", place: .long64,
        code: [0xB9, 0x10, 0x00, 0x00, 0x00, 0x0F, 0x00, 0xE9, 0x0F, 0x94, 0xC0, 0x0F, 0xB6, 0xC0],
        look: { $0.registers([.rax]) }),
      // sgdt 0x40000
      BatteryProbe(
        id: "sgdt", behaviour: "limit and base that SGDT stores", section: "vol. 2, SGDT",
        expected: "0x500003f", place: .long64,
        code: [0x0F, 0x01, 0x04, 0x25, 0x00, 0x00, 0x04, 0x00],
        look: { $0.words([0x4_0000]) }),
      // mov $0x33,%ebx; mov $0x44,%ecx; mov $0x11,%eax; mov $0x22,%edx; lock cmpxchg16b 0x40000
      BatteryProbe(
        id: "cmpxchg16b", behaviour: "LOCK CMPXCHG16B of equal values", section: "vol. 2, CMPXCHG16B",
        expected: "0x33, 0x44", place: .long64,
        code: [
          0xBB, 0x33, 0x00, 0x00, 0x00, 0xB9, 0x44, 0x00, 0x00, 0x00, 0xB8, 0x11, 0x00, 0x00, 0x00, 0xBA,
          0x22, 0x00, 0x00, 0x00, 0xF0, 0x48, 0x0F, 0xC7, 0x0C, 0x25, 0x00, 0x00, 0x04, 0x00,
        ],
        memory: [(0x4_0000, 0x11), (0x4_0008, 0x22)],
        look: { $0.words([0x4_0000, 0x4_0008]) }),
      // cmpxchg16b 0x40008
      BatteryProbe(
        id: "cmpxchg16b-odd", behaviour: "CMPXCHG16B at an address that is no multiple of 16",
        section: "vol. 2, CMPXCHG16B",
        expected: "trap general protection, code 0x0", place: .long64,
        code: [0x48, 0x0F, 0xC7, 0x0C, 0x25, 0x08, 0x00, 0x04, 0x00]),
      // movbe 0x40000,%eax
      BatteryProbe(
        id: "movbe", behaviour: "MOVBE in ring 0", section: "vol. 2, MOVBE",
        expected: "RAX 0x44332211", place: .long64,
        code: [0x0F, 0x38, 0xF0, 0x04, 0x25, 0x00, 0x00, 0x04, 0x00],
        memory: [(0x4_0000, 0x1122_3344)],
        look: { $0.registers([.rax]) }),
      // mov $0xf0f,%ecx; popcnt %ecx,%eax
      BatteryProbe(
        id: "popcnt", behaviour: "POPCNT in ring 0", section: "vol. 2, POPCNT",
        expected: "RAX 0x8", place: .long64,
        code: [0xB9, 0x0F, 0x0F, 0x00, 0x00, 0xF3, 0x0F, 0xB8, 0xC1],
        look: { $0.registers([.rax]) }),
      // xor %ecx,%ecx; xgetbv
      BatteryProbe(
        id: "xgetbv", behaviour: "XGETBV without CR4.OSXSAVE", section: "vol. 2, XGETBV",
        expected: "trap undefined opcode", place: .long64,
        code: [0x31, 0xC9, 0x0F, 0x01, 0xD0]),
      // clac
      BatteryProbe(
        id: "clac", behaviour: "CLAC on a processor without SMAP", section: "vol. 2, CLAC",
        expected: "trap undefined opcode", place: .long64,
        code: [0x0F, 0x01, 0xCA]),
      // mov $2,%eax; invpcid 0x40000,%rax
      BatteryProbe(
        id: "invpcid", behaviour: "INVPCID on a processor without it", section: "vol. 2, INVPCID",
        expected: "trap undefined opcode", place: .long64,
        code: [0xB8, 0x02, 0x00, 0x00, 0x00, 0x66, 0x0F, 0x38, 0x82, 0x04, 0x25, 0x00, 0x00, 0x04, 0x00]),
      // vmcall
      BatteryProbe(
        id: "vmcall", behaviour: "VMCALL on a processor without VMX", section: "vol. 3, 31.3",
        expected: "trap undefined opcode", place: .long64,
        code: [0x0F, 0x01, 0xC1]),
      // wbinvd
      BatteryProbe(
        id: "wbinvd", behaviour: "WBINVD in ring 0", section: "vol. 2, WBINVD",
        expected: "completion", place: .long64,
        code: [0x0F, 0x09]),
      // swapgs
      BatteryProbe(
        id: "swapgs", behaviour: "bases of GS after SWAPGS", section: "vol. 2, SWAPGS",
        expected: "GSBASE 0x3000, KERNELGSBASE 0x2000", place: .long64,
        code: [0x0F, 0x01, 0xF8],
        registers: [.gsBase: 0x2000, .kernelGSBase: 0x3000],
        look: { $0.registers([.gsBase, .kernelGSBase]) }),
      // syscall
      BatteryProbe(
        id: "syscall-off", behaviour: "SYSCALL without EFER.SCE", section: "vol. 2, SYSCALL",
        expected: "trap undefined opcode", place: .long64,
        code: [0x0F, 0x05]),
      // sysenter
      BatteryProbe(
        id: "sysenter-null", behaviour: "SYSENTER with a null IA32_SYSENTER_CS", section: "vol. 2, SYSENTER",
        expected: "trap general protection, code 0x0", place: .long64,
        code: [0x0F, 0x34]),
      // pushq $0x10; pushq $0x70000; pushq $2; pushq $0; pushq $0; iretq
      BatteryProbe(
        id: "iret-null", behaviour: "IRETQ to a null code segment", section: "vol. 2, IRET",
        expected: "trap general protection, code 0x0", place: .long64,
        code: [0x6A, 0x10, 0x68, 0x00, 0x00, 0x07, 0x00, 0x6A, 0x02, 0x6A, 0x00, 0x6A, 0x00, 0x48, 0xCF]),
      // mov $0x40000,%esi; mov $5,%ecx; mov $0x3f8,%edx; rep outsb
      BatteryProbe(
        id: "rep-outs", behaviour: "REP OUTSB of five bytes to the serial port", section: "vol. 2, REP",
        expected: "hello, RCX 0x0, RSI 0x40005", place: .long64,
        code: [
          0xBE, 0x00, 0x00, 0x04, 0x00, 0xB9, 0x05, 0x00, 0x00, 0x00, 0xBA, 0xF8, 0x03, 0x00, 0x00, 0xF3,
          0x6E,
        ],
        memory: [(0x4_0000, 0x6F_6C6C_6568)],
        look: { String(decoding: $0.platform.console, as: UTF8.self) + ", " + $0.registers([.rcx, .rsi]) }),
      // mov $0x80000000,%esi; mov $0x40000,%edi; mov $12,%ecx; rep movsb
      BatteryProbe(
        id: "rep-movs-hole", behaviour: "REP MOVSB out of a hole of physical memory", section: "vol. 2, REP",
        expected: "0xffffffffffffffff, 0xffffffff", place: .long64,
        code: [
          0xBE, 0x00, 0x00, 0x00, 0x80, 0xBF, 0x00, 0x00, 0x04, 0x00, 0xB9, 0x0C, 0x00, 0x00, 0x00, 0xF3,
          0xA4,
        ],
        look: { $0.words([0x4_0000, 0x4_0008]) }),
      // mov $0x40000,%esi; mov $0xfffffffc,%edi; mov $8,%ecx; rep movsb
      BatteryProbe(
        id: "rep-movs-fault", behaviour: "RCX and RDI where REP MOVSB runs out of pages",
        section: "vol. 2, REP",
        expected: "trap page fault, code 0x2, RCX 0x4, RDI 0x100000000, CR2 0x100000000", place: .long64,
        code: [
          0xBE, 0x00, 0x00, 0x04, 0x00, 0xBF, 0xFC, 0xFF, 0xFF, 0xFF, 0xB9, 0x08, 0x00, 0x00, 0x00, 0xF3,
          0xA4,
        ],
        look: { $0.end(with: [.rcx, .rdi, .cr2]) }),
      // mov $0x7ffd,%edx; out %eax,%dx
      BatteryProbe(
        id: "port-unaligned", behaviour: "accesses of OUT DX, EAX at an odd port", section: "vol. 1, 19.3",
        expected: "1 access", place: .long64,
        code: [0xBA, 0xFD, 0x7F, 0x00, 0x00, 0xEF],
        look: { $0.isComplete ? "\($0.platform.unclaimed) access" : $0.text }),
      // .byte 0xf0; add %eax,%ebx
      BatteryProbe(
        id: "lock-register", behaviour: "LOCK with a register as destination", section: "vol. 2, LOCK",
        expected: "trap undefined opcode", place: .long64,
        code: [0xF0, 0x01, 0xC3]),
      // xor %ecx,%ecx; div %ecx
      BatteryProbe(
        id: "divide-ring0", behaviour: "DIV by zero in ring 0: saved address", section: "vol. 2, DIV",
        expected: "trap divide error, at +2", place: .long64,
        code: [0x31, 0xC9, 0xF7, 0xF1],
        look: { $0.place }),
      // .byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66; nop
      BatteryProbe(
        id: "long-code", behaviour: "an instruction of sixteen bytes", section: "vol. 2, 2.3.11",
        expected: "trap general protection, code 0x0", place: .long64,
        code: [
          0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90,
        ]),
    ]
  }
}
