internal import MachineCore

extension BatteryProbe {
  /// 32-bit protected mode, virtual-8086 mode and tasks.
  static var protected: [BatteryProbe] {
    [
      // mov $0x58,%eax; mov %eax,%ds; movb $1,%ds:0x1000
      BatteryProbe(
        id: "limit", behaviour: "store behind the limit of a segment", section: "vol. 3, 5.3",
        expected: "trap general protection, code 0x0", place: .protected32,
        code: [0xB8, 0x58, 0x00, 0x00, 0x00, 0x8E, 0xD8, 0xC6, 0x05, 0x00, 0x10, 0x00, 0x00, 0x01],
        registers: [.gdtrLimit: 0xFF],
        memory: [(0x558, 0x0040_9300_0000_0FFF)]),
      // mov $0x58,%eax; mov %eax,%ds; movl $1,%ds:0xffe
      BatteryProbe(
        id: "limit-across", behaviour: "store across the limit of a segment", section: "vol. 3, 5.3",
        expected: "trap general protection, code 0x0", place: .protected32,
        code: [
          0xB8, 0x58, 0x00, 0x00, 0x00, 0x8E, 0xD8, 0xC7, 0x05, 0xFE, 0x0F, 0x00, 0x00, 0x01, 0x00, 0x00,
          0x00,
        ],
        registers: [.gdtrLimit: 0xFF],
        memory: [(0x558, 0x0040_9300_0000_0FFF)]),
      // mov $0xf00,%esp; mov $0x58,%eax; mov %eax,%ss; mov %ss:0x1000,%al
      BatteryProbe(
        id: "limit-stack", behaviour: "load behind the limit of the stack segment", section: "vol. 3, 6.15",
        expected: "trap stack fault, code 0x0", place: .protected32,
        code: [
          0xBC, 0x00, 0x0F, 0x00, 0x00, 0xB8, 0x58, 0x00, 0x00, 0x00, 0x8E, 0xD0, 0x36, 0xA0, 0x00, 0x10,
          0x00, 0x00,
        ],
        registers: [.gdtrLimit: 0xFF],
        memory: [(0x558, 0x0040_9300_0000_0FFF)]),
      // mov $0x60,%eax; mov %eax,%ds; movb $1,%ds:0x40000
      BatteryProbe(
        id: "read-only", behaviour: "store to a segment that is read-only", section: "vol. 3, 5.5",
        expected: "trap general protection, code 0x0", place: .protected32,
        code: [0xB8, 0x60, 0x00, 0x00, 0x00, 0x8E, 0xD8, 0xC6, 0x05, 0x00, 0x00, 0x04, 0x00, 0x01],
        registers: [.gdtrLimit: 0xFF],
        memory: [(0x560, 0x00CF_9100_0000_FFFF)]),
      // movb $1,%cs:0x40000
      BatteryProbe(
        id: "code-store", behaviour: "store to the code segment", section: "vol. 3, 5.5",
        expected: "trap general protection, code 0x0", place: .protected32,
        code: [0x2E, 0xC6, 0x05, 0x00, 0x00, 0x04, 0x00, 0x01]),
      // mov $0x68,%eax; mov %eax,%ds; movb $1,%ds:0x10
      BatteryProbe(
        id: "expand-down", behaviour: "store below an expand-down segment", section: "vol. 3, 5.3",
        expected: "trap general protection, code 0x0", place: .protected32,
        code: [0xB8, 0x68, 0x00, 0x00, 0x00, 0x8E, 0xD8, 0xC6, 0x05, 0x10, 0x00, 0x00, 0x00, 0x01],
        registers: [.gdtrLimit: 0xFF],
        memory: [(0x568, 0x0040_9700_0000_0FFF)]),
      // xor %eax,%eax; mov %eax,%ds; movb $1,%ds:0x40000
      BatteryProbe(
        id: "null-segment", behaviour: "store through a null segment", section: "vol. 3, 3.4.2",
        expected: "trap general protection, code 0x0", place: .protected32,
        code: [0x31, 0xC0, 0x8E, 0xD8, 0xC6, 0x05, 0x00, 0x00, 0x04, 0x00, 0x01]),
      // xor %eax,%eax; ljmp $0x70,$0
      BatteryProbe(
        id: "code16", behaviour: "MOV AX of a 16-bit code segment in protected mode", section: "vol. 3, 22.1",
        expected: "RAX 0x1234", place: .protected32,
        code: [0x31, 0xC0, 0xEA, 0x00, 0x00, 0x00, 0x00, 0x70, 0x00],
        registers: [.gdtrLimit: 0xFF],
        memory: [(0x570, 0x0000_9B04_0000_FFFF), (0x4_0000, 0xF412_34B8)],
        look: { $0.registers([.rax]) }),
      // push $0; push $0; push $0; push $0; push $0x5000; push $0x1000; push $0x20002; push $0x5000; push $0; iret
      BatteryProbe(
        id: "virtual-8086", behaviour: "HLT in virtual-8086 mode, and AX", section: "vol. 3, 21.2",
        expected: "trap general protection, code 0x0, RAX 0x1234", place: .protected32,
        code: [
          0x6A, 0x00, 0x6A, 0x00, 0x6A, 0x00, 0x6A, 0x00, 0x68, 0x00, 0x50, 0x00, 0x00, 0x68, 0x00, 0x10,
          0x00, 0x00, 0x68, 0x02, 0x00, 0x02, 0x00, 0x68, 0x00, 0x50, 0x00, 0x00, 0x6A, 0x00, 0xCF,
        ],
        memory: [(0x5_0000, 0xF412_34B8)],
        look: { $0.end(with: [.rax]) }),
      // push $0; push $0; push $0; push $0; push $0x5000; push $0x1000; push $0x20002; push $0x5000; push $0; iret
      BatteryProbe(
        id: "virtual-8086-int", behaviour: "INT 32 in virtual-8086 mode with IOPL 0", section: "vol. 3, 21.3",
        expected: "trap general protection, code 0x0", place: .protected32,
        code: [
          0x6A, 0x00, 0x6A, 0x00, 0x6A, 0x00, 0x6A, 0x00, 0x68, 0x00, 0x50, 0x00, 0x00, 0x68, 0x00, 0x10,
          0x00, 0x00, 0x68, 0x02, 0x00, 0x02, 0x00, 0x68, 0x00, 0x50, 0x00, 0x00, 0x6A, 0x00, 0xCF,
        ],
        memory: [(0x5_0000, 0x20CD)]),
      // ljmp $0x78,$0
      // Elsewhere: mov $0x77,%al; hlt
      BatteryProbe(
        id: "task-switch", behaviour: "AL after a far jump to another task", section: "vol. 3, 8.3",
        expected: "RAX 0x77", place: .protected32,
        code: [0xEA, 0x00, 0x00, 0x00, 0x00, 0x78, 0x00],
        registers: [.gdtrLimit: 0xFF],
        memory: [
          (0x578, 0x0000_8905_0000_0067), (0x5_0020, 0x2_0002_8000), (0x5_0038, 0x7_0000),
          (0x5_0048, 0x8_0000_0010), (0x5_0050, 0x10_0000_0010), (0x5_0058, 0x10_0000_0010),
        ],
        routines: [(BatteryProbe.routine, [0xB0, 0x77, 0xF4])],
        isHardwareOnly: true,
        look: { $0.registers([.rax], mask: 0xFF) }),
      // mov $0x7fffffff,%eax; add $1,%eax; into
      BatteryProbe(
        id: "overflow", behaviour: "INTO with OF", section: "vol. 2, INT n",
        expected: "trap overflow, at +9", place: .protected32,
        code: [0xB8, 0xFF, 0xFF, 0xFF, 0x7F, 0x83, 0xC0, 0x01, 0xCE],
        look: { $0.place }),
      // mov $5,%eax; bound %eax,0x40000
      BatteryProbe(
        id: "bound", behaviour: "BOUND outside of its bounds", section: "vol. 2, BOUND",
        expected: "trap bound range, at +5", place: .protected32,
        code: [0xB8, 0x05, 0x00, 0x00, 0x00, 0x62, 0x05, 0x00, 0x00, 0x04, 0x00],
        memory: [(0x4_0000, 0x3_0000_0001)],
        look: { $0.place }),
      // .byte 0xd4,0
      BatteryProbe(
        id: "aam", behaviour: "AAM with a base of zero", section: "vol. 2, AAM",
        expected: "trap divide error, at +0", place: .protected32,
        code: [0xD4, 0x00],
        look: { $0.place }),
      // mov $0x80000011,%eax; mov %eax,%cr0; mov 0x400000,%eax
      BatteryProbe(
        id: "pae", behaviour: "PAE paging", section: "vol. 3, 4.4",
        expected: "RAX 0x22", place: .protected32,
        code: [0xB8, 0x11, 0x00, 0x00, 0x80, 0x0F, 0x22, 0xC0, 0xA1, 0x00, 0x00, 0x40, 0x00],
        registers: [.cr3: 0x5_0000],
        bits: [.cr4: 0x20],
        memory: [(0x5_0000, 0x5_1001), (0x5_1000, 0xE3), (0x5_1010, 0x60_00E3), (0x60_0000, 0x22)],
        differing: [.pdpte0],
        look: { $0.registers([.rax]) }),
      // push $0x23; push $0x60000; push $2; push $0x1b; push $0x28000; iret
      // Elsewhere: mov %cs,%eax; hlt
      BatteryProbe(
        id: "ring3-32", behaviour: "CS of 32-bit code in ring 3 after IRET", section: "vol. 2, IRET",
        expected: "trap general protection, code 0x0, RAX 0x1b", place: .protected32,
        code: [
          0x6A, 0x23, 0x68, 0x00, 0x00, 0x06, 0x00, 0x6A, 0x02, 0x6A, 0x1B, 0x68, 0x00, 0x80, 0x02, 0x00,
          0xCF,
        ],
        routines: [(BatteryProbe.routine, [0x8C, 0xC8, 0xF4])],
        look: { $0.end(with: [.rax]) }),
    ]
  }
}
