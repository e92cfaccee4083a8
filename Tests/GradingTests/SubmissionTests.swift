import Foundation
import Grading
import MachineCore
import Simulator
import Testing
import ToyISA

/// A folder that is deleted at the end of a test.
final class TemporaryFolder {
  let url: URL
  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("triad-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(at: url) }

  func write(_ name: String, _ text: String) throws {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }
}

@Suite struct SubmissionTests {
  @Test func onlyAllowedPlainFilesAreRead() throws {
    let folder = try TemporaryFolder()
    try folder.write("deep/down/A.swift", "far")
    try folder.write("A.swift", "near")
    try folder.write("lab.json", "{}")
    try FileManager.default.createSymbolicLink(
      atPath: folder.url.appendingPathComponent("B.swift").path, withDestinationPath: "/etc/passwd")
    #expect(mkfifo(folder.url.appendingPathComponent("C.swift").path, 0o600) == 0)
    try Data([0xFF, 0xFE, 0x00]).write(to: folder.url.appendingPathComponent("D.swift"))
    try folder.write("E.swift", String(repeating: " ", count: SubmissionFiles.limit + 1))
    let names = ["A.swift", "B.swift", "C.swift", "D.swift", "E.swift", "F.swift"]
    let files = try SubmissionFiles(in: folder.url, allowed: names)
    #expect(files.texts == ["A.swift": "near"])
    for (name, word) in [("B", "plain"), ("C", "plain"), ("D", "UTF-8"), ("E", "larger"), ("F", "missing")] {
      #expect(
        files.notes.contains { $0.hasPrefix("\(name).swift") && $0.contains(word) }, "\(name) \(files.notes)")
    }
    #expect(throws: SubmissionError.self) {
      try SubmissionFiles(in: folder.url.appendingPathComponent("nowhere"), allowed: names)
    }
  }

  @Test func foreignImportsAreNamedByLine() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      "A.swift",
      "import LabKit\n  @_exported import struct Foundation.Data\nlet a = 1; import Glibc\n// import X\n")
    let files = try SubmissionFiles(in: folder.url, allowed: ["A.swift"])
    #expect(files.foreignImports(allowed: ["LabKit"]) == ["A.swift:2: import Foundation"])
  }

  @Test func underscoredAttributesAreNamedByLine() throws {
    let folder = try TemporaryFolder()
    try folder.write("A.swift", "@inline(never) func a() {}\n @_silgen_name(\"exit\") func leave(_: Int32)\n")
    let files = try SubmissionFiles(in: folder.url, allowed: ["A.swift"])
    #expect(files.underscoredAttributes == ["A.swift:2: @_silgen_name"])
  }

  @Test func skeletonsLeaveOutSolutions() throws {
    let solution = """
      a
        // BEGIN SOLUTION
        secret
        // END SOLUTION
        // BEGIN SKELETON
        //| todo
        //|
        // END SKELETON
      b
      """
    #expect(try SkeletonText.make(from: solution) == "a\n  todo\n\nb")
    for bad in [
      "// BEGIN SOLUTION\n", "// END SOLUTION\n", "// BEGIN SKELETON\nx\n// END SKELETON\n",
      "// BEGIN SOLUTION\n// END SKELETON\n",
    ] {
      #expect(throws: SubmissionError.self, "\(bad)") { try SkeletonText.make(from: bad) }
    }
  }

  @Test(arguments: [ToyGroup.arithmetic, .immediate, .memory, .control])
  func generatedProgramsEndAndUseTheirSection(_ group: ToyGroup) throws {
    let names = Set(toyTable.filter { $0.group == group }.map(\.mnemonic))
    var used: Set<String> = []
    for number in 0..<40 {
      let image = try #require(GeneratedPrograms.image(group: group, seed: 3, number: number))
      #expect(
        image == GeneratedPrograms.image(group: group, seed: 3, number: number),
        "the same seed, the same program")
      let machine = ToyMachine(memorySize: GeneratedPrograms.memorySize)
      let platform = try machine.makePlatform()
      try image.load(into: platform.memory)
      let engine = Evaluator(
        instructionSet: ToyInstructionSet(), platform: platform,
        state: ToyInstructionSet.resetState(entry: image.entry, storage: machine.memorySize))
      let stop = try engine.run(RunLimits(instructions: 5000), into: nil)
      #expect(stop == .powerOff(status: 0), "\(group) \(number)")
      for segment in image.segments where segment.name == "code" {
        for at in stride(from: 0, to: segment.bytes.count, by: 4) {
          let word = (0..<4).reduce(UInt32(0)) { $0 | UInt32(segment.bytes[at + $1]) << UInt32(8 * $1) }
          if let row = ToyCodec.row(of: word) { used.insert(toyTable[row].mnemonic) }
        }
      }
    }
    #expect(names.isSubset(of: used), "never generated: \(names.subtracting(used).sorted())")
  }
}
