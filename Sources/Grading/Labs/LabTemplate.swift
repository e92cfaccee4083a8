internal import Foundation

/// A new lab that builds and grades at once, to be changed into what a course wants.
///
/// Its topic is relocation and bounds: a function of three lines in a processor whose rest is given.
struct LabTemplate {
  var id: String
  var title: String

  /// Its files by path beneath `Labs`.
  func files() throws(SubmissionError) -> [(path: String, text: String)] {
    [
      ("\(id)/lab.json", manifest), ("\(id)/handout.md", handout), ("\(id)/Runner/main.swift", runner),
      ("\(id)/Sources/Relocation.swift", try SkeletonText.make(from: solution)),
      ("Solutions/\(id)/Relocation.swift", solution),
      (
        "Solutions/\(id)/wrong/no-base.sed",
        "# Physical addresses without the base.\ns/UInt64(base) + UInt64(address)/UInt64(address)/\n"
      ),
      (
        "Solutions/\(id)/wrong/no-bound.sed",
        "# Only the end of storage is checked.\n/<= UInt64(bound)/,/}/d\n"
      ),
      ("Solutions/\(id)/wrong/expected.csv", "no-base,4\nno-bound,8\n"),
    ]
  }

  private var manifest: String {
    """
    {
      "id": "\(id)",
      "title": "\(title)",
      "files": ["Relocation.swift"],
      "imports": ["LabKit"],
      "modules": ["LabInstructions", "LabTraps"],
      "exercises": [
        {"id": "hello", "title": "A whole program: hello", "points": 2, "visibility": "visible",
         "kind": "program", "subject": "hello"},
        {"id": "storage", "title": "Loads and stores", "points": 2, "visibility": "visible",
         "kind": "generated", "subject": "memory", "count": 10},
        {"id": "bounds", "title": "Stores that ought to trap", "points": 4, "visibility": "visible",
         "kind": "program", "subject": "wild-store", "limit": 50000},
        {"id": "processes", "title": "An operating system's processes", "points": 4, "visibility": "hidden",
         "kind": "program", "subject": "minos", "limit": 50000}
      ]
    }

    """
  }

  private var solution: String {
    """
    /// Lab \(id.drop { !$0.isNumber }): \(title).
    public enum Relocation {
      /// The physical address of a virtual one, or `nil` if the access must trap.
      ///
      /// `size` is the width of the access in bytes, `storage` how many bytes of storage the machine has. The section on address
      /// translation in `Docs/ToyISA.md` is the reference.
      public static func physical(
        _ address: UInt32, size: UInt32, base: UInt32, bound: UInt32, storage: UInt32
      ) -> UInt32? {
        // BEGIN SOLUTION
        // The sum may not fit 32 bits.
        guard UInt64(address) + UInt64(size) <= UInt64(bound) else {
          return nil
        }
        let place = UInt64(base) + UInt64(address)
        return place + UInt64(size) <= UInt64(storage) ? UInt32(place) : nil
        // END SOLUTION
        // BEGIN SKELETON
        //| // TODO: until this is written, every access traps.
        //| return nil
        // END SKELETON
      }
    }

    """
  }

  private var runner: String {
    """
    \(["LabInstructions", "LabKit", "LabTraps", "MachineCore", id].sorted().map { "import " + $0 }.joined(separator: "\n"))

    /// The student's relocation in a processor whose rest is given.
    enum Unit: TrapUnit {
      static func translate(_ address: UInt32, _ access: Access, size: Int, _ cpu: LabProcessor)
        throws(GuestTrap) -> UInt32
      {
        if cpu.psw.paging || address % UInt32(size) != 0 {
          return try TableTraps.translate(address, access, size: size, cpu)
        }
        guard
          let place = Relocation.physical(
            address, size: UInt32(size), base: cpu.psw.base, bound: cpu.psw.bound, storage: cpu.storageSize)
        else { throw GuestTrap(.bounds, value: address) }
        return place
      }

      static func deliver(_ trap: GuestTrap, _ cpu: LabProcessor) { TableTraps.deliver(trap, cpu) }
    }

    LabRunner.main(instructions: TableInstructions.self, traps: Unit.self)

    """
  }

