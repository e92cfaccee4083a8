import Foundation
import Grading
import Testing

/// Students' instances and rosters.
@Suite struct InstanceTests {
  @Test func seedsNeverChange() {
    // From an independent calculation of the digest; a change here would give every student another lab.
    #expect(LabInstance.seed(lab: "Lab01", student: "ada") == 2_571_369_019)
    #expect(LabInstance.seed(lab: "Lab03", student: "ada@example.com") == 759_982_466)
    #expect(
      LabInstance.seed(lab: "Lab01", student: " ADA\n") == LabInstance.seed(lab: "Lab01", student: "ada"))
    #expect(LabInstance(lab: "Lab01", student: " Ada ").student == "ada")
    let seeds = (0..<2000).map { LabInstance.seed(lab: "Lab01", student: "student\($0)") }
    #expect(Set(seeds).count == seeds.count && seeds.allSatisfy { $0 < 1 << 32 })
    let other = LabInstance.seed(lab: "Lab02", student: "ada")
    #expect(other != LabInstance.seed(lab: "Lab01", student: "ada"))
  }

  @Test func rosters() throws {
    let text =
      "\u{FEFF}name,student,folder\r\n\"Lovelace, \"\"A\"\"\",ada@x.org,s 1\r\nGrace,grace@x.org,s2\r\n"
    let roster = try LabSeeds(roster: text)
    #expect(
      try roster.instance(lab: "Lab01", folder: "s 1") == LabInstance(lab: "Lab01", student: "ada@x.org"))
    #expect(throws: SubmissionError.self) { try roster.instance(lab: "Lab01", folder: "s3") }
    let plain = try LabSeeds(roster: "ada\ngrace\n")
    #expect(try plain.instance(lab: "Lab01", folder: "grace").student == "grace")
    for bad in ["", "student\n", "student,folder\nada\n", "ada\nada\n", "student,folder\n,x\n"] {
      #expect(throws: SubmissionError.self, "\(bad)") { try LabSeeds(roster: bad) }
    }
    #expect(try LabSeeds.folderNames.instance(lab: "Lab01", folder: "Ada").student == "ada")
    #expect(try LabSeeds.same(7).instance(lab: "Lab01", folder: "x") == LabInstance(lab: "Lab01", seed: 7))
  }

  @Test func damagedInstancesAreRefused() throws {
    let folder = try TemporaryFolder()
    #expect(try LabInstance(in: folder.url, lab: "Lab01") == nil)
    let good = LabInstance(lab: "Lab01", student: "ada")
    try folder.write(LabInstance.fileName, try good.text())
    #expect(try LabInstance(in: folder.url, lab: "Lab01") == good)
    #expect(throws: SubmissionError.self) { try LabInstance(in: folder.url, lab: "Lab02") }
    var forged = good
    forged.seed = 1
    for text in [try forged.text(), "{}", try good.text().replacing("v1", with: "v2")] {
      try folder.write(LabInstance.fileName, text)
      #expect(throws: SubmissionError.self, "\(text)") { try LabInstance(in: folder.url, lab: "Lab01") }
    }
  }

  @Test func shellWords() {
    #expect(Reproduction.quoted("Labs/Lab01") == "Labs/Lab01")
    #expect(Reproduction.quoted("it's here") == "'it'\\''s here'")
    #expect(Reproduction.quoted("") == "''")
    #expect(Reproduction.quoted("$(x)") == "'$(x)'")
  }
}

/// Handing labs out and making new ones, in a copy of what the Labs folder lists.
@Suite struct LabFolderTests {
  private let folder: TemporaryFolder
  private let labs: LabFolder

