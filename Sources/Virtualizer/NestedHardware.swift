public import MachineCore
public import ToyISA
public import Trace

/// The virtual machine as hardware for another VMM (Theorem 2: the machine is recursively virtualizable).
///
/// The VMM that stands on it is the supervisor of this virtual machine, so a trap that would be reflected
/// to the guest's supervisor returns from ``execute(slice:into:)``. Storage is the guest's region; shadow
/// tables that the upper VMM builds there are page tables of a guest like any others, and are shadowed.
extension VirtualMachineMonitor: ToyHardware {
  public var variant: ToyVariant { hardware.variant }
  public var storage: GuestMemory { platform.memory }
  public var executed: UInt64 { platform.retired }

  public func register(_ number: Int) -> UInt32 { hardware.register(number) }
  public func setRegister(_ number: Int, _ value: UInt32) { hardware.setRegister(number, value) }

  /// The virtual PSW.
  public var psw: PSW {
    get { processor.psw }
    set { processor.psw = newValue }
  }

  public func flushTLB() { processor.flushTLB() }

  public func execute(slice: UInt64, into recorder: TraceRecorder?) -> HardwareEvent {
    if !processor.psw.user {
      violation("the VMM above entered its guest in virtual supervisor mode")
      processor.psw.user = true
    }
    if let recorder, recorder.level == .instructions {
      if forwarder?.target !== recorder { forwarder = TraceForwarder(to: recorder) }
    } else {
      forwarder = nil
    }
    guard slice > 0 else { return .sliceEnd }
    switch runDirectly(slice: slice, isTimer: false) {
    case .sliceEnd: return .sliceEnd
    case .emulate(let trap), .reflect(let trap):
      reflected &+= 1
      return .trap(cause: trap.cause, value: trap.value)
    case .recorderFailed: return .recorderFailed
    case .stuck:
      // The VMM above sees a fault that its tables do not explain and gives up by itself.
      return .trap(cause: ToyCause.pageFetch.rawValue, value: processor.psw.pc)
    }
  }
}
