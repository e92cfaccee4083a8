internal import MachineCore
internal import ToyISA
internal import Trace

/// What the grader asks for.
///
/// A line `LIMIT STORAGE VARIANT LEVEL SEED PROBES LAYOUT INPUT DISK`: instructions, bytes of the guest's storage, variant of the
/// instruction set, trace level, seed of what is in storage around the guest, 1 to probe the levels, for each level from
/// the lowest `BEFORE+BEHIND` bytes around its guest with commas in between, and the bytes of console input
/// and disk that follow before the image.
struct Request {
  var limit: UInt64
  var storage: Int
  var variant: ToyVariant
  var level: TraceLevel
  var seed: UInt64
  var isProbing: Bool
  var layout: Layout
  var input: [UInt8]
  var disk: [UInt8]
  var image: [UInt8]

  init?(_ bytes: [UInt8]) {
    let line = bytes.prefix { $0 != 10 }
    let words = String(decoding: line, as: UTF8.self).split(separator: " ").map(String.init)
    guard words.count == 9, let limit = UInt64(words[0]), let storage = UInt32(words[1]),
      let variant = ToyVariant(rawValue: words[2]),
      let level = [TraceLevel.instructions, .events].first(where: { $0.name == words[3] }),
      let seed = UInt64(words[4]), let layout = Layout(words[6], guest: storage), let input = Int(words[7]),
      let disk = Int(words[8]), input >= 0, disk >= 0
    else { return nil }
    let rest = bytes.dropFirst(line.count + 1)
    guard input + disk <= rest.count else { return nil }
    self.limit = limit
    self.storage = Int(storage)
    self.variant = variant
    self.level = level
    self.seed = seed
    isProbing = words[5] == "1"
    self.layout = layout
    self.input = Array(rest.prefix(input))
    self.disk = Array(rest.dropFirst(input).prefix(disk))
    image = Array(rest.dropFirst(input + disk))
  }
}

/// Who has which part of storage: the guest in the storage of the topmost hardware, and so on down to the bare machine.
struct Layout {
  /// The region of each level's guest in that level's hardware, the lowest level first.
  private(set) var regions: [Region] = []
  /// Bytes of the bare machine's storage.
  private(set) var storageSize: UInt32

  init?(_ text: String, guest: UInt32) {
    storageSize = guest
    for level in text.split(separator: ",").reversed() {
      let sizes = level.split(separator: "+").compactMap { UInt32($0) }
      guard sizes.count == 2, sizes.allSatisfy({ $0 % 4096 == 0 && $0 < 1 << 24 }), storageSize < 1 << 24
      else { return nil }
      regions.insert(Region(start: sizes[0], size: storageSize), at: 0)
      storageSize += sizes[0] + sizes[1]
    }
    if regions.isEmpty { return nil }
  }

  /// Address in the bare machine of the guest's first byte.
  var guestStart: UInt32 { regions.reduce(0) { $0 + $1.start } }

  /// The addresses around the guest's storage, in words of eight bytes.
  private var outside: [UInt64] {
    let guest = UInt64(guestStart)..<UInt64(guestStart) + UInt64(regions.last?.size ?? 0)
    return stride(from: 0, to: UInt64(storageSize), by: 8).filter { !guest.contains($0) }
  }

  /// Puts into the storage around the guest what nobody may change; the grader knows the same formula.
  func fillOutside(_ memory: GuestMemory, seed: UInt64) {
    for address in outside {
      let word = (seed ^ address) &* 0x9E37_79B9_7F4A_7C15
      memory.store(address, word ^ word >> 29, width: 8)
    }
  }

  /// Digest of the storage around the guest.
  func digestOutside(_ memory: GuestMemory) -> UInt64 {
    var digest = Digest()
    for address in outside { digest.add(word: memory.load(address, width: 8) ?? 0) }
    return digest.value
  }
}
