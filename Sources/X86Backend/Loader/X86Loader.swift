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
    guard memorySize >= X86Layout.minimumMemorySize, memorySize <= X86Layout.maximumMemorySize,
      memorySize % GuestMemory.pageSize == 0
    else { throw .badMemorySize(memorySize) }
    if ELFImage.isELF(bytes) { return try loadELF(bytes, mode, memorySize, input) }
    guard let mode else { throw .modeNeeded }
    let address = loadAddress ?? mode.defaultLoadAddress
    let segment = LoadSegment(address: address, bytes: bytes)
    try check([(0, segment)], memorySize)
    return X86Machine(mode: mode, entry: address, segments: [segment], memorySize: memorySize, input: input)
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
