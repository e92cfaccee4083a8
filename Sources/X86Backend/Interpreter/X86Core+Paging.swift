import MachineCore

/// Paging in its three forms, and what is remembered of it (Intel SDM vol. 3, chapter 4).
extension X86Core {
  /// The guest-physical address of a linear address within one page.
  @inline(__always)
  mutating func physical(_ linear: UInt64, _ access: Access, isUser: Bool) throws(X86Fault) -> UInt64 {
    guard isPaged else { return linear & addressMask }
    let page = linear & ~0xFFF
    let set = Int(access.rawValue) &* 2 &+ (isUser ? 1 : 0)
    let index = set &* Self.translationCount &+ Int(linear >> 12 & 0xFF)
    // SAFETY: six sets of 256.
    if translations[index].tag == page | generation {
      return translations[index].physical | linear & 0xFFF
    }
    let result = try lookUp(linear, access, isUser: isUser) & addressMask
    translations[index] = X86Translation(tag: page | generation, physical: result & ~0xFFF)
    return result
  }

  /// The address by what is remembered, or by a walk.
  @inline(never)
  private mutating func lookUp(
    _ linear: UInt64, _ access: Access, isUser: Bool
  ) throws(X86Fault) -> UInt64 {
    let old = tlb.entry(for: linear)
    if let old, allows(old, access, isUser: isUser), access != .write || old.has(X86TLBEntry.dirty) {
      return address(linear, old)
    }
    if old != nil { tlb.forget(linear) }
    do throws(X86Fault) {
      let entry = try walk(linear, access, isUser: isUser)
      // A page that only became dirty is still where it was.
      if let old, (old.bits ^ entry.bits) & ~X86TLBEntry.dirty != 0 { dropTranslations() }
      tlb.insert(linear, entry)
      return address(linear, entry)
    } catch {
      if old != nil { dropTranslations() }
      throw error
    }
  }

  private func address(_ linear: UInt64, _ entry: X86TLBEntry) -> UInt64 {
    entry.frame | linear & (1 << entry.shift &- 1)
  }

  private var hasNoExecute: Bool { reg(.efer) >> 11 & 1 != 0 && reg(.cr4) & 0x20 != 0 }

  /// Whether a page's rights allow an access (Intel SDM vol. 3, 4.6.1).
  private func allows(_ entry: X86TLBEntry, _ access: Access, isUser: Bool) -> Bool {
    if isUser, !entry.has(X86TLBEntry.user) { return false }
    switch access {
    case .read: return true
    case .write:
      return entry.has(X86TLBEntry.writable) || (!isUser && reg(.cr0) >> 16 & 1 == 0)
    case .fetch:
      if entry.has(X86TLBEntry.noExecute) { return false }
      return isUser || !entry.has(X86TLBEntry.user) || reg(.cr4) >> 20 & 1 == 0
    }
  }

  /// Where an entry of a table is, and what it holds.
  private struct Step: BitwiseCopyable {
    var place: UInt64 = 0
    var entry: UInt64 = 0
  }

  /// Walks the tables; a walk that faults changes nothing.
  private mutating func walk(
    _ linear: UInt64, _ access: Access, isUser: Bool
  ) throws(X86Fault) -> X86TLBEntry {
    let isWide = reg(.cr4) & 0x20 != 0
    let bytes = isWide ? 8 : 4
    let hasNoExecute = hasNoExecute
    var code: UInt64 = access == .write ? 2 : 0
    if isUser { code |= 4 }
    if access == .fetch, hasNoExecute || reg(.cr4) >> 20 & 1 != 0 { code |= 16 }

    var table: UInt64
    var shift: UInt64
    if isLong {
      (table, shift) = (reg(.cr3) & 0x000F_FFFF_FFFF_F000, 39)
    } else if isWide {
      // The four entries of the first level are registers.
      let pointer = r[X86Register.pdpte0.index + Int(linear >> 30 & 3)]
      guard pointer & 1 != 0 else { throw X86Fault(vector: 14, code: code, address: linear) }
      (table, shift) = (pointer & 0x000F_FFFF_FFFF_F000, 21)
    } else {
      (table, shift) = (reg(.cr3) & 0xFFFF_F000, 22)
    }
    var rights = X86TLBEntry.writable | X86TLBEntry.user
    var never: UInt64 = 0
    var steps: InlineArray<4, Step> = InlineArray(repeating: Step())
    var depth = 0
    while true {
      let index = linear >> shift & (isWide ? 511 : 1023)
      let place = table &+ index &* UInt64(bytes)
      let entry = readPhysical(place, bytes)
      steps[depth] = Step(place: place, entry: entry)
      depth += 1
      guard entry & 1 != 0 else { throw X86Fault(vector: 14, code: code, address: linear) }
      let isLarge =
        entry & 0x80 != 0
        && (shift == 21 || shift == 30 || (shift == 22 && reg(.cr4) & 0x10 != 0))
      if isReserved(entry, shift, isLarge: isLarge, isWide: isWide, hasNoExecute: hasNoExecute) {
        throw X86Fault(vector: 14, code: code | 9, address: linear)
      }
      rights &= entry
      if isWide { never |= entry >> 63 }
      if !isLarge, shift != 12 {
        table = entry & (isWide ? 0x000F_FFFF_FFFF_F000 : 0xFFFF_F000)
        shift -= isWide ? 9 : 10
        continue
      }
      let frame = entry & (isWide ? 0x000F_FFFF_FFFF_F000 : 0xFFFF_F000) & ~(1 << shift &- 1)
      var flags = rights
      if never != 0 { flags |= X86TLBEntry.noExecute }
      if entry & 0x100 != 0, reg(.cr4) & 0x80 != 0 { flags |= X86TLBEntry.global }
      if access == .write || entry & 0x40 != 0 { flags |= X86TLBEntry.dirty }
      let size = shift == 12 ? 0 : shift == 21 ? 1 : shift == 22 ? 2 : 3
      let result = X86TLBEntry(frame: frame, flags: flags, size: size)
      guard allows(result, access, isUser: isUser) else {
        throw X86Fault(vector: 14, code: code | 1, address: linear)
      }
      for level in 0..<depth {
        let step = steps[level]
        let marks: UInt64 = level == depth - 1 && access == .write ? 0x60 : 0x20
        if step.entry & marks != marks { writePhysical(step.place, step.entry | marks, bytes) }
      }
      return result
    }
  }

