import MachineCore
import Testing
import X86Backend

/// The full PC's other devices, each against its data sheet, on a whole platform.
@Suite struct PCDeviceTests {
  private let platform: Platform

  init() throws {
    let disk = (0..<8).flatMap { sector in [UInt8](repeating: UInt8(0x10 + sector), count: 512) }
    platform = try PCPlatform.makeFull(
      PCParts(
        roms: [ROMImage(name: "rom", bytes: [UInt8](repeating: 0xAB, count: 0x1_0000))], disk: disk,
        keys: Array("aB".utf8),
        date: CivilDate(year: 2024, month: 2, day: 28, hour: 23, minute: 59, second: 58)),
      memorySize: 4 << 20)
    // Interrupt controllers: vectors 0x20 and 0x28, automatic end.
    for (port, base, wiring) in [(UInt64(0x20), UInt64(0x20), UInt64(4)), (0xA0, 0x28, 2)] {
      out(port, 0x11)
      out(port + 1, base)
      out(port + 1, wiring)
      out(port + 1, 3)
    }
  }

  private func out(_ port: UInt64, _ value: UInt64, _ width: Int = 1) {
    platform.write(.port, port, value, width: width)
  }
  private func read(_ port: UInt64, _ width: Int = 1) -> UInt64 { platform.read(.port, port, width: width) }
  private func take() -> UInt64? { platform.pending != 0 ? platform.takeInterrupt(causeBase: 0).cause : nil }
  private func cmos(_ index: UInt64) -> UInt64 {
    out(0x70, index)
    return read(0x71)
  }
  private func cmos(_ index: UInt64, _ value: UInt64) {
    out(0x70, index)
    out(0x71, value)
  }

  private func pass(_ instructions: UInt64) {
    let end = platform.retired + instructions
    while platform.deadline <= end {
      platform.retired = max(platform.retired, platform.deadline)
      platform.advance()
    }
    platform.retired = end
  }

  // MARK: Clock

  @Test func theClockGoesOverALeapDay() {
    let second = X86Layout.instructionsPerSecond
    func shown() -> [UInt64] { [9, 8, 7, 6, 4, 2, 0].map { cmos($0) } }
    #expect(shown() == [0x24, 2, 0x28, 4, 0x23, 0x59, 0x58])
    pass(2 * second)
    #expect(shown() == [0x24, 2, 0x29, 5, 0, 0, 0])
    pass(86400 * second)
    #expect(shown() == [0x24, 3, 0x01, 6, 0, 0, 0])
    #expect(cmos(0x32) == 0x20)
    // Binary, 12 hours.
    cmos(0x0B, 0x04)
    pass(13 * 3600 * second)
    #expect(cmos(4) == 0x81)
    #expect(cmos(7) == 1)
  }

  @Test func theClockInterrupts() {
    let second = X86Layout.instructionsPerSecond
    cmos(0x0A, 0x26)
    cmos(0x0B, 0x42)
    pass(second / 1024)
    #expect(take() == nil)
    pass(2)
    #expect(take() == 0x28)
    pass(second)
    #expect(take() == nil, "the line stays up until register C is read")
    #expect(cmos(0x0C) & 0xC0 == 0xC0)
    #expect(cmos(0x0C) == 0)
    cmos(0x0B, 0x12)
    pass(second + second / 2)
    #expect(take() == 0x28)
    #expect(cmos(0x0C) & 0x90 == 0x90)
    // An alarm at any hour and minute, second 10.
    cmos(0x01, 0x10)
    cmos(0x03, 0xFF)
    cmos(0x05, 0xFF)
    cmos(0x0B, 0x22)
    pass(20 * second)
    #expect(take() == 0x28)
    #expect(cmos(0x0C) & 0xA0 == 0xA0)
  }

  @Test func theClockCanBeSet() {
    cmos(0x0B, 0x82)
    for (index, value) in [(9, 0x99), (8, 0x12), (7, 0x31), (4, 0x23), (2, 0x59), (0, 0x59)]
      as [(UInt64, UInt64)]
    {
      cmos(index, value)
    }
    pass(5 * X86Layout.instructionsPerSecond)
    #expect(cmos(0) == 0x59, "it stands still while it is set")
    cmos(0x0B, 0x02)
    pass(X86Layout.instructionsPerSecond)
    #expect([9, 8, 7, 4, 2, 0].map { cmos($0) } == [0, 1, 1, 0, 0, 0])
    #expect(cmos(0x32) == 0x21)
  }

