internal import MachineCore

/// What the guest sees between C0000h and FFFFFh: firmware in read-only memory, or the storage beneath it.
///
/// The bytes that the guest reads now always lie in the platform's storage, so that every engine executes and
/// reads them at full speed; what a segment hides is kept here. Stores to a segment that does not both
/// read and write storage come here, too.
final class FirmwareShadow: ProtectedStores {
  /// How a segment is seen.
  struct Access: OptionSet {
    let rawValue: UInt8
    /// The guest reads storage, not firmware.
    static let readsStorage = Access(rawValue: 1)
    /// The guest's stores reach storage.
    static let writesStorage = Access(rawValue: 2)
  }

  /// A part that is switched as a whole.
  struct Segment {
    let range: Range<Int>
    fileprivate(set) var access: Access = []
    /// Storage that firmware hides; `nil` while it is all zero or not hidden.
    fileprivate var hidden: [UInt8]?
  }

  private(set) var segments: [Segment]
  private let firmware: [UInt8]

  /// First address.
  static let start = Int(X86Layout.shadowStart)
  /// Address behind the last one.
  static let end = Int(X86Layout.shadowEnd)

  /// - Parameter firmware: 256 KiB that are read while storage is not.
  init(firmware: [UInt8]) {
    precondition(firmware.count == Self.end - Self.start)
    self.firmware = firmware
    let small = stride(from: Self.start, to: 0xF_0000, by: 0x4000).map { Segment(range: $0..<($0 + 0x4000)) }
    segments = small + [Segment(range: 0xF_0000..<Self.end)]
  }

  /// Puts firmware in place and protects it, for a machine that was just switched on.
  func install(on platform: Platform) throws(MachineError) {
    try platform.memory.write(firmware, at: Self.start)
    platform.protectedStores = self
    protect(platform)
  }

  /// Changes how a segment is seen.
  func set(_ index: Int, _ access: Access, on platform: Platform) {
    let old = segments[index].access
    guard old != access else { return }
    segments[index].access = access
    let range = segments[index].range
    let memory = platform.memory
    // The range lies inside the storage: the machine was made so. Nothing else can fail.
    if access.contains(.readsStorage), !old.contains(.readsStorage) {
      let bytes = segments[index].hidden ?? [UInt8](repeating: 0, count: range.count)
      segments[index].hidden = nil
      try? memory.write(bytes, at: range.lowerBound)
    } else if !access.contains(.readsStorage), old.contains(.readsStorage) {
      let bytes = (try? memory.read(range)) ?? []
      segments[index].hidden = bytes.contains { $0 != 0 } ? bytes : nil
      try? memory.write(
        Array(firmware[(range.lowerBound - Self.start)..<(range.upperBound - Self.start)]),
        at: range.lowerBound)
    }
    protect(platform)
  }

  private func protect(_ platform: Platform) {
    var ranges: [Range<UInt64>] = []
    for segment in segments where segment.access != [.readsStorage, .writesStorage] {
      let range = UInt64(segment.range.lowerBound)..<UInt64(segment.range.upperBound)
      if let last = ranges.last, last.upperBound == range.lowerBound {
        ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
      } else {
        ranges.append(range)
      }
    }
    var view = platform.view
    view.protected = ranges
    platform.setView(view)
  }

  func store(_ physical: UInt64, _ value: UInt64, width: Int, on platform: Platform) {
    guard let index = segments.firstIndex(where: { $0.range.contains(Int(clamping: physical)) }),
      segments[index].access == .writesStorage
    else { return }
    let range = segments[index].range
    var bytes = segments[index].hidden ?? [UInt8](repeating: 0, count: range.count)
    for offset in 0..<min(width, 8) {
      let place = Int(physical) - range.lowerBound + offset
      if place < bytes.count { bytes[place] = UInt8(truncatingIfNeeded: value >> UInt64(offset * 8)) }
    }
    segments[index].hidden = bytes
  }

  // MARK: State

  /// For each segment: access, and the hidden bytes, eight to a word, if there are any.
  var words: [UInt64] {
    segments.flatMap { segment -> [UInt64] in
      guard let hidden = segment.hidden else { return [UInt64(segment.access.rawValue), 0] }
      return [UInt64(segment.access.rawValue), 1] + ByteWords.pack(hidden)
    }
  }

  func restore(_ words: ArraySlice<UInt64>) {
    var rest = words
    for index in segments.indices {
      guard let access = rest.popFirst(), let has = rest.popFirst() else { return }
      segments[index].access = Access(rawValue: UInt8(truncatingIfNeeded: access) & 3)
      segments[index].hidden = nil
      let count = segments[index].range.count
      if has != 0 {
        guard rest.count >= count / 8 else { return }
        segments[index].hidden = ByteWords.unpack(rest.prefix(count / 8))
        rest = rest.dropFirst(count / 8)
      }
    }
  }
}

/// Bytes as 64-bit words, little-endian, for device states.
enum ByteWords {
  /// Eight bytes a word; the last one is filled up with zeros.
  static func pack(_ bytes: [UInt8]) -> [UInt64] {
    stride(from: 0, to: bytes.count, by: 8).map { start in
      bytes[start..<min(start + 8, bytes.count)].enumerated().reduce(0) {
        $0 | UInt64($1.element) << UInt64($1.offset * 8)
      }
    }
  }

  /// The bytes of words.
  static func unpack(_ words: some Sequence<UInt64>) -> [UInt8] {
    words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
  }
}
