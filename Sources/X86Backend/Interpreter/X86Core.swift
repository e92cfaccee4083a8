import MachineCore
import Trace

/// An instruction as the interpreter keeps it: decoded, with the bytes and place it came from.
struct X86CachedInstruction {
  /// Guest-physical address of the first byte; all ones for an empty entry.
  var tag: UInt64 = .max
  var bytes = InstructionBytes()
  var operation = X86Operation.nop
  var context: UInt8 = 0
  var length: UInt8 = 0
  var width = Width.bits32
  var address = Width.bits32
  var stack = Width.bits32
  var repeats: UInt8 = 0
  var condition: UInt8 = 0
  var segment: UInt8 = 0
  var operandCount: UInt8 = 0
  var isBitString = false
  var isRelative = false
  var a = Operand()
  var b = Operand()
  var c = Operand()
}

/// One remembered translation; the tag is the linear page with the generation in its low bits.
struct X86Translation: BitwiseCopyable {
  var tag: UInt64 = .max
  var physical: UInt64 = 0
}

/// The interpreter's processor: registers, caches and memory behind raw pointers, nothing counted.
///
/// The decode cache is invisible: stores into decoded code drop what they make stale. What `tlb` holds is
/// part of the processor's state; `translations` repeat some of it.
struct X86Core: ~Copyable {
  static let registerCount = X86Register.allCases.count
  /// A register that is always zero, for addresses without base or index.
  static let zeroSlot = registerCount
  /// The address of the next instruction, for addresses relative to it.
  static let nextSlot = registerCount + 1
  /// A value between the operations of one instruction of the fast loop.
  static let temporarySlot = registerCount + 2
  static let cacheSize = 1 << 14
  /// Longest list of filled places.
  static let mostFilled = 1 << 10
  static let translationCount = 256
  static let codePage: UInt8 = 1
  static let protectedPage: UInt8 = 2
  static let accessRoom = 64
  /// log2 of the bytes in a granule of storage.
  static let granuleShift = 6

  let platform: Platform
  let model: X86CPUModel
  /// Offsets of 16 bits and addresses of 20, as on the 8086.
  let isOld: Bool
  /// The 80286, with interrupt 13 for the stack segment too.
  let is286: Bool
  /// Offsets of instructions have 16 bits.
  let wrapsPointer: Bool
  /// Registers that the instruction under way has changed although it may still fault, with their old values.
  var kept: [(index: Int, old: UInt64)] = []
  let r: UnsafeMutablePointer<UInt64>
  let before: UnsafeMutablePointer<UInt64>
  let memory: UnsafeMutableRawPointer
  let memorySize: UInt64
  let cache: UnsafeMutablePointer<X86CachedInstruction>
  /// For each granule of storage, whether decoded code lies in it or up to seven bytes behind.
  let granules: UnsafeMutablePointer<UInt8>
  let granuleCount: Int
  /// The granules that may be marked, so that a reset costs what was used.
  var markedGranules = 0..<0
  /// Places of the decode cache that may be filled; not complete once `cacheIsFull`.
  var filled: [Int] = []
  /// More places were filled than are worth listing.
  var cacheIsFull = false
  /// The pages that the processor remembers.
  var tlb = X86TLB()
  /// Translations for fetches, reads and writes, of the supervisor and of ring 3 each, one after the other.
  let translations: UnsafeMutablePointer<X86Translation>
  var generation: UInt64 = 0
  // What is armed, and what an instruction leaves for its end; see `finish`.
  var hasBreakpoints = false
  var isWatching = false
  /// Data breakpoints that the instruction under way has met, as bits of DR6.
  var watched: UInt64 = 0
  /// Bits of DR6 that MOV SS held back.
  var held: UInt64 = 0
  /// The shadow that the instruction under way casts on the next one.
  var shadow: UInt64 = 0
  /// Counts the times that translations were dropped; never 0.
  var epoch: UInt64 = 1
  let scratch: UnsafeMutablePointer<X86CachedInstruction>

  var deviceLow: UInt64 = 0
  var deviceSize: UInt64 = 0
  /// Which bits of guest-physical addresses count.
  var addressMask = UInt64.max
  /// The platform's view of storage that the marks stand for.
  var viewVersion = UInt64.max
  /// An interrupt waits for the interrupt flag to be set.
  var isRequested = false

