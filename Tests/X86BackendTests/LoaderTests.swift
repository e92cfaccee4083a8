import MachineCore
import Testing
import X86Backend

@Suite struct LoaderTests {
  /// A small valid ELF file: one segment of 16 bytes at 1 MiB, 32 in memory, entry at its start.
  static func elf(is64: Bool) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: is64 ? 64 + 56 : 52 + 32)
    func put(_ at: Int, _ value: UInt64, _ width: Int) {
      for index in 0..<width { bytes[at + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8)) }
    }
    let word = is64 ? 8 : 4
    put(0, 0x464C_457F, 4)
    bytes[4] = is64 ? 2 : 1
    bytes[5] = 1
    bytes[6] = 1
    put(16, 2, 2)
    put(18, is64 ? 62 : 3, 2)
    put(20, 1, 4)
    put(24, 0x10_0000, word)
    put(is64 ? 32 : 28, is64 ? 64 : 52, word)
    put(is64 ? 54 : 42, is64 ? 56 : 32, 2)
    put(is64 ? 56 : 44, 1, 2)
    let header = is64 ? 64 : 52
    put(header, 1, 4)
    put(header + (is64 ? 8 : 4), UInt64(bytes.count), word)
    put(header + (is64 ? 16 : 8), 0x10_0000, word)
    put(header + (is64 ? 24 : 12), 0x10_0000, word)
    put(header + (is64 ? 32 : 16), 16, word)
    put(header + (is64 ? 40 : 20), 32, word)
    return bytes + [UInt8](repeating: 0x90, count: 16)
  }

  static func changed(_ bytes: [UInt8], _ at: Int, _ value: UInt64, _ width: Int) -> [UInt8] {
    var bytes = bytes
    for index in 0..<width { bytes[at + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8)) }
    return bytes
  }

  static func error(_ bytes: [UInt8], mode: X86Mode? = nil) -> LoaderError? {
    do throws(LoaderError) {
      _ = try X86Loader.load(bytes, mode: mode)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [false, true])
  func loadsItsSegments(is64: Bool) throws {
    let machine = try X86Loader.load(Self.elf(is64: is64))
    #expect(machine.mode == (is64 ? .long64 : .protected32))
    #expect(machine.entry == 0x10_0000)
    #expect(
      machine.segments == [
        LoadSegment(address: 0x10_0000, bytes: [UInt8](repeating: 0x90, count: 16), memorySize: 32)
      ])
    let platform = try machine.makePlatform()
    #expect(platform.memory.load(0x10_0008, width: 8) == 0x9090_9090_9090_9090)
    #expect(platform.memory.load(0x10_0010, width: 8) == 0)
  }

  @Test func loadsFlatImages() throws {
    let machine = try X86Loader.load([0x90, 0xF4], mode: .real16)
    #expect(machine.entry == 0x7C00)
    let high = try X86Loader.load([0x90, 0xF4], mode: .long64, loadAddress: 0x12_3000)
    #expect(high.entry == 0x12_3000)
    #expect(Self.error([]) == .empty)
    #expect(Self.error([0x90]) == .modeNeeded)
  }

  @Test(arguments: [false, true])
  func refusesHostileHeaders(is64: Bool) {
    let good = Self.elf(is64: is64)
    let word = is64 ? 8 : 4
    let header = is64 ? 64 : 52
    let size = good.count
    #expect(Self.error(good) == nil)
    #expect(Self.error(Self.changed(good, 4, 3, 1)) == .badClass(3))
    #expect(Self.error(Self.changed(good, 5, 2, 1)) == .badByteOrder(2))
    #expect(Self.error(Self.changed(good, 20, 2, 4)) == .badVersion(2))
    #expect(Self.error(Self.changed(good, 16, 3, 2)) == .notExecutable(type: 3))
    #expect(Self.error(Self.changed(good, 18, 183, 2)) == .wrongMachine(183))
    #expect(
      Self.error(Self.changed(good, is64 ? 54 : 42, 8, 2)) == .badEntrySize(what: "program header", 8))
    #expect(Self.error(Self.changed(good, is64 ? 56 : 44, 0xFFFF, 2)) == .tooManyHeaders(0xFFFF))
    #expect(Self.error(Self.changed(good, is64 ? 56 : 44, 0, 2)) == .noSegments)
    #expect(Self.error(Self.changed(good, header, 6, 4)) == .noSegments)
    #expect(Self.error(Self.changed(good, 24, 0x20_0000, word)) == .badEntry(0x20_0000))
    #expect(
      Self.error(good, mode: .real16) == .modeContradicts(.real16, fileClass: is64 ? .long64 : .protected32))
    // More in the file than in memory; an offset behind the end; an end behind 2^64; outside of memory.
    let fileSize = header + (is64 ? 32 : 16)
    let address = header + (is64 ? 24 : 12)
    guard case .badSegment(index: 0, _) = Self.error(Self.changed(good, fileSize, 33, word)) else {
      Issue.record("file size")
      return
    }
    guard case .truncated = Self.error(Self.changed(good, header + (is64 ? 8 : 4), UInt64(size), word)) else {
      Issue.record("offset")
      return
    }
    guard case .outsideMemory = Self.error(Self.changed(good, address, 0xFFFF_0000, word)) else {
      Issue.record("address")
      return
    }
    if is64 {
      guard case .badSegment = Self.error(Self.changed(good, address, UInt64.max - 8, 8)) else {
        Issue.record("overflow")
        return
      }
    }
    for count in [5, 16, header - 1, header + 3, size - 1] {
      guard case .truncated = Self.error(Array(good.prefix(count))) else {
        Issue.record("\(count) bytes")
        continue
      }
    }
  }

  @Test func refusesOverlap() {
    // Two segments at one address: the second header is a copy of the first.
    let good = Self.elf(is64: false)
    var bytes = Array(good[0..<84]) + Array(good[52..<84]) + Array(good[84...])
    bytes = Self.changed(bytes, 44, 2, 2)
    #expect(Self.error(bytes) == .overlap(first: 0, second: 1, address: 0x10_0000))
  }

  @Test func namesSymbolsOfTheWorkloads() throws {
    let machine = try X86Workload.protected32.machine()
    #expect(machine.symbols["_start"] == machine.entry)
    #expect(machine.symbols["kernel_main"] != nil)
  }

  /// Damaged files give a machine or an error, never a crash; segments always lie in memory.
  @Test func survivesMutations() {
    var seed: UInt64 = 0x1D87_2B41_90F3_5A6C
    func random() -> UInt64 {
      seed ^= seed << 13
      seed ^= seed >> 7
      seed ^= seed << 17
      return seed
    }
    var images = [Self.elf(is64: false), Self.elf(is64: true)]
    images += [X86Workload.protected32.image, X86Workload.long64.image]
    let nasty: [UInt64] = [
      0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, .max, .max - 7,
    ]
    var loaded = 0
    for round in 0..<30_000 {
      var bytes = images[round % (round % 64 == 0 ? 4 : 2)]
      for _ in 0...Int(random() % 3) {
        // Mostly in the headers, where the numbers are.
        let range = random() % 4 == 0 ? bytes.count : min(bytes.count, 180)
        let at = Int(random() % UInt64(range))
        let value = random() % 2 == 0 ? random() : nasty[Int(random() % UInt64(nasty.count))]
        let width = min(1 << Int(random() % 4), bytes.count - at)
        bytes = Self.changed(bytes, at, value, width)
      }
      if random() % 8 == 0 { bytes = Array(bytes.prefix(Int(random() % UInt64(bytes.count)))) }
      let mode = random() % 8 == 0 ? X86Mode.allCases[Int(random() % 3)] : nil
      guard let machine = try? X86Loader.load(bytes, mode: mode) else { continue }
      loaded += 1
      for segment in machine.segments {
        #expect(segment.address + segment.memorySize <= UInt64(machine.memorySize), "round \(round)")
      }
    }
    // The mutations must not all be fatal, or nothing behind the first check was tried.
    #expect(loaded > 1_000)
  }
}
