import MachineCore
import Testing
import X86Backend

@Suite struct PlatformTests {
  @Test func serialLineSendsAndReceives() throws {
    let platform = try PCPlatform.make(input: Array("hi".utf8))
    #expect(platform.read(.port, 0x3FD, width: 1) == 0x61)
    #expect(platform.read(.port, 0x3F8, width: 1) == 0x68)
    #expect(platform.read(.port, 0x3F8, width: 1) == 0x69)
    #expect(platform.read(.port, 0x3FD, width: 1) == 0x60)
    platform.write(.port, 0x3F8, 0x41, width: 1)
    #expect(platform.console == [0x41])
  }

  @Test func divisorLatchHidesDataAndInterruptRegisters() throws {
    let platform = try PCPlatform.make()
    platform.write(.port, 0x3FB, 0x83, width: 1)
    platform.write(.port, 0x3F8, 0x0C, width: 1)
    platform.write(.port, 0x3F9, 0x01, width: 1)
    #expect(platform.console.isEmpty)
    #expect(platform.read(.port, 0x3F8, width: 2) == 0x010C)
    platform.write(.port, 0x3FB, 0x03, width: 1)
    #expect(platform.read(.port, 0x3F9, width: 1) == 0)
  }

  @Test func loopbackFindsA16550() throws {
    let platform = try PCPlatform.make()
    platform.write(.port, 0x3FC, 0x1E, width: 1)
    platform.write(.port, 0x3F8, 0xAE, width: 1)
    #expect(platform.read(.port, 0x3F8, width: 1) == 0xAE)
    #expect(platform.console.isEmpty)
    platform.write(.port, 0x3FF, 0x5A, width: 1)
    #expect(platform.read(.port, 0x3FF, width: 1) == 0x5A)
  }

  @Test func powerPortKeepsTheFirstStatus() throws {
    let platform = try PCPlatform.make()
    platform.write(.port, 0xF4, 0x1234, width: 2)
    platform.write(.port, 0xF4, 7, width: 1)
    #expect(platform.powerOff == 0x2469)
  }

  @Test func doorbellAnswers() throws {
    let platform = try PCPlatform.make()
    platform.write(.port, 0x5A4, 0xCAFE, width: 4)
    platform.write(.port, 0x5A0, 1, width: 4)
    #expect(platform.read(.port, 0x5A8, width: 4) == 0xCAFE)
    platform.write(.port, 0x5A0, 99, width: 4)
    #expect(platform.read(.port, 0x5A8, width: 4) == 0xFFFF_FFFF)
    #expect(platform.read(.port, 0x5AC, width: 4) == DoorbellPort.identification)
  }

  @Test func stateComesBack() throws {
    let platform = try PCPlatform.make(input: [1, 2, 3])
    _ = platform.read(.port, 0x3F8, width: 1)
    platform.write(.port, 0x3FF, 9, width: 1)
    let state = platform.save()
    _ = platform.read(.port, 0x3F8, width: 1)
    platform.write(.port, 0x3FF, 8, width: 1)
    platform.restore(state)
    #expect(platform.read(.port, 0x3F8, width: 1) == 2)
    #expect(platform.read(.port, 0x3FF, width: 1) == 9)
  }

  @Test func nobodyAnswersElsewhere() throws {
    let platform = try PCPlatform.make()
    #expect(platform.read(.port, 0x60, width: 1) == 0xFF)
    #expect(platform.read(.memory, 0xFEE0_0000, width: 4) == 0xFFFF_FFFF)
    #expect(throws: MachineError.badMemorySize(4096)) { try PCPlatform.make(memorySize: 4096) }
  }

  @Test func initialDescriptorsMatchTheInitialState() throws {
    let machine = X86Machine(mode: .long64, entry: 0x10_0000, segments: [])
    let memory = try machine.makePlatform().memory
    #expect(memory.load(X86Layout.gdt + 8, width: 8) == 0x00AF_9B00_0000_FFFF)
    #expect(memory.load(X86Layout.gdt + 16, width: 8) == 0x00CF_9300_0000_FFFF)
    #expect(memory.load(X86Layout.gdt + 0x28, width: 8) == 0x00AF_FB00_0000_FFFF)
    // The identity map: the last 2 MiB page of the fourth GiB.
    #expect(memory.load(X86Layout.pageDirectories + 2047 * 8, width: 8) == 0xFFE0_00E3)
    let flat = try X86Machine(mode: .protected32, entry: 0x10_0000, segments: []).makePlatform().memory
    #expect(flat.load(X86Layout.gdt + 8, width: 8) == 0x00CF_9B00_0000_FFFF)
  }

  @Test func segmentsOutsideOfMemoryAreRefused() {
    let machine = X86Machine(
      mode: .real16, entry: 0x7C00, segments: [LoadSegment(address: .max - 3, bytes: [1, 2, 3, 4])])
    #expect(throws: MachineError.self) { try machine.makePlatform() }
  }
}
