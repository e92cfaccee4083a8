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

  @Test func damagedFilesAreNamed() throws {
    let file = try TemporaryFile("bad.json", #"[{"name": "x", "bytes": [1, "#)
    let result = triad("vectors", file.path)
    #expect(result.status == 3)
    #expect(result.error.contains("byte"), "\(result.error)")
  }
}
