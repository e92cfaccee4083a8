#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import Glibc

  /// A file descriptor that closes itself.
  struct FileDescriptor: ~Copyable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }

    /// An ioctl with a number; the result, or -1 with `errno`.
    func call(_ request: UInt, _ argument: UInt = 0) -> Int32 { ckvm_ioctl(number, request, argument) }

    /// An ioctl that reads or writes a structure.
    func call<Value>(_ request: UInt, _ value: inout Value) -> Int32 {
      // SAFETY: the pointer is valid for the call, and the callers pair each request with its type.
      withUnsafeMutablePointer(to: &value) { ckvm_ioctl(number, request, UInt(bitPattern: $0)) }
    }
  }

  /// The page that a vCPU shares with its kernel, unmapped at the end.
  struct RunPage: ~Copyable {
    let pointer: UnsafeMutablePointer<kvm_run>
    let size: Int

    init?(vcpu: borrowing FileDescriptor, size: Int) {
      guard size >= MemoryLayout<kvm_run>.size else { return nil }
      // SAFETY: a shared mapping at an address the kernel chooses touches nothing else.
      guard let raw = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu.number, 0), raw != MAP_FAILED
      else { return nil }
      pointer = raw.bindMemory(to: kvm_run.self, capacity: 1)
      self.size = size
    }

    deinit { munmap(pointer, size) }
  }

  /// The text for the calling thread's `errno`.
  func errorText(_ number: Int32 = errno) -> String { String(cString: strerror(number)) }
#endif
