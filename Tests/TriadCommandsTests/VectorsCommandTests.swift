import Foundation
import Testing

/// Vectors made from documented behaviour, on both engines.
@Suite struct VectorsCommandTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Vectors")

  private func path(_ name: String) -> String { Self.folder.appending(path: name).path }

  @Test(arguments: ["8086", "286", "386"], ["emulator", "simulator"])
  func documentedBehaviourPasses(_ model: String, _ engine: String) {
    let result = triad("vectors", path("\(model).json"), "--cpu", model, "--on", engine)
    #expect(result.status == 0, "\(result.output)\(result.error)")
  }

  /// What manuals leave out and captures show, one vector each; every expectation was written by hand.
  @Test(arguments: ["8086", "286", "386"], ["emulator", "simulator"])
  func quirksPass(_ model: String, _ engine: String) {
    let result = triad("vectors", path("\(model)-quirks.json"), "--cpu", model, "--on", engine)
    #expect(result.status == 0, "\(result.output)\(result.error)")
  }

  /// The quirks of one generation are wrong on the others, or the vectors would test nothing.
  @Test(arguments: [("286", "386"), ("386", "286"), ("8086", "286")])
  func quirksAreOfOneModel(_ vectors: String, _ model: String) throws {
    let result = try triad("vectors", path("\(vectors)-quirks.json"), "--cpu", model, "--json").json
    #expect((result as? [String: Any])?["failed"] as? Int ?? 0 >= 8)
  }

  @Test func packedFilesAreTheSame() throws {
    let plain = try triad("vectors", path("8086.json"), "--json").json as? [String: Any]
    let packed = try triad("vectors", path("8086-packed.json.gz"), "--json").json as? [String: Any]
    #expect(plain?["passed"] as? Int == 19)
    #expect(packed?["passed"] as? Int == 19)
  }

  @Test func modelsDiffer() {
    // What is right for one generation is wrong for another.
    #expect(triad("vectors", path("8086.json"), "--cpu", "286").status == 1)
    #expect(triad("vectors", path("286.json"), "--cpu", "8086").status == 1)
  }

  @Test func aWrongByteIsFound() throws {
    let text = try String(contentsOfFile: path("8086.json"), encoding: .utf8)
    let changed = text.replacingOccurrences(of: "\"sp\": 254", with: "\"sp\": 253")
    #expect(changed != text)
    let file = try TemporaryFile("54.json", changed)
    let result = triad("vectors", file.path)
    #expect(result.status == 1)
    #expect(result.output.contains("rsp: expected 0xfd, got 0xfe"), "\(result.output)")
  }

  @Test func metadataMasksFlags() throws {
    // ADD with a wrong overflow flag passes only where a mask leaves that flag out.
    let text = """
      [{"name": "add al, bl", "bytes": [0, 216], "initial": {"regs": {"ax": 1, "bx": 1, "cs": 4096, "ip": 0,
        "ss": 0, "ds": 0, "es": 0, "sp": 256, "flags": 61442}, "ram": [[65536, 0], [65537, 216]]},
        "final": {"regs": {"ax": 2, "ip": 2, "flags": 63490}, "ram": []}}]
      """
    let file = try TemporaryFile("00.json", text)
    #expect(triad("vectors", file.path).status == 1)
    let metadata = try TemporaryFile(
      "metadata.json", #"{"opcodes": {"00": {"status": "normal", "flags-mask": 63487}}}"#)
    #expect(triad("vectors", file.path, "--metadata", metadata.path).status == 0)
  }

  /// A folder as the captures come: vectors by opcode, masks beside them, a revocation list above.
  @Test func foldersWithMasksAndRevocations() throws {
    let top = FileManager.default.temporaryDirectory.appending(path: "triad-\(UUID().uuidString)")
    let folder = top.appending(path: "v1_real_mode")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: top) }
    // SHL by CL with a wrong overflow flag, which the mask leaves out.
    func vector(_ hash: String, ax: Int) -> String {
      """
      {"name": "shl al, cl", "bytes": [210, 224, 244], "hash": "\(hash)", "initial": {"regs": {"ax": 1, "bx": 0,
        "cx": 4, "dx": 0, "cs": 4096, "ip": 0, "ss": 0, "ds": 0, "es": 0, "sp": 256, "bp": 0, "si": 0, "di": 0,
        "flags": 2}, "ram": [[65536, 210], [65537, 224], [65538, 244]]},
        "final": {"regs": {"ax": \(ax), "ip": 3, "flags": 2066}, "ram": []}}
      """
    }
    let text = "[\(vector("00ff", ax: 16)), \(vector("0bad", ax: 17))]"
    try Data(text.utf8).write(to: folder.appending(path: "66D2.4.json"))
    let arguments = ["vectors", folder.path, "--cpu", "286", "--json"]
    func counts() throws -> [Int?] {
      let result = try triad(arguments).json as? [String: Any]
      let file = (result?["files"] as? [[String: Any]])?.first
      return [file?["passed"] as? Int, file?["failed"] as? Int, file?["revoked"] as? Int]
    }
    // Without masks the semantics' own undefined flags count: overflow and auxiliary carry of such a shift.
    #expect(try counts() == [1, 1, 0])
    try Data("# taken back\n0BAD\n".utf8).write(to: top.appending(path: "revocation_list.txt"))
    #expect(try counts() == [1, 0, 1])
    #expect(triad(arguments + ["--all-flags"]).status == 1)
    try Data("op,ex,f_umask,desc\nD2,4,0xF7EF,\"shift, left\"\n".utf8).write(
      to: top.appending(path: "80386.csv"))
    let result = try triad(arguments).json as? [String: Any]
    let file = (result?["files"] as? [[String: Any]])?.first
    #expect(file?["undefinedFlagsDiffer"] as? Int == 0, "the mask makes the vector pass at once")
  }

  /// The binary form: a header that names the processor, then chunks.
  @Test func mooFilesAreRead() throws {
    let good = MooBuilder.file("C286", final: [(12, 0x104)])
    let file = try TemporaryFile("40.MOO", good)
    let result = triad("vectors", file.path)
    #expect(result.status == 0, "\(result.output)\(result.error)")
    #expect(result.output.contains("286 on emulator: 1 passed"), "\(result.output)")
    // A wrong instruction pointer fails; so do chunks that are longer than the file.
    let wrong = try TemporaryFile("41.MOO", MooBuilder.file("C286", final: [(12, 0x105)]))
    #expect(triad("vectors", wrong.path).status == 1)
    for count in stride(from: 8, to: good.count - 1, by: 7) where count != 20 {
      let cut = try TemporaryFile("cut.MOO", Array(good.prefix(count)))
      let result = triad("vectors", cut.path)
      #expect(result.status == 3, "\(count) bytes: \(result.output)")
      #expect(result.error.contains("byte "), "\(result.error)")
    }
  }

  /// One unreadable file does not keep the others from being checked.
  @Test func otherFilesAreStillChecked() throws {
    let bad = try TemporaryFile("bad.json", "[{\"name\": 7}]")
    let result = triad("vectors", bad.path, path("8086.json"))
    #expect(result.status == 3)
    #expect(result.output.contains("19 passed"), "\(result.output)")
    #expect(result.error.contains("bad.json: byte"), "\(result.error)")
  }

  @Test(arguments: [
    "[", "[{]", "[{\"bytes\": [99999999999999999999]}]", "[{\"bytes\": [1.5]}]", "{}",
    "[{\"initial\": {\"regs\": {\"zz\": 1}}}]", "[{\"initial\": {\"ram\": [[1]]}}]", "[{\"name\": \"x",
    "[{\"bytes\": [1], \"initial\": {\"regs\": {\"ax\": 1}}}",
  ])
  func badTextIsRefused(_ text: String) throws {
    let file = try TemporaryFile("bad.json", text)
    let result = triad("vectors", file.path)
    #expect(result.status == 3, "\(text): \(result.output)")
    #expect(result.error.contains("byte "), "\(result.error)")
  }

  @Test func deepNestingIsPassedOver() throws {
    let deep = String(repeating: "[", count: 200_000)
    let file = try TemporaryFile("deep.json", "[{\"cycles\": \(deep)")
    #expect(triad("vectors", file.path).status == 3)
  }

  @Test func damagedFilesAreNamed() throws {
    let file = try TemporaryFile("bad.json", #"[{"name": "x", "bytes": [1, "#)
    let result = triad("vectors", file.path)
    #expect(result.status == 3)
    #expect(result.error.contains("byte"), "\(result.error)")
  }
}

