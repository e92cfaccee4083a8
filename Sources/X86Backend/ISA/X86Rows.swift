/// The instruction table as text; ``X86Row`` says how a line is read.
///
/// `opcode [/digit] | assembly | operation | attributes`. Operand codes are those of the opcode maps
/// in the processor manuals (Intel SDM vol. 2, appendix A), with these of our own: `Ibs` sign-extended
/// byte, `Z` register in the opcode byte, `Es` a register of the operand size or a 16-bit place.
enum X86Rows {
  /// Names of the sixteen conditions, by their number in opcodes.
  static let conditions = [
    "o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g",
  ]

  /// All lines of the table, repetitive ones written out.
  static var lines: [String] {
    var result: [String] = []
    for (number, name) in ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"].enumerated() {
      let lock = name == "cmp" ? "" : "lock"
      for (offset, operands) in ["Eb, Gb", "Ev, Gv", "Gb, Eb", "Gv, Ev", "AL, Ib", "rAX, Iz"].enumerated() {
        let pattern = byte(number * 8 + offset) + (offset < 4 ? " /r" : "")
        result.append("\(pattern) | \(name) \(operands) | \(name) | \(offset < 2 ? lock : "")")
      }
      result.append("80 /\(number) | \(name) Eb, Ib | \(name) | \(lock)")
      result.append("81 /\(number) | \(name) Ev, Iz | \(name) | \(lock)")
      result.append("82 /\(number) | \(name) Eb, Ib | \(name) | \(lock) no64")
      result.append("83 /\(number) | \(name) Ev, Ibs | \(name) | \(lock)")
    }
    let shifts = ["rol", "ror", "rcl", "rcr", "shl", "shr", "shl", "sar"]
    for (number, name) in shifts.enumerated() {
      result.append("C0 /\(number) | \(name) Eb, Ib | \(name) |")
      result.append("C1 /\(number) | \(name) Ev, Ib | \(name) |")
      result.append("D0 /\(number) | \(name) Eb, 1 | \(name) |")
      result.append("D1 /\(number) | \(name) Ev, 1 | \(name) |")
      result.append("D2 /\(number) | \(name) Eb, CL | \(name) |")
      result.append("D3 /\(number) | \(name) Ev, CL | \(name) |")
    }
    for (number, name) in conditions.enumerated() {
      result.append("\(byte(0x70 + number)) | j\(name) Jb | jcc | f64 cc=\(number)")
      result.append("0F\(byte(0x80 + number)) | j\(name) Jz | jcc | f64 cc=\(number)")
      result.append("0F\(byte(0x90 + number)) /r | set\(name) Eb | set | cc=\(number)")
      result.append("0F\(byte(0x40 + number)) /r | cmov\(name) Gv, Ev | cmov | cc=\(number)")
    }
    for (number, name) in ["ES", "CS", "SS", "DS", "FS", "GS"].enumerated() where number != 1 {
      result.append("8E /\(number) | mov \(name), Ew | movToSegment | seg=\(number)")
    }
    for (number, name) in [(4, "bt"), (5, "bts"), (6, "btr"), (7, "btc")] {
      let lock = name == "bt" ? "" : "lock"
      result.append("0FBA /\(number) | \(name) Ev, Ib | \(name) | \(lock)")
      let opcode = byte(0xA3 + (number - 4) * 8)
      result.append("0F\(opcode) /r | \(name) Ev, Gv | \(name) | reg")
      result.append("0F\(opcode) /r | \(name) Ev, Gv | \(name) | mem bitstring \(lock)")
    }
    for part in [general, strings, twoByte, system] {
      result += part.split(separator: "\n").map(String.init)
    }
    return result
  }

  private static func byte(_ value: Int) -> String {
    let text = String(value, radix: 16, uppercase: true)
    return text.count < 2 ? "0" + text : text
  }

  private static let general = """
    06 | push ES | pushSegment | no64 seg=0
    07 | pop ES | popSegment | no64 seg=0
    0E | push CS | pushSegment | no64 seg=1
    16 | push SS | pushSegment | no64 seg=2
    17 | pop SS | popSegment | no64 seg=2
    1E | push DS | pushSegment | no64 seg=3
    1F | pop DS | popSegment | no64 seg=3
    27 | daa | daa | no64
    2F | das | das | no64
    37 | aaa | aaa | no64
    3F | aas | aas | no64
    40+r | inc Zv | inc | no64
    48+r | dec Zv | dec | no64
    50+r | push Zv | push | d64
    58+r | pop Zv | pop | d64
    60 | pusha | pusha | no64
    61 | popa | popa | no64
    62 /r | bound Gv, Ev | bound | mem no64
    63 /r | arpl Ew, Gw | arpl | prot no64
    63 /r | movsxd Gv, Ed | movsx | only64
    68 | push Iz | push | d64
    69 /r | imul Gv, Ev, Iz | imulTruncating |
    6A | push Ibs | push | d64
    6B /r | imul Gv, Ev, Ibs | imulTruncating |
    84 /r | test Eb, Gb | test |
    85 /r | test Ev, Gv | test |
    86 /r | xchg Eb, Gb | xchg | lock
    87 /r | xchg Ev, Gv | xchg | lock
    88 /r | mov Eb, Gb | mov |
    89 /r | mov Ev, Gv | mov |
    8A /r | mov Gb, Eb | mov |
    8B /r | mov Gv, Ev | mov |
    8C /r | mov Es, Sw | movFromSegment |
    8D /r | lea Gv, M | lea | mem
    8F /0 | pop Ev | pop | d64
    90 | pause | nop | f3 norexb
    90 | nop | nop | norexb
    90+r | xchg Zv, rAX | xchg |
    98 | cbw | convertAccumulator |
    99 | cwd | convertDouble |
    9A | call far Ap | callFar | no64
    9B | wait | fwait |
    9C | pushf | pushf | d64
    9D | popf | popf | d64
    9E | sahf | sahf |
    9F | lahf | lahf |
    A0 | mov AL, Ob | mov |
    A1 | mov rAX, Ov | mov |
    A2 | mov Ob, AL | mov |
    A3 | mov Ov, rAX | mov |
    A8 | test AL, Ib | test |
    A9 | test rAX, Iz | test |
    B0+r | mov Zb, Ib | mov |
    B8+r | mov Zv, Iv | mov |
    C2 | ret Iw | ret | f64
    C3 | ret | ret | f64
    C4 /r | les Gv, Mp | loadFar | mem no64 seg=0
    C5 /r | lds Gv, Mp | loadFar | mem no64 seg=3
    C6 /0 | mov Eb, Ib | mov |
    C7 /0 | mov Ev, Iz | mov |
    C8 | enter Iw, Ib | enter | d64
    C9 | leave | leave | d64
    CA | ret far Iw | retFar |
    CB | ret far | retFar |
    CC | int3 | int3 |
    CD | int Ib | int |
    CE | into | into | no64
    CF | iret | iret |
    D4 | aam Ib | aam | no64
    D5 | aad Ib | aad | no64
    D6 | salc | salc | no64
    D7 | xlat Zx | xlat |
    E0 | loopne Jb | loopne | f64
    E1 | loope Jb | loope | f64
    E2 | loop Jb | loop | f64
    E3 | jcxz Jb | jcxz | f64
    E4 | in AL, Ib | in |
    E5 | in rAX, Ib | in | max32
    E6 | out Ib, AL | out | byte
    E7 | out Ib, rAX | out | max32
    E8 | call Jz | call | f64
    E9 | jmp Jz | jmp | f64
    EA | jmp far Ap | jmpFar | no64
    EB | jmp Jb | jmp | f64
    EC | in AL, DX | in |
    ED | in rAX, DX | in | max32
    EE | out DX, AL | out | byte
    EF | out DX, rAX | out | max32
    F1 | int1 | int1 |
    F4 | hlt | hlt |
    F5 | cmc | cmc |
    F6 /0 | test Eb, Ib | test |
    F6 /1 | test Eb, Ib | test |
    F6 /2 | not Eb | not | lock
    F6 /3 | neg Eb | neg | lock
    F6 /4 | mul Eb | mul |
    F6 /5 | imul Eb | imul |
    F6 /6 | div Eb | div |
    F6 /7 | idiv Eb | idiv |
    F7 /0 | test Ev, Iz | test |
    F7 /1 | test Ev, Iz | test |
    F7 /2 | not Ev | not | lock
    F7 /3 | neg Ev | neg | lock
    F7 /4 | mul Ev | mul |
    F7 /5 | imul Ev | imul |
    F7 /6 | div Ev | div |
    F7 /7 | idiv Ev | idiv |
    F8 | clc | clc |
    F9 | stc | stc |
    FA | cli | cli |
    FB | sti | sti |
    FC | cld | cld |
    FD | std | std |
    FE /0 | inc Eb | inc | lock
    FE /1 | dec Eb | dec | lock
    FF /0 | inc Ev | inc | lock
    FF /1 | dec Ev | dec | lock
    FF /2 | call Ev | call | f64
    FF /3 | call far Mp | callFar | mem
    FF /4 | jmp Ev | jmp | f64
    FF /5 | jmp far Mp | jmpFar | mem
    FF /6 | push Ev | push | d64
    """

  private static let strings = """
    6C | ins Yb, DX | ins | byte
    6D | ins Yv, DX | ins | max32
    6E | outs DX, Xb | outs | byte
    6F | outs DX, Xv | outs | max32
    A4 | movs Yb, Xb | movs | byte
    A5 | movs Yv, Xv | movs |
    A6 | cmps Xb, Yb | cmps | byte
    A7 | cmps Xv, Yv | cmps |
    AA | stos Yb, AL | stos | byte
    AB | stos Yv, rAX | stos |
    AC | lods AL, Xb | lods | byte
    AD | lods rAX, Xv | lods |
    AE | scas AL, Yb | scas | byte
    AF | scas rAX, Yv | scas |
    """

  private static let twoByte = """
    0F0D /0 | prefetch Eb | nop | mem hint
    0F0D /1 | prefetchw Eb | nop | mem hint
    0F0D /2 | prefetchwt1 Eb | nop | mem hint
    0F0D /r | nop Ev | nop | mem hint
    0F18 /0 | prefetchnta Eb | nop | mem hint
    0F18 /1 | prefetcht0 Eb | nop | mem hint
    0F18 /2 | prefetcht1 Eb | nop | mem hint
    0F18 /3 | prefetcht2 Eb | nop | mem hint
    0F18 /r | nop Ev | nop | hint
    0F19 /r | nop Ev | nop | hint
    0F1A /r | nop Ev | nop | hint
    0F1B /r | nop Ev | nop | hint
    0F1C /r | nop Ev | nop | hint
    0F1D /r | nop Ev | nop | hint
    0F1E FA | endbr64 | nop | f3
    0F1E FB | endbr32 | nop | f3
    0F1E /r | nop Ev | nop | hint
    0F1F /r | nop Ev | nop | hint
    0FA0 | push FS | pushSegment | d64 seg=4
    0FA1 | pop FS | popSegment | d64 seg=4
    0FA4 /r | shld Ev, Gv, Ib | shld |
    0FA5 /r | shld Ev, Gv, CL | shld |
    0FA8 | push GS | pushSegment | d64 seg=5
    0FA9 | pop GS | popSegment | d64 seg=5
    0FAC /r | shrd Ev, Gv, Ib | shrd |
    0FAD /r | shrd Ev, Gv, CL | shrd |
    0FAE /7 | clflush Mb | clflush | mem noprefix
    0FAE /5 | lfence | nop | reg noprefix
    0FAE /6 | mfence | nop | reg noprefix
    0FAE /7 | sfence | nop | reg noprefix
    0FAF /r | imul Gv, Ev | imulTruncating |
    0FB0 /r | cmpxchg Eb, Gb | cmpxchg | reg
    0FB0 /r | cmpxchg Eb, Gb | cmpxchg | mem lock
    0FB1 /r | cmpxchg Ev, Gv | cmpxchg | reg
    0FB1 /r | cmpxchg Ev, Gv | cmpxchg | mem lock
    0FB2 /r | lss Gv, Mp | loadFar | mem seg=2
    0FB4 /r | lfs Gv, Mp | loadFar | mem seg=4
    0FB5 /r | lgs Gv, Mp | loadFar | mem seg=5
    0FB6 /r | movzx Gv, Eb | movzx |
    0FB7 /r | movzx Gv, Ew | movzx |
    0FB8 /r | popcnt Gv, Ev | popcnt | f3
    0FBC /r | tzcnt Gv, Ev | tzcnt | f3
    0FBC /r | bsf Gv, Ev | bsf |
    0FBD /r | lzcnt Gv, Ev | lzcnt | f3
    0FBD /r | bsr Gv, Ev | bsr |
    0FBE /r | movsx Gv, Eb | movsx |
    0FBF /r | movsx Gv, Ew | movsx |
    0FC0 /r | xadd Eb, Gb | xadd | lock
    0FC1 /r | xadd Ev, Gv | xadd | lock
    0FC3 /r | movnti My, Gy | mov | mem noprefix
    0FC7 /1 | cmpxchg8b M | cmpxchg8b | mem lock
    0FC8+r | bswap Zv | bswap |
    0F38F0 /r | crc32 Gy, Eb | crc32 | f2 byte
    0F38F1 /r | crc32 Gy, Ev | crc32 | f2
    0F38F0 /r | movbe Gv, Ev | movbe | mem norepeat
    0F38F1 /r | movbe Ev, Gv | movbe | mem norepeat
    """

  private static let system = """
    0F00 /0 | sldt Es | storeTable | prot
    DB E3 | fninit | fninit |
    0F00 /1 | str Es | storeTable | prot cc=1
    0F00 /2 | lldt Ew | ldt | prot
    0F00 /3 | ltr Ew | tr | prot
    0F00 /4 | verr Ew | verr | prot
    0F00 /5 | verw Ew | verw | prot
    0F02 /r | lar Gv, Es | lar | prot
    0F03 /r | lsl Gv, Es | lsl | prot
    0F01 F8 | swapgs | swapgs | only64
    0F01 F9 | rdtscp | rdtscp |
    0F01 /0 | sgdt M | sgdt | mem
    0F01 /1 | sidt M | sidt | mem
    0F01 /2 | lgdt M | lgdt | mem
    0F01 /3 | lidt M | lidt | mem
    0F01 /4 | smsw Es | smsw |
    0F01 /6 | lmsw Ew | lmsw |
    0F01 /7 | invlpg Mb | invlpg | mem
    0F05 | syscall | syscall | only64
    0F06 | clts | clts |
    0F07 | sysret | sysret | only64
    0F08 | invd | wbinvd |
    0F09 | wbinvd | wbinvd |
    0F0B | ud2 | ud |
    0F20 /r | mov Ry, Cy | movFromControl | modesize
    0F21 /0 | mov Ry, Dy | movFromDebug | modesize cc=0
    0F21 /1 | mov Ry, Dy | movFromDebug | modesize cc=1
    0F21 /2 | mov Ry, Dy | movFromDebug | modesize cc=2
    0F21 /3 | mov Ry, Dy | movFromDebug | modesize cc=3
    0F21 /4 | mov Ry, Dy | movFromDebug | modesize cc=4
    0F21 /5 | mov Ry, Dy | movFromDebug | modesize cc=5
    0F21 /6 | mov Ry, Dy | movFromDebug | modesize cc=6
    0F21 /7 | mov Ry, Dy | movFromDebug | modesize cc=7
    0F23 /0 | mov Dy, Ry | movToDebug | modesize cc=0
    0F23 /1 | mov Dy, Ry | movToDebug | modesize cc=1
    0F23 /2 | mov Dy, Ry | movToDebug | modesize cc=2
    0F23 /3 | mov Dy, Ry | movToDebug | modesize cc=3
    0F23 /4 | mov Dy, Ry | movToDebug | modesize cc=4
    0F23 /5 | mov Dy, Ry | movToDebug | modesize cc=5
    0F23 /6 | mov Dy, Ry | movToDebug | modesize cc=6
    0F23 /7 | mov Dy, Ry | movToDebug | modesize cc=7
    0F22 /0 | mov Cy, Ry | movToControl | modesize rexr cc=8
    0F22 /0 | mov Cy, Ry | movToControl | modesize cc=0
    0F22 /2 | mov Cy, Ry | movToControl | modesize cc=2
    0F22 /3 | mov Cy, Ry | movToControl | modesize cc=3
    0F22 /4 | mov Cy, Ry | movToControl | modesize cc=4
    0F30 | wrmsr | wrmsr |
    0F31 | rdtsc | rdtsc |
    0F32 | rdmsr | rdmsr |
    0F33 | rdpmc | rdpmc |
    0F34 | sysenter | sysenter |
    0F35 | sysexit | sysexit |
    0FA2 | cpuid | cpuid |
    0FB9 /r | ud1 Gv, Ev | ud |
    0FFF /r | ud0 Gv, Ev | ud |
    """
}
