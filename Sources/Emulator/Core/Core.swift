internal import MachineCore
internal import ToyISA

/// A page that the fast loop may reach without asking the TLB.
struct CachedPage {
  /// Virtual page number plus one; 0 for none.
  var tag: UInt32 = 0
  /// Physical address of the page.
  var frame: UInt32 = 0
}

/// A memory access of the instruction that `step` carried out, for the trace.
struct MemoryEffect {
  var address: UInt32
  var value: UInt32
  var size: UInt8
  var isWrite: Bool
}

/// The toy processor's state and what makes it fast; no platform, no recorder.
///
/// `step` carries out any instruction exactly; `runFast` carries out many innocuous ones and leaves
/// all others to `step`.
struct ToyCore: ~Copyable {
  // The PSW.
  var pc: UInt32 = 0
  var user = false
  var interruptEnable = false
  var paging = false
  var base: UInt32 = 0
  var bound: UInt32 = 0
  var waiting = false

  /// Entries by virtual page number, as the walk left them.
  private(set) var tlb: [UInt32: UInt32] = [:]

  /// Cause and value of the trap that the last `step` or `translate` ended in.
  var cause = ToyCause.illegal
  var value: UInt32 = 0
  /// The word that the last `step` executed.
  var word: UInt32 = 0

  /// Sixteen registers, and one slot for what is written to register 0.
  let registers: UnsafeMutablePointer<UInt32>
  /// Up to ``effectCapacity`` memory effects of the last `step`.
  let effects: UnsafeMutablePointer<MemoryEffect>
  var effectCount = 0
  /// `pageSlots` entries for each mode and access; see ``pageSlot(_:_:)``.
  let pages: UnsafeMutablePointer<CachedPage>
  /// Bits that must be zero below each opcode; all ones where there is no instruction.
  let unusedBits: UnsafeMutablePointer<UInt32>

  let storage: UnsafeMutableRawPointer
  let storageSize: UInt64
  let code: CodeMap
  let variant: ToyVariant

  /// No instruction accesses memory more often.
  static let effectCapacity = 4
  /// Pages cached for each mode and kind of access; a power of two.
  static let pageSlots = 64

  /// A processor on this storage, which must outlive it, as must the code map.
  init(variant: ToyVariant, storage: GuestMemory, code: CodeMap) {
    self.variant = variant
    self.storage = storage.base
    storageSize = UInt64(storage.size)
    self.code = code
    registers = .allocate(capacity: 17)
    registers.initialize(repeating: 0, count: 17)
    effects = .allocate(capacity: Self.effectCapacity)
    pages = .allocate(capacity: 6 * Self.pageSlots)
    pages.initialize(repeating: CachedPage(), count: 6 * Self.pageSlots)
    unusedBits = .allocate(capacity: 256)
    unusedBits.initialize(repeating: .max, count: 256)
    for row in toyTable { unusedBits[Int(row.opcode)] = 0x00FF_FFFF & ~row.format.mask }
  }

  deinit {
    registers.deallocate()
    effects.deallocate()
    pages.deallocate()
    unusedBits.deallocate()
  }

  /// The PSW as one value.
  var psw: PSW {
    get {
      PSW(user: user, interruptEnable: interruptEnable, paging: paging, pc: pc, base: base, bound: bound)
    }
    set {
      user = newValue.user
      interruptEnable = newValue.interruptEnable
      paging = newValue.paging
      pc = newValue.pc
      base = newValue.base & ~3
      bound = newValue.bound & ~3
    }
  }

  /// Whether a word is an instruction.
  func isLegal(_ word: UInt32) -> Bool {
    let unused = unusedBits[Int(word >> 24)]
    return unused != .max && word & unused == 0
  }

  // MARK: TLB

  /// Forgets every entry.
  mutating func flushTLB() {
    tlb.removeAll(keepingCapacity: true)
    forgetPages()
  }

  /// Replaces the whole TLB; entries whose frame is not in storage are dropped.
  mutating func setTLB(_ entries: [UInt32: UInt32]) {
    tlb = entries.filter { UInt64($0.value & 0xFFFF_F000) + 0x1000 <= storageSize }
    forgetPages()
  }

  private func forgetPages() {
    for slot in 0..<(6 * Self.pageSlots) { pages[slot] = CachedPage() }
  }

  /// First slot of the page cache for an access in the present mode.
  func pageSlot(_ access: Access) -> Int {
    ((user ? 3 : 0) + Int(access.rawValue)) * Self.pageSlots
  }

  /// Enters what a walk found, and forgets what was cached of the page before.
  mutating func fillTLB(page: UInt32, entry: UInt32) {
    tlb[page] = entry
    let place = Int(page) & (Self.pageSlots - 1)
    for kind in 0..<6 where pages[kind * Self.pageSlots + place].tag == page &+ 1 {
      pages[kind * Self.pageSlots + place] = CachedPage()
    }
  }

  // MARK: Physical storage

  /// The word at a physical address that is known to lie inside.
  func physicalWord(_ address: UInt64) -> UInt32 {
    // SAFETY: every caller has checked that `address` + 4 does not exceed the storage.
    UInt32(littleEndian: (storage + Int(address)).loadUnaligned(as: UInt32.self))
  }

  /// Stores a word at a physical address that is known to lie inside, and drops code decoded from there.
  func setPhysicalWord(_ address: UInt64, _ value: UInt32) {
    // SAFETY: as for `physicalWord`.
    (storage + Int(address)).storeBytes(of: value.littleEndian, as: UInt32.self)
    noteStore(at: Int(address))
  }

  /// Drops code decoded from the aligned word that holds this byte.
  func noteStore(at address: Int) {
    if code.marks[address >> CodeMap.granuleShift] != 0 { code.invalidate(byte: address) }
  }
}
