internal import MachineCore

extension BatteryProbe {
  /// Paging, segments and faults upon faults in ring 0 of long mode.
  static var paging: [BatteryProbe] {
    [
      // movb $1,0x400000
      BatteryProbe(
        id: "write-protect", behaviour: "store of ring 0 to a read-only page with CR0.WP",
        section: "vol. 3, 4.6.1",
        expected: "trap page fault, code 0x3", place: .long64,
        code: [0xC6, 0x04, 0x25, 0x00, 0x00, 0x40, 0x00, 0x01],
        bits: [.cr0: 0x1_0000],
        memory: [(0x3010, 0x40_00E1)]),
      // movb $1,0x400000
      BatteryProbe(
        id: "write-protect-off", behaviour: "store of ring 0 to a read-only page without CR0.WP",
        section: "vol. 3, 4.6.1",
        expected: "completion", place: .long64,
        code: [0xC6, 0x04, 0x25, 0x00, 0x00, 0x40, 0x00, 0x01],
        memory: [(0x3010, 0x40_00E1)]),
      // mov $0x400000,%eax; jmp *%rax
      BatteryProbe(
        id: "no-execute", behaviour: "jump of ring 0 to a page that must not be executed",
        section: "vol. 3, 4.6.2",
        expected: "trap page fault, code 0x11", place: .long64,
        code: [0xB8, 0x00, 0x00, 0x40, 0x00, 0xFF, 0xE0],
        bits: [.efer: 0x800],
        memory: [(0x3010, 0x8000_0000_0040_00E3)]),
      // mov $0x400000,%eax; jmp *%rax
      BatteryProbe(
        id: "smep", behaviour: "jump of ring 0 to a page of ring 3 with CR4.SMEP", section: "vol. 3, 4.6.2",
        expected: "trap page fault, code 0x11", place: .long64,
        code: [0xB8, 0x00, 0x00, 0x40, 0x00, 0xFF, 0xE0],
        bits: [.cr4: 0x10_0000],
        memory: [(0x1000, 0x2027), (0x2000, 0x3027), (0x3010, 0x40_00E7)]),
      // mov 0x400000,%al
      BatteryProbe(
        id: "page-reserved", behaviour: "load through an entry with reserved bit 51", section: "vol. 3, 4.7",
        expected: "trap page fault, code 0x9", place: .long64,
        code: [0x8A, 0x04, 0x25, 0x00, 0x00, 0x40, 0x00],
        memory: [(0x3010, 0x8_0000_0040_00E3)]),
      // mov 0x400000,%eax; mov 0x3010,%rbx; mov %eax,0x400000; mov 0x3010,%rcx
      BatteryProbe(
        id: "accessed-dirty", behaviour: "accessed and dirty bits after a load, and after a store",
        section: "vol. 3, 4.8",
        expected: "RBX 0x20, RCX 0x60", place: .long64,
        code: [
          0x8B, 0x04, 0x25, 0x00, 0x00, 0x40, 0x00, 0x48, 0x8B, 0x1C, 0x25, 0x10, 0x30, 0x00, 0x00, 0x89,
          0x04, 0x25, 0x00, 0x00, 0x40, 0x00, 0x48, 0x8B, 0x0C, 0x25, 0x10, 0x30, 0x00, 0x00,
        ],
        memory: [(0x3010, 0x40_0083)],
        look: { $0.registers([.rbx, .rcx], mask: 0x60) }),
      // mov 0x400000,%eax; movl $0x6000e3,0x3010; invlpg 0x400000; mov 0x400000,%eax
      BatteryProbe(
        id: "invlpg", behaviour: "load after a page was moved and INVLPG", section: "vol. 3, 4.10.4.1",
        expected: "RAX 0x22", place: .long64,
        code: [
          0x8B, 0x04, 0x25, 0x00, 0x00, 0x40, 0x00, 0xC7, 0x04, 0x25, 0x10, 0x30, 0x00, 0x00, 0xE3, 0x00,
          0x60, 0x00, 0x0F, 0x01, 0x3C, 0x25, 0x00, 0x00, 0x40, 0x00, 0x8B, 0x04, 0x25, 0x00, 0x00, 0x40,
          0x00,
        ],
        memory: [(0x40_0000, 0x11), (0x60_0000, 0x22)],
        look: { $0.registers([.rax]) }),
      // movabs $0x123456789a,%rbx; mov (%rbx),%al
      BatteryProbe(
        id: "page-fault", behaviour: "load from an address without a page: code and CR2",
        section: "vol. 3, 6.15",
        expected: "trap page fault, code 0x0, CR2 0x123456789a", place: .long64,
        code: [0x48, 0xBB, 0x9A, 0x78, 0x56, 0x34, 0x12, 0x00, 0x00, 0x00, 0x8A, 0x03],
        look: { $0.end(with: [.cr2]) }),
      // movabs $0x8000000000000000,%rbx; mov (%rbx),%al
      BatteryProbe(
        id: "non-canonical", behaviour: "load from an address that is not canonical",
        section: "vol. 1, 3.3.7.1",
        expected: "trap general protection, code 0x0", place: .long64,
        code: [0x48, 0xBB, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x8A, 0x03]),
      // movabs $0x8000000000000000,%rbp; mov (%rbp),%al
      BatteryProbe(
        id: "non-canonical-stack", behaviour: "load through RBP from an address that is not canonical",
        section: "vol. 1, 3.3.7.1",
        expected: "trap stack fault, code 0x0", place: .long64,
        code: [0x48, 0xBD, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x8A, 0x45, 0x00]),
      // mov $0xf8,%eax; mov %eax,%ds
      BatteryProbe(
        id: "segment-beyond", behaviour: "MOV DS of a selector behind the end of the table",
        section: "vol. 3, 6.13",
        expected: "trap general protection, code 0xf8", place: .long64,
        code: [0xB8, 0xF8, 0x00, 0x00, 0x00, 0x8E, 0xD8]),
      // mov $0x40,%eax; mov %eax,%ds
      BatteryProbe(
        id: "segment-absent", behaviour: "MOV DS of a segment that is not present", section: "vol. 3, 6.15",
        expected: "trap segment not present, code 0x40", place: .long64,
        code: [0xB8, 0x40, 0x00, 0x00, 0x00, 0x8E, 0xD8],
        registers: [.gdtrLimit: 0xFF],
        memory: [(0x540, 0x00CF_1300_0000_FFFF)]),
      // movabs $0x8000000000000000,%rbx; mov (%rbx),%al
      BatteryProbe(
        id: "double-fault", behaviour: "general protection with its gate not present",
        section: "vol. 3, 6.15",
        expected: "trap double fault, code 0x0", place: .long64,
        code: [0x48, 0xBB, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x8A, 0x03],
        memory: [(0x80D0, 0)]),
      // ud2
      BatteryProbe(
        id: "triple-fault", behaviour: "undefined opcode with an empty interrupt table",
        section: "vol. 3, 6.15",
        expected: "a shutdown", place: .long64,
        code: [0x0F, 0x0B],
        registers: [.idtrLimit: 0]),
      // mov 0x7ffffc,%rax
      BatteryProbe(
        id: "memory-end", behaviour: "load across the end of storage", section: "vol. 3, 4.1",
        expected: "RAX 0xffffffff11223344", place: .long64,
        code: [0x48, 0x8B, 0x04, 0x25, 0xFC, 0xFF, 0x7F, 0x00],
        memory: [(0x7F_FFF8, 0x1122_3344_5566_7788)],
        look: { $0.registers([.rax]) }),
      // mov 0x400000,%eax; movl $0x6000e3,0x3010; mov %cr3,%rax; mov %rax,%cr3; mov 0x400000,%eax
      BatteryProbe(
        id: "cr3-flush", behaviour: "load after a page was moved and MOV CR3", section: "vol. 3, 4.10.4.1",
        expected: "RAX 0x22", place: .long64,
        code: [
          0x8B, 0x04, 0x25, 0x00, 0x00, 0x40, 0x00, 0xC7, 0x04, 0x25, 0x10, 0x30, 0x00, 0x00, 0xE3, 0x00,
          0x60, 0x00, 0x0F, 0x20, 0xD8, 0x0F, 0x22, 0xD8, 0x8B, 0x04, 0x25, 0x00, 0x00, 0x40, 0x00,
        ],
        memory: [(0x40_0000, 0x11), (0x60_0000, 0x22)],
        look: { $0.registers([.rax]) }),
    ]
  }
}
