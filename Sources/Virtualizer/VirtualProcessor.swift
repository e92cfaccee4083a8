package import MachineCore
package import ToyISA
internal import Trace

/// The processor that the guest believes it has.
///
/// The PSW, the TLB and the waiting state are kept here; the general registers live in the hardware,
/// which the guest uses directly.
package final class VirtualProcessor {
  /// The virtual PSW.
  package var psw: PSW
  /// Whether the guest waits for an interrupt.
  package var waiting = false
  /// The guest's platform; its time counts what the guest has retired.
  package let platform: Platform

  var tlb = VirtualTLB()
  /// A trap or interrupt was delivered and no instruction has retired since.
  var hasDelivered = false
  private let hardware: any ToyHardware
  /// Called when the guest flushes its TLB.
  var flushed: () -> Void = {}

  /// Where device records go, when they are wanted.
  var events: TraceRecorder?
  /// Memory effects of the instruction under way, when they are wanted.
  var effects: [TraceRecord]?

  init(on hardware: any ToyHardware, platform: Platform) {
    self.hardware = hardware
    self.platform = platform
    psw = PSW()
  }

  /// A general register.
  package func register(_ number: Int) -> UInt32 { hardware.register(number) }

  /// Sets a general register; register 0 stays zero.
  package func setRegister(_ number: Int, _ value: UInt32) { hardware.setRegister(number, value) }

  /// The virtual mode as traces say it.
  var mode: UInt8 { psw.user ? 1 : 0 }

  /// Physical address in the guest's storage, by the rules of the architecture.
  ///
  /// - Throws: the trap that the guest is to see.
  package func translate(
    _ address: UInt32, _ access: Access, size: UInt64
  ) throws(GuestTrap) -> UInt64 {
    guard UInt64(address) + size <= UInt64(psw.bound) else { throw GuestTrap(.bounds, address) }
    if psw.paging {
      let entry = try tlb.entry(for: address, access, psw: psw, storage: platform.memory)
      return (UInt64(entry) & PageEntry.frame) + UInt64(address & 0xFFF)
    }
    let physical = UInt64(psw.base) + UInt64(address)
    guard physical + size <= UInt64(platform.memory.size) else { throw GuestTrap(.bounds, address) }
    return physical
  }

  /// A word at an aligned virtual address, as the instruction under way reads it.
  ///
  /// - Throws: the trap that the guest is to see.
  package func loadWord(_ address: UInt32) throws(GuestTrap) -> UInt32 {
    let physical = try translate(address, .read, size: 4)
    guard let value = platform.memory.load(physical, width: 4) else {
      throw GuestTrap(.bounds, address)
    }
    effects?.append(TraceRecord(.memoryRead, address: UInt64(address), value: value, aux: 4))
    return UInt32(truncatingIfNeeded: value)
  }

  /// The low `size` (1, 2 or 4) bytes at a virtual address, zero-extended, as the instruction under way reads them.
  ///
  /// - Throws: the trap that the guest is to see.
  package func load(_ address: UInt32, size: Int) throws(GuestTrap) -> UInt32 {
    guard address & UInt32(size - 1) == 0 else { throw GuestTrap(.alignment, address) }
    let physical = try translate(address, .read, size: UInt64(size))
    guard let value = platform.memory.load(physical, width: size) else { throw GuestTrap(.bounds, address) }
    effects?.append(TraceRecord(.memoryRead, address: UInt64(address), value: value, aux: UInt64(size)))
    return UInt32(truncatingIfNeeded: value)
  }

  /// Stores the low `size` (1, 2 or 4) bytes of a value at a virtual address.
  ///
  /// - Throws: the trap that the guest is to see, with nothing stored.
  package func store(_ address: UInt32, _ value: UInt32, size: Int) throws(GuestTrap) {
    guard address & UInt32(size - 1) == 0 else { throw GuestTrap(.alignment, address) }
    let physical = try translate(address, .write, size: UInt64(size))
    let cut = UInt64(value) & (1 << UInt64(size * 8) - 1)
    guard platform.memory.store(physical, cut, width: size) else { throw GuestTrap(.bounds, address) }
    platform.memory.changed(Int(physical)..<Int(physical) + size)
    effects?.append(TraceRecord(.memoryWrite, address: UInt64(address), value: cut, aux: UInt64(size)))
  }

  /// Fetches the instruction at the virtual pc.
  ///
  /// - Throws: the trap that the guest is to see.
  func fetch() throws(GuestTrap) -> UInt32 {
    guard psw.pc & 3 == 0 else { throw GuestTrap(.alignment, psw.pc) }
    let physical = try translate(psw.pc, .fetch, size: 4)
    guard let word = platform.memory.load(physical, width: 4) else { throw GuestTrap(.bounds, psw.pc) }
    return UInt32(truncatingIfNeeded: word)
  }

  /// The instruction at the virtual pc, without a trace and without touching the guest's tables.
  func peekInstruction() -> UInt32? {
    var copy = tlb
    guard UInt64(psw.pc) + 4 <= UInt64(psw.bound) else { return nil }
    var physical = UInt64(psw.base) + UInt64(psw.pc)
    if psw.paging {
      // The fetch succeeded a moment ago, so the entry is in the TLB and there is no walk.
      guard copy.entries[psw.pc >> 12] != nil,
        let entry = try? copy.entry(for: psw.pc, .fetch, psw: psw, storage: platform.memory)
      else { return nil }
      physical = (UInt64(entry) & PageEntry.frame) + UInt64(psw.pc & 0xFFF)
    }
    return platform.memory.load(physical, width: 4).map { UInt32(truncatingIfNeeded: $0) }
  }

  /// Reads a virtual device register.
  package func input(port: UInt32) -> UInt32 {
    let value = platform.read(.port, UInt64(port), width: 4)
    recordDevice(port, value, isWrite: false)
    return UInt32(truncatingIfNeeded: value)
  }

  /// Writes a virtual device register.
  package func output(port: UInt32, _ value: UInt32) {
    recordDevice(port, UInt64(value), isWrite: true)
    platform.write(.port, UInt64(port), UInt64(value), width: 4)
  }

  private func recordDevice(_ port: UInt32, _ value: UInt64, isWrite: Bool) {
    guard let events else { return }
    var record = TraceRecord(
      .device, mode: mode, code: port, clock: platform.retired, pc: UInt64(psw.pc), value: value, aux: 4)
    if isWrite { record.flags |= TraceRecord.writeFlag }
    events.append(record)
  }

  /// Empties the virtual TLB, and with it the shadow tables.
  package func flushTLB() {
    tlb.flush()
    flushed()
  }

  /// Swaps PSWs through the guest's trap area; the guest's supervisor goes on in its handler.
  func swapPSW(cause: UInt32, value: UInt32, savedPC: UInt32) {
    let memory = platform.memory
    let saved: [(UInt64, UInt32)] = [
      (TrapArea.oldPSW, psw.flags), (TrapArea.oldPSW + 4, savedPC), (TrapArea.oldPSW + 8, psw.base),
      (TrapArea.oldPSW + 12, psw.bound), (TrapArea.cause, cause), (TrapArea.value, value),
    ]
    for (place, word) in saved { memory.store(place, UInt64(word), width: 4) }
    memory.changed(Int(TrapArea.oldPSW)..<Int(TrapArea.value) + 4)
    func new(_ offset: UInt64) -> UInt32 {
      UInt32(truncatingIfNeeded: memory.load(TrapArea.newPSW + offset, width: 4) ?? 0)
    }
    psw = PSW(flags: new(0), pc: new(4), base: new(8), bound: new(12))
    waiting = false
    hasDelivered = true
  }

  /// System registers by number, beginning with the mode; the pc is not among them.
  var systemRegisters: [UInt64] {
    [
      psw.user ? 1 : 0, psw.interruptEnable ? 1 : 0, psw.paging ? 1 : 0, UInt64(psw.base),
      UInt64(psw.bound), waiting ? 1 : 0,
    ]
  }

  /// General registers, then the system registers except the pc.
  var allRegisters: [UInt64] { (0..<16).map { UInt64(register($0)) } + systemRegisters }
}
