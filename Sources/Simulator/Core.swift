import MachineCore
import Trace

/// An operand bound to slots of the register file, so that using it takes no decisions.
struct BoundOperand: BitwiseCopyable {
  /// Slot of the register, or of the base register.
  var register: UInt16 = 0
  /// Slot of the index register.
  var index: UInt16 = 0
  /// Segment of a memory operand.
  var segment: UInt8 = 0
  /// Lowest bit of the register part, or log2 of the index scale.
  var shift: UInt8 = 0
  /// Immediate or displacement.
  var value: UInt64 = 0
  /// Register operands: bits of the register that a write keeps nothing of.
  var replaced: UInt64 = 0
  /// Register operands: bits of the register that a write can set. Memory operands: mask of addresses.
  var mask: UInt64 = 0
}

/// A register write that waits for the end of the instruction.
struct PendingWrite: BitwiseCopyable {
  var register: UInt16
  /// New bits, in place.
  var value: UInt64
  /// Which bits of the register they replace.
  var replaced: UInt64
}

/// A store that waits for the end of the instruction.
struct PendingStore: BitwiseCopyable {
  var physical: UInt64
  var value: UInt64
  var bytes: Int
  var isDevice: Bool
}

/// The processor: registers, tables and lowered programs behind raw pointers.
///
/// All buffers are allocated once and belong to the core. Nothing in the inner loops counts references.
struct Core: ~Copyable {
  /// Room for register writes, stores and memory effects of one instruction.
  static let effectRoom = 512

  let platform: Platform
  let lowering: Lowering
  let registerCount: Int
  let auxiliaryCount: Int
  /// Register widths as masks; zero for registers that read as zero.
  let widthMasks: UnsafeMutablePointer<UInt64>
  /// Registers that traces leave out.
  let untraced: Set<Int>

  let file: UnsafeMutablePointer<UInt64>
  var code: UnsafeMutablePointer<MicroOperation>
  let auxiliaries: UnsafeMutablePointer<SparseTable>
  /// Bits without a defined value, by register.
  let undefined: UnsafeMutablePointer<UInt64>

  // Guest-physical storage, and the addresses among which devices may be mapped.
  let memory: UnsafeMutableRawPointer
  let memorySize: UInt64
  var deviceLow: UInt64 = 0
  var deviceSize: UInt64 = 0
  // Which bits of guest-physical addresses count, and among which addresses protected storage lies.
  var addressMask = UInt64.max
  var protectedLow: UInt64 = 0
  var protectedSize: UInt64 = 0
  var viewVersion = UInt64.max

  // What the instruction under way has done so far.
  var operands: UnsafeMutablePointer<BoundOperand>
  let writes: UnsafeMutablePointer<PendingWrite>
  var writeCount = 0
  /// How many of the writes stay even if the instruction traps.
  var keptWrites = 0
  let undefines: UnsafeMutablePointer<PendingWrite>
  var undefineCount = 0
  let stores: UnsafeMutablePointer<PendingStore>
  var storeCount = 0
  let accesses: UnsafeMutablePointer<TraceRecord>
  var accessCount = 0
  var recordsAccesses = false

  // How the last program ended, when it did not complete.
  var cause: UInt64 = 0
  var value: UInt64 = 0
  var message = 0
  /// Text of a message that is not among the lowering's.
  var messageText = ""
  /// How a translation inside a load or store ended.
  var oddOutcome = Outcome.completed

  // The instruction that was fetched last.
  var start = 0
  var bytes = InstructionBytes()

  // Clock, and when the boundary between two instructions needs attention.
  var retired: UInt64 = 0
  var idle: UInt64 = 0
  var attentionAt: UInt64 = 0
  var end: UInt64 = 0
  /// An instruction retired since the last delivery of a trap or interrupt.
  var hasProgress = true
  /// Deliveries since then.
  var deliveries = 0
  var skips = 0

  // Range of storage that was written since the last ``reportStores()``.
  var storedLow = UInt64.max
  var storedHigh: UInt64 = 0

  /// Results of the translation procedure, and what they were derived from.
  var memo: TranslationMemo
  var watch: WatchMap
  /// Whether results of the translation are used again; the guest cannot tell.
  var remembersTranslations: Bool
  /// The storage's count of changes from outside when they were last looked at.
  private var seenChanges: UInt64 = 0

