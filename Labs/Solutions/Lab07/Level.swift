import LabHardware
import LabKit
import ToyISA

/// Lab 7: a VMM whose virtual machine is hardware for another VMM.
///
/// It stands on `hardware` and offers the same. Whoever stands on it is the supervisor of this virtual machine: for a trap,
/// they take the place of the guest's own supervisor.
public final class Level: StackableMonitor {
  private let hardware: any VirtualHardware
  /// The part of the hardware's storage that is this machine's.
  private let region: Region

  /// The PSW of this machine, the virtual one.
  public var psw = PSW()
  /// Instructions that this machine has executed.
  public private(set) var executed: UInt64 = 0

  public init(on hardware: any VirtualHardware, region: Region) {
    self.hardware = hardware
    self.region = region
  }

  // MARK: Storage and registers

  public var storageSize: UInt32 {
    // BEGIN SOLUTION
    region.size
    // END SOLUTION
    // BEGIN SKELETON
    //| // TODO 1: all four of these are right only if the region is the whole storage.
    //| hardware.storageSize
    // END SKELETON
  }

  public func load(_ address: UInt32) -> UInt32 {
    // BEGIN SOLUTION
    address < region.size ? hardware.load(region.start + address) : 0
    // END SOLUTION
    // BEGIN SKELETON
    //| hardware.load(address)
    // END SKELETON
  }

  public func store(_ address: UInt32, _ value: UInt32) {
    // BEGIN SOLUTION
    if address < region.size { hardware.store(region.start + address, value) }
    // END SOLUTION
    // BEGIN SKELETON
    //| hardware.store(address, value)
    // END SKELETON
  }

  /// The PSW for the hardware when this machine is to run under `virtual`.
  private func realPSW(for virtual: PSW) -> PSW {
    // BEGIN SOLUTION
    let base = min(virtual.base, region.size)
    let bound = min(virtual.bound, region.size - base)
    return PSW(user: true, pc: virtual.pc, base: region.start + base, bound: bound)
    // END SOLUTION
    // BEGIN SKELETON
    //| virtual
    // END SKELETON
  }

  // General registers are the hardware's own: they need no virtualization.
  public func register(_ number: Int) -> UInt32 { hardware.register(number) }
  public func setRegister(_ number: Int, _ value: UInt32) { hardware.setRegister(number, value) }

  // MARK: Execution

  /// Executes instructions until one traps or `slice` of them have retired.
  public func execute(slice: UInt64) -> Arrival {
    // BEGIN SOLUTION
    hardware.psw = realPSW(for: psw)
    let before = hardware.executed
    let event = hardware.execute(slice: slice)
    executed &+= hardware.executed &- before
    psw.pc = hardware.psw.pc
    // Slices are no longer here than below, and each trap belongs to the software above: there is nothing to sort.
    return event
    // END SOLUTION
    // BEGIN SKELETON
    //| // TODO 2: this lets the hardware run, but nobody above will learn where it got to, nor how far.
    //| hardware.psw = realPSW(for: psw)
    //| return hardware.execute(slice: slice)
    // END SKELETON
  }
}