  @Test func memorySizesAreThere() {
    #expect(cmos(0x15) | cmos(0x16) << 8 == 640)
    #expect(cmos(0x17) | cmos(0x18) << 8 == 3072)
    #expect(cmos(0x34) == 0)
  }

  // MARK: Keyboard and A20

  @Test func theKeyboardTypes() {
    out(0x64, 0x60)
    out(0x60, 0x45)
    out(0x60, 0xF4)
    #expect(take() == 0x21)
    #expect(read(0x60) == 0xFA)
    var codes: [UInt64] = []
    for _ in 0..<40 {
      pass(X86Layout.keyInterval / 2)
      if take() == 0x21 { codes.append(read(0x60)) }
    }
    // a, shift, B, release of both.
    #expect(codes == [0x1E, 0x9E, 0x2A, 0x30, 0xB0, 0xAA])
  }

  @Test func theControllerAnswers() {
    out(0x64, 0xAA)
    #expect(read(0x64) & 1 == 1)
    #expect(read(0x60) == 0x55)
    #expect(read(0x64) & 1 == 0)
    out(0x64, 0x20)
    #expect(read(0x60) & 0x41 == 0x41)
    out(0x64, 0x60)
    out(0x60, 0x30)
    out(0x60, 0xFF)
    #expect(read(0x60) == 0xFA)
    #expect(read(0x60) == 0xAA)
    out(0x64, 0xFE)
    #expect(platform.powerOff == 0)
  }

  @Test func theGateMasksAddresses() {
    #expect(platform.view.addressMask == .max)
    out(0x92, 0)
    #expect(platform.view.addressMask == .max, "the keyboard controller still opens it")
    out(0x64, 0xD1)
    out(0x60, 0xDD)
    #expect(platform.view.addressMask == ~(1 << 20))
    out(0x92, 2)
    #expect(platform.view.addressMask == .max)
  }

  // MARK: Serial line

  @Test func theSerialLineInterrupts() throws {
    let platform = try PCPlatform.makeFull(PCParts(), memorySize: 4 << 20, input: [0x41, 0x42])
    func out(_ port: UInt64, _ value: UInt64) { platform.write(.port, port, value, width: 1) }
    func read(_ port: UInt64) -> UInt64 { platform.read(.port, port, width: 1) }
    for (port, value) in [(0x20, 0x11), (0x21, 0x20), (0x21, 4), (0x21, 3)] as [(UInt64, UInt64)] {
      out(port, value)
    }
    out(0x3F9, 1)
    #expect(platform.pending == 0, "OUT2 holds the line back")
    out(0x3FC, 8)
    #expect(platform.pending != 0)
    #expect(platform.takeInterrupt(causeBase: 0).cause == 0x24)
    #expect(read(0x3FA) & 0x0F == 4)
    #expect(read(0x3F8) == 0x41)
    #expect(read(0x3F8) == 0x42)
    #expect(read(0x3FA) & 0x0F == 1)
    out(0x3F9, 2)
    #expect(platform.takeInterrupt(causeBase: 0).cause == 0x24)
    #expect(read(0x3FA) & 0x0F == 2)
    #expect(read(0x3FA) & 0x0F == 1, "telling is enough")
    out(0x3F8, 0x5A)
    #expect(platform.pending != 0)
    #expect(platform.console == [0x5A])
  }

  // MARK: Disk

  private func sector() -> [UInt64] { (0..<256).map { _ in read(0x1F0, 2) } }

