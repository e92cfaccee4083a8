internal import MachineCore
internal import X86Backend

extension X86Search {
  /// Machine code that shows what random operands seldom do: selectors, far pointers and frames that are right.
  ///
  /// EBX is a selector of ring 0, or points to what is to be in memory; so does the stack pointer.
  var directedCases: [X86SearchCase] {
    let isLong = machine.mode == .long64
    let data = machine.data
    let place = data + 0x4000
    let physical = machine.physicalData + 0x4000
    func word(_ value: UInt64, _ bytes: Int) -> [UInt8] {
      (0..<bytes).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }
    let target = machine.code + 0x40
    func pointer(_ selector: UInt64) -> [UInt8] { word(target, 4) + word(selector, 2) + word(0, 2) }
    var cases: [X86SearchCase] = []
    /// An instruction with registers alone.
    func plain(
      _ bytes: [UInt8], _ prepare: @escaping @Sendable (inout ProcessorState) -> Void = { _ in }
    ) {
      cases.append(X86SearchCase(bytes: bytes, prepare: prepare))
    }
    /// An instruction with something where EBX and the stack pointer point.
    func memory(_ bytes: [UInt8], _ contents: [UInt8]) {
      cases.append(
        X86SearchCase(bytes: bytes, storage: [.init(physical, contents)]) { state in
          state[.rbx] = place
          state[.rsp] = place
        })
    }
    /// A far pointer of 48 bits, and of 32.
    func far(_ bytes: [UInt8], _ selector: UInt64) { memory(bytes, pointer(selector)) }

    for bytes in [
      [0x0F, 0x01, 0x07], [0x0F, 0x01, 0x0F],  // sgdt, sidt [edi]
      [0x0F, 0x00, 0xC0], [0x0F, 0x00, 0xC8], [0x0F, 0x01, 0xE0],  // sldt, str, smsw eax
      [0x9C], [0x0F, 0xA0], [0x0F, 0xA8],  // pushf, push fs, push gs
      [0xCD, 0x80], [0xCC], [0xF1],  // int 0x80, int3, int1
      [0x0F, 0x31], [0x0F, 0x01, 0xF9], [0x0F, 0x34], [0x0F, 0x05],  // rdtsc, rdtscp, sysenter, syscall
      [0xFA], [0xFB], [0xF4], [0x0F, 0x06],  // cli, sti, hlt, clts
      [0x0F, 0xA2], [0x0F, 0x08], [0x0F, 0x09], [0x0F, 0x33],  // cpuid, invd, wbinvd, rdpmc
      [0x0F, 0x20, 0xC0], [0x0F, 0x20, 0xD0], [0x0F, 0x20, 0xD8], [0x0F, 0x20, 0xE0],  // mov eax, cr0...cr4
      [0xE4, 0x60], [0xE5, 0x60], [0xE6, 0x80], [0xE7, 0x80], [0xEC], [0xED], [0xEE], [0xEF],  // in, out
      [0x6C], [0x6D], [0x6E], [0x6F],  // ins, outs
    ] as [[UInt8]] {
      plain(bytes) { state in
        state[.rdx] = 0x80
        state[.rsi] = data + 0x5000
      }
    }
    // What clears the interrupt flag, or CR0.TS, where they are set.
    for bytes in [
      [0xFA], [0x0F, 0x06], [0xCD, 0x80], [0xCC], [0xF1], [0x0F, 0x34], [0x0F, 0x05],
    ] as [[UInt8]] {
      plain(bytes) { state in
        state[.rflags] |= 0x200
        state[.sfmask] = 0x200
        state[.cr0] |= 8
      }
    }
    for segment in 0..<6 as Range<UInt8> { plain([0x8C, 0xC0 | segment << 3]) }  // mov eax, sreg
    // lar, lsl eax, ebx; verr, verw bx: a segment of ring 0, one behind a shorter table, one of the local table.
    for bytes in [[0x0F, 0x02, 0xC3], [0x0F, 0x03, 0xC3], [0x0F, 0x00, 0xE3], [0x0F, 0x00, 0xEB]] as [[UInt8]]
    {
      plain(bytes)
      for selector in [Self.conforming, 0x20, X86Layout.gdt | 0x4C, X86Layout.gdt | 0x27] {
        plain(bytes) { $0[.rbx] = selector }
      }
      // A table of ring 3's own data.
      plain(bytes) { state in
        state[.rbx] = Self.userCode
      }
    }
    // Data that ring 3 may write, behind the end of a shorter table and in the local one.
    let writable = word(0x00CF_F300_0000_FFFF, 8)
    for (selector, address) in [
      (UInt64(0x43), X86Layout.gdt + 0x40), (X86Layout.gdt | 0x47, X86Layout.gdt + 0x40),
    ] {
      for bytes in [[0x0F, 0x00, 0xE3], [0x0F, 0x00, 0xEB]] as [[UInt8]] {
        cases.append(X86SearchCase(bytes: bytes, storage: [.init(address, writable)]) { $0[.rbx] = selector })
      }
    }
    // Loads of segment registers: a null one, ring 3's data, SS with the data of each ring.
    for digit in [0, 2, 3, 4, 5] as [UInt8] {
      for selector in [UInt64(0), 0x23, 0x10] { plain([0x8E, 0xC3 | digit << 3]) { $0[.rbx] = selector } }
    }
    for bytes in [[0x0F, 0xA1], [0x0F, 0xA9]] as [[UInt8]] {  // pop fs, pop gs
      memory(bytes, word(0, 8))
    }
    for bytes in [[0x0F, 0xB2, 0x03], [0x0F, 0xB4, 0x03], [0x0F, 0xB5, 0x03]] as [[UInt8]] {
      for selector in [UInt64(0), 0x23, 0x10] { far(bytes, selector) }  // lss, lfs, lgs eax, [ebx]
    }
    for digit in [0x1B, 0x2B] as [UInt8] {  // call, jmp far [ebx]
      for selector in [Self.conforming, Self.userCode, 0x08] { far([0xFF, digit], selector) }
    }
    // Another stack segment of each ring, where the task-state segment's descriptor has its end.
    for (selector, type) in [(UInt64(0x43), UInt64(0xF3)), (0x40, 0x93)] {
      let other = MachineState.Block(X86Layout.gdt + 0x40, word(0x00CF_0000_0000_FFFF | type << 40, 8))
      let pointing: @Sendable (inout ProcessorState) -> Void = { state in
        state[.rbx] = place
        state[.rsp] = place
      }
      // mov ss, bx; lss eax, [ebx]; pop ss
      cases.append(X86SearchCase(bytes: [0x8E, 0xD3], storage: [other]) { $0[.rbx] = selector })
      cases.append(
        X86SearchCase(
          bytes: [0x0F, 0xB2, 0x03], storage: [other, .init(physical, pointer(selector))], prepare: pointing))
      cases.append(
        X86SearchCase(bytes: [0x17], storage: [other, .init(physical, word(selector, 8))], prepare: pointing))
    }
    let frame = word(target, 4) + word(Self.userCode, 4) + word(data + 0x8000, 4) + word(0x23, 4)
    let level0 = word(target, 4) + word(0x08, 4)
    let released =
      word(target, 4) + word(Self.userCode, 4) + word(0, 8) + word(data + 0x8000, 4) + word(0x23, 4)
    memory([0xCB], frame)
    memory([0xCB], level0)
    memory([0xCA, 8, 0], released)
    memory([0xCA, 8, 0], level0)
    memory([0x9D], word(0x202, 8))  // popf
    for flags in [UInt64(2), 0x202] {
      if isLong {
        let words = [target, Self.userCode, flags, data + 0x8000, 0x23]
        memory([0x48, 0xCF], words.flatMap { word($0, 8) })
      } else {
        memory(
          [0xCF],
          word(target, 4) + word(Self.userCode, 4) + word(flags, 4) + word(data + 0x8000, 4) + word(0x23, 4))
        memory([0xCF], word(target, 4) + word(0x08, 4) + word(flags, 4))
      }
    }
    // Innocuous ones whose operands are seldom right by chance: absolute addresses, targets, divisors.
    for opcode in [0xA0, 0xA1, 0xA2, 0xA3] as [UInt8] { plain([opcode] + word(place, isLong ? 8 : 4)) }
    for bytes in [[0xC3], [0xC2, 8, 0], [0xFF, 0x23], [0xFF, 0x13]] as [[UInt8]] {
      memory(bytes, word(target, 8))
    }
    for bytes in [[0xF6, 0xF3], [0xF7, 0xF3], [0xF6, 0xFB], [0xF7, 0xFB]] as [[UInt8]] {  // div, idiv
      plain(bytes) { $0[.rbx] = 3 }
    }
    supervisorCases(&cases, word)
    if !isLong { legacyCases(&cases, pointer, word) }
    return cases
  }

