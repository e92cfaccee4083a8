internal import MachineCore
internal import ToyISA

/// The word of an instruction with its fields taken apart, as an interpreter routine needs them.
package struct InstructionWord: Sendable, Equatable {
  /// The word.
  package var word: UInt32

  /// An instruction word.
  package init(_ word: UInt32) { self.word = word }

  /// Field `a`: the register an instruction writes, or the one `out` sends.
  package var a: Int { Int((word >> 20) & 15) }
  /// Field `b`: the register an instruction reads.
  package var b: Int { Int((word >> 16) & 15) }
  /// Field `c`: the second register an instruction reads.
  package var c: Int { Int((word >> 12) & 15) }
  /// The 20-bit immediate in its place at bits 31–12.
  package var upper: UInt32 { word << 12 }
  /// The 20-bit signed count of words, in bytes.
  package var far: UInt32 { UInt32(bitPattern: Int32(bitPattern: word << 12) >> 10) }
  /// The immediate, zero-extended.
  package var unsigned: UInt32 { word & 0xFFFF }
  /// The immediate, sign-extended.
  package var signed: UInt32 { UInt32(bitPattern: Int32(Int16(truncatingIfNeeded: word))) }
}

/// Carries out one privileged instruction on the virtual processor.
///
/// It gives the pc of the next instruction. A routine that throws has changed nothing.
package typealias InterpreterRoutine =
  @Sendable (VirtualProcessor, InstructionWord) throws(GuestTrap) -> UInt32

/// The interpreter routines of the paper: one for each privileged instruction, by opcode.
package struct InterpreterRoutines: Sendable {
  private var byOpcode: [InterpreterRoutine?] = Array(repeating: nil, count: 256)

  /// The routine for the instruction with this mnemonic; the instruction must be in the table.
  package subscript(mnemonic: String) -> InterpreterRoutine? {
    get { Self.opcode(of: mnemonic).flatMap { byOpcode[$0] } }
    set {
      guard let opcode = Self.opcode(of: mnemonic) else { return }
      byOpcode[opcode] = newValue
    }
  }

  /// The routine for an instruction word.
  package func routine(for word: UInt32) -> InterpreterRoutine? { byOpcode[Int(word >> 24)] }

  private static func opcode(of mnemonic: String) -> Int? {
    toyTable.first { $0.mnemonic == mnemonic }.map { Int($0.opcode) }
  }

  /// What the instructions do to the virtual PSW, the virtual TLB and the virtual devices.
  package static let standard: InterpreterRoutines = {
    var routines = InterpreterRoutines()
    routines["lpsw"] = { processor, word throws(GuestTrap) in
      let address = processor.register(word.b) &+ word.signed
      guard address & 3 == 0 else {
        throw GuestTrap(cause: ToyCause.alignment.rawValue, value: address)
      }
      let flags = try processor.loadWord(address)
      let pc = try processor.loadWord(address &+ 4)
      let base = try processor.loadWord(address &+ 8)
      let bound = try processor.loadWord(address &+ 12)
      processor.psw = PSW(flags: flags, pc: pc, base: base, bound: bound)
      processor.waiting = false
      return pc
    }
    routines["jrst"] = { processor, word in
      processor.psw.user = true
      return processor.register(word.b)
    }
    routines["setie"] = { processor, word in
      processor.psw.interruptEnable = processor.register(word.b) & 1 != 0
      return processor.psw.pc &+ 4
    }
    routines["getpsw"] = { processor, word in
      processor.setRegister(word.a, processor.psw.flags)
      return processor.psw.pc &+ 4
    }
    routines["getbase"] = { processor, word in
      processor.setRegister(word.a, processor.psw.base)
      return processor.psw.pc &+ 4
    }
    routines["getbound"] = { processor, word in
      processor.setRegister(word.a, processor.psw.bound)
      return processor.psw.pc &+ 4
    }
    routines["getclk"] = { processor, word in
      processor.setRegister(word.a, UInt32(truncatingIfNeeded: processor.platform.now))
      return processor.psw.pc &+ 4
    }
    routines["tlbflush"] = { processor, _ in
      processor.flushTLB()
      return processor.psw.pc &+ 4
    }
    routines["wait"] = { processor, _ in
      processor.waiting = true
      return processor.psw.pc &+ 4
    }
    routines["in"] = { processor, word in
      let port = (processor.register(word.b) &+ word.unsigned) & 0xFFFF
      processor.setRegister(word.a, processor.input(port: port))
      return processor.psw.pc &+ 4
    }
    routines["out"] = { processor, word in
      let port = (processor.register(word.b) &+ word.unsigned) & 0xFFFF
      processor.output(port: port, processor.register(word.a))
      return processor.psw.pc &+ 4
    }
    return routines
  }()
}
