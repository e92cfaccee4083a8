@_spi(Tables) public import LabKit
internal import MachineCore
public import ToyISA

/// A virtual machine as its VMM sees it.
///
/// The general registers are the hardware's, which the guest uses directly. All else that belongs to the processor
/// is virtual: what the guest believes, not what the hardware has.
public final class VirtualMachine {
  /// The longest time, in instructions, for which a guest may have the hardware.
  public static let quantum: UInt64 = 10_000

  /// What the machine stands on.
  let hardware: any VirtualHardware
  /// Where in the hardware's storage the guest's storage is.
  public let region: Region
  /// The virtual processor; its general registers are only used while it interprets.
  let guest: LabProcessor
  /// Carries out one instruction; set by the engine.
  package var stepper: (() throws(GuestTrap) -> Void)?

  init(on hardware: any VirtualHardware, region: Region, guest: LabProcessor) {
    self.hardware = hardware
    self.region = region
    self.guest = guest
  }

  /// A general register; the number is taken modulo 16, and register 0 is always zero.
  public subscript(number: Int) -> UInt32 {
    get { hardware.register(number & 15) }
    set { hardware.setRegister(number & 15, newValue) }
  }

  /// The virtual PSW: what the guest's processor would have if it were real.
  public var psw: PSW {
    get { guest.psw }
    set { guest.psw = newValue }
  }

  /// Whether the guest waits for an interrupt.
  public var isWaiting: Bool {
    get { guest.isWaiting }
    set { guest.isWaiting = newValue }
  }

  /// Bytes of the guest's storage.
  public var storageSize: UInt32 { region.size }

  /// The word at one of the guest's virtual addresses, translated and checked as the guest's processor does it.
  ///
  /// - Throws: what the translation raises. Alignment is the instruction's to check.
  public func load(_ address: UInt32) throws(GuestTrap) -> UInt32 { try guest.load(address, size: 4) }

  /// The word at an aligned physical address of the guest: without translation, 0 is the start of its storage.
  public func physical(_ address: UInt32) -> UInt32 {
    address < region.size ? hardware.load(region.start &+ address) : 0
  }

  /// Changes the word at an aligned physical address of the guest.
  public func setPhysical(_ address: UInt32, _ value: UInt32) {
    if address < region.size { hardware.store(region.start &+ address, value) }
  }

  /// Reads a register of the guest's devices.
  public func input(_ port: UInt32) -> UInt32 { guest.input(port) }

  /// Writes a register of the guest's devices.
  public func output(_ port: UInt32, _ value: UInt32) { guest.output(port, value) }

  /// Low word of the guest's virtual time.
  public var clock: UInt32 { guest.clock }

  /// Whether one of the guest's devices requests an interrupt.
  public var isInterruptPending: Bool { guest.platform.pending != 0 }

  /// Whether an instruction of the guest has retired since the last trap or interrupt was delivered to it.
  public internal(set) var hasRetired = true

  /// Time until one of the guest's devices has something to do, 0 if it should have been done; all ones for never.
  ///
  /// The machine's frame lets devices act between instructions, whenever the VMM has control.
  public var untilDeadline: UInt64 {
    let platform = guest.platform
    if platform.deadline == .max { return .max }
    return platform.deadline > platform.now ? platform.deadline - platform.now : 0
  }

  /// Whether the guest has switched its machine off.
  public var isOff: Bool { guest.platform.powerOff != nil }

  /// Empties the guest's TLB.
  public func flushTLB() { guest.tlb = [:] }

  /// All registers of the virtual processor by ``ToyRegister`` number.
  var registers: [UInt64] { (0..<16).map { UInt64(self[$0]) } + guest.registers[16...] }

  /// What an instruction may have changed, to take it back.
  struct Mark {
    var general: [UInt32]
    var guest: LabProcessor.Mark
  }

  var mark: Mark {
    get { Mark(general: (0..<16).map { self[$0] }, guest: guest.mark) }
    set {
      for (number, value) in newValue.general.enumerated() { self[number] = value }
      guest.mark = newValue.guest
    }
  }
}

extension VirtualMachine {
  /// Carries out the instruction at the virtual pc as the table has it, as an interpreter routine.
  package func stepByTable() throws(GuestTrap) {
    for number in 1..<16 { guest[number] = self[number] }
    try TableEvaluator.step(guest, variant: guest.variant)
    for number in 1..<16 { self[number] = guest[number] }
  }

  /// Swaps the guest's PSWs as the table has it.
  package func deliverByTable(_ trap: GuestTrap) { TableEvaluator.deliver(trap, guest) }
}

extension VirtualMachine: CustomReflectable {
  /// Empty: what students' files may know of a machine is what it offers.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
