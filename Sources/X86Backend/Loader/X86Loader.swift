internal import MachineCore

/// Makes machines from program images.
public enum X86Loader {
  /// A machine with this image in memory.
  ///
  /// - Parameters:
  ///   - bytes: an ELF executable, or a flat image.
  ///   - mode: the mode to start in; needed for a flat image, and for ELF it must agree with the class.
  ///   - loadAddress: where a flat image goes and starts; the mode's default unless told.
  ///   - memorySize: bytes of storage.
  ///   - input: what the serial line receives.
  /// - Throws: ``LoaderError`` for anything that does not fit.
  public static func load(
    _ bytes: [UInt8], mode: X86Mode? = nil, loadAddress: UInt64? = nil,
    memorySize: Int = X86Layout.defaultMemorySize, input: [UInt8] = []
  ) throws(LoaderError) -> X86Machine {
    guard !bytes.isEmpty else { throw .empty }
    try checkSize(memorySize)
    if ELFImage.isELF(bytes) { return try loadELF(bytes, mode, memorySize, input) }
    guard let mode else { throw .modeNeeded }
    let address = loadAddress ?? mode.defaultLoadAddress
    let segment = LoadSegment(address: address, bytes: bytes)
    try check([(0, segment)], memorySize)
    return X86Machine(mode: mode, entry: address, segments: [segment], memorySize: memorySize, input: input)
  }

  /// A machine with a Multiboot kernel in memory, ready to be entered.
  ///
  /// - Parameters:
  ///   - bytes: a 32-bit ELF executable, or any file whose Multiboot header tells where it goes.
  ///   - name: what the command line begins with.
  ///   - commandLine: the rest of it.
  ///   - modules: files for the kernel.
  /// - Throws: ``LoaderError``, ``LoaderError/notMultiboot`` when there is no header.
  public static func loadMultiboot(
    _ bytes: [UInt8], name: String, commandLine: String = "", modules: [BootModule] = [],
    memorySize: Int = X86Layout.defaultMemorySize, input: [UInt8] = []
  ) throws(LoaderError) -> X86Machine {
    guard !bytes.isEmpty else { throw .empty }
    try checkSize(memorySize)
    guard let header = MultibootHeader.find(in: bytes) else { throw .notMultiboot }
    // Of the flags that a loader must understand, 0 (modules on pages) and 1 (memory) are kept, and 2 (video mode)
    // leaves the text mode that there is.
    guard header.flags & 0xFFF8 == 0 else {
      throw .badMultiboot("its flags \(hex(UInt64(header.flags))) ask for more than this loader knows")
    }
    var machine: X86Machine
    if let segment = try header.segment(of: bytes) {
      try check([(0, segment)], memorySize)
      machine = X86Machine(
        mode: .protected32, entry: UInt64(header.placement?.entry ?? 0), segments: [segment],
        memorySize: memorySize, input: input)
    } else {
      guard ELFImage.isELF(bytes) else {
        throw .badMultiboot("the file is not ELF, and the header does not tell where it goes")
      }
      machine = try loadELF(bytes, .protected32, memorySize, input)
    }
    let end = machine.segments.map { $0.address + $0.memorySize }.max() ?? 0
    let extra = try MultibootInformation.segments(
      name: name, commandLine: commandLine, modules: modules, memorySize: memorySize, end: end)
    machine.segments += extra
    try check(machine.segments.enumerated().map { ($0.offset, $0.element) }, memorySize)
    machine.registers = [.rax: MultibootHeader.loaderMagic, .rbx: X86Layout.bootInformation]
    machine.pc = PCParts()
    return machine
  }

  /// Whether a file is a kernel that ``loadMultiboot(_:name:commandLine:modules:memorySize:input:)`` loads: it has a
  /// header, and is 32-bit ELF or tells its place in the header.
  public static func isMultiboot(_ bytes: [UInt8]) -> Bool {
    guard let header = MultibootHeader.find(in: bytes) else { return false }
    return header.placement != nil || (ELFImage.isELF(bytes) && bytes.count > 4 && bytes[4] == 1)
  }

  /// A machine with a kernel in the form of the Linux/x86 boot protocol in memory, ready at its 32-bit entry.
  ///
  /// - Parameters:
  ///   - bytes: the whole file, with its setup part.
  ///   - commandLine: what the kernel is told.
  ///   - initialFiles: its initial file system.
  /// - Throws: ``LoaderError``, ``LoaderError/badLinux(_:)`` for a header that this loader cannot serve.
  public static func loadLinux(
    _ bytes: [UInt8], commandLine: String = "", initialFiles: [UInt8]? = nil,
    memorySize: Int = X86Layout.defaultMemorySize, input: [UInt8] = []
  ) throws(LoaderError) -> X86Machine {
    guard !bytes.isEmpty else { throw .empty }
    try checkSize(memorySize)
    guard isLinux(bytes) else { throw .badLinux("there is none") }
    let header = try LinuxHeader(bytes)
    let segments = try LinuxParameters.segments(
      header, file: bytes, commandLine: commandLine, initialFiles: initialFiles, memorySize: memorySize)
    try check(segments.enumerated().map { ($0.offset, $0.element) }, memorySize)
    var machine = X86Machine(
      mode: .protected32, entry: header.address, segments: segments, memorySize: memorySize, input: input)
    machine.registers = LinuxParameters.registers
    machine.pc = PCParts()
    return machine
  }

  /// Whether a file is a kernel that ``loadLinux(_:commandLine:initialFiles:memorySize:input:)`` may load.
  public static func isLinux(_ bytes: [UInt8]) -> Bool { LinuxHeader.isPresent(in: bytes) }

  private static func checkSize(_ memorySize: Int) throws(LoaderError) {
    guard memorySize >= X86Layout.minimumMemorySize, memorySize <= X86Layout.maximumMemorySize,
      memorySize % GuestMemory.pageSize == 0
    else { throw .badMemorySize(memorySize) }
  }

  private static func loadELF(
    _ bytes: [UInt8], _ mode: X86Mode?, _ memorySize: Int, _ input: [UInt8]
  ) throws(LoaderError) -> X86Machine {
    let image = try ELFImage(bytes)
    let fileClass = image.is64 ? X86Mode.long64 : .protected32
    if let mode, mode != fileClass { throw .modeContradicts(mode, fileClass: fileClass) }
    try check(image.segments, memorySize)
    let inside = image.segments.contains { entry in
      image.entry >= entry.segment.address
        && image.entry - entry.segment.address < entry.segment.memorySize
    }
    guard inside else { throw .badEntry(image.entry) }
    return X86Machine(
      mode: fileClass, entry: image.entry, segments: image.segments.map(\.segment),
      symbols: image.symbols(), memorySize: memorySize, input: input)
  }

  /// Segments must lie in the storage and apart from each other.
  private static func check(
    _ segments: [(index: Int, segment: LoadSegment)], _ memorySize: Int
  ) throws(LoaderError) {
    for (index, segment) in segments {
      guard segment.address <= UInt64(memorySize),
        segment.memorySize <= UInt64(memorySize) - segment.address
      else {
        throw .outsideMemory(
          index: index, address: segment.address, size: segment.memorySize, memory: memorySize)
      }
    }
    let sorted = segments.sorted { $0.segment.address < $1.segment.address }
    for (low, high) in zip(sorted, sorted.dropFirst())
    where low.segment.address + low.segment.memorySize > high.segment.address {
      throw .overlap(
        first: min(low.index, high.index), second: max(low.index, high.index),
        address: high.segment.address)
    }
  }
}
