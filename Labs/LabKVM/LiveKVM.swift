internal import KVMInterface
internal import LabKVMHost

/// The kernel's KVM.
final class LiveKVM: KVMBackend {
  /// Numbers of the runs that are to be interrupted before the guest does anything.
  private let interruptions: Set<Int>
  private var runs = 0

  init(interruptions: Set<Int>) { self.interruptions = interruptions }

  func open(_ path: String) -> Int32 { lab_open(path) }

  func ioctl(_ descriptor: Int32, _ request: UInt, _ argument: UInt) -> Int32 {
    lab_ioctl(descriptor, request, argument)
  }

  func ioctl(_ descriptor: Int32, _ request: UInt, _ argument: UnsafeMutableRawPointer) -> Int32 {
    // SAFETY: the session has compared the structure's size with the one that the request's number tells.
    lab_ioctl(descriptor, request, UInt(bitPattern: argument))
  }

  func map(_ processor: Int32, _ size: Int, _ error: inout Int32) -> UnsafeMutableRawPointer? {
    lab_map(processor, size, &error)
  }

  func run(_ processor: Int32, _ page: UnsafeMutablePointer<kvm_run>) -> Int32 {
    runs += 1
    // What a signal to this thread would do, at a place that is always the same.
    if interruptions.contains(runs) { page.pointee.immediate_exit = 1 }
    defer { page.pointee.immediate_exit = 0 }
    return lab_ioctl(processor, KVM_RUN, 0)
  }
}
