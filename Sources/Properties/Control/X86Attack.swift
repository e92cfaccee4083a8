internal import X86Backend

/// Small x86 guests that attack, as machine code; none needs to end by itself.
struct X86Attack: Sendable {
  var name: String
  var title: String
  var mode: X86Mode
  var code: [UInt8]
  /// The parts of the full PC, if it attacks that.
  var pc: PCParts?
  /// How it ends on every engine; `nil` where they may differ.
  var end: HostileGuest.End?

  static let all = onSmallPC + onPC

  private static let onSmallPC: [X86Attack] = [
    X86Attack(
      name: "x86-deaf-spin", title: "turns interrupts off and jumps to itself", mode: .real16,
      code: [0xFA, 0xEB, 0xFE], end: .limit),  // cli; jmp $
    X86Attack(
      name: "x86-deaf-halt", title: "halts with interrupts off, again and again", mode: .real16,
      code: [0xFA, 0xF4, 0xEB, 0xFC], end: .idle),  // cli; hlt; jmp
    X86Attack(
      name: "x86-triple-fault", title: "loads an empty IDT and faults", mode: .long64,
      // sub rsp, 16; mov word [rsp], 0; lidt [rsp]; ud2
      code: [0x48, 0x83, 0xEC, 0x10, 0x66, 0xC7, 0x04, 0x24, 0, 0, 0x0F, 0x01, 0x1C, 0x24, 0x0F, 0x0B],
      end: .checkStop),
    X86Attack(
      name: "x86-page-root", title: "points CR3 behind its storage", mode: .long64,
      // mov rax, 0x7ffffffff000; mov cr3, rax; nop; jmp $
      code: [0x48, 0xB8, 0, 0xF0, 0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 0x0F, 0x22, 0xD8, 0x90, 0xEB, 0xFE]),
    X86Attack(
      name: "x86-page-entry", title: "maps everything behind its storage and writes there", mode: .long64,
      // mov rdi, 0x3000; mov rax, 0x3fffffffe00083; mov ecx, 512; rep stosq; mov rax, cr3; mov cr3, rax;
      // mov [0x40000000], rax; jmp $
      code: [
        0x48, 0xC7, 0xC7, 0x00, 0x30, 0, 0, 0x48, 0xB8, 0x83, 0, 0xE0, 0xFF, 0xFF, 0xFF, 0x3F, 0, 0xB9, 0x00,
        0x02,
        0, 0, 0xF3, 0x48, 0xAB, 0x0F, 0x20, 0xD8, 0x0F, 0x22, 0xD8, 0x48, 0x89, 0x04, 0x25, 0, 0, 0, 0x40,
        0xEB, 0xFE,
      ]),
    X86Attack(
      name: "x86-paging-off", title: "turns protection and paging off in the middle of long mode",
      mode: .long64,
      code: [0x31, 0xC0, 0x0F, 0x22, 0xC0, 0xEB, 0xFE]),  // xor eax, eax; mov cr0, rax; jmp $
    X86Attack(
      name: "x86-wild-stack", title: "faults with a stack pointer that is no address", mode: .long64,
      // mov rsp, 0x8000000000000000; push rax; jmp $
      code: [0x48, 0xBC, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x50, 0xEB, 0xFE]),
    X86Attack(
      name: "x86-hole-read", title: "reads and writes where there is neither storage nor a device",
      mode: .protected32,
      // mov eax, [0xfedc0000]; mov [0xfedc0000], eax; add dword [0xfedc0004], 1; jmp to the start
      code: [
        0xA1, 0, 0, 0xDC, 0xFE, 0xA3, 0, 0, 0xDC, 0xFE, 0x83, 0x05, 4, 0, 0xDC, 0xFE, 1, 0xEB, 0xED,
      ], end: .limit),
    X86Attack(
      name: "x86-hole-string", title: "copies a string from a hole into a hole", mode: .protected32,
      // mov esi, 0xfe000000; mov edi, 0xfd000000; mov ecx, 0x10000; rep movsd; jmp $
      code: [
        0xBE, 0, 0, 0, 0xFE, 0xBF, 0, 0, 0, 0xFD, 0xB9, 0, 0, 1, 0, 0xF3, 0xA5, 0xEB, 0xFE,
      ]),
    X86Attack(
      name: "x86-doorbell-flood", title: "rings the doorbell with every number", mode: .protected32,
      // mov edx, 0x5a0; L: out dx, eax; inc eax; jmp L
      code: [0xBA, 0xA0, 0x05, 0, 0, 0xEF, 0x40, 0xEB, 0xFC], end: .limit),
    X86Attack(
      name: "x86-port-scan", title: "reads and writes port after port", mode: .protected32,
      // mov edx, 0x100; L: in al, dx; out dx, al; inc edx; jmp L
      code: [0xBA, 0, 1, 0, 0, 0xEC, 0xEE, 0x42, 0xEB, 0xFB]),
    X86Attack(
      name: "x86-console-flood", title: "floods the serial line", mode: .real16,
      // mov dx, 0x3f8; L: out dx, al; inc al; jmp L
      code: [0xBA, 0xF8, 0x03, 0xEE, 0xFE, 0xC0, 0xEB, 0xFB], end: .limit),
    X86Attack(
      name: "x86-string-flood", title: "sends its whole segment to the serial line by one instruction",
      mode: .real16,
      // mov dx, 0x3f8; mov cx, 0xffff; rep outsb; jmp $
      code: [0xBA, 0xF8, 0x03, 0xB9, 0xFF, 0xFF, 0xF3, 0x6E, 0xEB, 0xFE]),
    X86Attack(
      name: "x86-overwrite", title: "fills its whole segment, and so its own code, by one instruction",
      mode: .real16,
      // xor di, di; mov cx, 0xffff; mov al, 0xf4; rep stosb; jmp $
      code: [0x31, 0xFF, 0xB9, 0xFF, 0xFF, 0xB0, 0xF4, 0xF3, 0xAA, 0xEB, 0xFE]),
    X86Attack(
      name: "x86-self-modifying", title: "changes the instruction that it executes next, for ever",
      mode: .protected32,
      // call +0; pop ebx; L: inc byte [ebx + 4]; mov al, 0; jmp L
      code: [0xE8, 0, 0, 0, 0, 0x5B, 0xFE, 0x43, 0x05, 0xB0, 0, 0xEB, 0xF9], end: .limit),
    X86Attack(
      name: "x86-trap-storm", title: "single-steps itself without a handler", mode: .long64,
      // pushfq; or dword [rsp], 0x100; popfq; jmp $
      code: [0x9C, 0x81, 0x0C, 0x24, 0, 1, 0, 0, 0x9D, 0xEB, 0xFE]),
    X86Attack(
      name: "x86-hypercall", title: "calls a hypervisor by VMCALL", mode: .long64,
      code: [0x0F, 0x01, 0xC1, 0xEB, 0xFB]),  // vmcall; jmp
    X86Attack(
      name: "x86-registers", title: "writes and reads model-specific registers one after the other",
      mode: .long64,
      // xor ecx, ecx; L: rdmsr; wrmsr; inc ecx; jmp L
      code: [0x31, 0xC9, 0x0F, 0x32, 0x0F, 0x30, 0xFF, 0xC1, 0xEB, 0xF8]),
    X86Attack(
      name: "x86-page-self", title: "makes all entries of its page tables lead to their root", mode: .long64,
      // mov edi, 0x1000; mov rax, 0x1007; mov ecx, 0xc00; rep stosq; mov rdi, cr3; mov cr3, rdi
      code: [
        0xBF, 0, 0x10, 0, 0, 0x48, 0xC7, 0xC0, 0x07, 0x10, 0, 0, 0xB9, 0, 0x0C, 0, 0, 0xF3, 0x48, 0xAB, 0x0F,
        0x20, 0xDF, 0x0F, 0x22, 0xDF,
      ], end: .checkStop),
    X86Attack(
      name: "x86-page-wipe", title: "fills its page tables with zeros and goes on", mode: .long64,
      // mov edi, 0x1000; xor eax, eax; mov ecx, 0xc00; rep stosq; mov rdi, cr3; mov cr3, rdi; jmp $
      code: [
        0xBF, 0, 0x10, 0, 0, 0x31, 0xC0, 0xB9, 0, 0x0C, 0, 0, 0xF3, 0x48, 0xAB, 0x0F, 0x20, 0xDF, 0x0F, 0x22,
        0xDF, 0xEB, 0xFE,
      ], end: .checkStop),
    X86Attack(
      name: "x86-unmapped", title: "reads where nothing is mapped, without a handler", mode: .long64,
      // mov rax, [0x400000000000]; jmp $
      code: [0x48, 0xA1, 0, 0, 0, 0, 0, 0x40, 0, 0, 0xEB, 0xFE], end: .checkStop),
    X86Attack(
      name: "x86-deaf-spin-long", title: "turns interrupts off in long mode and jumps to itself",
      mode: .long64, code: [0xFA, 0xEB, 0xFE], end: .limit),  // cli; jmp $
    X86Attack(
      name: "x86-fault-storm", title: "returns from its fault handler to the fault", mode: .real16,
      // xor ax, ax; mov ds, ax; mov word [0x18], 0x7c0f; mov [0x1a], ax; ud2; iret
      code: [
        0x31, 0xC0, 0x8E, 0xD8, 0xC7, 0x06, 0x18, 0, 0x0F, 0x7C, 0xA3, 0x1A, 0, 0x0F, 0x0B, 0xCF,
      ], end: .limit),
    X86Attack(
      name: "x86-interrupt-storm", title: "sets the timer to its fastest and halts for every tick",
      mode: .real16,
      // Vector 8 at 0x7c39; first 8259: input 0 only; 8254: counter 0, mode 2, 2 ticks; sti; hlt; jmp
      // The handler: end of interrupt; iret
      code: [
        0xFA, 0x31, 0xC0, 0x8E, 0xD8, 0x8E, 0xC0, 0x8E, 0xD0, 0xBC, 0, 0x7C, 0xC7, 0x06, 0x20, 0, 0x39, 0x7C,
        0xA3, 0x22, 0, 0xB0, 0x11, 0xE6, 0x20, 0xB0, 0x08, 0xE6, 0x21, 0xB0, 0x04, 0xE6, 0x21, 0xB0, 0x01,
        0xE6,
        0x21, 0xB0, 0xFE, 0xE6, 0x21, 0xB0, 0x34, 0xE6, 0x43, 0xB0, 0x02, 0xE6, 0x40, 0xB0, 0, 0xE6, 0x40,
        0xFB,
        0xF4, 0xEB, 0xFD, 0xB0, 0x20, 0xE6, 0x20, 0xCF,
      ], pc: PCParts(), end: .limit),
  ]
}
