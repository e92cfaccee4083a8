public import MachineCore

/// The mode a machine starts in.
public enum X86Mode: Int, Sendable, CaseIterable {
  /// Real mode: 16-bit segments, no protection.
  case real16 = 16
  /// Protected mode: flat 32-bit segments, no paging.
  case protected32 = 32
  /// Long mode: 64-bit code, memory identity-mapped.
  case long64 = 64

  /// Where a flat image goes unless told.
  public var defaultLoadAddress: UInt64 {
    self == .real16 ? X86Layout.bootSector : X86Layout.highMemory
  }
}

/// Bytes that go to one place in guest-physical memory.
public struct LoadSegment: Sendable, Equatable {
  /// First guest-physical address.
  public var address: UInt64
  /// Contents.
  public var bytes: [UInt8]
  /// Size in memory; what the contents do not fill is zero.
  public var memorySize: UInt64

  /// Contents for a place; the memory size is theirs unless told.
  public init(address: UInt64, bytes: [UInt8], memorySize: UInt64? = nil) {
    self.address = address
    self.bytes = bytes
    self.memorySize = max(memorySize ?? 0, UInt64(bytes.count))
  }
}

/// An x86 machine, ready to be switched on: storage size, mode, program and entry.
///
/// The platform and the processor state made from it are the same for all three engines.
public struct X86Machine: Sendable, Equatable {
  /// Bytes of storage.
  public var memorySize: Int
  /// The mode it starts in.
  public var mode: X86Mode
  /// The first instruction.
  public var entry: UInt64
  /// What is in memory.
  public var segments: [LoadSegment]
  /// Names of addresses, for people.
  public var symbols: [String: UInt64]
  /// What the serial line receives.
  public var input: [UInt8]
  /// What is in the full PC; `nil` for the small test PC.
  public var pc: PCParts?
  /// Which processor it has; see ``choose(_:)``.
  public private(set) var model = X86CPUModel.modern
  /// Registers that begin with another value than the mode gives them.
  public var registers: [X86Register: UInt64] = [:]
  /// Time passes at shared points only, see ``MachineCore/SharedPoints``: for comparisons with KVM.
  public var usesSharedPoints = false
  /// Ports, beside those of devices, whose written bytes are kept.
  public var loggedPorts: [UInt16] = []

  /// A machine; see the properties.
  public init(
    mode: X86Mode, entry: UInt64, segments: [LoadSegment], symbols: [String: UInt64] = [:],
    memorySize: Int = X86Layout.defaultMemorySize, input: [UInt8] = []
  ) {
    self.memorySize = memorySize
    self.mode = mode
    self.entry = entry
    self.segments = segments
    self.symbols = symbols
    self.input = input
  }

  /// The platform with descriptor table, page tables and program in memory.
  ///
  /// - Throws: ``MachineError`` when the memory size is not usable or a segment leaves the storage.
  public func makePlatform() throws(MachineError) -> Platform {
    let platform: Platform
    if let pc {
      platform = try PCPlatform.makeFull(pc, memorySize: memorySize, input: input)
    } else {
      platform = try PCPlatform.make(memorySize: memorySize, input: input)
    }
    if usesSharedPoints { platform.sharedPoints = X86Layout.sharedPoints }
    try PCPlatform.attachLogs(loggedPorts, to: platform)
    let memory = platform.memory
    if !startsWithReset {
      for (address, bytes) in X86InitialTables.contents(mode) {
        try memory.write(bytes, at: Int(address))
      }
    }
    for segment in segments {
      guard segment.memorySize <= UInt64(memory.size),
        memory.contains(segment.address, count: Int(segment.memorySize))
      else {
        let start = Int(clamping: segment.address)
        let end = Int(clamping: segment.address &+ min(segment.memorySize, UInt64(1) << 62))
        throw .badRange(start..<max(start, end), size: memory.size)
      }
      try memory.write(segment.bytes, at: Int(segment.address))
      let rest = Int(segment.memorySize) - segment.bytes.count
      if rest > 0 {
        try memory.write([UInt8](repeating: 0, count: rest), at: Int(segment.address) + segment.bytes.count)
      }
    }
    return platform
  }

  /// Gives the machine another processor.
  ///
  /// - Throws: ``LoaderError/wrongModel(_:_:)`` when the program cannot begin on it.
  public mutating func choose(_ model: X86CPUModel) throws(LoaderError) {
    guard mode.rawValue <= model.widestMode.rawValue else {
      throw .wrongModel(model, "the program begins in \(mode.rawValue)-bit mode")
    }
    guard !startsWithReset || model.widestMode != .real16 else {
      throw .wrongModel(model, "firmware begins at the end of 4 GiB, which it cannot address")
    }
    self.model = model
  }

  /// The processor when the machine is switched on.
  public var initialState: ProcessorState {
    var state = startsWithReset ? X86InitialState.reset() : X86InitialState.make(mode, entry: entry)
    switch model {
    // Bits 4 to 15 of the machine status word are ones for ever.
    case .i80286: state[.cr0] = 0xFFF0
    // The kind of processor that reset leaves in DH.
    case .i80386 where startsWithReset: state[.rdx] = 0x300
    case .i8086, .i80386, .modern: break
    }
    for (register, value) in registers { state[register] = value }
    return state
  }

  /// Whether it begins at the reset vector, in firmware.
  public var startsWithReset: Bool { pc.map { !$0.roms.isEmpty && segments.isEmpty } ?? false }

  /// A full PC that begins in firmware.
  public init(firmware pc: PCParts, memorySize: Int = X86Layout.defaultMemorySize, input: [UInt8] = []) {
    self.init(
      mode: .real16, entry: X86Layout.resetBase + X86Layout.resetOffset, segments: [], memorySize: memorySize,
      input: input)
    self.pc = pc
  }
}
