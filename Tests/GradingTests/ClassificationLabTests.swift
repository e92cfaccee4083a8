import Foundation
import Grading
import MachineCore
import Properties
import Testing
import ToyISA

/// Lab 3: instances, and the judges of tables, theorems, witnesses and questions.
@Suite struct ClassificationLabTests {
  /// How many instances are searched; `TRIAD_INSTANCES=100` searches more.
  static let instances =
    ProcessInfo.processInfo.environment["TRIAD_INSTANCES"].flatMap(UInt64.init).map { max($0, 1) } ?? 2

  /// Rows whose effects were replaced, classified from the effects and by running: the two must agree.
  @Test(arguments: 1...ClassificationLabTests.instances)
  func `effects and search agree on the changed rows`(_ seed: UInt64) throws {
    let instance = IsaInstance(seed: seed)
    let rows = Set(instance.changes.map(\.row))
    #expect(rows.count == instance.changes.count, "no row is changed twice")
    let found = try DynamicClassification(of: instance.set, rows: rows)
    for row in rows {
      #expect(
        found.classes[row] == instance.classes[row],
        "seed \(seed), \(toyTable[row].mnemonic): \(instance.set.rows[row].meaning)")
      for witness in found.witnesses[row] {
        #expect(try WitnessReplay(witness, with: instance.set).holds)
      }
    }
  }

  @Test func `instances differ, break theorem 1, and keep theorem 3 in about half of them`() {
    var hybrids = 0
    var kinds: Set<String> = []
    for seed in 1...80 as ClosedRange<UInt64> {
      let instance = IsaInstance(seed: seed)
      #expect(!instance.verdicts.monitor.holds)
      #expect((7...9).contains(instance.changes.count))
      hybrids += instance.verdicts.hybrid.holds ? 1 : 0
      kinds.insert(
        instance.changes.map { "\($0.row) \($0.instruction.meaning) \($0.user)" }.joined(separator: "; "))
      for change in instance.changes { #expect(instance.page.contains("`\(change.instruction.mnemonic)")) }
    }
    #expect((24...56).contains(hybrids), "\(hybrids)")
    #expect(kinds.count > 75)
  }

  @Test func `a page is all that belongs to an instance`() throws {
    let labs = Self.solutions.deletingLastPathComponent().deletingLastPathComponent()
    let lab = try LabManifest(in: labs.appendingPathComponent("Lab03"))
    var pages: Set<String> = []
    for exercise in lab.exercises where exercise.kind == "classes" {
      let files = try ClassesExercise.instance(of: exercise, lab: lab, seed: 4)
      #expect(files.keys.sorted() == (exercise.subject == "instance" ? ["isa.md"] : []))
      pages.formUnion(files.values)
    }
    #expect(pages == [IsaInstance(seed: 4).page])
  }

  // MARK: Solutions

  static let solutions = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Labs/Solutions/Lab03")

  /// The solutions of seed 1 are what is computed; `TRIAD_REGENERATE=1` writes them.
  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: ClassificationLabTests.solutions.path), "no solutions here"))
  func `the solutions are what is computed`() throws {
    let isWriting = ProcessInfo.processInfo.environment["TRIAD_REGENERATE"] == "1"
    var answers = [
      ("classes.csv", ClassificationAnswers.classes(seed: 1)),
      ("theorems.csv", ClassificationAnswers.theorems(seed: 1)),
      ("x86.csv", try ClassificationAnswers.pentium()),
    ]
    if isWriting { answers.append(("witnesses.txt", try ClassificationAnswers.witnesses(seed: 1))) }
    for (name, text) in answers {
      let file = Self.solutions.appendingPathComponent(name)
      let old = try String(contentsOf: file, encoding: .utf8)
      let begin = try #require(old.range(of: "# BEGIN SOLUTION\n"))
      let end = try #require(old.range(of: "# END SOLUTION\n"))
      let new = old[..<begin.upperBound] + text + old[end.lowerBound...]
      if isWriting { try Data(new.utf8).write(to: file) }
      #expect(String(new) == (isWriting ? String(new) : old), "\(name)")
    }
  }

  // MARK: Tables

  private func share(_ score: ClaimScore) -> Double {
    let result = score.assessment()
    return Double(result.good) / Double(result.all)
  }

  private func classes(_ text: String, _ variant: LabVariant, seed: UInt64 = 1) -> ClaimScore {
    ClassesExercise.score(ClassesExercise.claims(text, variant).claims, variant, seed)
  }

  @Test func `the right tables get everything, none nothing, a copied one little`() {
    for seed in 1...8 as ClosedRange<UInt64> {
      let answers = ClassificationAnswers.classes(seed: seed)
      for variant in LabVariant.all {
        #expect(share(classes(answers, variant, seed: seed)) == 1)
        #expect(share(classes("variant,instruction,classes\n# nothing\n", variant, seed: seed)) == 0)
      }
      let copied = answers.replacing("instance,", with: "x,").replacing("classic,", with: "instance,")
      #expect(share(classes(copied, .instance, seed: seed)) == 0, "seed \(seed)")
      let other = ClassificationAnswers.classes(seed: seed + 100)
      #expect(share(classes(other, .instance, seed: seed)) < 0.6, "seed \(seed)")
    }
    let answers = ClassificationAnswers.classes(seed: 1)
    let copied = answers.replacing("leaky,", with: "x,").replacing("classic,", with: "leaky,")
    #expect(share(classes(copied, .named(.leaky))) == 0)
  }

  @Test func `claims are counted by pairs of instruction and class`() {
    let text = """
      variant,instruction,classes
      popf, SETIE , "control  mode"  # as I think
      popf,setie,control
      classic,setie,privileged
      popf,frob,control
      nope,add,mode
      popf,add,strange
      """
    let (claims, complaints) = ClassesExercise.claims(text, .named(.popf))
    #expect(claims == ["setie control", "setie mode"])
    #expect(complaints.count == 3)
    #expect(complaints.allSatisfy { $0.hasPrefix("classes.csv:") })
    #expect(ClaimScore(["a", "b", "c"], ["b", "c", "d", "e"]).assessment().good == 4)
    #expect(ClaimScore(["a", "b", "c"], ["b", "c", "d", "e"]).assessment().all == 7)
    #expect(share(ClaimScore([], [])) == 0, "nothing is asked for, nothing given")
  }

  @Test func `a theorem's line needs its verdict and its instructions`() {
    let answers = ClassificationAnswers.theorems(seed: 3)
    func good(_ text: String) -> Int { TheoremsExercise.judge(text, LabVariant.all, seed: 3).good }
    #expect(good(answers) == 15)
    #expect(good(answers + "classic,1,holds,\n") == 14, "the same line twice")
    #expect(good("classic,1,holds,\nleaky,1,fails,getbound getbase\nleaky,3,fails,getbase\n") == 2)
    #expect(good("popf,1,holds,setie\npopf,1,fails,setie\npopf,3,fails,\n7,8,9\n") == 0)
  }

  // MARK: Witnesses

  private func judge(_ text: String, _ variants: [LabVariant] = LabVariant.all, seed: UInt64 = 1) throws -> (
    shown: Set<String>, complaints: [String]
  ) { try WitnessesExercise.judge(text, variants, seed: seed) }

  @Test(arguments: [5] as [UInt64])
  func `made witnesses show all that is asked for`(_ seed: UInt64) throws {
    let text = try ClassificationAnswers.witnesses(seed: seed)
    let judged = try judge(text, seed: seed)
    #expect(judged.complaints.isEmpty, "\(judged.complaints)")
    #expect(judged.shown == WitnessesExercise.asked(LabVariant.all, seed: seed))
    #expect(judged.shown.contains("popf setie control"))
    // Another student's instance has other effects.
    let other = try judge(text, [.instance], seed: seed + 50)
    let asked = WitnessesExercise.asked([.instance], seed: seed + 50)
    #expect(!other.shown.isSuperset(of: asked))
  }

  private static let leaky: String = {
    guard let row = toyTable.firstIndex(where: { $0.mnemonic == "getbase" }),
      let witness = try? DynamicClassification(of: .leaky, rows: [row]).witnesses[row].first(where: {
        $0.shows == .sensitive(.userLocation)
      }), let data = try? JSONEncoder().encode(WitnessDocument(witness))
    else { return "" }
    return String(decoding: data, as: UTF8.self)
  }()

  /// A right witness of `getbase` on `leaky`, in user mode, with something wrong in it.
  @Test(arguments: [
    ("\"shows\":\"location in user mode\"", "\"shows\":\"mode\""),
    ("\"shows\":\"location in user mode\"", "\"shows\":\"location in supervisor mode\""),
    ("\"shows\":\"location in user mode\"", "\"shows\":\"control in user mode\""),
    ("\"shows\":\"location in user mode\"", "\"shows\":\"privileged\""),
    ("\"axis\":\"base\"", "\"axis\":\"r1\""), ("\"axis\":\"base\"", "\"axis\":\"bound\""),
    ("\"variant\":\"leaky\"", "\"variant\":\"classic\""),
    ("\"variant\":\"leaky\"", "\"variant\":\"nope\""),
    // Other words than the one that is run.
    ("\"word\":\"0x54300000\"", "\"word\":\"0x55300000\""),
    // The window is not where base leads.
    ("\"address\":\"0x3000\"", "\"address\":\"0x2000\""),
    ("\"address\":\"0x3000\"", "\"address\":\"0xfffffffffffffff0\""),
    ("\"time\":\"0x0\"", "\"time\":\"0xffffffffffffffff\""),
    ("\"base\":\"0x3000\"", "\"base\":\"0xffffffff00003000\""),
    ("\"schema\"", "\"scheme\""),
  ])
  func `a witness with something wrong shows nothing`(_ old: String, _ new: String) throws {
    #expect(try judge(Self.leaky).shown == ["leaky getbase location"])
    let text = Self.leaky.replacingOccurrences(of: old, with: new)
    try #require(text != Self.leaky)
    let judged = try judge(text)
    #expect(judged.shown.isEmpty)
    #expect(judged.complaints.count == 1)
  }

  @Test func `states of a pair differ in their axis alone`() throws {
    let document = try JSONDecoder().decode(WitnessDocument.self, from: Data(Self.leaky.utf8))
    let right = try document.witness()
    let changes: [(inout MachineState) -> Void] = [
      { $0.processor.registers[1] ^= 1 }, { $0.storage[0].bytes[4] ^= 1 }, { $0.time = 5 },
      { $0.storage[$0.storage.count - 1].bytes[200] ^= 1 }, { $0.input = [1] },
      { $0.processor.registers[Int(ToyRegister.mode)] ^= 1 }, { $0.processor.auxiliaries[0][3] = 0x307F },
      { $0.storage.insert(.init(0x5000, [1]), at: 0) },
    ]
    for (number, change) in changes.enumerated() {
      var witness = right
      change(&witness.second)
      let text = String(decoding: try JSONEncoder().encode(WitnessDocument(witness)), as: UTF8.self)
      let judged = try judge(text)
      #expect(judged.shown.isEmpty, "change \(number)")
    }
  }

  @Test func `documents are found between comments, whatever is in them`() {
    let found = WitnessesExercise.documents(
      "# a {comment}\n{\"a\": \"}{\\\"\"}\n\n# {\n{\"b\":\n {}}{\"c\":1}\n{ never")
    #expect(found.map(\.line) == [2, 5, 6, 7])
    #expect(found[0].text == "{\"a\": \"}{\\\"\"}")
    #expect(found[2].text == "{\"c\":1}")
  }

  @Test func `damaged witnesses are harmless`() throws {
    var state: UInt64 = 9
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let digits = Array("0123456789abcdef".utf8)
    var replayed = 0
    for _ in 0..<100 {
      var bytes = Array(Self.leaky.utf8)
      for _ in 0...next(4) {
        let place = next(bytes.count)
        if digits.contains(bytes[place]) { bytes[place] = digits[next(16)] }
      }
      let judged = try judge(String(decoding: bytes, as: UTF8.self))
      if !judged.shown.isEmpty { replayed += 1 }
    }
    #expect(replayed < 100)
  }

  @Test func `a wild entry of the TLB is harmless`() throws {
    let document = try JSONDecoder().decode(WitnessDocument.self, from: Data(Self.leaky.utf8))
    let right = try document.witness()
    for frame in [0x8000, 0x7FFF_F000, 0xFFFF_F000] as [UInt64] {
      for mnemonic in ["lw", "sw", "cas", "lpsw"] {
        let row = try #require(toyTable.firstIndex { $0.mnemonic == mnemonic })
        let values: [Int64] = mnemonic == "cas" ? [3, 2, 1] : mnemonic == "lpsw" ? [1, 0] : [3, 1, 0]
        let word = try #require(ToyCodec.encode(row: row, values))
        var witness = right
        (witness.word, witness.axis) = (word, "bound")
        func prepare(_ state: inout MachineState, bound: UInt64) throws {
          let last = state.storage.count - 1
          for byte in 0..<4 {
            state.storage[last].bytes[byte] = UInt8(truncatingIfNeeded: word >> UInt32(8 * byte))
          }
          state.processor.registers[1] = 0x1FFC
          state.processor.registers[Int(ToyRegister.paging)] = 1
          state.processor.registers[Int(ToyRegister.bound)] = bound
          state.processor.auxiliaries[0] = [0: state.storage[last].address | 0x7F, 1: frame | 0x7F]
        }
        try prepare(&witness.first, bound: 0xFFFF_FFFC)
        witness.second = witness.first
        try prepare(&witness.second, bound: 0x8000_0000)
        _ = try WitnessReplay(witness, on: .simulator)
      }
    }
  }

  // MARK: x86

  @Test func `x86 answers are computed and compared without case`() throws {
    let all = try PentiumExercise.answers(.sensitive)
    #expect(all.count == 31)
    #expect(
      all.isSuperset(of: ["SGDT", "POPF", "INT1", "INTO", "LSS", "RDTSCP", "SYSENTER", "MOV from segment"]))
    let umip = try PentiumExercise.answers(.umip)
    #expect(umip == ["SGDT", "SIDT", "SLDT", "SMSW", "STR"])
    #expect(try PentiumExercise.answers(.left) == ["26"])
    #expect(try PentiumExercise.answers(.only32).isSuperset(of: ["LDS", "LES", "INTO"]))
    let text = "question,answer\numip,sgdt\numip, SIDT # yes\nsensitive,SLDT\numip,HLT\n"
    let score = PentiumExercise.judge(text, .umip, truth: umip)
    #expect((score.right, score.wrong, score.missing) == (2, 1, 3))
    #expect(PentiumExercise.judge("left,24\nleft,23\n", .left, truth: ["24"]).right == 0)
    #expect(PentiumExercise.judge("left,24\n", .left, truth: ["24"]).assessment().message.isEmpty)
  }
}