  let cache: DecodeCache
  let fetchUnit: Int
  let fetchKind: UInt64
  let pc: Int
  let waiting: Int
  let nextPC: Int
  let word: Int
  let pcMask: UInt64
  let translate: LoweredProcedure
  let fetchParameters: (Int, Int, Int, Int)
  let deliver: LoweredProcedure
  let deliverParameters: [Int]
  let escalate: LoweredProcedure?
  let shutdown: LoweredProcedure?
  let before: LoweredProcedure?
  let after: LoweredProcedure?
  /// Slots and masks of the watched registers; slots of zero where there are fewer than three.
  let watched: (Int, Int, Int)
  let watchedMasks: (UInt64, UInt64, UInt64)
  let firstOwnSegment: UInt64
  let mode: (start: Int, result: UInt16)
  let context: (start: Int, result: UInt16)
  /// The value of ``context`` when it is the same for ever.
  let constantContext: UInt64?
  let interruptible: (start: Int, result: UInt16)

  var recorder: TraceRecorder?
  var journal: Journal?
  var statistics = EngineStatistics()

  /// Notes what is reached, where that is asked for.
  let coverage: SemanticsCoverage?

  init(instructionSet: any InstructionSet, platform: Platform, coverage: SemanticsCoverage? = nil) {
    self.platform = platform
    self.coverage = coverage
    lowering = Lowering(
      instructionSet, storageSize: UInt64(platform.memory.size), points: coverage?.points)
    let descriptors = instructionSet.registers
    registerCount = descriptors.count
    auxiliaryCount = instructionSet.auxiliaries.count
    untraced = Set(descriptors.indices.filter { !descriptors[$0].isTraced })
    // SAFETY: all these buffers are owned by this value and freed in deinit. Slots are 16-bit numbers
    // and the file has 65536; register numbers are checked when code is lowered or operands are bound.
    file = .allocate(capacity: SlotLayout.capacity)
    file.initialize(repeating: 0, count: SlotLayout.capacity)
    widthMasks = .allocate(capacity: max(registerCount, 1))
    undefined = .allocate(capacity: max(registerCount, 1))
    undefined.initialize(repeating: 0, count: max(registerCount, 1))
    for (index, descriptor) in descriptors.enumerated() {
      (widthMasks + index).initialize(to: descriptor.isZero ? 0 : Lowering.mask(descriptor.width))
    }
    auxiliaries = .allocate(capacity: max(auxiliaryCount, 1))
    for index in 0..<auxiliaryCount { (auxiliaries + index).initialize(to: SparseTable()) }
    writes = .allocate(capacity: Self.effectRoom)
    undefines = .allocate(capacity: Self.effectRoom)
    stores = .allocate(capacity: Self.effectRoom)
    accesses = .allocate(capacity: Self.effectRoom)
    memory = platform.memory.base
    memorySize = UInt64(platform.memory.size)
    cache = DecodeCache(unit: instructionSet.fetchUnit)
    operands = cache.scratch

    let system = lowering.system
    memo = TranslationMemo(system, registers: registerCount)
    watch = WatchMap(storage: memorySize)
    // With `&&` over properties of a value that is not complete yet, the optimised program releases
    // properties that nothing was stored to.
    let remembers = [memo.isEnabled, watch.isUsable, platform.memory.size >= 4096]
    remembersTranslations = !remembers.contains(false)
    fetchKind = TranslationMemo.kind(.fetch, max(instructionSet.fetchUnit, 1))
    fetchUnit = max(instructionSet.fetchUnit, 1)
    pc = Int(system.programCounter)
    waiting = Int(system.waiting)
    nextPC = Int(lowering.layout.nextPC)
    word = Int(lowering.layout.word)
    pcMask = pc < registerCount ? Lowering.mask(descriptors[pc].width) : 0
    mode = lowering.expression(system.mode)
    context = lowering.expression(system.decodeContext)
    interruptible = lowering.expression(system.interruptible)
    if case .constant(let value) = system.decodeContext {
      constantContext = value
    } else {
      constantContext = nil
    }
    translate = lowering.procedure(system.translate)
    deliver = lowering.procedure(system.deliver)
    deliverParameters = deliver.parameters.map { Int($0) }
    escalate = system.escalate.map(lowering.procedure)
    shutdown = system.shutdown.map(lowering.procedure)
    before = system.before.map(lowering.procedure)
    after = system.after.map(lowering.procedure)
    let entries = system.watched.map { (Int($0.register), $0.mask) } + Array(repeating: (word, 0), count: 3)
    watched = (entries[0].0, entries[1].0, entries[2].0)
    watchedMasks = (entries[0].1, entries[1].1, entries[2].1)
    firstOwnSegment = UInt64(system.firstOwnSegment)
    let parameters = translate.parameters.map { Int($0) } + Array(repeating: word, count: 4)
    fetchParameters = (parameters[0], parameters[1], parameters[2], parameters[3])
    code = lowering.code
    takeConstants()
  }

