import Emulator
import MachineCore
import Testing
import ToyISA
import Trace

/// The bare processor that a VMM stands on.
@Suite struct ToyProcessorTests {
  private func processor(_ source: String, variant: ToyVariant = .classic) throws -> ToyProcessor {
    let (image, entry) = try Lab.assemble(source)
    let storage = try GuestMemory(size: Lab.memorySize)
    try storage.write(image, at: 0)
    let processor = try ToyProcessor(variant: variant, storage: storage)
    processor.psw = PSW(user: true, pc: entry, bound: UInt32(Lab.memorySize))
    return processor
  }

  @Test("A slice is exact", arguments: [0, 1, 7, 8, 1000, 2048, 10_000])
  func slice(count: UInt64) throws {
    let processor = try processor("_start: addi r1, r1, 1\n j _start")
    #expect(processor.execute(slice: count, into: nil) == .sliceEnd)
    #expect(processor.executed == count)
    #expect(processor.register(1) == UInt32((count + 1) / 2))
  }

  @Test("A trap returns with the PSW of the trapping instruction and nothing stored")
  func trap() throws {
    let processor = try processor("_start: nop\n svc 5")
    let digest = processor.storage.digest
    #expect(processor.execute(slice: 100, into: nil) == .trap(cause: 8, value: 5))
    #expect(processor.psw.pc == 0x104)
    #expect(processor.executed == 1)
    #expect(processor.storage.digest == digest)
    #expect(processor.execute(slice: 100, into: nil) == .trap(cause: 8, value: 5))
  }

  @Test("Nothing it runs is privileged", arguments: ToyVariant.allCases)
  func alwaysUser(variant: ToyVariant) throws {
    for row in toyTable where row.group == .system {
      let processor = try processor("_start: nop", variant: variant)
      let word = UInt32(row.opcode) << 24 | (row.format.mask & 0x0011_0000)
      try processor.storage.write((0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }, at: 0x100)
      processor.psw = PSW(user: false, interruptEnable: true, pc: 0x100, base: 0, bound: 0x8000)
      processor.setRegister(1, 0x200)
      let event = processor.execute(slice: 1, into: nil)
      switch row.userBehaviour(in: variant) {
      case .trap: #expect(event == .trap(cause: ToyCause.privileged.rawValue, value: word))
      case .execute, .ignore: #expect(event == .sliceEnd)
      }
      #expect(processor.psw.user)
      #expect(processor.psw.interruptEnable)
      if variant == .leaky, row.mnemonic == "getbound" { #expect(processor.register(1) == 0x8000) }
    }
  }

  @Test("Traced and untraced execution agree, and the records carry user mode")
  func traced() throws {
    let source = "_start: addi r1, r1, 3\n sw r1, 0x200(r0)\n bne r1, r2, _start"
    let fast = try processor(source)
    let slow = try processor(source)
    var records: [TraceRecord] = []
    let recorder = TraceRecorder(level: .instructions) { records.append(contentsOf: $0) }
    #expect(fast.execute(slice: 1000, into: nil) == .sliceEnd)
    #expect(slow.execute(slice: 1000, into: recorder) == .sliceEnd)
    recorder.flush()
    #expect(fast.psw == slow.psw)
    #expect(fast.register(1) == slow.register(1))
    #expect(fast.storage.digest == slow.storage.digest)
    let retired = records.filter { $0.eventKind == .retire }
    #expect(retired.map(\.clock) == Array(1...1000))
    #expect(retired.allSatisfy { $0.mode == 1 })
  }

  @Test("A write through a slice of the storage drops decoded code")
  func slices() throws {
    let processor = try processor("_start: addi r1, r1, 1\n j _start")
    _ = processor.execute(slice: 100, into: nil)
    let window = try processor.storage.slice(0x100..<0x200)
    try window.write([5, 0], at: 0)
    _ = processor.execute(slice: 100, into: nil)
    #expect(processor.register(1) == 50 + 250)
  }
}
