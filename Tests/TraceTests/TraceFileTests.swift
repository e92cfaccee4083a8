import Foundation
import MachineCore
import Testing
import Trace

@Suite struct TraceFileTests {
  /// A folder of its own for a test.
  private static func withFolder(_ body: (String) throws -> Void) throws {
    let folder = TemporaryFiles.folder + "/triad-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { TemporaryFiles.remove(folder) }
    try body(folder)
  }

  private static func names(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }

  private static func write(_ path: String) throws {
    let writer = try TraceWriter(Samples.header, as: .binary, to: TraceFileOutput(path: path))
    try writer.append(Samples.small)
    try writer.finish()
  }

  private static func records(_ path: String) throws -> [TraceRecord] {
    try TraceReader(TraceFileInput(path: path)).readAll().records
  }

  @Test func anUnfinishedTraceLeavesNothing() throws {
    try Self.withFolder { (folder) throws in
      do {
        let writer = try TraceWriter(
          Samples.header, as: .binary, to: TraceFileOutput(path: folder + "/new"))
        try writer.append(Samples.small)
        #expect(try Self.names(folder).count == 1)
        #expect(try Self.names(folder)[0].hasPrefix("new.partial-"))
      }
      #expect(try Self.names(folder) == [])
    }
  }

  @Test func aFileStaysUntilTheTraceIsFinished() throws {
    try Self.withFolder { (folder) throws in
      let path = folder + "/old"
      try "precious".write(toFile: path, atomically: false, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
      do {
        let writer = try TraceWriter(Samples.header, as: .json, to: TraceFileOutput(path: path))
        try writer.append(Samples.loop(20_000))
        #expect(try Self.text(path) == "precious")
      }
      #expect(try Self.text(path) == "precious")
      #expect(try Self.names(folder) == ["old"])
      try Self.write(path)
      #expect(try Self.records(path) == Samples.small)
      #expect(try Self.names(folder) == ["old"])
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      #expect(attributes[.posixPermissions] as? Int == 0o640)
    }
  }

  /// What a killed program leaves: everything that was written, and no end record.
  @Test func aPartialFileIsRecognised() throws {
    try Self.withFolder { (folder) throws in
      let output = try TraceFileOutput(path: folder + "/t")
      let writer = try TraceWriter(Samples.header, as: .binary, to: output)
      try writer.append(Samples.loop(10_000))
      let partial = folder + "/" + (try #require(try Self.names(folder).first))
      do {
        _ = try Self.records(partial)
        Issue.record("a partial trace was accepted")
      } catch let error as TraceError {
        #expect(error.reason == .truncated)
        #expect(error.description.contains("partly written"))
      }
      withExtendedLifetime(writer) {}
    }
  }

  @Test func linksStayLinks() throws {
    try Self.withFolder { (folder) throws in
      try "x".write(toFile: folder + "/real", atomically: false, encoding: .utf8)
      for (link, target) in [("link", "real"), ("dangling", "later")] {
        try FileManager.default.createSymbolicLink(
          atPath: folder + "/" + link, withDestinationPath: target)
        try Self.write(folder + "/" + link)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/" + link) == target)
        #expect(try Self.records(folder + "/" + target) == Samples.small)
      }
      #expect(try Self.names(folder) == ["dangling", "later", "link", "real"])
    }
  }

  @Test func longNames() throws {
    try Self.withFolder { (folder) throws in
      let path = folder + "/" + String(repeating: "ä", count: 127)
      try Self.write(path)
      #expect(try Self.records(path) == Samples.small)
    }
  }

  @Test func failuresNameWhatWasGiven() throws {
    try Self.withFolder { (folder) throws in
      for path in [folder, folder + "/missing/t", folder + "/" + String(repeating: "x", count: 300)] {
        do throws(TraceError) {
          let output = try TraceFileOutput(path: path)
          try output.finish()
          Issue.record("`\(path)` was written")
        } catch {
          #expect(error.reason == .system)
          #expect(error.description.contains(path))
          #expect(!error.description.contains("partial"))
        }
      }
      #expect(try Self.names(folder) == [])
    }
  }

  @Test func devicesAreWrittenDirectly() throws {
    try Self.write("/dev/null")
    #expect(
      try FileManager.default.attributesOfItem(atPath: "/dev/null")[.type] as? FileAttributeType
        != .typeRegular)
  }

  #if os(Linux)
    /// A full device, as a file and as a descriptor such as standard output.
    @Test func lostBytesAreReported() throws {
      let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
      for output in [
        try TraceFileOutput(path: "/dev/full"),
        TraceFileOutput(descriptor: full.fileDescriptor, name: "standard output"),
      ] {
        let writer = try TraceWriter(Samples.header, as: .binary, to: output)
        try writer.append(Samples.small)
        do throws(TraceError) {
          try writer.finish()
          Issue.record("bytes were lost in silence")
        } catch {
          #expect(error.reason == .system)
          #expect(error.name == output.name)
        }
        // It does not become well by being asked again.
        #expect(throws: TraceError.self) { try output.finish() }
      }
    }
  #endif
}
