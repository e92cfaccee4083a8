internal import MachineCore

extension BatteryProbe {
  /// CPUID, model-specific and control registers in ring 0 of long mode.
  static var control: [BatteryProbe] {
    [
      // xor %eax,%eax; cpuid
      BatteryProbe(
        id: "cpuid-vendor", behaviour: "vendor of CPUID leaf 0, as the machine has it",
        section: "vol. 2, CPUID",
        expected: "RBX 0x61697254, RDX 0x36387864, RCX 0x5550432d", place: .long64,
        code: [0x31, 0xC0, 0x0F, 0xA2],
        look: { $0.registers([.rbx, .rdx, .rcx]) }),
      // mov $1,%eax; cpuid
      BatteryProbe(
        id: "cpuid-features", behaviour: "features of CPUID leaf 1, as the machine has them",
        section: "vol. 2, CPUID",
        expected: BatteryExpectations.features, place: .long64,
        code: [0xB8, 0x01, 0x00, 0x00, 0x00, 0x0F, 0xA2],
        look: { $0.registers([.rcx, .rdx]) }),
      // mov $7,%eax; xor %ecx,%ecx; cpuid
      BatteryProbe(
        id: "cpuid-leaf7", behaviour: "EBX and ECX of CPUID leaf 7: SMEP and UMIP", section: "vol. 2, CPUID",
        expected: "RBX 0x80, RCX 0x4", place: .long64,
        code: [0xB8, 0x07, 0x00, 0x00, 0x00, 0x31, 0xC9, 0x0F, 0xA2],
        look: { $0.registers([.rbx, .rcx]) }),
      // mov $0x12345,%ecx; rdmsr
      BatteryProbe(
        id: "msr-unknown", behaviour: "RDMSR of a register that does not exist", section: "vol. 2, RDMSR",
        expected: "trap general protection, code 0x0", place: .long64,
        code: [0xB9, 0x45, 0x23, 0x01, 0x00, 0x0F, 0x32]),
      // mov $0x277,%ecx; mov $0x00070106,%eax; mov $0x00070406,%edx; wrmsr; xor %eax,%eax; xor %edx,%edx; rdmsr
      BatteryProbe(
        id: "msr-pat", behaviour: "PAT read after a write", section: "vol. 3, 12.12.4",
        expected: "RAX 0x70106, RDX 0x70406", place: .long64,
        code: [
          0xB9, 0x77, 0x02, 0x00, 0x00, 0xB8, 0x06, 0x01, 0x07, 0x00, 0xBA, 0x06, 0x04, 0x07, 0x00, 0x0F,
          0x30, 0x31, 0xC0, 0x31, 0xD2, 0x0F, 0x32,
        ],
        differing: [.pat],
        look: { $0.registers([.rax, .rdx]) }),
      // mov $0x277,%ecx; mov $2,%eax; xor %edx,%edx; wrmsr
      BatteryProbe(
        id: "msr-pat-reserved", behaviour: "WRMSR of a reserved memory type to PAT",
        section: "vol. 3, 12.12.2",
        expected: "trap general protection, code 0x0", place: .long64,
        code: [0xB9, 0x77, 0x02, 0x00, 0x00, 0xB8, 0x02, 0x00, 0x00, 0x00, 0x31, 0xD2, 0x0F, 0x30]),
      // mov $0x20f,%ecx; mov $0xf0000800,%eax; mov $0xff,%edx; wrmsr; xor %eax,%eax; xor %edx,%edx; rdmsr
      BatteryProbe(
        id: "msr-mtrr", behaviour: "variable MTRR 7 read after a write", section: "vol. 3, 12.11.2.3",
        expected: "RAX 0xf0000800, RDX 0xff", place: .long64,
        code: [
          0xB9, 0x0F, 0x02, 0x00, 0x00, 0xB8, 0x00, 0x08, 0x00, 0xF0, 0xBA, 0xFF, 0x00, 0x00, 0x00, 0x0F,
          0x30, 0x31, 0xC0, 0x31, 0xD2, 0x0F, 0x32,
        ],
        differing: [.mtrrMask7],
        look: { $0.registers([.rax, .rdx]) }),
      // mov $0xfe,%ecx; rdmsr
      BatteryProbe(
        id: "msr-mtrrcap", behaviour: "IA32_MTRRCAP: eight variable ranges, fixed ranges, write combining",
        section: "vol. 3, 12.11.1",
        expected: "RAX 0x508, RDX 0x0", place: .long64,
        code: [0xB9, 0xFE, 0x00, 0x00, 0x00, 0x0F, 0x32],
        look: { $0.registers([.rax, .rdx]) }),
      // mov $0x179,%ecx; rdmsr
      BatteryProbe(
        id: "msr-mcg", behaviour: "IA32_MCG_CAP: no banks, as the machine has it",
        section: "vol. 3, 16.3.1.1",
        expected: "RAX 0x0, RDX 0x0", place: .long64,
        code: [0xB9, 0x79, 0x01, 0x00, 0x00, 0x0F, 0x32],
        look: { $0.registers([.rax, .rdx]) }),
      // mov $0xc0000082,%ecx; xor %eax,%eax; mov $0x80000000,%edx; wrmsr
      BatteryProbe(
        id: "msr-lstar", behaviour: "WRMSR of an address that is not canonical to LSTAR",
        section: "vol. 2, WRMSR",
        expected: "trap general protection, code 0x0", place: .long64,
        code: [0xB9, 0x82, 0x00, 0x00, 0xC0, 0x31, 0xC0, 0xBA, 0x00, 0x00, 0x00, 0x80, 0x0F, 0x30]),
      // mov $0xc0000080,%ecx; rdmsr; or $2,%eax; wrmsr
      BatteryProbe(
        id: "efer-reserved", behaviour: "WRMSR of a reserved bit to EFER", section: "vol. 4, 2.1",
        expected: "trap general protection, code 0x0", place: .long64,
        code: [0xB9, 0x80, 0x00, 0x00, 0xC0, 0x0F, 0x32, 0x83, 0xC8, 0x02, 0x0F, 0x30]),
      // mov $0x1a0,%ecx; xor %eax,%eax; xor %edx,%edx; wrmsr; rdmsr
      BatteryProbe(
        id: "misc-enable", behaviour: "IA32_MISC_ENABLE read after fast strings were switched off",
        section: "vol. 4, 2.1",
        expected: "RAX 0x0, RDX 0x0", place: .long64,
        code: [0xB9, 0xA0, 0x01, 0x00, 0x00, 0x31, 0xC0, 0x31, 0xD2, 0x0F, 0x30, 0x0F, 0x32],
        differing: [.miscEnable],
        look: { $0.registers([.rax, .rdx]) }),
      // rdtscp
      BatteryProbe(
        id: "rdtscp", behaviour: "RDTSCP in ring 0: ECX", section: "vol. 2, RDTSCP",
        expected: "RCX 0x55", place: .long64,
        code: [0x0F, 0x01, 0xF9],
        registers: [.tscAux: 0x55],
        look: { $0.registers([.rcx]) }),
      // mov $0x80000010,%eax; mov %rax,%cr0
      BatteryProbe(
        id: "cr0-paging-alone", behaviour: "MOV CR0 with paging and without protection",
        section: "vol. 2, MOV CR",
        expected: "trap general protection, code 0x0", place: .long64,
        code: [0xB8, 0x10, 0x00, 0x00, 0x80, 0x0F, 0x22, 0xC0]),
      // movabs $0x10000000020,%rax; mov %rax,%cr4
      BatteryProbe(
        id: "cr4-reserved", behaviour: "MOV CR4 with bit 40", section: "vol. 3, 2.5",
        expected: "trap general protection, code 0x0", place: .long64,
        code: [0x48, 0xB8, 0x20, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x0F, 0x22, 0xE0],
        isHardwareOnly: true),
      // movabs $0x1000000000001000,%rax; mov %rax,%cr3
      BatteryProbe(
        id: "cr3-reserved", behaviour: "MOV CR3 with bit 60", section: "vol. 3, 4.5.2",
        expected: "trap general protection, code 0x0", place: .long64,
        code: [0x48, 0xB8, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0F, 0x22, 0xD8]),
      // xor %eax,%eax; mov %rax,%cr4
      BatteryProbe(
        id: "cr4-pae-off", behaviour: "MOV CR4 that clears PAE in long mode", section: "vol. 2, MOV CR",
        expected: "trap general protection, code 0x0", place: .long64,
        code: [0x31, 0xC0, 0x0F, 0x22, 0xE0]),
      // mov $5,%eax; mov %rax,%cr8; xor %eax,%eax; mov %cr8,%rax
      BatteryProbe(
        id: "cr8", behaviour: "CR8 read after a write", section: "vol. 3, 11.8.6",
        expected: "RAX 0x5", place: .long64,
        code: [0xB8, 0x05, 0x00, 0x00, 0x00, 0x44, 0x0F, 0x22, 0xC0, 0x31, 0xC0, 0x44, 0x0F, 0x20, 0xC0],
        look: { $0.registers([.rax]) }),
    ]
  }
}