  /// Whether bits are set that must be zero (Intel SDM vol. 3, 4.3 to 4.5), with 40-bit addresses.
  private func isReserved(
    _ entry: UInt64, _ shift: UInt64, isLarge: Bool, isWide: Bool, hasNoExecute: Bool
  ) -> Bool {
    guard isWide else { return isLarge && entry & 0x3F_E000 != 0 }
    if entry & 0x000F_FF00_0000_0000 != 0 { return true }
    if entry >> 63 != 0, !hasNoExecute { return true }
    // Outside long mode bits 52 to 62 are reserved too.
    if !isLong, entry & 0x7FF0_0000_0000_0000 != 0 { return true }
    if shift == 39 { return entry & 0x80 != 0 }
    return isLarge && entry & (shift == 30 ? 0x3FFF_E000 : 0x1F_E000) != 0
  }

  // MARK: What makes the processor forget

  /// Forgets the page of a linear address.
  mutating func invalidate(_ linear: UInt64) {
    tlb.forget(linear)
    dropTranslations()
  }

  /// A new table: global pages stay.
  mutating func forgetLocalPages() {
    tlb.forgetLocal()
    dropTranslations()
  }

  mutating func forgetAllPages() {
    tlb.forgetAll()
    dropTranslations()
  }

  /// Loads the page-directory-pointer-table entries from the table that `cr3` gives (Intel SDM vol. 3, 4.4.1).
  mutating func loadDirectoryPointers(_ cr3: UInt64) throws(X86Fault) {
    var entries: InlineArray<4, UInt64> = InlineArray(repeating: 0)
    for number in 0..<4 {
      entries[number] = readPhysical(cr3 & 0xFFFF_FFE0 &+ UInt64(number) &* 8, 8)
      if entries[number] & 1 != 0, entries[number] & 0xFFFF_FF00_0000_01E6 != 0 { throw .protection() }
    }
    // SAFETY: the four registers follow one another.
    for number in 0..<4 { r[X86Register.pdpte0.index + number] = entries[number] }
  }

  // MARK: State

  /// The tables of a state, in the order of ``X86InstructionSet/auxiliaries``: nothing between instructions
  /// in the first, then small and large pages, local and global, and breakpoints that MOV SS held back. An entry of a page has its
  /// frame in bits 12–63, present, writable, user and execute-disable in bits 0–3, dirty in bit 5, and the
  /// page's size as a shift in bits 6–11; it is found by the page's number, with bit 62 for 1 GiB pages.
  var tables: [[UInt64: UInt64]] {
    get {
      var result: [[UInt64: UInt64]] = [[:], [:], [:], [:], [:], [:]]
      if held != 0 { result[5][0] = held }
      tlb.visit { linear, entry in
        let shift = entry.shift
        var bits = entry.frame | 1 | entry.bits & 6 | shift << 6
        if entry.has(X86TLBEntry.noExecute) { bits |= 8 }
        if entry.has(X86TLBEntry.dirty) { bits |= 0x20 }
        let table = (shift == 12 ? 1 : 2) + (entry.has(X86TLBEntry.global) ? 2 : 0)
        result[table][linear >> shift | (shift == 30 ? 1 << 62 : 0)] = bits
      }
      return result
    }
    set {
      discard()
      forgetAllPages()
      guard newValue.count == 6 else { return }
      held = (newValue[5][0] ?? 0) & 15
      for (table, entries) in newValue.enumerated() where (1...4).contains(table) {
        for (key, bits) in entries where bits & 1 != 0 {
          guard let size = X86TLBEntry.shifts.firstIndex(of: bits >> 6 & 63), (size == 0) == (table & 1 != 0)
          else { continue }
          var flags = bits & 6
          if bits & 8 != 0 { flags |= X86TLBEntry.noExecute }
          if bits & 0x20 != 0 { flags |= X86TLBEntry.dirty }
          if table > 2 { flags |= X86TLBEntry.global }
          let linear = (key & ~(1 << 62)) << X86TLBEntry.shifts[size]
          let frame = bits & 0x000F_FFFF_FFFF_F000
          tlb.insert(linear, X86TLBEntry(frame: frame, flags: flags, size: size))
        }
      }
    }
  }
}
