#if os(Linux) && arch(x86_64)
  internal import Glibc

  /// A computation's 64-bit machine code, called by the host as an ordinary function.
  ///
  /// The very bytes that a guest runs in ring 3: the yardstick for direct execution under KVM.
  package struct NativeComputation: ~Copyable {
    private let base: UnsafeMutableRawPointer
    private let size: Int
    private let entry: UInt64

    /// Why the code could not be put in place.
    package struct Unavailable: Error, CustomStringConvertible {
      package var description: String
    }

    /// Maps the image's user part at the address that it is linked for.
    package init() throws(Unavailable) {
      let machine: X86Machine
      do throws(LoaderError) {
        machine = try X86Loader.load(X86Computation.image(.long64))
      } catch {
        throw Unavailable(description: "\(error)")
      }
      guard let entry = machine.symbols["compute"],
        let segment = machine.segments.first(where: { entry &- $0.address < UInt64($0.bytes.count) })
      else { throw Unavailable(description: "the image has no symbol `compute`") }
      let size = (Int(segment.memorySize) + 4095) & ~4095
      // Code and data share pages, as in the guest.
      let mapped = mmap(
        UnsafeMutableRawPointer(bitPattern: UInt(segment.address)), size,
        PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | 0x10_0000, -1, 0)
      guard let mapped, mapped != MAP_FAILED else {
        throw Unavailable(
          description: "the host does not map code there: \(String(cString: strerror(errno)))")
      }
      guard UInt(bitPattern: mapped) == UInt(segment.address) else {
        munmap(mapped, size)
        throw Unavailable(description: "the code's place is in use in this process")
      }
      // SAFETY: `size` bytes from `mapped` are this value's own, and the segment's bytes are no more.
      segment.bytes.withUnsafeBytes { mapped.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
      base = mapped
      self.size = size
      self.entry = entry
    }

    deinit { munmap(base, size) }

    /// The computation's sum after that many rounds.
    package func run(_ computation: X86Computation, rounds: UInt32) -> UInt32 {
      // SAFETY: `compute(uint32_t, uint32_t)` of this package's own image lies at the entry, is made for the
      // System V calling convention, uses general registers only and writes nothing but its own data in
      // the mapping and its stack frame.
      let function = unsafeBitCast(
        UInt(entry), to: (@convention(c) (UInt32, UInt32) -> UInt32).self)
      return function(UInt32(computation.rawValue), rounds)
    }
  }
#endif
