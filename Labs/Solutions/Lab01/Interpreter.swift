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
    // BEGIN SOLUTION
    case 0x11: cpu[code.a] = cpu[code.b] &- cpu[code.c]
    case 0x12: cpu[code.a] = cpu[code.b] & cpu[code.c]
    case 0x13: cpu[code.a] = cpu[code.b] | cpu[code.c]
    case 0x14: cpu[code.a] = cpu[code.b] ^ cpu[code.c]
    case 0x15: cpu[code.a] = cpu[code.b] << (cpu[code.c] & 31)
    case 0x16: cpu[code.a] = cpu[code.b] >> (cpu[code.c] & 31)
    case 0x17: cpu[code.a] = UInt32(bitPattern: Int32(bitPattern: cpu[code.b]) >> Int32(cpu[code.c] & 31))
    case 0x18: cpu[code.a] = Int32(bitPattern: cpu[code.b]) < Int32(bitPattern: cpu[code.c]) ? 1 : 0
    case 0x19: cpu[code.a] = cpu[code.b] < cpu[code.c] ? 1 : 0
    case 0x1A: cpu[code.a] = cpu[code.b] &* cpu[code.c]
    case 0x1B: cpu[code.a] = cpu[code.b].multipliedFullWidth(by: cpu[code.c]).high
    case 0x1C...0x1F: cpu[code.a] = try divide(code.opcode, cpu[code.b], cpu[code.c])
    // END SOLUTION
    // BEGIN SKELETON
    //| // TODO 1: opcodes 0x11 to 0x1F. Division by zero raises the trap `.divide` with value 0.
    // END SKELETON

    // With an immediate.
    case 0x20: cpu[code.a] = cpu[code.b] &+ code.signed16
    case 0x23: cpu[code.a] = cpu[code.b] | code.low16
    case 0x2A: cpu[code.a] = code.upper20
    // BEGIN SOLUTION
    case 0x22: cpu[code.a] = cpu[code.b] & code.low16
    case 0x24: cpu[code.a] = cpu[code.b] ^ code.low16
    case 0x25: cpu[code.a] = cpu[code.b] << code.shift
    case 0x26: cpu[code.a] = cpu[code.b] >> code.shift
    case 0x27:
      cpu[code.a] = UInt32(bitPattern: Int32(bitPattern: cpu[code.b]) >> Int32(code.shift))
    case 0x28: cpu[code.a] = Int32(bitPattern: cpu[code.b]) < Int32(bitPattern: code.signed16) ? 1 : 0
    case 0x29: cpu[code.a] = cpu[code.b] < code.signed16 ? 1 : 0
    case 0x2B: cpu[code.a] = pc &+ code.upper20
    // END SOLUTION
    // BEGIN SKELETON
    //| // TODO 2: opcodes 0x22, 0x24 to 0x29, 0x2B.
    // END SKELETON

    // Storage.
    case 0x30: cpu[code.a] = try load(code, 4, cpu)
    // BEGIN SOLUTION
    case 0x31: cpu[code.a] = UInt32(bitPattern: Int32(Int16(truncatingIfNeeded: try load(code, 2, cpu))))
    case 0x32: cpu[code.a] = try load(code, 2, cpu)
    case 0x33: cpu[code.a] = UInt32(bitPattern: Int32(Int8(truncatingIfNeeded: try load(code, 1, cpu))))
    case 0x34: cpu[code.a] = try load(code, 1, cpu)
    case 0x38: try store(code, 4, cpu)
    case 0x39: try store(code, 2, cpu)
    case 0x3A: try store(code, 1, cpu)
    case 0x3C:
      let address = cpu[code.b]
      guard address % 4 == 0 else { throw GuestTrap(.alignment, value: address) }
      let old = try cpu.load(address, size: 4)
      if old == cpu[code.a] { try cpu.store(address, size: 4, cpu[code.c]) }
      cpu[code.a] = old
    // END SOLUTION
    // BEGIN SKELETON
    //| // TODO 3: opcodes 0x31 to 0x3C. An address that is not a multiple of the size raises `.alignment`.
    // END SKELETON

    // Control.
    case 0x40: if cpu[code.a] == cpu[code.b] { cpu.psw.pc = pc &+ code.branch }
    // BEGIN SOLUTION
    case 0x41: if cpu[code.a] != cpu[code.b] { cpu.psw.pc = pc &+ code.branch }
    case 0x42:
      if Int32(bitPattern: cpu[code.a]) < Int32(bitPattern: cpu[code.b]) { cpu.psw.pc = pc &+ code.branch }
    case 0x43:
      if Int32(bitPattern: cpu[code.a]) >= Int32(bitPattern: cpu[code.b]) { cpu.psw.pc = pc &+ code.branch }
    case 0x44: if cpu[code.a] < cpu[code.b] { cpu.psw.pc = pc &+ code.branch }
    case 0x45: if cpu[code.a] >= cpu[code.b] { cpu.psw.pc = pc &+ code.branch }
    case 0x48:
      cpu[code.a] = pc &+ 4
      cpu.psw.pc = pc &+ code.jump
    case 0x49:
      // The target first: the link may go to the same register.
      let target = cpu[code.b] &+ code.signed16
      cpu[code.a] = pc &+ 4
      cpu.psw.pc = target
    case 0x4C: throw GuestTrap(.supervisorCall, value: code.low16)
    case 0x4D: throw GuestTrap(.breakpoint)
    // END SOLUTION
    // BEGIN SKELETON
    //| // TODO 4: opcodes 0x41 to 0x4D.
    // END SKELETON

    // How much storage there is, and devices. (The other system instructions are Lab 2's.)
    case 0x55: cpu[code.a] = cpu.psw.bound
    case 0x5A: cpu[code.a] = cpu.input((cpu[code.b] &+ code.low16) & 0xFFFF)
    case 0x5B: cpu.output((cpu[code.b] &+ code.low16) & 0xFFFF, cpu[code.a])

    default: throw GuestTrap(.illegal, value: word)
    }
  }
  // BEGIN SOLUTION

  private static func divide(_ opcode: UInt32, _ dividend: UInt32, _ divisor: UInt32) throws(GuestTrap)
    -> UInt32
  {
    guard divisor != 0 else { throw GuestTrap(.divide) }
    let (x, y) = (Int32(bitPattern: dividend), Int32(bitPattern: divisor))
    switch opcode {
    case 0x1C: return UInt32(bitPattern: x.dividedReportingOverflow(by: y).partialValue)
    case 0x1D: return dividend / divisor
    case 0x1E: return UInt32(bitPattern: x.remainderReportingOverflow(dividingBy: y).partialValue)
    default: return dividend % divisor
    }
  }
  // END SOLUTION

  private static func load(_ code: Fields, _ size: Int, _ cpu: LabProcessor) throws(GuestTrap) -> UInt32 {
    let address = cpu[code.b] &+ code.signed16
    guard Int(address) % size == 0 else { throw GuestTrap(.alignment, value: address) }
    return try cpu.load(address, size: size)
  }
  // BEGIN SOLUTION

  private static func store(_ code: Fields, _ size: Int, _ cpu: LabProcessor) throws(GuestTrap) {
    let address = cpu[code.b] &+ code.signed16
    guard Int(address) % size == 0 else { throw GuestTrap(.alignment, value: address) }
    try cpu.store(address, size: size, cpu[code.a])
  }
  // END SOLUTION
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
  // BEGIN SOLUTION
  /// Distance of a jump in bytes.
  var jump: UInt32 { UInt32(bitPattern: Int32(bitPattern: word << 12) >> 12) &* 4 }
  // END SOLUTION
  // BEGIN SKELETON
  //| /// Distance of a jump in bytes: 20 bits, signed, in words.
  //| var jump: UInt32 { 0 }
  // END SKELETON
}
