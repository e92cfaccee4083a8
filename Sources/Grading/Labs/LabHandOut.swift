public import Foundation

/// What giving a lab to a student did with a file.
public struct HandedOutFile: Sendable, Equatable {
  public enum Fate: String, Sendable {
    case written
    /// It was there already, as it should be.
    case unchanged
    /// It was there with another text, which may be the student's work.
    case kept
  }

  /// Relative to the folder that it was given into.
  public var path: String
  public var fate: Fate
}

extension LabFolder {
  /// The lab that a text such as `3`, `03` or `Lab03` means.
  ///
  /// - Throws: ``SubmissionError`` that lists the labs.
  public func id(_ text: String) throws(SubmissionError) -> String {
    let number = Int(text).map { ($0 < 10 ? "Lab0" : "Lab") + "\($0)" }
    guard let found = ids.first(where: { $0 == text || $0 == number }) else {
      throw SubmissionError(
        description: "there is no lab `\(text)`; there are: \(ids.joined(separator: ", "))")
    }
    return found
  }

  /// Writes a student's files: what to start from, the handout, the instance and what belongs to it.
  ///
  /// A student's file that is there already and is not what was handed out stays as it is.
  /// - Parameters:
  ///   - folder: where; the lab's own folder if `nil`.
  /// - Throws: ``SubmissionError``, or what kept a file from being written.
  public func handOut(_ instance: LabInstance, into folder: URL? = nil) throws -> [HandedOutFile] {
    let home = url.appendingPathComponent(instance.lab)
    let lab = try LabManifest(in: home)
    let place = folder ?? home
    let isInPlace = place.standardizedFileURL.path == home.standardizedFileURL.path
    let earlier = (try? LabInstance(in: place, lab: lab.id)).flatMap { try? $0.files(of: lab) } ?? [:]
    let given = try instance.files(of: lab)
    var starts = try startFiles(of: lab)
    var untouched = starts.mapValues { [$0] }
    for (name, text) in given where Self.isStudents(name, lab) {
      starts[name] = text
      untouched[name, default: []].append(text)
    }
    for (name, text) in earlier { untouched[name, default: []].append(text) }

    var result: [HandedOutFile] = []
    func write(_ text: String, _ path: String, over replaceable: [String]?) throws {
      let file = place.appendingPathComponent(path)
      let old = try? String(contentsOf: file, encoding: .utf8)
      let exists = FileManager.default.fileExists(atPath: file.path)
      if old == text {
        result.append(HandedOutFile(path: path, fate: .unchanged))
      } else if exists, let replaceable, !replaceable.contains(where: { $0 == old }) {
        result.append(HandedOutFile(path: path, fate: .kept))
      } else {
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file, options: .atomic)
        result.append(HandedOutFile(path: path, fate: .written))
      }
    }
    for (name, text) in starts.sorted(by: { $0.key < $1.key }) {
      try write(text, "Sources/\(name)", over: untouched[name] ?? [])
    }
    for (name, text) in given.sorted(by: { $0.key < $1.key }) where !Self.isStudents(name, lab) {
      try write(text, "Instance/\(name)", over: nil)
    }
    for name in earlier.keys where given[name] == nil && !Self.isStudents(name, lab) {
      try? FileManager.default.removeItem(at: place.appendingPathComponent("Instance/\(name)"))
    }
    if !isInPlace,
      let handout = try? String(contentsOf: home.appendingPathComponent("handout.md"), encoding: .utf8)
    {
      try write(handout, "handout.md", over: nil)
    }
    // Last: its being there says that the rest is.
    try write(try instance.text(), LabInstance.fileName, over: nil)
    return result
  }

  private static func isStudents(_ name: String, _ lab: LabManifest) -> Bool {
    lab.files.contains { SubmissionFiles.matches(name, $0) }
  }

  /// What a student begins with, by name: from the solution if it is there, else the files in the lab's folder.
  private func startFiles(of lab: LabManifest) throws -> [String: String] {
    let prefix = "\(lab.id)/Sources/"
    let made = try skeletons().filter { $0.path.hasPrefix(prefix) }
    if !made.isEmpty {
      return Dictionary(uniqueKeysWithValues: made.map { (String($0.path.dropFirst(prefix.count)), $0.text) })
    }
    let folder = url.appendingPathComponent("\(lab.id)/Sources")
    var result: [String: String] = [:]
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    where Self.isStudents(name, lab) {
      result[name] = try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
    }
    return result
  }
}
