internal import MachineCore

extension BatteryProbe {
  /// 64-bit code in ring 3.
  static var user: [BatteryProbe] {
    [
      // cli
      BatteryProbe(
        id: "cli-ring3", behaviour: "CLI in ring 3 with IOPL 0", section: "vol. 2, CLI",
        expected: "trap general protection, code 0x0", place: .ring3,
        code: [0xFA]),
      // cli
      BatteryProbe(
        id: "cli-iopl3", behaviour: "CLI in ring 3 with IOPL 3", section: "vol. 2, CLI",
        expected: "completion", place: .ring3,
        code: [0xFA],
        registers: [.rflags: 0x3002]),
      // out %al,$0x80
      BatteryProbe(
        id: "out-iopl3", behaviour: "OUT in ring 3 with IOPL 3", section: "vol. 2, OUT",
        expected: "completion", place: .ring3,
        code: [0xE6, 0x80],
        registers: [.rflags: 0x3002]),
      // out %al,$0x80
      BatteryProbe(
        id: "out-bitmap", behaviour: "OUT in ring 3 to a port that the I/O bitmap opens",
        section: "vol. 1, 19.5.2",
        expected: "completion", place: .ring3,
        code: [0xE6, 0x80],
        registers: [.trLimit: 0xFF],
        memory: [(0x660, 0x68_0000_0000_0000)]),
      // out %al,$0x80
      BatteryProbe(
        id: "out-bitmap-closed", behaviour: "OUT in ring 3 to a port that the I/O bitmap closes",
        section: "vol. 1, 19.5.2",
        expected: "trap general protection, code 0x0", place: .ring3,
        code: [0xE6, 0x80],
        registers: [.trLimit: 0xFF],
        memory: [(0x660, 0x68_0000_0000_0000), (0x678, 0xFF)]),
      // hlt
      BatteryProbe(
        id: "hlt-ring3", behaviour: "HLT in ring 3", section: "vol. 2, HLT",
        expected: "trap general protection, code 0x0", place: .ring3,
        code: [0xF4]),
      // mov %cr0,%rax
      BatteryProbe(
        id: "control-ring3", behaviour: "MOV from CR0 in ring 3", section: "vol. 2, MOV CR",
        expected: "trap general protection, code 0x0", place: .ring3,
        code: [0x0F, 0x20, 0xC0]),
      // mov $0x277,%ecx; rdmsr
      BatteryProbe(
        id: "rdmsr-ring3", behaviour: "RDMSR in ring 3", section: "vol. 2, RDMSR",
        expected: "trap general protection, code 0x0", place: .ring3,
        code: [0xB9, 0x77, 0x02, 0x00, 0x00, 0x0F, 0x32]),
      // invlpg 0x200000
      BatteryProbe(
        id: "invlpg-ring3", behaviour: "INVLPG in ring 3", section: "vol. 2, INVLPG",
        expected: "trap general protection, code 0x0", place: .ring3,
        code: [0x0F, 0x01, 0x3C, 0x25, 0x00, 0x00, 0x20, 0x00]),
      // mov 0x20000,%al
      BatteryProbe(
        id: "user-load", behaviour: "load of ring 3 from a page of ring 0", section: "vol. 3, 4.6.1",
        expected: "trap page fault, code 0x5, CR2 0x20000", place: .ring3,
        code: [0x8A, 0x04, 0x25, 0x00, 0x00, 0x02, 0x00],
        look: { $0.end(with: [.cr2]) }),
      // mov %al,0x20000
      BatteryProbe(
        id: "user-store", behaviour: "store of ring 3 to a page of ring 0", section: "vol. 3, 4.6.1",
        expected: "trap page fault, code 0x7, CR2 0x20000", place: .ring3,
        code: [0x88, 0x04, 0x25, 0x00, 0x00, 0x02, 0x00],
        look: { $0.end(with: [.cr2]) }),
      // sgdt 0x280000
      BatteryProbe(
        id: "umip", behaviour: "SGDT in ring 3 with CR4.UMIP", section: "vol. 2, SGDT",
        expected: "trap general protection, code 0x0", place: .ring3,
        code: [0x0F, 0x01, 0x04, 0x25, 0x00, 0x00, 0x28, 0x00],
        bits: [.cr4: 0x800]),
      // sgdt 0x280000
      BatteryProbe(
        id: "umip-off", behaviour: "SGDT in ring 3 without CR4.UMIP", section: "vol. 2, SGDT",
        expected: "0x500003f", place: .ring3,
        code: [0x0F, 0x01, 0x04, 0x25, 0x00, 0x00, 0x28, 0x00],
        look: { $0.words([0x28_0000]) }),
      // smsw %eax
      BatteryProbe(
        id: "smsw-ring3", behaviour: "SMSW in ring 3 without CR4.UMIP: the low word", section: "vol. 2, SMSW",
        expected: "RAX 0x11", place: .ring3,
        code: [0x0F, 0x01, 0xE0],
        look: { $0.registers([.rax], mask: 0xFFFF) }),
      // rdtsc
      BatteryProbe(
        id: "tsd", behaviour: "RDTSC in ring 3 with CR4.TSD", section: "vol. 2, RDTSC",
        expected: "trap general protection, code 0x0", place: .ring3,
        code: [0x0F, 0x31],
        bits: [.cr4: 0x4]),
      // xor %eax,%eax; cpuid
      BatteryProbe(
        id: "cpuid-ring3", behaviour: "vendor of CPUID in ring 3, as the machine has it",
        section: "vol. 2, CPUID",
        expected: "RBX 0x61697254, RDX 0x36387864, RCX 0x5550432d", place: .ring3,
        code: [0x31, 0xC0, 0x0F, 0xA2],
        look: { $0.registers([.rbx, .rdx, .rcx]) }),
      // xor %ecx,%ecx; div %ecx
      BatteryProbe(
        id: "divide-ring3", behaviour: "DIV by zero in ring 3: saved address", section: "vol. 2, DIV",
        expected: "trap divide error, at +2", place: .ring3,
        code: [0x31, 0xC9, 0xF7, 0xF1],
        look: { $0.place }),
      // int3
      BatteryProbe(
        id: "int3-gate", behaviour: "INT3 in ring 3 through a gate of ring 0", section: "vol. 2, INT3",
        expected: "trap general protection, code 0x1a", place: .ring3,
        code: [0xCC]),
      // int3
      BatteryProbe(
        id: "int3-ring3", behaviour: "INT3 in ring 3 through a gate of ring 3", section: "vol. 2, INT3",
        expected: "trap breakpoint, at +1", place: .ring3,
        code: [0xCC],
        memory: [(0x8030, 0x0000_EE00_0008_9030)],
        look: { $0.place }),
      // pushf; orl $0x100,(%rsp); popf; nop; nop
      BatteryProbe(
        id: "step-trap-ring3", behaviour: "single step in ring 3 after POPF set TF",
        section: "vol. 3, 18.3.1.4",
        expected: "trap debug, at +10, DR6 0xffff4ff0", place: .ring3,
        code: [0x9C, 0x81, 0x0C, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9D, 0x90, 0x90],
        look: { $0.debug }),
      // nop; nop
      BatteryProbe(
        id: "breakpoint-ring3", behaviour: "breakpoint on an instruction of ring 3",
        section: "vol. 3, 18.3.1.1",
        expected: "trap debug, at +1, DR6 0xffff0ff1", place: .ring3,
        code: [0x90, 0x90],
        registers: [.dr0: 0x20_0001, .dr7: 0x402],
        look: { $0.debug }),
      // mov 0x280001,%eax
      BatteryProbe(
        id: "alignment", behaviour: "load of ring 3 at an odd address with CR0.AM and AC",
        section: "vol. 3, 6.15",
        expected: "trap alignment check, code 0x0", place: .ring3,
        code: [0x8B, 0x04, 0x25, 0x01, 0x00, 0x28, 0x00],
        registers: [.rflags: 0x4_0002],
        bits: [.cr0: 0x4_0000],
        isHardwareOnly: true),
      // lcall *0x280000
      // Elsewhere: mov %cs,%eax; hlt
      BatteryProbe(
        id: "call-gate", behaviour: "CS after a far CALL from ring 3 through a call gate",
        section: "vol. 3, 5.8.3",
        expected: "RAX 0x8", place: .ring3,
        code: [0xFF, 0x1C, 0x25, 0x00, 0x00, 0x28, 0x00],
        registers: [.gdtrLimit: 0xFF],
        memory: [(0x548, 0x0002_EC00_0008_8000), (0x550, 0), (0x28_0000, 0x4B_0000_0000)],
        routines: [(BatteryProbe.routine, [0x8C, 0xC8, 0xF4])],
        look: { $0.registers([.rax]) }),
      // sysenter
      // Elsewhere: mov %cs,%eax; hlt
      BatteryProbe(
        id: "sysenter", behaviour: "CS after SYSENTER from ring 3", section: "vol. 2, SYSENTER",
        expected: "RAX 0x8", place: .ring3,
        code: [0x0F, 0x34],
        registers: [.sysenterCS: 8, .sysenterESP: 0x7_0000, .sysenterEIP: 0x2_8000],
        routines: [(BatteryProbe.routine, [0x8C, 0xC8, 0xF4])],
        look: { $0.registers([.rax]) }),
      // mov $0x10,%eax; mov %eax,%ss
      BatteryProbe(
        id: "stack-ring0", behaviour: "MOV SS of a segment of ring 0 in ring 3", section: "vol. 2, MOV",
        expected: "trap general protection, code 0x10", place: .ring3,
        code: [0xB8, 0x10, 0x00, 0x00, 0x00, 0x8E, 0xD0]),
      // rdfsbase %rax
      BatteryProbe(
        id: "fsgsbase", behaviour: "RDFSBASE without CR4.FSGSBASE", section: "vol. 2, RDFSBASE",
        expected: "trap undefined opcode", place: .ring3,
        code: [0xF3, 0x48, 0x0F, 0xAE, 0xC0]),
      // mov $0x400000,%eax; jmp *%rax
      BatteryProbe(
        id: "user-no-execute", behaviour: "jump of ring 3 to a page that must not be executed",
        section: "vol. 3, 4.6.2",
        expected: "trap page fault, code 0x15", place: .ring3,
        code: [0xB8, 0x00, 0x00, 0x40, 0x00, 0xFF, 0xE0],
        bits: [.efer: 0x800],
        memory: [(0x3010, 0x8000_0000_0040_00E7)]),
      // mov $0x280000,%esi; mov $0x3ffffc,%edi; mov $8,%ecx; rep movsb
      BatteryProbe(
        id: "rep-movs-ring3", behaviour: "RCX and RDI where REP MOVSB in ring 3 runs out of pages",
        section: "vol. 2, REP",
        expected: "trap page fault, code 0x7, RCX 0x4, RDI 0x400000", place: .ring3,
        code: [
          0xBE, 0x00, 0x00, 0x28, 0x00, 0xBF, 0xFC, 0xFF, 0x3F, 0x00, 0xB9, 0x08, 0x00, 0x00, 0x00, 0xF3,
          0xA4,
        ],
        look: { $0.end(with: [.rcx, .rdi]) }),
    ]
  }
}