  @Test func theDiskReadsAndWrites() throws {
    out(0x1F6, 0xE0)
    for (port, value) in [(0x1F2, 2), (0x1F3, 3), (0x1F4, 0), (0x1F5, 0), (0x1F7, 0x20)] as [(UInt64, UInt64)]
    {
      out(port, value)
    }
    #expect(take() == 0x2E)
    #expect(read(0x1F7) == 0x58)
    #expect(sector() == [UInt64](repeating: 0x1313, count: 256))
    #expect(take() == 0x2E)
    #expect(sector() == [UInt64](repeating: 0x1414, count: 256))
    #expect(read(0x1F7) == 0x50)
    // 48-bit write of sector 5.
    for value in [0, 1] as [UInt64] { out(0x1F2, value) }
    for value in [0, 5] as [UInt64] { out(0x1F3, value) }
    out(0x1F7, 0x34)
    #expect(take() == nil)
    for word in 0..<256 as Range<UInt64> { out(0x1F0, word, 2) }
    #expect(take() == 0x2E)
    let image = try #require(PCPlatform.disk(of: platform))
    #expect(image.isChanged)
    #expect(image.read(5)[2...5].elementsEqual([1, 0, 2, 0]))
    #expect(image.contents.count == 8 * 512)
    #expect(image.contents[4 * 512] == 0x14)
  }

  @Test func theDiskTellsWhatItIs() {
    out(0x1F6, 0xA0)
    out(0x1F7, 0xEC)
    let words = sector()
    #expect(words[60] == 8)
    #expect(words[100] == 8)
    #expect(words[49] & 0x200 != 0)
    #expect(read(0x1F7) == 0x50)
  }

  @Test func theDiskRefuses() {
    out(0x1F6, 0xE0)
    for (port, value) in [(0x1F2, 1), (0x1F3, 8), (0x1F7, 0x20)] as [(UInt64, UInt64)] { out(port, value) }
    #expect(read(0x1F7) == 0x51)
    #expect(read(0x1F1) == 0x10)
    out(0x1F7, 0xA1)
    #expect(read(0x1F1) == 0x04)
    out(0x1F6, 0xF0)
    #expect(read(0x1F7) == 0, "there is no second disk")
  }

  // MARK: Firmware's shadow

  @Test func theShadowFollowsTheHostBridge() throws {
    let memory = platform.memory
    #expect(memory.load(0xF_0000, width: 2) == 0xABAB)
    #expect(platform.outsideByte(0xFFFF_FFF0) == 0xAB)
    #expect(platform.isProtected(0xF_0000))
    platform.storeProtected(0xF_0000, 0x12, width: 1)
    #expect(memory.load(0xF_0000, width: 1) == 0xAB)
    func pam(_ value: UInt64) {
      out(0xCF8, 0x8000_0058, 4)
      out(0xCFD, value)
    }
    // Stores reach the storage below, reads still the firmware.
    pam(0x20)
    platform.storeProtected(0xF_0000, 0x3412, width: 2)
    #expect(memory.load(0xF_0000, width: 1) == 0xAB)
    let state = platform.save()
    pam(0x30)
    #expect(memory.load(0xF_0000, width: 4) == 0x3412)
    #expect(!platform.isProtected(0xF_0000))
    #expect(platform.isProtected(0xE_0000))
    memory.store(0xF_0000, 0x77, width: 1)
    pam(0x00)
    #expect(memory.load(0xF_0000, width: 1) == 0xAB)
    pam(0x10)
    #expect(memory.load(0xF_0000, width: 1) == 0x77)
    #expect(platform.isProtected(0xF_0000))
    platform.restore(state)
    #expect(platform.view == state.view)
  }

  @Test func configurationSpaceIsAnI440FX() {
    out(0xCF8, 0x8000_0000, 4)
    #expect(read(0xCFC, 4) == 0x1237_8086)
    out(0xCF8, 0x8000_0800, 4)
    #expect(read(0xCFC, 4) == 0x7000_8086)
    out(0xCF8, 0x8000_1000, 4)
    #expect(read(0xCFC, 4) == 0xFFFF_FFFF)
    out(0xCF8, 0x8000_0900, 4)
    #expect(read(0xCFE, 2) == 0x7010)
    out(0xCFC, 0x1234, 2)
    #expect(read(0xCFC, 2) == 0x8086, "identification cannot be written")
  }