/// Writes MOO files for tests: one vector, INC AX and HLT at 1000:0100 on a 16-bit processor.
private enum MooBuilder {
  static func number(_ value: Int, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  static func chunk(_ tag: String, _ contents: [UInt8]) -> [UInt8] {
    Array(tag.utf8) + number(contents.count, 4) + contents
  }

  /// - Parameter final: registers that changed, by bit: 0 is AX, 12 IP.
  static func file(_ processor: String, final: [(bit: Int, value: Int)]) -> [UInt8] {
    let code: [UInt8] = [0x40, 0xF4]
    let initial = (0..<14).map { $0 == 4 ? 0x1000 : $0 == 12 ? 0x0102 : $0 == 13 ? 2 : 0 }
    let memory = code.enumerated().flatMap { number(0x10102 + $0.offset, 4) + [$0.element] }
    let changed = [(bit: 0, value: 1)] + final
    let vector =
      number(7, 4) + chunk("NAME", number(6, 4) + Array("inc ax".utf8))
      + chunk("BYTS", number(code.count, 4) + code)
      + chunk(
        "INIT",
        chunk("REGS", number(0x3FFF, 2) + initial.flatMap { number($0, 2) })
          + chunk("RAM ", number(code.count, 4) + memory) + chunk("QUEU", number(0, 4)))
      + chunk(
        "FINA",
        chunk(
          "REGS", number(changed.reduce(0) { $0 | 1 << $1.bit }, 2) + changed.flatMap { number($0.value, 2) })
          + chunk("RAM ", number(0, 4)))
      + chunk("CYCL", number(0, 4)) + chunk("HASH", [UInt8](repeating: 0xAB, count: 20))
    return chunk("MOO ", [1, 1, 0, 0] + number(1, 4) + Array(processor.utf8)) + chunk("META", [1, 2, 3])
      + chunk("TEST", vector)
  }
}
