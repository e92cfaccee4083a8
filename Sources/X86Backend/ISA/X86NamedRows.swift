/// The part of the instruction table that is decoded and named, but not carried out: lines as in
/// ``X86Rows`` without an operation.
///
/// `opcode [/digit | /r | ModRM byte] | assembly | attributes`; operand codes are those of
/// ``X86NamedOperand``. `np`, `66`, `f3` and `f2` tell which mandatory prefix selects a line. The
/// decoder asks the rows that are carried out first.
enum X86NamedRows {
  /// All lines, repetitive ones written out.
  static var lines: [String] {
    var result: [String] = []
    for part in [oneByte, system, x87Memory, x87Register, sse, sse3AndLater] {
      result += part.split(separator: "\n").map(String.init)
    }
    for (opcode, name) in pairs(packedInteger) {
      result.append("\(opcode) /r | \(name) P, Q8 | np")
      result.append("\(opcode) /r | \(name) V, W16 | 66")
    }
    for (opcode, name) in pairs(arithmetic) {
      result.append("\(opcode) /r | \(name)ps V, W16 | np")
      result.append("\(opcode) /r | \(name)pd V, W16 | 66")
      result.append("\(opcode) /r | \(name)ss V, W4 | f3")
      result.append("\(opcode) /r | \(name)sd V, W8 | f2")
    }
    for (opcode, name) in pairs(logic) {
      result.append("\(opcode) /r | \(name)ps V, W16 | np")
      result.append("\(opcode) /r | \(name)pd V, W16 | 66")
    }
    for (opcode, name) in pairs(integer128) { result.append("\(opcode) /r | \(name) V, W16 | 66") }
    for (opcode, name) in pairs(immediate128) { result.append("\(opcode) /r | \(name) V, W16, I1 | 66") }
    for (index, name) in ["bw:8", "bd:4", "bq:2", "wd:8", "wq:4", "dq:8"].enumerated() {
      let parts = name.split(separator: ":")
      result.append("0F382\(index) /r | pmovsx\(parts[0]) V, W\(parts[1]) | 66")
      result.append("0F383\(index) /r | pmovzx\(parts[0]) V, W\(parts[1]) | 66")
    }
    for (suffix, name) in pairs(threeDNow) { result.append("@\(suffix) /r | \(name) P, Q8 |") }
    for (number, name) in ["add", "mul", "com", "comp", "sub", "subr", "div", "divr"].enumerated() {
      result.append("D8 /\(number) | f\(name) M4 | mem")
      result.append("DC /\(number) | f\(name) M8 | mem")
      result.append("DA /\(number) | fi\(name) M4 | mem")
      result.append("DE /\(number) | fi\(name) M2 | mem")
      let isCompare = name.hasPrefix("com")
      result.append("D8 /\(number) | f\(name) \(isCompare ? "" : "ST, ")STi | reg")
      guard !isCompare else { continue }
      // With the stack register as destination, the reversed forms have each other's place.
      let reversed = ["sub": "subr", "subr": "sub", "div": "divr", "divr": "div"][name] ?? name
      result.append("DC /\(number) | f\(reversed) STi, ST | reg")
      result.append("DE /\(number) | f\(reversed)p STi, ST | reg")
    }
    return result
  }