  // What follows from control registers and segments; see `updateMode`.
  var is64 = false
  var isLong = false
  var isProtected = false
  /// Virtual-8086 mode.
  var isVirtual = false
  /// Segment registers are loaded from descriptor tables.
  var usesDescriptors: Bool { isProtected && !isVirtual }
  var isPaged = false
  var privilege: UInt64 = 0
  var context: UInt8 = 0
  /// The mode of the fast loop, if it has one for this state.
  var fastMode: Width?
  /// Whether the fast loop may be used at all.
  var allowsFast = true
  /// Blocks of packed operations.
  var fast: FastStore
  var stackWidth = Width.bits16
  /// The page that is being executed.
  var fetchLinear: UInt64 = .max
  var fetchPhysical: UInt64 = 0

  var recorder: TraceRecorder?
  var isTracing = false
  let accesses: UnsafeMutablePointer<TraceRecord>
  var accessCount = 0

  var retired: UInt64 = 0
  var idle: UInt64 = 0
  var end: UInt64 = 0
  var attentionAt: UInt64 = 0
  var hasProgress = true
  /// Deliveries since then.
  var deliveries = 0
  var skips = 0
  /// Bytes of the instruction under way, as far as they were read.
  var currentBytes = InstructionBytes()
  var unsupportedText = ""
  var storedLow = UInt64.max
  var storedHigh: UInt64 = 0
  /// The range was told to others since the fast loop last ran.
  var hasReported = false
  /// Storage was changed from outside since the last look.
  let stale: UnsafeMutablePointer<Bool>
  var statistics = EngineStatistics()

  init(platform: Platform, stale: UnsafeMutablePointer<Bool>, model: X86CPUModel) {
    self.model = model
    isOld = model == .i8086
    is286 = model == .i80286
    wrapsPointer = model.wrapsInstructionPointer
    self.stale = stale
    self.platform = platform
    memory = platform.memory.base
    memorySize = UInt64(platform.memory.size)
    // SAFETY: all buffers belong to this value, are initialised here and freed in deinit.
    r = .allocate(capacity: Self.registerCount + 3)
    r.initialize(repeating: 0, count: Self.registerCount + 3)
    before = .allocate(capacity: Self.registerCount)
    before.initialize(repeating: 0, count: Self.registerCount)
    cache = .allocate(capacity: Self.cacheSize)
    cache.initialize(repeating: X86CachedInstruction(), count: Self.cacheSize)
    scratch = .allocate(capacity: 1)
    scratch.initialize(to: X86CachedInstruction())
    granuleCount = platform.memory.size >> Self.granuleShift + 1
    granules = .allocate(capacity: granuleCount)
    granules.initialize(repeating: 0, count: granuleCount)
    translations = .allocate(capacity: 6 * Self.translationCount)
    translations.initialize(repeating: X86Translation(), count: 6 * Self.translationCount)
    accesses = .allocate(capacity: Self.accessRoom)
    fast = FastStore(registers: r, storage: memory, granules: granules, granuleCount: granuleCount)
  }

  deinit {
    r.deallocate()
    before.deallocate()
    cache.deallocate()
    scratch.deallocate()
    granules.deallocate()
    translations.deallocate()
    accesses.deallocate()
  }

  // MARK: Registers

  @inline(__always) func reg(_ register: X86Register) -> UInt64 {
    // SAFETY: the file has a place for every register.
    r[Int(register.rawValue)]
  }
  @inline(__always) func set(_ register: X86Register, _ value: UInt64) { r[Int(register.rawValue)] = value }
  @inline(__always) var flags: UInt64 {
    get { r[Int(X86Register.rflags.rawValue)] }
    nonmutating set { r[Int(X86Register.rflags.rawValue)] = newValue }
  }
  @inline(__always) var rip: UInt64 {
    get { r[Int(X86Register.rip.rawValue)] }
    nonmutating set { r[Int(X86Register.rip.rawValue)] = newValue }
  }
  /// Address of the next instruction; where execution goes on unless a branch changes it.
  @inline(__always) var next: UInt64 {
    get { r[Self.nextSlot] }
    nonmutating set { r[Self.nextSlot] = newValue }
  }

  /// Writes the low part of a general register; 32-bit parts clear the rest.
  @inline(__always) func setPart(_ register: X86Register, _ width: Width, _ value: UInt64) {
    let index = Int(register.rawValue)
    switch width {
    case .bits8: r[index] = (r[index] & ~0xFF) | (value & 0xFF)
    case .bits16: r[index] = (r[index] & ~0xFFFF) | (value & 0xFFFF)
    case .bits32: r[index] = value & 0xFFFF_FFFF
    case .bits64: r[index] = value
    }
  }

  @inline(__always) func part(_ register: X86Register, _ width: Width) -> UInt64 {
    reg(register) & width.mask
  }