  /// What only ring 0 may do.
  private func supervisorCases(_ cases: inout [X86SearchCase], _ word: (UInt64, Int) -> [UInt8]) {
    let isLong = machine.mode == .long64
    let data = machine.data
    func plain(
      _ bytes: [UInt8], _ prepare: @escaping @Sendable (inout ProcessorState) -> Void = { _ in }
    ) {
      cases.append(X86SearchCase(bytes: bytes, prepare: prepare))
    }
    // mov to control registers: values that are not those of the machine.
    plain([0x0F, 0x22, 0xC0]) { $0[.rax] = $0[.cr0] ^ 0x20 }
    plain([0x0F, 0x22, 0xD0]) { $0[.rax] = 0x1234 }
    plain([0x0F, 0x22, 0xD8]) { $0[.rax] = $0[.cr3] ^ 8 }
    plain([0x0F, 0x22, 0xE0]) { $0[.rax] = $0[.cr4] ^ 0x100 }
    if isLong {
      plain([0x44, 0x0F, 0x22, 0xC0]) { $0[.rax] = 5 }
      plain([0x44, 0x0F, 0x20, 0xC0])
      plain([0x0F, 0x01, 0xF8]) {  // swapgs
        $0[.kernelGSBase] = 0x5000
      }
      plain([0x48, 0x0F, 0x07]) {  // sysretq
        $0[.rcx] = $0[.rip] + 0x40
        $0[.r11] = 2
      }
      plain([0x0F, 0x07]) { $0[.rcx] = 0x1000 }
      plain([0x48, 0x0F, 0x35]) { state in  // sysexit
        state[.rcx] = data + 0x8000
        state[.rdx] = state[.rip] + 0x40
      }
    }
    plain([0x0F, 0x35]) { state in
      state[.rcx] = data + 0x8000
      state[.rdx] = state[.rip] + 0x40
    }
    plain([0x0F, 0x01, 0xF0]) { $0[.rax] = 0x3F }  // lmsw ax
    for register in 0..<8 as Range<UInt8> {  // mov eax, drN; mov drN, eax
      plain([0x0F, 0x21, 0xC0 | register << 3])
      plain([0x0F, 0x23, 0xC0 | register << 3]) { $0[.rax] = register & 1 == 0 ? 0x4000 : 0x700 }
    }
    // rdmsr and wrmsr: EFER, FS base, the time-stamp counter, SYSENTER_CS, STAR.
    for number in [UInt64(0xC000_0080), 0x10, 0x174, 0x175, 0xC000_0081, 0xC000_0082] {
      plain([0x0F, 0x32]) { $0[.rcx] = number }
      plain([0x0F, 0x30]) { state in
        state[.rcx] = number
        state[.rax] = number == 0xC000_0080 ? state[.efer] ^ 1 : 0x4000
        state[.rdx] = 0
      }
    }
    for number in [UInt64(0xC000_0100), 0xC000_0101] {
      cases.append(
        X86SearchCase(
          bytes: [0x0F, 0x32], prepare: { $0[.rcx] = number },
          change: (
            .segment,
            { state in
              state[.fsBase] ^= 0x1000
              state[.gsBase] ^= 0x1000
            }
          )))
    }
    // lgdt, lidt [ebx]; lldt, ltr: the task is not busy in a copy of its descriptor.
    let place = data + 0x4000
    let table = word(0x7F, 2) + word(0xE000, isLong ? 8 : 4)
    for digit in [0x13, 0x1B] as [UInt8] {
      cases.append(
        X86SearchCase(bytes: [0x0F, 0x01, digit], storage: [.init(machine.physicalData + 0x4000, table)]) {
          $0[.rbx] = place
        })
    }
    for (digit, type) in [(UInt8(0xD3), UInt64(0x82)), (0xDB, 0x89)] {
      let descriptor = word(0x67 | X86Layout.tss << 16 | type << 40, 8) + word(0, 8)
      cases.append(
        X86SearchCase(bytes: [0x0F, 0x00, digit], storage: [.init(X86Layout.gdt + 0x40, descriptor)]) {
          $0[.rbx] = 0x40
        })
    }
    // invlpg [ebx], with a translation of its page.
    plain([0x0F, 0x01, 0x3B]) { state in
      state[.rbx] = data + 0x6000
      state.auxiliaries = [[:], [(data + 0x6000) >> 12: 0x1_6327], [:], [:], [:], [:]]
    }
  }

