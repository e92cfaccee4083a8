internal import MachineCore
internal import ToyISA

extension InterpreterRoutines {
  /// Routines for every instruction, for a hybrid VMM that interprets all code in virtual supervisor mode.
  package static let whole: InterpreterRoutines = {
    var routines = standard
    routines.addArithmetic()
    routines.addImmediates()
    routines.addStorage()
    routines.addControl()
    return routines
  }()

  /// An instruction that computes a register from two others.
  private mutating func set(
    _ mnemonic: String, _ compute: @escaping @Sendable (UInt32, UInt32) throws(GuestTrap) -> UInt32
  ) {
    self[mnemonic] = { processor, word throws(GuestTrap) in
      let result = try compute(processor.register(word.b), processor.register(word.c))
      processor.setRegister(word.a, result)
      return processor.psw.pc &+ 4
    }
  }

  /// An instruction that computes a register from another and an immediate.
  private mutating func set(
    _ mnemonic: String, immediate: @escaping @Sendable (UInt32, InstructionWord) -> UInt32
  ) {
    self[mnemonic] = { processor, word throws(GuestTrap) in
      processor.setRegister(word.a, immediate(processor.register(word.b), word))
      return processor.psw.pc &+ 4
    }
  }

  private mutating func addArithmetic() {
    set("add") { $0 &+ $1 }
    set("sub") { $0 &- $1 }
    set("and") { $0 & $1 }
    set("or") { $0 | $1 }
    set("xor") { $0 ^ $1 }
    set("sll") { $0 &<< $1 }
    set("srl") { $0 &>> $1 }
    set("sra") { UInt32(bitPattern: signed($0) &>> signed($1)) }
    set("slt") { signed($0) < signed($1) ? 1 : 0 }
    set("sltu") { $0 < $1 ? 1 : 0 }
    set("mul") { $0 &* $1 }
    set("mulhu") { UInt32(truncatingIfNeeded: (UInt64($0) * UInt64($1)) >> 32) }
    set("div") { (a, b) throws(GuestTrap) in
      try nonzero(b)
      return UInt32(bitPattern: signed(a).dividedReportingOverflow(by: signed(b)).partialValue)
    }
    set("divu") { (a, b) throws(GuestTrap) in
      try nonzero(b)
      return a / b
    }
    set("rem") { (a, b) throws(GuestTrap) in
      try nonzero(b)
      return UInt32(bitPattern: signed(a).remainderReportingOverflow(dividingBy: signed(b)).partialValue)
    }
    set("remu") { (a, b) throws(GuestTrap) in
      try nonzero(b)
      return a % b
    }
  }

  private mutating func addImmediates() {
    set("addi") { $0 &+ $1.signed }
    set("andi") { $0 & $1.unsigned }
    set("ori") { $0 | $1.unsigned }
    set("xori") { $0 ^ $1.unsigned }
    set("slli") { $0 &<< $1.unsigned }
    set("srli") { $0 &>> $1.unsigned }
    set("srai") { UInt32(bitPattern: Int32(bitPattern: $0) &>> Int32(bitPattern: $1.unsigned)) }
    set("slti") { Int32(bitPattern: $0) < Int32(bitPattern: $1.signed) ? 1 : 0 }
    set("sltiu") { $0 < $1.signed ? 1 : 0 }
    set("lui") { $1.upper }
    self["auipc"] = { processor, word throws(GuestTrap) in
      processor.setRegister(word.a, processor.psw.pc &+ word.upper)
      return processor.psw.pc &+ 4
    }
  }

  private mutating func addStorage() {
    func load(_ mnemonic: String, _ size: Int, _ extend: @escaping @Sendable (UInt32) -> UInt32) {
      self[mnemonic] = { processor, word throws(GuestTrap) in
        let value = try processor.load(processor.register(word.b) &+ word.signed, size: size)
        processor.setRegister(word.a, extend(value))
        return processor.psw.pc &+ 4
      }
    }
    load("lw", 4) { $0 }
    load("lh", 2) { UInt32(bitPattern: Int32(Int16(truncatingIfNeeded: $0))) }
    load("lhu", 2) { $0 }
    load("lb", 1) { UInt32(bitPattern: Int32(Int8(truncatingIfNeeded: $0))) }
    load("lbu", 1) { $0 }
    for (mnemonic, size) in [("sw", 4), ("sh", 2), ("sb", 1)] {
      self[mnemonic] = { processor, word throws(GuestTrap) in
        let address = processor.register(word.b) &+ word.signed
        try processor.store(address, processor.register(word.a), size: size)
        return processor.psw.pc &+ 4
      }
    }
    self["cas"] = { processor, word throws(GuestTrap) in
      let address = processor.register(word.b)
      let old = try processor.load(address, size: 4)
      if old == processor.register(word.a) {
        try processor.store(address, processor.register(word.c), size: 4)
      }
      processor.setRegister(word.a, old)
      return processor.psw.pc &+ 4
    }
  }

  private mutating func addControl() {
    func branch(_ mnemonic: String, _ holds: @escaping @Sendable (UInt32, UInt32) -> Bool) {
      self[mnemonic] = { processor, word throws(GuestTrap) in
        let isTaken = holds(processor.register(word.a), processor.register(word.b))
        return processor.psw.pc &+ (isTaken ? word.signed &<< 2 : 4)
      }
    }
    branch("beq") { $0 == $1 }
    branch("bne") { $0 != $1 }
    branch("blt") { Int32(bitPattern: $0) < Int32(bitPattern: $1) }
    branch("bge") { Int32(bitPattern: $0) >= Int32(bitPattern: $1) }
    branch("bltu") { $0 < $1 }
    branch("bgeu") { $0 >= $1 }
    self["jal"] = { processor, word throws(GuestTrap) in
      let target = processor.psw.pc &+ word.far
      processor.setRegister(word.a, processor.psw.pc &+ 4)
      return target
    }
    self["jalr"] = { processor, word throws(GuestTrap) in
      let target = processor.register(word.b) &+ word.signed
      processor.setRegister(word.a, processor.psw.pc &+ 4)
      return target
    }
    self["svc"] = { _, word throws(GuestTrap) in throw GuestTrap(.supervisorCall, word.unsigned) }
    self["brk"] = { _, _ throws(GuestTrap) in throw GuestTrap(.breakpoint, 0) }
  }
}

private func signed(_ value: UInt32) -> Int32 { Int32(bitPattern: value) }

private func nonzero(_ divisor: UInt32) throws(GuestTrap) {
  if divisor == 0 { throw GuestTrap(.divide, 0) }
}