  deinit {
    file.deallocate()
    widthMasks.deallocate()
    undefined.deallocate()
    auxiliaries.deinitialize(count: auxiliaryCount)
    auxiliaries.deallocate()
    writes.deallocate()
    undefines.deallocate()
    stores.deallocate()
    accesses.deallocate()
  }

  /// Takes over what the last lowering added.
  mutating func takeConstants() {
    code = lowering.code
    // SAFETY: slots are below the file's capacity.
    for (slot, value) in lowering.takeConstants() { file[Int(slot)] = value }
  }

  /// Forgets what the instruction under way has done.
  @inline(__always) mutating func forget() {
    writeCount = 0
    undefineCount = 0
    storeCount = 0
    accessCount = 0
    keptWrites = 0
  }

  // MARK: What is remembered

  /// Drops every result of a translation, and has all decoded instructions looked at again.
  mutating func forgetTranslations() {
    memo.forget()
    watch.clear(WatchMap.translation | WatchMap.code)
  }

  /// A place with these marks was written.
  @inline(never) mutating func forget(_ marks: UInt8) {
    guard marks & WatchMap.translation == 0 else { return forgetTranslations() }
    memo.forgetCode()
    watch.clear(WatchMap.code)
  }

  /// Finds out in which state the processor is, as far as translation and decoding depend on it.
  @inline(never) mutating func refreshMemo() {
    let (start, result) = context
    let needed = memo.refresh(file)
    guard needed, memo.knowsContext else { return }
    memo.setContext(execute(start) == .completed ? file[Int(result)] : 0)
  }

  // MARK: Platform

  /// Tells the platform the time before it is called.
  @inline(__always) mutating func leave() { platform.retired = retired }

  /// Takes from the platform what a call may have changed.
  mutating func enter() {
    if viewVersion != platform.viewVersion { takeView() }
    idle = platform.idle
    if platform.memory.changes != seenChanges {
      seenChanges = platform.memory.changes
      forgetTranslations()
    }
    if platform.pending != 0 || platform.stop != nil {
      attentionAt = 0
    } else {
      attentionAt = min(end, platform.attention(after: retired))
    }
  }

  private mutating func takeView() {
    forgetTranslations()
    let view = platform.view
    viewVersion = platform.viewVersion
    addressMask = view.addressMask
    protectedLow = view.protected.first?.lowerBound ?? 0
    protectedSize = (view.protected.last?.upperBound ?? 0) - protectedLow
  }

  /// Privilege mode, for traces.
  mutating func currentMode() -> UInt8 {
    // SAFETY: slots are below the file's capacity.
    execute(mode.start) == .completed ? UInt8(truncatingIfNeeded: file[Int(mode.result)]) & 0x0F : 0
  }

  /// Records a device access; the clock is that of the instructions before this one.
  mutating func recordDevice(
    port: UInt64 = 0, address: UInt64 = 0, value: UInt64, bytes: Int, isWrite: Bool
  ) {
    guard recorder != nil else { return }
    var record = TraceRecord(
      .device, mode: currentMode(), code: UInt32(truncatingIfNeeded: port), clock: retired,
      pc: file[pc], address: address, value: value, aux: UInt64(bytes))
    if isWrite { record.flags |= TraceRecord.writeFlag }
    recorder?.append(record)
  }

  /// Reads a device register.
  mutating func deviceRead(_ space: Platform.Space, _ address: UInt64, _ bytes: Int) -> UInt64 {
    leave()
    journal?.willTouch(platform)
    let value = platform.read(space, address, width: bytes)
    enter()
    if space == .port {
      recordDevice(port: address, value: value, bytes: bytes, isWrite: false)
    } else {
      recordDevice(address: address, value: value, bytes: bytes, isWrite: false)
    }
    return value
  }

  /// Writes a device register.
  mutating func deviceWrite(_ space: Platform.Space, _ address: UInt64, _ value: UInt64, _ bytes: Int) {
    leave()
    let value = value & Arithmetic.mask(UInt64(bytes) &* 8)
    if space == .port {
      recordDevice(port: address, value: value, bytes: bytes, isWrite: true)
    } else {
      recordDevice(address: address, value: value, bytes: bytes, isWrite: true)
    }
    journal?.willTouch(platform)
    platform.write(space, address, value, width: bytes)
    enter()
  }
}
