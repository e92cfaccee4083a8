public import MachineCore
public import Trace

/// Why toy hardware gave control back to the supervisor software that runs on it.
public enum HardwareEvent: Sendable, Equatable {
  /// A trap: cause and value. The PSW still is the one of the trapping instruction.
  case trap(cause: UInt32, value: UInt32)
  /// The time slice is over.
  case sliceEnd
  /// The trace recorder failed.
  case recorderFailed
}

/// What a virtual machine monitor stands on: a toy processor seen by its supervisor software.
///
/// The bare processor is one; a virtual machine that a VMM provides is another, so a VMM can stand
/// on a VMM (Popek and Goldberg's Theorem 2). The supervisor software is Swift code here: instead
/// of vectoring through the trap area, a trap returns from ``execute(slice:into:)``.
///
/// Hardware that is executing is always in user mode: the supervisor is the caller.
public protocol ToyHardware: AnyObject {
  /// The instruction set variant.
  var variant: ToyVariant { get }
  /// All storage that belongs to whoever stands on this hardware. Writes go through
  /// `write`/`changed` so that decoded instructions are dropped.
  var storage: GuestMemory { get }
  /// General registers, 0…15; register 0 reads zero.
  func register(_ number: Int) -> UInt32
  /// Sets a general register; register 0 stays zero.
  func setRegister(_ number: Int, _ value: UInt32)
  /// The PSW that execution goes on with; must have `user` set when executing.
  var psw: PSW { get set }
  /// Forgets every TLB entry.
  func flushTLB()
  /// Instructions that this hardware has executed so far.
  var executed: UInt64 { get }

  /// Runs user-mode code until a trap, or until `slice` instructions have retired.
  ///
  /// The slice is the hardware's real timer. Retire records, with their effects, go to the recorder;
  /// their clock counts from `executed`. The trap itself is not recorded: what it means is for the caller to say.
  func execute(slice: UInt64, into recorder: TraceRecorder?) -> HardwareEvent
}