  /// What 64-bit mode does not have.
  private func legacyCases(
    _ cases: inout [X86SearchCase], _ pointer: (UInt64) -> [UInt8], _ word: (UInt64, Int) -> [UInt8]
  ) {
    let place = machine.data + 0x4000
    let physical = machine.physicalData + 0x4000
    func memory(_ bytes: [UInt8], _ contents: [UInt8]) {
      cases.append(
        X86SearchCase(bytes: bytes, storage: [.init(physical, contents)]) { state in
          state[.rbx] = place
          state[.rsp] = place
        })
    }
    for byte in [0x06, 0x0E, 0x16, 0x1E] as [UInt8] { cases.append(X86SearchCase(bytes: [byte])) }  // push
    for byte in [0x07, 0x17, 0x1F] as [UInt8] {  // pop es, ss, ds
      for selector in [UInt64(0), 0x23, 0x10] { memory([byte], word(selector, 8)) }
    }
    for byte in [0xC5, 0xC4] as [UInt8] {  // lds, les eax, [ebx]
      for selector in [UInt64(0), 0x23] { memory([byte, 0x03], pointer(selector)) }
    }
    for selector in [Self.conforming, Self.userCode, 0x08] {  // call, jmp far immediate
      cases.append(X86SearchCase(bytes: [0x9A] + pointer(selector).prefix(6)))
      cases.append(X86SearchCase(bytes: [0xEA] + pointer(selector).prefix(6)))
    }
    for flags in [UInt64(0x800), 0xA00] {
      cases.append(X86SearchCase(bytes: [0xCE]) { $0[.rflags] |= flags })
    }  // into
  }
}