  private var handout: String {
    """
    # \(id): \(title)

    Two or three sentences: what the student builds, and where it is used later.

    ## Goals

    - Turn virtual addresses into physical ones with a base and a bound.

    ## Background

    The *relocation-bounds register* of Popek and Goldberg (1974): every access of a program lies between base and base + bound, or traps. What
    changes it is control sensitive.

    ## Start

    ```
    git clone … triad && cd triad
    cd Labs
    swift test --filter \(id)
    ```

    The first run takes some minutes, because it builds what all labs share; after that it takes seconds.

    ## What to do

    Your file is `Labs/\(id)/Sources/Relocation.swift`.

    1. **Relocation** (2 points): add the base.
    2. **Loads and stores** (2 points): the same for all sizes.
    3. **Bounds** (4 points): refuse what is not below the bound, or not in storage.

    Then an operating system runs its processes (4 points, hidden).

    ## Hints

    - The sum of two 32-bit numbers may need 33 bits.

    ## When a test fails

    You see the first instruction at which your machine and the reference differ, with the disassembly, what was expected
    (`-`), what you got (`+`), and the command that shows the same again.

    ## Rubric

    Generated programs: the share that agrees from the first instruction to the last decides the points. Whole programs count all or
    nothing. Time does not count.

    ## Hand in

    `Relocation.swift`. Other files are not read. It may import `LabKit`.

    """
  }
}

extension LabFolder {
  /// Makes a new lab and lists it where labs are listed.
  ///
  /// - Parameter name: `11`, `Lab11`, or any name that can be a Swift module's.
  /// - Returns: the paths beneath the folder that were written.
  /// - Throws: ``SubmissionError`` when the name cannot be used or is in use; nothing is written then.
  public func create(_ name: String, title: String? = nil) throws -> [String] {
    let id = Int(name).map { ($0 < 10 ? "Lab0" : "Lab") + "\($0)" } ?? name
    guard id.first?.isUppercase == true, id.utf8.allSatisfy({ $0 < 0x80 }),
      id.allSatisfy({ $0.isLetter || $0.isNumber })
    else {
      throw SubmissionError(
        description: "`\(name)` cannot be a lab: take a name such as Lab11, of letters and digits")
    }
    let title = title ?? "Relocation and bounds"
    guard !title.contains(where: { "\"\\|`".contains($0) || $0.isNewline }) else {
      throw SubmissionError(description: "the title `\(title)` has characters that JSON or tables reserve")
    }
    let taken = [id, "Solutions/\(id)"].first {
      FileManager.default.fileExists(atPath: url.appendingPathComponent($0).path)
    }
    if let taken { throw SubmissionError(description: "Labs/\(taken) is there already") }
    // All texts first, so that what does not fit changes nothing.
    let lists = [
      try list(line: "  lab(\"\(id)\", [\"LabInstructions\", \"LabTraps\"]),", in: "Package.swift") { lines in
        guard let begin = lines.firstIndex(of: "let labs: [[Target]] = ["),
          let end = lines[begin...].firstIndex(of: "]")
        else { return nil }
        if end - 1 > begin, !lines[end - 1].hasSuffix(",") { lines[end - 1] += "," }
        return end
      },
      try list(
        line: "| \(id) | \(title.lowercased()) | what is between a virtual and a physical address |",
        in: "README.md"
      ) { lines in
        guard let begin = lines.firstIndex(where: { $0.hasPrefix("|---") }) else { return nil }
        return lines[begin...].firstIndex { !$0.hasPrefix("|") } ?? lines.count
      },
      try list(
        line: """
          @Suite(.lab("\(id)"), .serialized) struct \(id) {
            @Test(arguments: visible("\(id)")) func test(_ it: LabTest) { it.run() }
          }
          """, in: "Tests/LabTests.swift"
      ) { lines in lines.last == "" ? lines.count - 1 : nil },
    ]
    let files = try LabTemplate(id: id, title: title).files() + lists
    for (path, text) in files {
      let file = url.appendingPathComponent(path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file, options: .atomic)
    }
    return files.map { $0.path }
  }

  /// A file's path and its text with a line more, at the index that `place` finds.
  private func list(line: String, in path: String, _ place: (inout [String]) -> Int?) throws(SubmissionError)
    -> (path: String, text: String)
  {
    guard let text = try? String(contentsOf: url.appendingPathComponent(path), encoding: .utf8) else {
      throw SubmissionError(description: "Labs/\(path) cannot be read")
    }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let index = place(&lines) else {
      throw SubmissionError(description: "Labs/\(path) has no list of labs that could take one more")
    }
    lines.insert(line, at: index)
    return (path, lines.joined(separator: "\n"))
  }
}
