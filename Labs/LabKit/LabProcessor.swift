public import MachineCore
public import ToyISA

/// A trap that an instruction raises: its cause and value as `Docs/ToyISA.md` lists them.
public struct GuestTrap: Error, Sendable, Equatable {
  public var cause: ToyCause
  public var value: UInt32

  /// A trap.
  public init(_ cause: ToyCause, value: UInt32 = 0) {
    self.cause = cause
    self.value = value
  }
}

/// The state of a toy processor in a lab, with its ways to storage and devices.
///
/// Everything that goes through ``fetch()``, ``load(_:size:)`` and ``store(_:size:_:)`` is translated and
/// checked; what an instruction did is found by comparing the state before and after it.
public final class LabProcessor {
  /// Mode, interrupt enable, translation, program counter, base and bound.
  public var psw: PSW
  /// Waits for an interrupt.
  public var isWaiting = false
  /// The TLB: page number to page-table entry.
  public var tlb: [UInt32: UInt32] = [:]
  /// Storage, devices and time.
  public let platform: Platform
  /// Which variant of the instruction set it has.
  public let variant: ToyVariant

  private var general: [UInt32]
  let traps: any TrapUnit.Type
  /// Loads and stores of the instruction in progress, in order.
  package var accesses: [(isWrite: Bool, address: UInt32, value: UInt32, size: Int)] = []
  /// Port accesses of the instruction in progress.
  package var ports: [(isWrite: Bool, port: UInt32, value: UInt32)] = []
  /// The word that was fetched last.
  package var word: UInt32 = 0

  package init(_ state: ProcessorState, platform: Platform, variant: ToyVariant, traps: any TrapUnit.Type) {
    self.platform = platform
    self.variant = variant
    self.traps = traps
    psw = PSW()
    general = [UInt32](repeating: 0, count: 16)
    restore(state)
  }

  /// A general register; the number is taken modulo 16, and register 0 is always zero.
  public subscript(number: Int) -> UInt32 {
    get { general[number & 15] }
    set { if number & 15 != 0 { general[number & 15] = newValue } }
  }

  /// The instruction word at the program counter.
  ///
  /// - Throws: what translation of the address raises.
  public func fetch() throws(GuestTrap) -> UInt32 {
    let place = try traps.translate(psw.pc, .fetch, size: 4, self)
    word = physical(place, size: 4)
    return word
  }

  /// Loads `size` bytes (1, 2 or 4) at a virtual address, zero-extended.
  ///
  /// - Throws: what translation raises. Alignment is the instruction's to check.
  public func load(_ address: UInt32, size: Int) throws(GuestTrap) -> UInt32 {
    let place = try traps.translate(address, .read, size: size, self)
    let value = physical(place, size: size)
    accesses.append((false, address, value, size))
    return value
  }

  /// Stores the low `size` bytes (1, 2 or 4) of a value at a virtual address.
  ///
  /// - Throws: what translation raises; nothing is stored then.
  public func store(_ address: UInt32, size: Int, _ value: UInt32) throws(GuestTrap) {
    let place = try traps.translate(address, .write, size: size, self)
    let cut = size == 4 ? value : value & (1 << (8 * UInt32(size)) - 1)
    setPhysical(place, size: size, cut)
    accesses.append((true, address, cut, size))
  }

  /// Storage without translation; zero outside.
  public func physical(_ address: UInt32, size: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: platform.memory.load(UInt64(address), width: size) ?? 0)
  }

  /// Changes storage without translation; nothing happens outside.
  public func setPhysical(_ address: UInt32, size: Int, _ value: UInt32) {
    platform.memory.store(UInt64(address), UInt64(value), width: size)
  }

  /// Reads a device register.
  public func input(_ port: UInt32) -> UInt32 {
    let value = UInt32(truncatingIfNeeded: platform.read(.port, UInt64(port), width: 4))
    ports.append((false, port, value))
    return value
  }

  /// Writes a device register.
  public func output(_ port: UInt32, _ value: UInt32) {
    platform.write(.port, UInt64(port), UInt64(value), width: 4)
    ports.append((true, port, value))
  }

  /// Low word of virtual time.
  public var clock: UInt32 { UInt32(truncatingIfNeeded: platform.now) }

  /// Bytes of storage.
  public var storageSize: UInt32 { UInt32(truncatingIfNeeded: platform.memory.size) }

  /// All registers by ``ToyRegister`` number.
  package var registers: [UInt64] {
    general.map(UInt64.init) + [
      UInt64(psw.pc), psw.user ? 1 : 0, psw.interruptEnable ? 1 : 0, psw.paging ? 1 : 0, UInt64(psw.base),
      UInt64(psw.bound), isWaiting ? 1 : 0,
    ]
  }

  package func restore(_ state: ProcessorState) {
    func value(_ number: RegisterID) -> UInt32 {
      let index = Int(number)
      return index < state.registers.count ? UInt32(truncatingIfNeeded: state.registers[index]) : 0
    }
    for number in 1..<16 { general[number] = value(RegisterID(number)) }
    psw = PSW(
      user: value(ToyRegister.mode) & 1 != 0, interruptEnable: value(ToyRegister.interruptEnable) & 1 != 0,
      paging: value(ToyRegister.paging) & 1 != 0, pc: value(ToyRegister.pc), base: value(ToyRegister.base),
      bound: value(ToyRegister.bound))
    isWaiting = value(ToyRegister.waiting) & 1 != 0
    tlb = [:]
    for (page, entry) in state.auxiliaries.first ?? [:] {
      tlb[UInt32(truncatingIfNeeded: page)] = UInt32(truncatingIfNeeded: entry)
    }
  }

  /// Makes a register what the tables say, by ``ToyRegister`` number.
  func set(_ register: RegisterID, _ value: UInt64) {
    let word = UInt32(truncatingIfNeeded: value)
    switch register {
    case ToyRegister.pc: psw.pc = word
    case ToyRegister.mode: psw.user = word & 1 != 0
    case ToyRegister.interruptEnable: psw.interruptEnable = word & 1 != 0
    case ToyRegister.paging: psw.paging = word & 1 != 0
    case ToyRegister.base: psw.base = word
    case ToyRegister.bound: psw.bound = word
    case ToyRegister.waiting: isWaiting = word & 1 != 0
    default: self[Int(register)] = word
    }
  }

  /// What an instruction may have changed, to take it back.
  package struct Mark {
    var general: [UInt32]
    var psw: PSW
    var isWaiting: Bool
  }

  package var mark: Mark {
    get { Mark(general: general, psw: psw, isWaiting: isWaiting) }
    set { (general, psw, isWaiting) = (newValue.general, newValue.psw, newValue.isWaiting) }
  }
}

extension LabProcessor: CustomReflectable {
  /// Empty: what students' files may know of a processor is what it offers.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