  init() throws {
    folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent("LabKit"), withIntermediateDirectories: true)
    try folder.write("Package.swift", "let labs: [[Target]] = [\n  lab(\"Lab01\", [\"LabTraps\"])\n]\n")
    try folder.write("README.md", "| lab | topic | work |\n|---|---|---|\n| Lab01 | a | b |\n\nrest\n")
    try folder.write("Tests/LabTests.swift", "import Testing\n\n@Suite(.lab(\"Lab01\")) struct Lab01 {}\n")
    labs = try LabFolder(folder.url)
  }

  private func text(_ path: String) throws -> String {
    try String(contentsOf: folder.url.appendingPathComponent(path), encoding: .utf8)
  }

  @Test func aNewLabIsListedAndWhole() throws {
    _ = try labs.create("11", title: "Nothing new")
    #expect(labs.ids == ["Lab11"])
    let lab = try LabManifest(in: folder.url.appendingPathComponent("Lab11"))
    #expect(lab.title == "Nothing new" && lab.isProgram && lab.points == 12)
    #expect(
      try text("Package.swift")
        == "let labs: [[Target]] = [\n  lab(\"Lab01\", [\"LabTraps\"]),\n  lab(\"Lab11\", [\"LabInstructions\", \"LabTraps\"]),\n]\n"
    )
    #expect(try text("README.md").contains("| Lab01 | a | b |\n| Lab11 | nothing new |"))
    #expect(try text("Tests/LabTests.swift").hasSuffix("func test(_ it: LabTest) { it.run() }\n}\n"))
    let skeletons = try labs.skeletons()
    #expect(skeletons.map(\.path) == ["Lab11/Sources/Relocation.swift"])
    #expect(try text("Lab11/Sources/Relocation.swift") == skeletons.first?.text)
    for heading in ["Goals", "Background", "Start", "What to do", "Hints", "Rubric", "Hand in"] {
      #expect(try text("Lab11/handout.md").contains("\n## \(heading)"))
    }
    for bad in ["Lab11", "lab", "Lab 1", "../x", "", "Läb"] {
      #expect(throws: SubmissionError.self, "\(bad)") { try labs.create(bad) }
    }
    #expect(throws: SubmissionError.self) { try labs.create("12", title: "a \"b\"") }
    try folder.write("Package.swift", "nothing\n")
    #expect(throws: SubmissionError.self) { try labs.create("13") }
    #expect(labs.ids == ["Lab11"])
  }

  @Test func handingOutKeepsTheStudentsWork() throws {
    _ = try labs.create("Lab11")
    #expect(try labs.id("11") == "Lab11" && labs.id("Lab11") == "Lab11")
    #expect(throws: SubmissionError.self) { try labs.id("12") }
    let ada = LabInstance(lab: "Lab11", student: "ada")
    let first = try labs.handOut(ada)
    #expect(first.map(\.fate) == [.unchanged, .written] && first.last?.path == LabInstance.fileName)
    try folder.write("Lab11/Sources/Relocation.swift", "// mine\n")
    let second = try labs.handOut(LabInstance(lab: "Lab11", student: "grace"))
    #expect(second.map(\.fate) == [.kept, .written])
    #expect(try text("Lab11/Sources/Relocation.swift") == "// mine\n")
    #expect(try LabInstance(in: folder.url.appendingPathComponent("Lab11"), lab: "Lab11")?.student == "grace")
    // A folder apart begins with the skeleton, not with what somebody made of it.
    let apart = folder.url.appendingPathComponent("out/ada")
    let third = try labs.handOut(ada, into: apart)
    #expect(third.map(\.path) == ["Sources/Relocation.swift", "handout.md", "instance.json"])
    #expect(try text("out/ada/Sources/Relocation.swift").contains("TODO"))
    #expect(try labs.handOut(ada, into: apart).allSatisfy { $0.fate == .unchanged })
  }

  @Test func visibleExercisesOfFilesThatCannotBeBuilt() throws {
    _ = try labs.create("Lab11")
    let tests = try PublicTests("Lab11", labs: folder.url, products: folder.url)
    #expect(tests.exercises.map(\.id) == ["hello", "storage", "bounds"])
    #expect(throws: SubmissionError.self, "not built") { try tests.assess(tests.exercises[0]) }
    try folder.write("Lab11/Sources/Relocation.swift", "import Foundation\n")
    let part = try tests.assess(tests.exercises[0])
    #expect(part.outcome == .failed && part.message.contains("Relocation.swift:1: import Foundation"))
    let summary = tests.summary(of: [part])
    #expect(summary.contains("FAIL  0 of 2") && summary.contains("not run"))
    #expect(summary.contains("Score: 0 of 2 points") && summary.contains("1 more exercise is hidden"))
  }
}
