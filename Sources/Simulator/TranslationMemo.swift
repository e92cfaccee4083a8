import MachineCore

/// Results of the translation procedure that still hold.
///
/// The procedure is data, and so is what a result depends on: bits of registers, tables, places in
/// storage. Results are kept by the values of those registers; they are dropped when such a table or place is
/// written. Nobody can see from the guest whether a result was remembered.
struct TranslationMemo: ~Copyable {
  /// Addresses `low` to `low` + `span` of this kind of access are at `low` + `offset` and so on, in plain
  /// storage: inside it, on one 4 KiB page to the last byte of each access, and with no device near.
  struct Entry: BitwiseCopyable {
    var low: UInt64 = 0
    var span: UInt64 = 0
    /// Access, segment, size and ``TranslationMemo/tag``; 0 in an empty entry.
    var kind: UInt64 = 0
    var offset: UInt64 = 0
  }

  /// Processor states that are told apart at a time.
  private static let states = 8
  private static let capacity = 1024

  /// Whether results may be remembered at all.
  let isEnabled: Bool
  /// Whether the decoding context depends on nothing but watched registers.
  let knowsContext: Bool
  /// By register: the bits on which translation or decoding depends.
  let watched: UnsafeMutablePointer<UInt64>
  /// Tables on which translation depends.
  let tables: Set<Int>

  private let entries: UnsafeMutablePointer<Entry>
  private let registers: [Int]
  private let values: UnsafeMutablePointer<UInt64>
  private var tags = InlineArray<8, UInt64>(repeating: 0)
  private var epochs = InlineArray<8, UInt64>(repeating: 0)
  private var contexts = InlineArray<8, UInt64>(repeating: 0)
  private var current = 0
  private var last: UInt64 = 0

  /// Watched registers have changed: ``refresh`` before use.
  var isStale = true
  /// Marks entries of the state that the processor is in.
  private(set) var tag: UInt64 = 0
  /// Marks decoded instructions that need no looking at in the state that the processor is in.
  private(set) var epoch: UInt64 = 0
  /// The decoding context, if ``knowsContext``.
  private(set) var context: UInt64 = 0

  init(_ system: SystemSemantics, registers count: Int) {
    let translation = Dependencies(of: system.translate, in: system, registers: count)
    let decoding = Dependencies(of: system.decodeContext, in: system, registers: count)
    isEnabled = translation.isClosed
    knowsContext = decoding.isClosed && decoding.tables.isEmpty && !decoding.readsStorage
    tables = translation.tables
    // SAFETY: owned by this value and freed in deinit; indices are register numbers, and those below
    // the capacities, checked or masked where they are made.
    watched = .allocate(capacity: max(count, 1))
    var registers: [Int] = []
    for register in 0..<count {
      let bits =
        (translation.isClosed ? translation.registers[register] : 0)
        | (decoding.isClosed ? decoding.registers[register] : 0)
      (watched + register).initialize(to: bits)
      if bits != 0 { registers.append(register) }
    }
    self.registers = registers
    entries = .allocate(capacity: Self.capacity)
    entries.initialize(repeating: Entry(), count: Self.capacity)
    values = .allocate(capacity: max(registers.count * Self.states, 1))
    values.initialize(repeating: 0, count: max(registers.count * Self.states, 1))
  }

  deinit {
    watched.deallocate()
    entries.deallocate()
    values.deallocate()
  }

  /// Number of a kind of access, without the tag.
  static func kind(_ access: Access, _ bytes: Int) -> UInt64 { access.rawValue << 4 | UInt64(bytes) }

  @inline(__always) private func place(_ address: UInt64, _ kind: UInt64) -> Int {
    Int(truncatingIfNeeded: (address &>> 12) ^ (kind &* 0x9E37_79B1) &>> 7) & (Self.capacity &- 1)
  }

  /// What was remembered for an address, if its kind and range fit.
  @inline(__always) func offset(_ address: UInt64, _ kind: UInt64) -> UInt64? {
    // SAFETY: the index is masked to the capacity.
    let entry = entries + place(address, kind)
    guard entry.pointee.kind == kind, address &- entry.pointee.low <= entry.pointee.span else { return nil }
    return entry.pointee.offset
  }

  /// The last address of the remembered range that holds `address`; `nil` when nothing is remembered.
  func end(_ address: UInt64, _ kind: UInt64) -> UInt64? {
    let entry = entries[place(address, kind)]
    guard entry.kind == kind, address &- entry.low <= entry.span else { return nil }
    return entry.low &+ entry.span
  }

  /// Remembers a result; the range lies on one 4 KiB page of addresses.
  mutating func remember(_ entry: Entry) { entries[place(entry.low, entry.kind)] = entry }

  /// Forgets all results and all that was decoded.
  mutating func forget() {
    for state in 0..<Self.states { tags[state] = 0 }
    (tag, epoch, isStale) = (0, 0, true)
  }

  /// Makes all that was decoded be looked at again.
  mutating func forgetCode() {
    for state in 0..<Self.states where state != current { tags[state] = 0 }
    last &+= 1
    epochs[current] = last
    epoch = last
  }

  /// Finds the state that the processor is in among those remembered.
  ///
  /// - Returns: whether it is a new one, whose decoding context must be set.
  mutating func refresh(_ file: UnsafeMutablePointer<UInt64>) -> Bool {
    isStale = false
    let count = registers.count
    for state in 0..<Self.states where tags[state] != 0 {
      let known = values + state * count
      var number = 0
      while number < count {
        let register = registers[number]
        if known[number] != file[register] & watched[register] { break }
        number += 1
      }
      if number == count {
        take(state)
        return false
      }
    }
    let state = tags.indices.first { tags[$0] == 0 } ?? (current + 1) % Self.states
    for (number, register) in registers.enumerated() {
      values[state * count + number] = file[register] & watched[register]
    }
    last &+= 2
    tags[state] = last << 16
    epochs[state] = last
    take(state)
    return true
  }

  /// Sets the decoding context of the state that the processor is in.
  mutating func setContext(_ value: UInt64) {
    contexts[current] = value
    context = value
  }

  private mutating func take(_ state: Int) {
    current = state
    (tag, epoch, context) = (tags[state], epochs[state], contexts[state])
  }
}
