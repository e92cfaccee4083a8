import LabKit
import ToyISA

/// Lab 1: the interpreter core of the toy processor.
///
/// `step` fetches one instruction, decodes it and carries it out. `Docs/ToyISA.md` is the reference; `triad explain MNEMONIC`
/// shows exactly what an instruction does.
public enum Interpreter: InstructionUnit {
  public static func step(_ cpu: LabProcessor) throws(GuestTrap) {
    let word = try cpu.fetch()
    let pc = cpu.psw.pc
    // The table says which words are instructions: bits that no field of a format uses must be zero.
    guard ToyCodec.row(of: word) != nil else { throw GuestTrap(.illegal, value: word) }
    let code = Fields(word)
    // Where the next instruction is unless this one says otherwise.
    cpu.psw.pc = pc &+ 4

    switch code.opcode {
    // rd = rs1 + rs2, and its relatives with two source registers.
    case 0x10: cpu[code.a] = cpu[code.b] &+ cpu[code.c]
    // TODO 1: opcodes 0x11 to 0x1F. Division by zero raises the trap `.divide` with value 0.

    // With an immediate.
    case 0x20: cpu[code.a] = cpu[code.b] &+ code.signed16
    case 0x23: cpu[code.a] = cpu[code.b] | code.low16
    case 0x2A: cpu[code.a] = code.upper20
    // TODO 2: opcodes 0x22, 0x24 to 0x29, 0x2B.

    // Storage.
    case 0x30: cpu[code.a] = try load(code, 4, cpu)
    // TODO 3: opcodes 0x31 to 0x3C. An address that is not a multiple of the size raises `.alignment`.

    // Control.
    case 0x40: if cpu[code.a] == cpu[code.b] { cpu.psw.pc = pc &+ code.branch }
    // TODO 4: opcodes 0x41 to 0x4D.

    // How much storage there is, and devices. (The other system instructions are Lab 2's.)
    case 0x55: cpu[code.a] = cpu.psw.bound
    case 0x5A: cpu[code.a] = cpu.input((cpu[code.b] &+ code.low16) & 0xFFFF)
    case 0x5B: cpu.output((cpu[code.b] &+ code.low16) & 0xFFFF, cpu[code.a])

    default: throw GuestTrap(.illegal, value: word)
    }
  }

  private static func load(_ code: Fields, _ size: Int, _ cpu: LabProcessor) throws(GuestTrap) -> UInt32 {
    let address = cpu[code.b] &+ code.signed16
    guard Int(address) % size == 0 else { throw GuestTrap(.alignment, value: address) }
    return try cpu.load(address, size: size)
  }
}

/// The fields of an instruction word.
private struct Fields {
  let word: UInt32
  init(_ word: UInt32) { self.word = word }

  var opcode: UInt32 { word >> 24 }
  var a: Int { Int(word >> 20) & 15 }
  var b: Int { Int(word >> 16) & 15 }
  var c: Int { Int(word >> 12) & 15 }
  var low16: UInt32 { word & 0xFFFF }
  var signed16: UInt32 { UInt32(bitPattern: Int32(Int16(truncatingIfNeeded: word))) }
  var upper20: UInt32 { word << 12 }
  var shift: UInt32 { word & 31 }
  /// Distance of a branch in bytes.
  var branch: UInt32 { signed16 &* 4 }
  /// Distance of a jump in bytes: 20 bits, signed, in words.
  var jump: UInt32 { 0 }
}