  /// Opcodes and names of a text of `opcode name` pairs.
  private static func pairs(_ text: String) -> [(String, String)] {
    let words = text.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init)
    return stride(from: 0, to: words.count - 1, by: 2).map { (words[$0], words[$0 + 1]) }
  }

  private static let oneByte = """
    C6 F8 | xabort I1 |
    C7 F8 | xbegin J |
    """

  private static let system = """
    0F01 C0 | enclv | np
    0F01 C1 | vmcall | np
    0F01 C2 | vmlaunch | np
    0F01 C3 | vmresume | np
    0F01 C4 | vmxoff | np
    0F01 C5 | pconfig | np
    0F01 C8 | monitor | np
    0F01 C9 | mwait | np
    0F01 CA | clac | np
    0F01 CB | stac | np
    0F01 CF | encls | np
    0F01 D0 | xgetbv | np
    0F01 D1 | xsetbv | np
    0F01 D4 | vmfunc | np
    0F01 D5 | xend | np
    0F01 D6 | xtest | np
    0F01 D7 | enclu | np
    0F01 D8 | vmrun |
    0F01 D9 | vmmcall |
    0F01 DA | vmload |
    0F01 DB | vmsave |
    0F01 DC | stgi |
    0F01 DD | clgi |
    0F01 DE | skinit |
    0F01 DF | invlpga |
    0F01 E8 | setssbsy | f3
    0F01 EA | saveprevssp | f3
    0F01 EE | rdpkru | np
    0F01 EF | wrpkru | np
    0F01 FA | monitorx |
    0F01 FB | mwaitx |
    0F01 FC | clzero |
    0F01 /5 | rstorssp M8 | f3 mem
    0F0E | femms |
    0F37 | getsec | np
    0F78 /r | vmread Ez, Gz | np
    0F79 /r | vmwrite Gz, Ez | np
    0FAA | rsm |
    0FAE /0 | fxsave64 M | mem np rexw
    0FAE /0 | fxsave M | mem np
    0FAE /1 | fxrstor64 M | mem np rexw
    0FAE /1 | fxrstor M | mem np
    0FAE /2 | ldmxcsr M4 | mem np
    0FAE /3 | stmxcsr M4 | mem np
    0FAE /4 | xsave64 M | mem np rexw
    0FAE /4 | xsave M | mem np
    0FAE /4 | ptwrite Ey | f3
    0FAE /5 | xrstor64 M | mem np rexw
    0FAE /5 | xrstor M | mem np
    0FAE /6 | xsaveopt64 M | mem np rexw
    0FAE /6 | xsaveopt M | mem np
    0FAE /6 | clwb M1 | mem 66
    0FAE /6 | clrssbsy M8 | mem f3
    0FAE /7 | clflushopt M1 | mem 66
    0FAE /0 | rdfsbase Ry | f3 reg only64
    0FAE /1 | rdgsbase Ry | f3 reg only64
    0FAE /2 | wrfsbase Ry | f3 reg only64
    0FAE /3 | wrgsbase Ry | f3 reg only64
    0FAE /5 | incsspq Ry | f3 reg rexw
    0FAE /5 | incsspd Ry | f3 reg
    0FAE /6 | umonitor Ra | f3 reg
    0FAE /6 | umwait Rd | f2 reg
    0FAE /6 | tpause Rd | 66 reg
    0FC7 /3 | xrstors64 M | mem np rexw
    0FC7 /3 | xrstors M | mem np
    0FC7 /4 | xsavec64 M | mem np rexw
    0FC7 /4 | xsavec M | mem np
    0FC7 /5 | xsaves64 M | mem np rexw
    0FC7 /5 | xsaves M | mem np
    0FC7 /6 | vmptrld M8 | mem np
    0FC7 /6 | vmclear M8 | mem 66
    0FC7 /6 | vmxon M8 | mem f3
    0FC7 /7 | vmptrst M8 | mem np
    0FC7 /6 | rdrand Rv | reg norepeat
    0FC7 /7 | rdpid Rz | reg f3
    0FC7 /7 | rdseed Rv | reg norepeat
    """

  private static let x87Memory = """
    D9 /0 | fld M4 | mem
    D9 /2 | fst M4 | mem
    D9 /3 | fstp M4 | mem
    D9 /4 | fldenv M | mem
    D9 /5 | fldcw M2 | mem
    D9 /6 | fnstenv M | mem
    D9 /7 | fnstcw M2 | mem
    DB /0 | fild M4 | mem
    DB /1 | fisttp M4 | mem
    DB /2 | fist M4 | mem
    DB /3 | fistp M4 | mem
    DB /5 | fld M10 | mem
    DB /7 | fstp M10 | mem
    DD /0 | fld M8 | mem
    DD /1 | fisttp M8 | mem
    DD /2 | fst M8 | mem
    DD /3 | fstp M8 | mem
    DD /4 | frstor M | mem
    DD /6 | fnsave M | mem
    DD /7 | fnstsw M2 | mem
    DF /0 | fild M2 | mem
    DF /1 | fisttp M2 | mem
    DF /2 | fist M2 | mem
    DF /3 | fistp M2 | mem
    DF /4 | fbld M10 | mem
    DF /5 | fild M8 | mem
    DF /6 | fbstp M10 | mem
    DF /7 | fistp M8 | mem
    """

  private static let x87Register = """
    D9 /0 | fld STi | reg
    D9 /1 | fxch STi | reg
    D9 D0 | fnop |
    D9 /3 | fstpnce STi | reg
    D9 E0 | fchs |
    D9 E1 | fabs |
    D9 E4 | ftst |
    D9 E5 | fxam |
    D9 E8 | fld1 |
    D9 E9 | fldl2t |
    D9 EA | fldl2e |
    D9 EB | fldpi |
    D9 EC | fldlg2 |
    D9 ED | fldln2 |
    D9 EE | fldz |
    D9 F0 | f2xm1 |
    D9 F1 | fyl2x |
    D9 F2 | fptan |
    D9 F3 | fpatan |
    D9 F4 | fxtract |
    D9 F5 | fprem1 |
    D9 F6 | fdecstp |
    D9 F7 | fincstp |
    D9 F8 | fprem |
    D9 F9 | fyl2xp1 |
    D9 FA | fsqrt |
    D9 FB | fsincos |
    D9 FC | frndint |
    D9 FD | fscale |
    D9 FE | fsin |
    D9 FF | fcos |
    DA /0 | fcmovb ST, STi | reg
    DA /1 | fcmove ST, STi | reg
    DA /2 | fcmovbe ST, STi | reg
    DA /3 | fcmovu ST, STi | reg
    DA E9 | fucompp |
    DB /0 | fcmovnb ST, STi | reg
    DB /1 | fcmovne ST, STi | reg
    DB /2 | fcmovnbe ST, STi | reg
    DB /3 | fcmovnu ST, STi | reg
    DB E0 | fneni |
    DB E1 | fndisi |
    DB E2 | fnclex |
    DB E4 | fnsetpm |
    DB /5 | fucomi ST, STi | reg
    DB /6 | fcomi ST, STi | reg
    DC /2 | fcom STi | reg
    DC /3 | fcomp STi | reg
    DD /0 | ffree STi | reg
    DD /1 | fxch STi | reg
    DD /2 | fst STi | reg
    DD /3 | fstp STi | reg
    DD /4 | fucom STi | reg
    DD /5 | fucomp STi | reg
    DE /2 | fcomp STi | reg
    DE D9 | fcompp |
    DF /0 | ffreep STi | reg
    DF /1 | fxch STi | reg
    DF /2 | fstp STi | reg
    DF /3 | fstp STi | reg
    DF E0 | fnstsw AX |
    DF /5 | fucompi ST, STi | reg
    DF /6 | fcompi ST, STi | reg
    """
}
