public import Foundation

/// The files of a submission that count.
public struct SubmissionFiles: Sendable, Equatable {
  /// Text of each allowed file that is there, by name.
  public private(set) var texts: [String: String] = [:]
  /// What the student should know: files that are missing, or not read.
  public private(set) var notes: [String] = []

  /// Whether a file that must be there is not.
  public private(set) var isIncomplete = false

  /// How many files a pattern takes at most.
  public static let patternLimit = 64

  /// Size in bytes of the largest source file that is read.
  public static let limit = 1 << 20

  /// Reads the allowed files of a folder, wherever in it they are, and nothing else.
  ///
  /// Links, devices and pipes are not followed or opened; files that are too large or not UTF-8 are not
  /// taken; of two with the same name the one nearer to the top counts.
  /// - Throws: ``SubmissionError`` when the folder cannot be read.
  public init(in folder: URL, allowed: [String]) throws(SubmissionError) {
    let manager = FileManager.default
    var isFolder: ObjCBool = false
    guard manager.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue else {
      throw SubmissionError(
        description: "\(folder.path): no such folder; give the folder with \(list(allowed))")
    }
    var found: [String: [URL]] = [:]
    var ignored = 0
    let keys: [URLResourceKey] = [.isRegularFileKey, .isDirectoryKey, .isSymbolicLinkKey]
    guard let files = manager.enumerator(at: folder, includingPropertiesForKeys: keys) else {
      throw SubmissionError(description: "\(folder.path): cannot be listed")
    }
    var count = 0
    for case let file as URL in files {
      count += 1
      guard count <= 10_000 else {
        notes.append("more than 10,000 files: the rest was not looked at")
        break
      }
      let values = try? file.resourceValues(forKeys: Set(keys))
      if values?.isDirectory == true {
        if [".build", ".git", "node_modules"].contains(file.lastPathComponent) { files.skipDescendants() }
        continue
      }
      guard allowed.contains(where: { Self.matches(file.lastPathComponent, $0) }) else {
        ignored += 1
        continue
      }
      guard values?.isRegularFile == true, values?.isSymbolicLink != true else {
        notes.append("\(file.lastPathComponent): not a plain file, so it was not read")
        continue
      }
      found[file.lastPathComponent, default: []].append(file)
    }
    for name in names(of: allowed, found) {
      let places = (found[name] ?? []).sorted {
        ($0.pathComponents.count, $0.path) < ($1.pathComponents.count, $1.path)
      }
      guard let place = places.first else {
        notes.append("\(name): missing")
        isIncomplete = true
        continue
      }
      if places.count > 1 {
        notes.append("\(name): \(places.count) of them; the one nearest to the top counts")
      }
      read(place, as: name)
    }
    if ignored > 0 {
      notes.append(
        "\(ignored) other file\(ignored == 1 ? "" : "s") left out: only \(list(allowed)) count\(allowed.count == 1 ? "s" : "")"
      )
    }
  }

  /// Whether a name is the allowed one, or has the ending of a pattern such as `*.asm`.
  static func matches(_ name: String, _ pattern: String) -> Bool {
    guard pattern.hasPrefix("*") else { return name == pattern }
    return name.hasSuffix(pattern.dropFirst()) && name.count >= pattern.count && !name.hasPrefix(".")
  }

  /// The names to read: those that must be there, and those that fit a pattern, in order.
  private mutating func names(of allowed: [String], _ found: [String: [URL]]) -> [String] {
    var result: [String] = []
    for pattern in allowed {
      guard pattern.hasPrefix("*") else {
        result.append(pattern)
        continue
      }
      let fitting = found.keys.filter { Self.matches($0, pattern) && !allowed.contains($0) }.sorted()
      if fitting.isEmpty {
        notes.append("\(pattern): there is none")
        isIncomplete = true
      }
      if fitting.count > Self.patternLimit {
        notes.append("\(pattern): \(fitting.count) files; the first \(Self.patternLimit) count")
      }
      result += fitting.prefix(Self.patternLimit)
    }
    return result
  }

  private mutating func read(_ file: URL, as name: String) {
    // Opened without following a link that may have taken its place, and without waiting for a pipe.
    defer { if texts[name] == nil { isIncomplete = true } }
    let descriptor = open(file.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      notes.append("\(name): cannot be read")
      return
    }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    guard let data = try? handle.read(upToCount: Self.limit + 1) ?? Data() else {
      notes.append("\(name): cannot be read")
      return
    }
    guard data.count <= Self.limit else {
      notes.append("\(name): larger than \(Self.limit >> 20) MiB, so it was not read")
      return
    }
    guard let text = String(bytes: data, encoding: .utf8) else {
      notes.append("\(name): not UTF-8 text, so it was not read")
      return
    }
    texts[name] = text
  }

  /// Modules that the texts import beyond those allowed, as `File.swift:LINE: import Module`.
  ///
  /// This is for messages: what is not linked into a lab's program cannot be used in any case.
  public func foreignImports(allowed: Set<String>) -> [String] {
    var result: [String] = []
    for (name, text) in texts.sorted(by: { $0.key < $1.key }) {
      for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
        let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == ";" })
        guard let at = words.firstIndex(of: "import"), at + 1 < words.count,
          words[..<at].allSatisfy({
            ["public", "internal", "private", "package", "fileprivate"].contains($0) || $0.hasPrefix("@")
          })
        else { continue }
        let kinds: Set<Substring> = [
          "struct", "class", "enum", "protocol", "func", "var", "let", "typealias",
        ]
        let module =
          words[(at + 1)...].first { !kinds.contains($0) }?.split(separator: ".").first.map(String.init) ?? ""
        if !allowed.contains(module) { result.append("\(name):\(index + 1): import \(module)") }
      }
    }
    return result
  }
}

extension SubmissionFiles {
  /// Attributes whose names begin with an underscore, as `File.swift:LINE: @_name`.
  ///
  /// They are the compiler's own, and some of them reach functions that a module does not offer.
  public var underscoredAttributes: [String] {
    var result: [String] = []
    for (name, text) in texts.sorted(by: { $0.key < $1.key }) {
      for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
        guard let at = line.range(of: "@_") else { continue }
        let word = line[at.lowerBound...].prefix { $0 == "@" || $0 == "_" || $0.isLetter || $0.isNumber }
        result.append("\(name):\(index + 1): \(word)")
      }
    }
    return result
  }
}

/// Thrown when there is no submission to look at.
public struct SubmissionError: Error, Sendable, Equatable, CustomStringConvertible {
  public var description: String
}

private func list(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: ", ") }
