@_spi(Tables) internal import LabKit
internal import MachineCore
internal import ToyISA

/// Translation and traps as the instruction set's table has them.
enum TableTranslation: TrapUnit {
  static func translate(_ address: UInt32, _ access: Access, size: Int, _ cpu: LabProcessor)
    throws(GuestTrap) -> UInt32
  {
    try TableEvaluator.translate(address, access, size, cpu)
  }

  static func deliver(_ trap: GuestTrap, _ cpu: LabProcessor) { TableEvaluator.deliver(trap, cpu) }
}

/// The bare machine: a real processor, evaluated from the instruction set's table, and real storage.
///
/// It has no devices: those of the guest are virtual. It does what its real PSW says, whether or not that is wise.
final class BareHardware: VirtualHardware {
  let memory: GuestMemory
  private let cpu: LabProcessor
  private let variant: ToyVariant
  private let tape: Tape
  private(set) var executed: UInt64 = 0

  init(memory: GuestMemory, variant: ToyVariant, tape: Tape) {
    self.memory = memory
    self.variant = variant
    self.tape = tape
    cpu = LabProcessor(
      ToyInstructionSet.resetState(entry: 0, storage: memory.size), platform: Platform(memory: memory),
      variant: variant, traps: TableTranslation.self)
  }

  var storageSize: UInt32 { UInt32(truncatingIfNeeded: memory.size) }

  func load(_ address: UInt32) -> UInt32 {
    address & 3 == 0 ? UInt32(truncatingIfNeeded: memory.load(UInt64(address), width: 4) ?? 0) : 0
  }

  func store(_ address: UInt32, _ value: UInt32) {
    if address & 3 == 0 { memory.store(UInt64(address), UInt64(value), width: 4) }
  }

  func register(_ number: Int) -> UInt32 { cpu[number] }
  func setRegister(_ number: Int, _ value: UInt32) { cpu[number] = value }

  var psw: PSW {
    get { cpu.psw }
    set { cpu.psw = newValue }
  }

  func execute(slice: UInt64) -> Arrival {
    var left = slice
    while left > 0 {
      let pc = cpu.psw.pc
      let mark = cpu.mark
      let before = tape.isDetailed ? cpu.registers : []
      cpu.accesses.removeAll(keepingCapacity: true)
      cpu.ports.removeAll(keepingCapacity: true)
      do throws(GuestTrap) {
        try TableEvaluator.step(cpu, variant: variant)
      } catch {
        cpu.mark = mark
        return .trap(error)
      }
      executed &+= 1
      left -= 1
      tape.clock &+= 1
      // The real PSW is not the guest's: of the registers only the general ones are.
      tape.retire(pc: pc, cpu, next: cpu.psw.pc, before: before, after: cpu.registers, count: 16)
      // In real supervisor mode a guest could make the processor wait, and nothing would ever wake it.
      if cpu.isWaiting {
        cpu.isWaiting = false
        break
      }
    }
    return .sliceEnd
  }
}
