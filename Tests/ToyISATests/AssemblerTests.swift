import Testing
import ToyISA

@Suite struct AssemblerTests {
  @Test func helloAssembles() throws {
    let image = try ToyAssembler.assemble(
      """
      .include "toy.inc"
      _start:
        la s0, text        ; pointer
      1: lbu t0, 0(s0)
        beqz t0, 2f
        out t0, CONSOLE_DATA
        inc s0
        j 1b
      2: li a0, 0
        out a0, POWER(r0)
      .rodata
      text: .asciz "Hello\\n"
      .bss
      .space 64
      """)
    #expect(image.entry == 0x100)
    #expect(image.segments.count == 3)
    #expect(image.segments[0].bytes.count == 9 * 4)
    #expect(image.symbol(named: "text")?.value == 0x124)
    #expect(image.segments[1].bytes == Array("Hello\n\0".utf8))
    for offset in stride(from: 0, to: 36, by: 4) {
      let bytes = image.segments[0].bytes[offset..<offset + 4]
      let word = bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      print(ToyDisassembler.text(of: word, at: 0x100 + UInt32(offset)))
    }
    do {
      let _ = try ToyAssembler.assemble(
        "foo:\n  adi t0, t9, 70000\n\tlw t0, lenght(zero) # x\n.equ length, 4\n.word 1/0\n .if 1\nbeq r0, r0, foo+2"
      )
    } catch { print(error.pretty) }
  }
}
