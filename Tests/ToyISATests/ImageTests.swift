import MachineCore
import Testing
import ToyISA
import Trace

@Suite struct ImageTests {
  private static let source = """
    .include "toy.inc"
    _start: la a0, text
    loop: j loop
    .rodata
    text: .asciz "text"
    .data
    .org 0x2000
    value: .word 1, 2, 3
    .bss
    room: .space 100
    .equ constant, 77
    """

  private func image() throws -> ToyImage { try ToyAssembler.assemble(Self.source, file: "a.asm") }

  @Test func encodingComesBack() throws {
    let image = try image()
    let decoded = try ToyImage(decoding: image.encode())
    #expect(decoded == image)
    #expect(decoded.digest == image.digest)
    let bare = try ToyImage(decoding: image.encode(includeText: false))
    #expect(bare.files.allSatisfy { $0.text == nil })
    #expect(bare.segments == image.segments && bare.lines == image.lines)
    #expect(bare.line(for: 0x108)?.text == nil && bare.line(for: 0x108)?.line == 3)
  }

  @Test func lookUps() throws {
    let image = try image()
    #expect(image.entry == 0x100)
    #expect(image.symbol(at: 0x108)?.symbol.name == "loop")
    #expect(image.symbol(at: 0x104).map { $0.symbol.name } == "_start")
    #expect(image.symbol(at: 0x104)?.offset == 4)
    #expect(image.symbol(at: 0x2008).map { "\($0.symbol.name)+\($0.offset)" } == "value+8")
    #expect(image.symbol(at: 0x1FFF) == nil)
    #expect(image.symbol(at: 0x9000) == nil)
    #expect(image.symbol(named: "constant")?.value == 77)
    #expect(image.symbol(named: "constant")?.isLabel == false)
    let line = try #require(image.line(for: 0x108))
    #expect(line.file == "a.asm" && line.line == 3 && line.text == "loop: j loop")
    #expect(image.line(for: 0x109) == nil)
    #expect(image.end == 0x200C + 100)
  }

  @Test func loadingFillsStorageAndClearsBSS() throws {
    let image = try image()
    let memory = try GuestMemory(size: 0x3000)
    try memory.write([UInt8](repeating: 0xAA, count: 0x3000), at: 0)
    try image.load(into: memory)
    for segment in image.segments {
      let bytes = try memory.read(Int(segment.address)..<segment.end)
      #expect(Array(bytes.prefix(segment.bytes.count)) == segment.bytes)
      #expect(bytes.dropFirst(segment.bytes.count).allSatisfy { $0 == 0 })
    }
    #expect(try memory.read(0x2FFF..<0x3000) == [0xAA])
    let small = try GuestMemory(size: 0x1000)
    #expect(throws: ImageError.doesNotFit(end: image.end, storage: 0x1000)) { try image.load(into: small) }
    #expect(try small.read(0..<0x1000).allSatisfy { $0 == 0 })
  }

  @Test func everyTruncationIsRefused() throws {
    let bytes = try image().encode()
    for count in 0..<bytes.count {
      #expect(throws: ImageError.self) { try ToyImage(decoding: Array(bytes[..<count])) }
    }
    #expect(throws: ImageError.notAnImage) { try ToyImage(decoding: Array("; source".utf8)) }
    var other = bytes
    other[8] = 2
    #expect(throws: ImageError.version(2)) { try ToyImage(decoding: other) }
  }

  @Test func everyDamagedByteIsNoticed() throws {
    let bytes = try image().encode(includeText: false)
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 0x41
      #expect(throws: ImageError.self) { try ToyImage(decoding: damaged) }
    }
  }

  /// Damage under a good check sum: whatever still decodes must be sound.
  @Test func hostileImagesNeverBreakIn() throws {
    let bytes = try image().encode(includeText: false)
    var random = SplitMix(seed: 0xBAD)
    var accepted = 0
    for _ in 0..<4000 {
      var body = Array(bytes.dropLast(8))
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let index = Int.random(in: 10..<body.count, using: &random)
        body[index] =
          [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random)
          ?? 0
      }
      let sum = Digest.of(body)
      body += (0..<8).map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) }
      guard let image = try? ToyImage(decoding: body) else { continue }
      accepted += 1
      var end = 0
      for segment in image.segments {
        #expect(Int(segment.address) >= end && segment.bytes.count <= segment.size)
        end = segment.end
      }
      #expect(end <= 1 << 32)
      #expect(image.lines.allSatisfy { Int($0.file) < image.files.count })
      #expect(image.encode() == body)
      _ = image.symbol(at: image.entry)
      _ = image.line(for: image.entry)
    }
    #expect(accepted > 100)
  }
}
