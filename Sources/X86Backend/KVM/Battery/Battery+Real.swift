internal import MachineCore

extension BatteryProbe {
  /// Real mode, and interrupts there.
  static var real: [BatteryProbe] {
    [
      // mov 0xffff,%ax
      BatteryProbe(
        id: "real-limit", behaviour: "word at offset FFFFh in real mode", section: "vol. 3, 20.1.1",
        expected: "trap general protection, at +0", place: .real16,
        code: [0xA1, 0xFF, 0xFF],
        look: { $0.place }),
      // mov $0x41000,%ebx; mov (%ebx),%al
      BatteryProbe(
        id: "real-address32", behaviour: "load behind 64 KiB with a 32-bit address in real mode",
        section: "vol. 3, 20.1.1",
        expected: "trap general protection, at +6", place: .real16,
        code: [0x66, 0xBB, 0x00, 0x10, 0x04, 0x00, 0x67, 0x8A, 0x03],
        look: { $0.place }),
      // mov $0x41000,%ebx; mov (%ebx),%al
      BatteryProbe(
        id: "real-big", behaviour: "the same with a segment that kept a limit of 4 GiB",
        section: "vol. 3, 9.9.2",
        expected: "RAX 0x5a", place: .real16,
        code: [0x66, 0xBB, 0x00, 0x10, 0x04, 0x00, 0x67, 0x8A, 0x03],
        registers: [.dsLimit: 0xFFFF_FFFF, .dsAttributes: 0x8093],
        memory: [(0x4_1000, 0x5A)],
        look: { $0.registers([.rax], mask: 0xFF) }),
      // xor %cx,%cx; div %cx
      BatteryProbe(
        id: "real-divide", behaviour: "DIV by zero in real mode: saved address", section: "vol. 3, 20.1.4",
        expected: "trap divide error, at +2", place: .real16,
        code: [0x31, 0xC9, 0xF7, 0xF1],
        look: { $0.place }),
      // int $0x20
      BatteryProbe(
        id: "real-int", behaviour: "INT 32 in real mode", section: "vol. 3, 20.1.4",
        expected: "trap vector 32, at +2", place: .real16,
        code: [0xCD, 0x20],
        look: { $0.place }),
      // pushf; pop %ax; or $1,%ah; push %ax; popf; nop; nop
      BatteryProbe(
        id: "real-step", behaviour: "single step in real mode after POPF set TF", section: "vol. 3, 18.3.1.4",
        expected: "trap debug, at +8, DR6 0xffff4ff0", place: .real16,
        code: [0x9C, 0x58, 0x80, 0xCC, 0x01, 0x50, 0x9D, 0x90, 0x90],
        look: { $0.debug }),
      // ud2
      BatteryProbe(
        id: "real-undefined", behaviour: "undefined opcode in real mode", section: "vol. 3, 20.1.4",
        expected: "trap undefined opcode, at +0", place: .real16,
        code: [0x0F, 0x0B],
        look: { $0.place }),
      // mov $0x11,%al; out %al,$0x20; mov $0x20,%al; out %al,$0x21; mov $4,%al; out %al,$0x21; mov $1,%al; out %al,$0x21; mov $0xfe,%al; out %al,$0x21; mov $0x10,%al; out %al,$0x43; mov $1,%al; out %al,$0x40; mov $300,%cx; 1: loop 1b; out %al,$0x80; out %al,$0x80; xor %bx,%bx; sti; inc %bx; inc %bx; inc %bx
      BatteryProbe(
        id: "interrupt-shadow", behaviour: "instructions between STI and an interrupt that waits",
        section: "vol. 2, STI",
        expected: "trap vector 32, RBX 0x1", place: .real16,
        code: [
          0xB0, 0x11, 0xE6, 0x20, 0xB0, 0x20, 0xE6, 0x21, 0xB0, 0x04, 0xE6, 0x21, 0xB0, 0x01, 0xE6, 0x21,
          0xB0, 0xFE, 0xE6, 0x21, 0xB0, 0x10, 0xE6, 0x43, 0xB0, 0x01, 0xE6, 0x40, 0xB9, 0x2C, 0x01, 0xE2,
          0xFE, 0xE6, 0x80, 0xE6, 0x80, 0x31, 0xDB, 0xFB, 0x43, 0x43, 0x43,
        ],
        isPC: true,
        look: { $0.end(with: [.rbx]) }),
      // mov $0x11,%al; out %al,$0x20; mov $0x20,%al; out %al,$0x21; mov $4,%al; out %al,$0x21; mov $1,%al; out %al,$0x21; mov $0xfe,%al; out %al,$0x21; mov $0x10,%al; out %al,$0x43; mov $1,%al; out %al,$0x40; mov $300,%cx; 1: loop 1b; out %al,$0x80; out %al,$0x80; xor %bx,%bx; mov %ss,%ax; sti; mov %ax,%ss; inc %bx; inc %bx; inc %bx
      BatteryProbe(
        id: "interrupt-mov-ss",
        behaviour: "instructions between MOV SS behind STI and an interrupt that waits",
        section: "vol. 3, 6.8.3",
        expected: "trap vector 32, RBX 0x1", place: .real16,
        code: [
          0xB0, 0x11, 0xE6, 0x20, 0xB0, 0x20, 0xE6, 0x21, 0xB0, 0x04, 0xE6, 0x21, 0xB0, 0x01, 0xE6, 0x21,
          0xB0, 0xFE, 0xE6, 0x21, 0xB0, 0x10, 0xE6, 0x43, 0xB0, 0x01, 0xE6, 0x40, 0xB9, 0x2C, 0x01, 0xE2,
          0xFE, 0xE6, 0x80, 0xE6, 0x80, 0x31, 0xDB, 0x8C, 0xD0, 0xFB, 0x8E, 0xD0, 0x43, 0x43, 0x43,
        ],
        isPC: true,
        look: { $0.end(with: [.rbx]) }),
      // mov $0x11,%al; out %al,$0x20; mov $0x20,%al; out %al,$0x21; mov $4,%al; out %al,$0x21; mov $1,%al; out %al,$0x21; mov $0xfe,%al; out %al,$0x21; mov $0x10,%al; out %al,$0x43; mov $1,%al; out %al,$0x40; mov $300,%cx; 1: loop 1b; out %al,$0x80; out %al,$0x80; xor %bx,%bx; sti; hlt; inc %bx; inc %bx
      BatteryProbe(
        id: "halt-wakes", behaviour: "saved address of an interrupt that ends HLT", section: "vol. 2, HLT",
        expected: "trap vector 32, at +41", place: .real16,
        code: [
          0xB0, 0x11, 0xE6, 0x20, 0xB0, 0x20, 0xE6, 0x21, 0xB0, 0x04, 0xE6, 0x21, 0xB0, 0x01, 0xE6, 0x21,
          0xB0, 0xFE, 0xE6, 0x21, 0xB0, 0x10, 0xE6, 0x43, 0xB0, 0x01, 0xE6, 0x40, 0xB9, 0x2C, 0x01, 0xE2,
          0xFE, 0xE6, 0x80, 0xE6, 0x80, 0x31, 0xDB, 0xFB, 0xF4, 0x43, 0x43,
        ],
        isPC: true,
        look: { $0.place }),
    ]
  }
}
