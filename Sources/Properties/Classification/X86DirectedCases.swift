internal import MachineCore
internal import X86Backend

extension X86Search {
  /// Machine code that shows what random operands seldom do: selectors, far pointers and frames that are right.
  ///
  /// EBX is a selector of ring 0, or points to what is to be in memory; so does the stack pointer.
  var directedCases: [(bytes: [UInt8], memory: [UInt8])] {
    let isLong = machine.mode == .long64
    func word(_ value: UInt64, _ bytes: Int) -> [UInt8] {
      (0..<bytes).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }
    let target = machine.code + 0x40
    func pointer(_ selector: UInt64) -> [UInt8] { word(target, 4) + word(selector, 2) + word(0, 2) }
    let frame = word(target, 4) + word(Self.userCode, 4)
    let interrupted =
      isLong
      ? word(target, 8) + word(Self.userCode, 8) + word(2, 8) + word(machine.data + 0x8000, 8) + word(0x23, 8)
      : frame + word(2, 4)
    var cases: [(bytes: [UInt8], memory: [UInt8])] = [
      ([0x0F, 0x01, 0x07], []),  // sgdt [edi]
      ([0x0F, 0x01, 0x0F], []),  // sidt [edi]
      ([0x0F, 0x00, 0xC0], []),  // sldt eax
      ([0x0F, 0x00, 0xC8], []),  // str eax
      ([0x0F, 0x01, 0xE0], []),  // smsw eax
      ([0x9C], []), ([0x9D], word(0x202, 8)),  // pushf, popf
      ([0x0F, 0x02, 0xC3], []), ([0x0F, 0x03, 0xC3], []),  // lar, lsl eax, ebx
      ([0x0F, 0x00, 0xE3], []), ([0x0F, 0x00, 0xEB], []),  // verr, verw bx
      ([0x0F, 0xA0], []), ([0x0F, 0xA1], word(0, 8)),  // push fs, pop fs
      ([0x8C, 0xD0], []), ([0x8E, 0xC0], []),  // mov eax, ss; mov es, eax
      ([0xFF, 0x1B], pointer(Self.conforming)), ([0xFF, 0x1B], pointer(Self.userCode)),  // call far [ebx]
      ([0xFF, 0x2B], pointer(Self.conforming)), ([0xFF, 0x2B], pointer(Self.userCode)),  // jmp far [ebx]
      ([0xCB], frame), (isLong ? [0x48, 0xCF] : [0xCF], interrupted),  // retf, iret
      ([0xCD, 0x80], []), ([0xCC], []), ([0xF1], []),  // int 0x80, int3, int1
      ([0x0F, 0xB2, 0x03], pointer(0)), ([0x0F, 0xB4, 0x03], pointer(0)), ([0x0F, 0xB5, 0x03], pointer(0)),
      ([0x0F, 0xB2, 0x03], pointer(0x23)),  // lss, lfs, lgs eax, [ebx]
      ([0x0F, 0xB2, 0x03], pointer(Self.userData)),
      ([0x0F, 0x01, 0xF9], []),  // rdtscp
      ([0x0F, 0x31], []), ([0x0F, 0x34], []), ([0x0F, 0x05], []),  // rdtsc, sysenter, syscall
      ([0xFA], []), ([0xFB], []), ([0xF4], []),  // cli, sti, hlt
      ([0xE4, 0x60], []), ([0xE6, 0x80], []),  // in al, 0x60; out 0x80, al
      ([0x0F, 0x20, 0xC0], []), ([0x0F, 0x06], []), ([0x0F, 0x32], []),  // mov eax, cr0; clts; rdmsr
      ([0x0F, 0xA2], []), ([0x0F, 0x01, 0x17], []),  // cpuid, lgdt [edi]
    ]
    if !isLong {
      cases += [
        ([0xCE], []), ([0x1E], []), ([0x1F], word(0, 8)), ([0xC5, 0x03], pointer(0)),
        ([0xC4, 0x03], pointer(0)),
        ([0x9A] + pointer(Self.conforming).prefix(6), []), ([0xEA] + pointer(Self.conforming).prefix(6), []),
      ]
    }
    return cases
  }
}