  // MARK: Mode

  /// Recomputes what follows from control registers, debug registers and segments.
  mutating func updateMode() {
    let cr0 = reg(.cr0)
    isProtected = cr0 & 1 != 0
    isVirtual = isProtected && flags >> 17 & 1 != 0
    isPaged = cr0 >> 31 & 1 != 0
    isLong = reg(.efer) >> 10 & 1 != 0
    let code = reg(.csAttributes)
    is64 = isLong && code >> 13 & 1 != 0
    privilege = reg(.ssAttributes) >> 5 & 3
    let wideStack = reg(.ssAttributes) >> 14 & 1
    context =
      UInt8(is64 ? 2 : code >> 14 & 1) | UInt8(wideStack) << 2 | (usesDescriptors ? 8 : 0)
      | UInt8(model.code) << 4
    stackWidth = is64 ? .bits64 : wideStack != 0 ? .bits32 : .bits16
    updateDebug()
    fastMode = findFastMode()
    // Another code segment, or another level: the page may not be the same, or not allowed.
    fetchLinear = .max
  }

  /// Makes every repeated translation stale.
  mutating func dropTranslations() {
    // Never 0xFFF: with the last page of the address space that would be the tag of an empty entry.
    generation = generation < 0xFFE ? generation &+ 1 : 0
    epoch &+= 1
    fetchLinear = .max
    guard generation == 0 else { return }
    // SAFETY: the buffer has six sets.
    for index in 0..<6 * Self.translationCount { translations[index].tag = .max }
  }

  /// Forgets everything decoded or translated; for a state or storage that changed from outside.
  mutating func reset() {
    // SAFETY: within the allocated counts.
    if cacheIsFull {
      for index in 0..<Self.cacheSize { cache[index].tag = .max }
    } else {
      for index in filled { cache[index].tag = .max }
    }
    cacheIsFull = false
    filled.removeAll(keepingCapacity: true)
    (granules + markedGranules.lowerBound).update(repeating: 0, count: markedGranules.count)
    markedGranules = 0..<0
    for range in platform.view.protected {
      let last = min(range.upperBound, memorySize)
      if range.lowerBound < last {
        mark(range.lowerBound, Int(last - range.lowerBound), Self.protectedPage)
      }
    }
    fast.drop()
    dropTranslations()
    updateMode()
  }

  // MARK: Platform

  @inline(__always) mutating func leave() { platform.retired = retired }

  mutating func enter() {
    // SAFETY: the flag lives as long as the engine that owns this core.
    if stale.pointee || viewVersion != platform.viewVersion {
      stale.pointee = false
      viewVersion = platform.viewVersion
      addressMask = platform.view.addressMask
      reset()
    }
    idle = platform.idle
    isRequested = platform.pending != 0
    updateAttention()
  }

  /// Finds the next time at which there is something to do between two instructions.
  mutating func updateAttention() {
    if platform.stop != nil || (isRequested && flags & X86Flags.interrupt.rawValue != 0) {
      attentionAt = 0
    } else {
      attentionAt = min(end, platform.attention(after: retired))
    }
  }

  mutating func recordDevice(port: UInt64, address: UInt64, value: UInt64, bytes: Int, isWrite: Bool) {
    guard let recorder else { return }
    var record = TraceRecord(
      .device, mode: UInt8(privilege), code: UInt32(truncatingIfNeeded: port), clock: retired, pc: rip,
      address: address, value: value, aux: UInt64(bytes))
    if isWrite { record.flags |= TraceRecord.writeFlag }
    recorder.append(record)
  }

  mutating func input(_ space: Platform.Space, _ address: UInt64, _ bytes: Int) -> UInt64 {
    leave()
    let value = platform.read(space, address, width: bytes)
    enter()
    recordDevice(
      port: space == .port ? address : 0, address: space == .port ? 0 : address, value: value, bytes: bytes,
      isWrite: false)
    return value
  }

  mutating func output(_ space: Platform.Space, _ address: UInt64, _ value: UInt64, _ bytes: Int) {
    leave()
    let value = bytes >= 8 ? value : value & (1 << UInt64(bytes * 8) &- 1)
    recordDevice(
      port: space == .port ? address : 0, address: space == .port ? 0 : address, value: value, bytes: bytes,
      isWrite: true)
    platform.write(space, address, value, width: bytes)
    enter()
  }

  func isDevice(_ physical: UInt64) -> Bool {
    physical &- deviceLow < deviceSize && platform.claims(.memory, physical)
  }
}
