internal import MachineCore
internal import X86Backend

/// The registers of an x86 guest as gdb numbers them, and the description that tells gdb so.
///
/// gdb wants the x87 registers in the core feature even of a guest that has none in use: where the engine does not
/// hold them, their values are told as unavailable (`x` for each digit).
struct TargetDescription {
  /// One register of gdb's.
  struct Register {
    var name: String
    var bits: Int
    var type: String
    /// The register of ours; `nil` for those of the x87, which are found by `place`.
    var source: X86Register?
    /// Where the XSAVE area has it.
    var place: Range<Int>?
  }

  /// 16, 32 or 64.
  let bits: Int
  let registers: [Register]
  private let coreCount: Int

  /// The description for code of so many bits.
  init(bits: Int) {
    self.bits = bits
    let isWide = bits == 64
    var list: [Register] = []
    let order: [X86Register] = [.rax, .rbx, .rcx, .rdx, .rsi, .rdi, .rbp, .rsp]
    if isWide {
      list += order.map { Register(name: $0.name, bits: 64, type: "int64", source: $0) }
      list += [X86Register.r8, .r9, .r10, .r11, .r12, .r13, .r14, .r15].map {
        Register(name: $0.name, bits: 64, type: "int64", source: $0)
      }
      list[6].type = "data_ptr"
      list[7].type = "data_ptr"
    } else {
      list += [X86Register.rax, .rcx, .rdx, .rbx, .rsp, .rbp, .rsi, .rdi].map {
        Register(name: "e" + $0.name.dropFirst(), bits: 32, type: "int32", source: $0)
      }
      list[4].type = "data_ptr"
      list[5].type = "data_ptr"
    }
    list.append(
      Register(name: isWide ? "rip" : "eip", bits: isWide ? 64 : 32, type: "code_ptr", source: .rip))
    list.append(Register(name: "eflags", bits: 32, type: "i386_eflags", source: .rflags))
    list += [X86Register.cs, .ss, .ds, .es, .fs, .gs].map {
      Register(name: $0.name, bits: 32, type: "int32", source: $0)
    }
    // The first 512 bytes of the XSAVE area are those of FXSAVE (Intel SDM vol. 1, 10.5.1).
    list += (0..<8).map {
      Register(name: "st\($0)", bits: 80, type: "i387_ext", place: (32 + 16 * $0)..<(42 + 16 * $0))
    }
    let control: [(String, Range<Int>)] = [
      ("fctrl", 0..<2), ("fstat", 2..<4), ("ftag", 0..<0), ("fiseg", 12..<14), ("fioff", 8..<12),
      ("foseg", 20..<22), ("fooff", 16..<20), ("fop", 6..<8),
    ]
    list += control.map { Register(name: $0.0, bits: 32, type: "int", place: $0.1) }
    coreCount = list.count
    let size = isWide ? 64 : 32
    list += [
      X86Register.cr0, .cr2, .cr3, .cr4, .cr8, .efer, .csBase, .ssBase, .dsBase, .esBase, .fsBase, .gsBase,
      .gdtrBase, .idtrBase, .tr,
    ].map { Register(name: Self.snake($0.name), bits: size, type: isWide ? "int64" : "int32", source: $0) }
    registers = list
  }

  private static func snake(_ name: String) -> String {
    name.hasSuffix("Base") ? name.dropLast(4) + "_base" : name
  }

  /// What gdb reads as `target.xml`.
  var document: String {
    let architecture = bits == 64 ? "i386:x86-64" : bits == 32 ? "i386" : "i8086"
    var text = """
      <?xml version="1.0"?>
      <!DOCTYPE target SYSTEM "gdb-target.dtd">
      <target>
        <architecture>\(architecture)</architecture>
        <osabi>none</osabi>
        <feature name="org.gnu.gdb.i386.core">
          <flags id="i386_eflags" size="4">

      """
    let flags: [(String, Int)] = [
      ("CF", 0), ("", 1), ("PF", 2), ("AF", 4), ("ZF", 6), ("SF", 7), ("TF", 8), ("IF", 9), ("DF", 10),
      ("OF", 11), ("NT", 14), ("RF", 16), ("VM", 17), ("AC", 18), ("VIF", 19), ("VIP", 20), ("ID", 21),
    ]
    for (name, bit) in flags { text += "      <field name=\"\(name)\" start=\"\(bit)\" end=\"\(bit)\"/>\n" }
    text += "    </flags>\n"
    for (number, register) in registers.enumerated() {
      if number == coreCount { text += "  </feature>\n  <feature name=\"org.triad.i386.system\">\n" }
      let group = number < coreCount ? "" : " group=\"system\""
      text +=
        "    <reg name=\"\(register.name)\" bitsize=\"\(register.bits)\" type=\"\(register.type)\"\(group)/>\n"
    }
    return text + "  </feature>\n</target>\n"
  }

  /// A register's value in digits; `x` for each where there is none.
  func digits(_ number: Int, _ state: ProcessorState) -> [UInt8] {
    let register = registers[number]
    let bytes = register.bits / 8
    if let source = register.source {
      let value = source.index < state.registers.count ? state.registers[source.index] : 0
      return Hexadecimal.text((0..<bytes).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) })
    }
    guard let place = register.place, !place.isEmpty, place.upperBound <= state.extended.count else {
      return [UInt8](repeating: UInt8(ascii: "x"), count: bytes * 2)
    }
    let value = Array(state.extended[place])
    return Hexadecimal.text(value + [UInt8](repeating: 0, count: bytes - value.count))
  }

  /// What a write of a register does to a state; `nil` when it cannot be written.
  func writing(_ number: Int, _ bytes: some Collection<UInt8>, _ state: ProcessorState) -> ProcessorState? {
    let register = registers[number]
    guard let source = register.source, bytes.count == register.bits / 8, source.index < state.registers.count
    else { return nil }
    var value: UInt64 = 0
    for (index, byte) in bytes.enumerated() { value |= UInt64(byte) << UInt64(index * 8) }
    var state = state
    let old = state.registers[source.index]
    let width = source.descriptor.width
    let mask = width >= 64 ? UInt64.max : (1 << UInt64(width)) - 1
    // gdb sees the low half of what is wider.
    let kept = register.bits >= 64 ? 0 : old & ~0xFFFF_FFFF
    let new = (value | kept) & mask
    if (X86Register.es.index...X86Register.gs.index).contains(source.index), new != old {
      // Only in real mode is the hidden part of a segment register known from the selector alone.
      guard state.registers[X86Register.cr0.index] & 1 == 0 else { return nil }
      let base = X86Register.esBase.index + source.index - X86Register.es.index
      state.registers[base] = new << 4
    }
    // The bits of control registers hang together; they are the guest's to change.
    if source.index >= X86Register.esBase.index, new != old { return nil }
    if source == .rflags {
      state.registers[source.index] = new & 0x3F_7FD5 | 2
    } else {
      state.registers[source.index] = new
    }
    return state
  }
}