  @Test func firmwareFindsItsConfiguration() {
    out(0x510, 0, 2)
    #expect((0..<5).map { _ in read(0x511) } == [0x51, 0x45, 0x4D, 0x55, 0])
    out(0x510, 0x19, 2)
    #expect((0..<4).map { _ in read(0x511) } == [0, 0, 0, 1])
    #expect(read(0x402) == 0xE9)
  }

  // MARK: Video

  @Test func textComesFromVideoMemory() {
    for (index, byte) in "Hi \u{DB}".unicodeScalars.enumerated() {
      platform.memory.store(0xB_8000 + 160 + UInt64(index) * 2, 0x0700 | UInt64(byte.value), width: 2)
    }
    let lines = PCPlatform.screen(of: platform)
    #expect(lines?.count == 25)
    #expect(lines?[1] == "Hi █")
    // A start address of one row moves it up.
    out(0x3D4, 0x500D, 2)
    #expect(PCPlatform.screen(of: platform)?[0] == "Hi █")
  }

  // MARK: The whole

  @Test func placesThatAreTakenAreRefusedByName() throws {
    #expect(throws: MachineError.overlap(new: "log of port 0x64", old: "keyboard", 0x64..<0x65)) {
      var machine = X86Machine(firmware: PCParts(roms: [ROMImage(name: "rom", bytes: [0])]))
      machine.loggedPorts = [0x64]
      _ = try machine.makePlatform()
    }
    #expect(throws: MachineError.self) {
      _ = try PCPlatform.makeFull(
        PCParts(roms: [
          ROMImage(name: "a", bytes: [1, 2], address: 0xC_0000),
          ROMImage(name: "b", bytes: [3], address: 0xC_0001),
        ]))
    }
    #expect(throws: MachineError.badROMPlace("low", 0x1000, 1)) {
      _ = try PCPlatform.makeFull(PCParts(roms: [ROMImage(name: "low", bytes: [1], address: 0x1000)]))
    }
  }

  @Test func everythingComesBack() {
    let state = platform.save()
    out(0x43, 0x34)
    out(0x40, 1)
    out(0x40, 1)
    cmos(0x0B, 0x72)
    out(0x1F6, 0xE1)
    out(0x3D4, 0x0E)
    out(0x80, 0x55)
    out(0x64, 0xAD)
    out(0x3FF, 9)
    #expect(platform.save() != state)
    platform.restore(state)
    #expect(platform.save() == state)
  }

  // MARK: APICs

  private func apic(_ offset: UInt64) -> UInt64 { platform.read(.memory, 0xFEE0_0000 + offset, width: 4) }
  private func apic(_ offset: UInt64, _ value: UInt64) {
    platform.write(.memory, 0xFEE0_0000 + offset, value, width: 4)
  }

  @Test func theLocalTimerCounts() {
    apic(0xF0, 0x1FF)
    apic(0x3E0, 0x3)  // A sixteenth.
    apic(0x320, 0x2_0040)
    apic(0x380, 100)
    pass(1599)
    #expect(apic(0x390) == 1)
    #expect(take() == nil)
    pass(1)
    #expect(take() == 0x40)
    #expect(apic(0x120) == 1, "vector 40h is in service")
    pass(1600)
    #expect(take() == nil, "of the same priority")
    apic(0xB0, 0)
    #expect(take() == 0x40)
    apic(0xB0, 0)
    // Once only.
    apic(0x320, 0x41)
    apic(0x380, 10)
    pass(160)
    #expect(take() == 0x41)
    apic(0xB0, 0)
    #expect(apic(0x390) == 0)
    pass(100_000)
    #expect(take() == nil)
  }

  @Test func prioritiesAndMessagesToOneself() {
    apic(0x300, 0x4_0050)
    #expect(take() == nil, "it is switched off")
    apic(0xF0, 0x1FF)
    apic(0x300, 0x4_0050)
    apic(0x300, 0x4_0061)
    #expect(take() == 0x61)
    #expect(platform.pending == 0)
    apic(0xB0, 0)
    apic(0x80, 0x50)
    #expect(platform.pending == 0, "not above the task priority")
    #expect(apic(0x220) == 0x1_0000)
    apic(0x80, 0x40)
    #expect(take() == 0x50)
    #expect(apic(0xA0) == 0x50)
  }

  @Test func theIOAPICDelivers() {
    apic(0xF0, 0x1FF)
    func io(_ index: UInt64, _ value: UInt64) {
      platform.write(.memory, 0xFEC0_0000, index, width: 4)
      platform.write(.memory, 0xFEC0_0010, value, width: 4)
    }
    platform.write(.memory, 0xFEC0_0000, 1, width: 4)
    #expect(platform.read(.memory, 0xFEC0_0010, width: 4) == 0x17_0011)
    // The 8259 is shut: line 5 level-triggered to 55h, the timer's to 30h.
    out(0x21, 0xFF)
    io(0x10 + 10, 0x8055)
    io(0x10 + 4, 0x30)
    platform.setLine(5, true)
    platform.setLine(0, true)
    #expect(take() == 0x55)
    apic(0xB0, 0)
    #expect(take() == 0x55, "the level is still there")
    platform.setLine(5, false)
    apic(0xB0, 0)
    #expect(take() == 0x30)
    apic(0xB0, 0)
    #expect(take() == nil)
  }

  // MARK: Floppy

  @Test func theFloppyMovesSectorsByDMA() throws {
    let sectors = (0..<2880).flatMap { [UInt8](repeating: UInt8($0 & 0xFF), count: 512) }
    let platform = try PCPlatform.makeFull(PCParts(floppy: sectors), memorySize: 4 << 20)
    func out(_ port: UInt64, _ value: UInt64) { platform.write(.port, port, value, width: 1) }
    func read(_ port: UInt64) -> UInt64 { platform.read(.port, port, width: 1) }
    func send(_ bytes: [UInt64]) { for byte in bytes { out(0x3F5, byte) } }
    func results() -> [UInt64] {
      var bytes: [UInt64] = []
      while read(0x3F4) & 0x40 != 0 { bytes.append(read(0x3F5)) }
      return bytes
    }
    for (port, value) in [(0x20, 0x11), (0x21, 0x20), (0x21, 4), (0x21, 3)] as [(UInt64, UInt64)] {
      out(port, value)
    }
    out(0x3F2, 0)
    out(0x3F2, 0x1C)
    #expect(platform.takeInterrupt(causeBase: 0).cause == 0x26)
    for drive in 0..<4 as Range<UInt64> {
      send([8])
      #expect(results() == [0xC0 + drive, 0])
    }
    send([0x0F, 0, 3])
    send([8])
    #expect(results() == [0x20, 3])
    // Channel 2: two sectors to 12345h.
    func program(_ mode: UInt64) {
      out(0x0A, 6)
      out(0x0C, 0)
      out(0x04, 0x45)
      out(0x04, 0x23)
      out(0x81, 1)
      out(0x05, 0xFF)
      out(0x05, 0x03)
      out(0x0B, mode)
      out(0x0A, 2)
    }
    program(0x46)
    // Cylinder 3, head 1, sector 18: with the multi-track bit it would go on, at the last side it ends there.
    send([0xE6, 0, 3, 0, 17, 2, 18, 0x1B, 0xFF])
    #expect(results() == [0, 0, 0, 3, 1, 1, 2])
    let first = 3 * 36 + 16
    #expect(platform.memory.load(0x12345, width: 1) == UInt64(first & 0xFF))
    #expect(platform.memory.load(0x12345 + 1023, width: 1) == UInt64((first + 1) & 0xFF))
    #expect(platform.memory.load(0x12345 + 1024, width: 1) == 0)
    #expect(read(0x08) & 4 == 4, "terminal count")
    try platform.memory.write([UInt8](repeating: 0xEE, count: 1024), at: 0x12345)
    program(0x4A)
    send([0xC5, 0, 3, 0, 1, 2, 18, 0x1B, 0xFF])
    #expect(results().first == 0)
    let image = try #require(PCPlatform.floppy(of: platform))
    #expect(image.read(3 * 36) == [UInt8](repeating: 0xEE, count: 512))
    program(0x46)
    send([0xE6, 0, 3, 0, 19, 2, 18, 0x1B, 0xFF])
    #expect(results().prefix(2) == [0x40, 0x04])
    let state = platform.save()
    send([8])
    platform.restore(state)
    #expect(platform.save() == state)
  }
}
