internal import MachineCore

/// Why an image cannot be loaded.
public enum LoaderError: Error, Sendable, Equatable, CustomStringConvertible {
  /// No bytes at all.
  case empty
  /// A flat image without a mode.
  case modeNeeded
  /// Starts like ELF and ends too early; what is missing, and how many bytes there would have to be.
  case truncated(what: String, needed: UInt64, size: Int)
  /// Neither 32- nor 64-bit.
  case badClass(UInt8)
  /// Not little-endian.
  case badByteOrder(UInt8)
  /// An ELF version other than 1.
  case badVersion(UInt32)
  /// Relocatable, shared or core file.
  case notExecutable(type: UInt16)
  /// For another processor.
  case wrongMachine(UInt16)
  /// Header entries of a size other than the format's.
  case badEntrySize(what: String, UInt16)
  /// More program headers than any program has.
  case tooManyHeaders(Int)
  /// Nothing to load.
  case noSegments
  /// A segment whose numbers overflow or contradict each other.
  case badSegment(index: Int, String)
  /// A segment that leaves the machine's storage.
  case outsideMemory(index: Int, address: UInt64, size: UInt64, memory: Int)
  /// Two segments claim the same memory.
  case overlap(first: Int, second: Int, address: UInt64)
  /// The entry lies in none of the segments.
  case badEntry(UInt64)
  /// A mode that the file's class contradicts.
  case modeContradicts(X86Mode, fileClass: X86Mode)
  /// A Multiboot header that contradicts itself or asks for what does not exist.
  case badMultiboot(String)
  /// A kernel by the Linux/x86 boot protocol that cannot be loaded.
  case badLinux(String)
  /// A command line or modules for an image that is no Multiboot kernel.
  case notMultiboot
  /// The storage's size itself is not usable.
  case badMemorySize(Int)
  /// A processor that cannot run the program, and why.
  case wrongModel(X86CPUModel, String)

  /// What is wrong, where, and what to do.
  public var description: String {
    switch self {
    case .empty: "the image is empty"
    case .modeNeeded: "a flat image does not tell its mode: give --mode 16, 32 or 64"
    case .truncated(let what, let needed, let size):
      "the file ends too early: \(what) needs \(needed) bytes, the file has \(size)"
    case .badClass(let value): "ELF class \(value) at offset 4 is neither 32-bit (1) nor 64-bit (2)"
    case .badByteOrder(let value): "ELF byte order \(value) at offset 5 is not little-endian (1)"
    case .badVersion(let value): "ELF version \(value) is unknown; only 1 exists"
    case .notExecutable(let type):
      "ELF type \(type) is no executable with fixed addresses (2): link with -static -no-pie"
    case .wrongMachine(let value):
      "ELF machine \(value) is not x86 (3 with 32-bit class, 62 with 64-bit class)"
    case .badEntrySize(let what, let value): "\(what) entries of \(value) bytes are not the format's"
    case .tooManyHeaders(let count):
      "\(count) program headers are more than the \(ELFImage.maximumHeaders) this loader accepts"
    case .noSegments: "there is nothing to load: no PT_LOAD segment with a size"
    case .badSegment(let index, let why): "program header \(index): \(why)"
    case .outsideMemory(let index, let address, let size, let memory):
      "segment \(index) at \(hex(address)), \(size) bytes, leaves the machine's \(memory) bytes of memory: give a larger --memory or link it lower"
    case .overlap(let first, let second, let address):
      "segments \(first) and \(second) both claim \(hex(address))"
    case .badEntry(let entry): "the entry \(hex(entry)) lies in none of the segments"
    case .modeContradicts(let mode, let fileClass):
      "mode \(mode.rawValue) contradicts the file, which is \(fileClass.rawValue)-bit: leave --mode away"
    case .badMultiboot(let why): "the Multiboot header cannot be used: \(why)"
    case .badLinux(let why): "the header of the Linux boot protocol cannot be used: \(why)"
    case .notMultiboot:
      "the image has no Multiboot header in its first 8192 bytes: a command line and modules are for Multiboot and Linux kernels"
    case .wrongModel(let model, let why):
      "the \(model.rawValue) cannot run this: \(why); leave out --cpu or give a newer one"
    case .badMemorySize(let size):
      "memory size \(size) is not usable: a multiple of 4096 from \(X86Layout.minimumMemorySize) to \(X86Layout.maximumMemorySize)"
    }
  }
}
