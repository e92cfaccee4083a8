internal import ToyISA

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The source files of a program: what the client calls them, and what is in them.
struct SourceTable {
  /// Number of the first line, and the first column, as the client counts.
  var firstLine = 1
  var firstColumn = 1
  private(set) var image: ToyImage?
  /// Absolute paths by file number, of the files that are there.
  private var paths: [String?] = []

  /// Takes a program's files; relative names are those in `folder`.
  mutating func read(_ image: ToyImage, folder: String?) {
    self.image = image
    paths = image.files.indices.map { path($0, image, folder) }
  }

  private func path(_ number: Int, _ image: ToyImage, _ folder: String?) -> String? {
    let name = image.files[number].name
    // An included file lies beside the one that includes it, which is the first.
    let first = image.files[0].name
    let beside = first.lastIndex(of: "/").map { String(first[...$0]) + name }
    let candidates = [name, beside, folder.map { $0 + "/" + name }].compactMap { $0 }
    for candidate in candidates {
      guard let path = Self.real(candidate) else { continue }
      // A file of this name with another text, older or newer, would show wrong lines.
      guard let text = image.files[number].text, !Self.holds(path, text) else { return path }
    }
    return nil
  }

  /// The absolute path without links; `nil` if nothing is there.
  private static func real(_ path: String) -> String? {
    // SAFETY: with no buffer the call gives a string of its own, or nothing; it is copied and freed here.
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  private static func holds(_ path: String, _ text: String) -> Bool {
    guard let file = fopen(path, "rb") else { return false }
    defer { fclose(file) }
    let expected = Array(text.utf8)
    var found = [UInt8](repeating: 0, count: expected.count + 1)
    // SAFETY: the call writes at most as many bytes as the array has.
    return fread(&found, 1, found.count, file) == expected.count && found.dropLast() == expected[...]
  }

  /// A file as the client is told of it.
  func json(_ number: Int) -> JSON {
    guard let image, image.files.indices.contains(number) else { return ["name": "?"] }
    let name = image.files[number].name
    let short = name.split(separator: "/").last.map(String.init) ?? name
    if let path = paths[number] { return ["name": .string(short), "path": .string(path)] }
    guard image.files[number].text != nil else {
      return ["name": .string(short), "presentationHint": "deemphasize"]
    }
    return [
      "name": .string(short), "path": .string(name), "sourceReference": .integer(number + 1),
      "origin": "in the program",
    ]
  }

  /// All files.
  var all: [JSON] { (image?.files ?? []).indices.map { json($0) } }

  /// The file that the client means.
  func number(_ source: JSON?) -> Int? {
    guard let image, let source else { return nil }
    if let reference = source["sourceReference"]?.int, reference > 0 {
      return image.files.indices.contains(reference - 1) ? reference - 1 : nil
    }
    guard let path = source["path"]?.string ?? source["name"]?.string else { return nil }
    if let found = paths.firstIndex(where: { $0 == path }) { return found }
    if let real = Self.real(path), let found = paths.firstIndex(where: { $0 == real }) { return found }
    // A program from a built-in or an image knows names only.
    let short = path.split(separator: "/").last.map(String.init) ?? path
    let same = image.files.indices.filter { number in
      let name = image.files[number].name
      return paths[number] == nil
        && (name == path || name.split(separator: "/").last.map(String.init) == short)
    }
    return same.count == 1 ? same[0] : nil
  }

  /// The file with this name in the program.
  func number(named name: String) -> Int? { image?.files.firstIndex { $0.name == name } }

  func text(_ number: Int) -> String? { image?.files[number].text }

  /// The lines of a file that have code, ascending, each with the storage addresses where it begins.
  func lines(_ number: Int) -> [(line: Int, starts: [ToyImage.Line])] {
    guard let image else { return [] }
    var starts: [Int: [ToyImage.Line]] = [:]
    var last: ToyImage.Line?
    for line in image.lines {
      defer { last = line }
      guard Int(line.file) == number else { continue }
      // The second instruction of a line is not where it begins.
      if let last, last.file == line.file, last.line == line.line, last.address &+ 4 == line.address {
        continue
      }
      starts[Int(line.line), default: []].append(line)
    }
    return starts.sorted { $0.key < $1.key }.map { (line: $0.key, starts: $0.value) }
  }
}
