import Foundation
import Testing

/// What is packed into a page, unpacked again and set against the trace of the same run.
@Suite struct ReportPageTests {
  /// Unpacks a stream as the page's script does.
  private struct Unpacked {
    struct Event: Equatable {
      var kind: Int
      var mode: Int
      var clock: Int64
      var site: Int
      var effects: [[UInt64]]
    }

    var events: [Event] = []
    private var bytes: ArraySlice<UInt8> = []

    init(_ base64: String) throws {
      bytes = Array(try #require(Data(base64Encoded: base64)))[...]
      var clock: Int64 = 0
      var site = -1
      while let tag = bytes.popFirst() {
        let mode = Int(try byte() & 15)
        let kind = Int(tag & 63)
        clock += kind == 1 ? 1 : try signed()
        site += Int(try signed()) + 1
        if kind != 1 { for _ in 0..<4 { _ = try number() } }
        var effects: [[UInt64]] = []
        if tag & 64 != 0 {
          for _ in 0..<(try number()) {
            let type = UInt64(try byte())
            effects.append([type, try number(), try number()])
          }
        }
        events.append(Event(kind: kind, mode: mode, clock: clock, site: site, effects: effects))
      }
    }

    private mutating func byte() throws -> UInt8 {
      let next = bytes.popFirst()
      return try #require(next)
    }

    private mutating func number() throws -> UInt64 {
      var value: UInt64 = 0
      var shift: UInt64 = 0
      while true {
        let next = try byte()
        value |= UInt64(next & 127) << shift
        if next < 128 { return value }
        shift += 7
      }
    }

    private mutating func signed() throws -> Int64 {
      let value = try number()
      return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }
  }

  /// The data of a page.
  private func page(_ words: String...) throws -> (html: String, programs: [[String: Any]]) {
    let file = try TemporaryFile("page.html")
    let result = triad(words + ["--html", file.path])
    try #require([0, 1].contains(result.status), "\(result.error)")
    let html = try String(contentsOfFile: file.path, encoding: .utf8)
    let start = try #require(html.range(of: "<script type=\"application/json\" id=\"data\">"))
    let end = try #require(html.range(of: "</script>", range: start.upperBound..<html.endIndex))
    let data = try JSONSerialization.jsonObject(with: Data(html[start.upperBound..<end.lowerBound].utf8))
    return (html, try #require((data as? [String: Any])?["programs"] as? [[String: Any]]))
  }

  private func trace(_ words: String...) throws -> [[String: Any]] {
    let result = triad(["trace"] + words + ["--level", "instructions"])
    return try result.output.split(separator: "\n").dropFirst().map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }.filter { !["host", "end"].contains($0["k"] as? String ?? "") }
  }

  @Test(arguments: [("hello", 2, "virtualizer"), ("forge-psw", 0, "simulator")])
  func everyEventIsThere(_ program: String, _ engine: Int, _ name: String) throws {
    let found = try page("compare", program).programs[0]
    let engines = try #require(found["engines"] as? [[String: Any]])
    let stream = try Unpacked(try #require(engines[engine]["stream"] as? String))
    let expected = try trace(program, "--on", name)
    #expect(stream.events.count == expected.count && engines[engine]["events"] as? Int == expected.count)
    let sites = try #require(found["sites"] as? [[String: Any]])
    for (event, line) in zip(stream.events, expected) {
      #expect(event.clock == (line["n"] as? Int64 ?? 0))
      #expect(event.mode == (line["m"] as? Int ?? 0))
      #expect(sites[event.site]["pc"] as? String == line["pc"] as? String ?? "0x0")
      #expect(
        event.effects.count == (line["regs"] as? [String: Any] ?? [:]).count
          + (line["mem"] as? [Any] ?? []).count)
    }
    #expect(stream.events.reduce(0) { $0 + $1.effects.count } == engines[engine]["effects"] as? Int)
    // The emulator's trace is the simulator's.
    #expect(engines[1]["sameAs"] as? String == "simulator" && engines[1]["stream"] == nil)
  }

  @Test func whatIsLeftOutIsSaidAndTheDivergenceStays() throws {
    let found = try page(
      "check", "minos", "--variant", "popf", "--max-instructions", "120000", "--html-events", "4000"
    ).programs[0]
    let engines = try #require(found["engines"] as? [[String: Any]])
    let divergence = try #require((found["divergences"] as? [[String: Any]])?.first)
    let clock = try #require(divergence["clock"] as? Int64)
    #expect(clock > 100_000)
    for engine in engines {
      let events = try Unpacked(try #require(engine["stream"] as? String)).events
      #expect(events.count < 12_000)
      #expect((engine["extent"] as? String)?.contains("whole up to clock") == true)
      // What is left out is marked, and around the divergence every instruction is there.
      #expect(events.contains { $0.kind == 60 })
      let near = Set(events.filter { $0.kind == 1 }.map(\.clock))
      for place in (clock - 500)...(clock + 500) { #expect(near.contains(place), "\(place)") }
    }
    #expect((found["headline"] as? String)?.contains("is not a virtual machine monitor") == true)
    let classes = try #require(found["classes"] as? [String: Any])
    #expect(try offenders(classes) == ["setie"])
  }

  private func instructions(_ classes: [String: Any]) throws -> [[String: Any]] {
    try #require(classes["instructions"] as? [[String: Any]])
  }

  private func offenders(_ classes: [String: Any]) throws -> [String] {
    try instructions(classes).filter { $0["privileged"] as? Bool == false }.compactMap {
      $0["name"] as? String
    }
  }

  @Test func x86ClassesAreThoseOfClassify() throws {
    let found = try page("compare", "protected32", "--on", "emulator", "--max-instructions", "200").programs[
      0]
    let classes = try #require(found["classes"] as? [String: Any])
    let result = triad(["classify", "--isa", "x86", "--rounds", "0", "--json"])
    let json = try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]])
    let expected = try #require(json.first?["instructions"] as? [[String: Any]])
    let all = try instructions(classes)
    for instruction in expected {
      let name = instruction["name"] as? String ?? ""
      let own = try #require(all.first { $0["name"] as? String == name }, "\(name)")
      #expect(own["privileged"] as? Bool == instruction["privileged"] as? Bool, "\(name)")
      #expect(own["user"] as? Bool == instruction["userSensitive"] as? Bool, "\(name)")
    }
    let free = expected.filter { $0["privileged"] as? Bool == false }.compactMap { $0["name"] as? String }
    #expect(try offenders(classes) == free.sorted() && free.contains("POPF"))
    let theorems = try #require(classes["theorems"] as? [[String: Any]])
    #expect(theorems.map { $0["holds"] as? Bool } == [false, false, false])
    // Every instruction of the run is known under a name of the classes.
    let sites = try #require(found["sites"] as? [[String: Any]])
    #expect(sites.allSatisfy { $0["bytes"] == nil || $0["name"] != nil })
    #expect(
      sites.contains { $0["name"] as? String == "CLI" } && sites.contains { $0["name"] as? String == "LGDT" })
  }

  @Test func conditionsHaveTheirPlaces() throws {
    let found = try page("check", "minos", "--variant", "popf", "--max-instructions", "120000").programs[0]
    let check = try #require(found["check"] as? [String: Any])
    let conditions = try #require(check["conditions"] as? [[String: Any]])
    #expect(conditions.map { $0["name"] as? String } == ["equivalence", "control", "efficiency"])
    let verdicts = conditions.map { ($0["verdict"] as? [String: Any])?["failed"] as? Bool }
    #expect(verdicts == [true, false, false])
    let places = try #require(conditions[0]["places"] as? [[String: Any]])
    let divergence = try #require((found["divergences"] as? [[String: Any]])?.first)
    #expect(places.first?["clock"] as? Int64 == divergence["clock"] as? Int64)
    for condition in conditions { #expect((condition["evidence"] as? [String])?.isEmpty == false) }
  }

  @Test func codeHasItsOwnSourceLinesOrNone() throws {
    func code(_ name: String) throws -> [[String: Any]] {
      let found = try page("compare", name, "--on", "emulator", "--max-instructions", "20000").programs[0]
      return try #require(found["sites"] as? [[String: Any]]).filter { $0["bytes"] != nil }
    }
    // Programs of the system are copied to storage that they get: their addresses say nothing of the source.
    let system = try code("minos")
    #expect(
      system.first { $0["pc"] as? String == "0x100" }?["source"] as? String == "la      sp, kernel_stack")
    #expect(system.contains { $0["pc"] as? String == "0x0" && $0["source"] == nil && $0["place"] == nil })
    // A user in the place where the program has it.
    #expect(try code("popf-probe").allSatisfy { $0["source"] != nil && $0["place"] != nil })
  }

  @Test func anEngineThatIsNotThereIsNamed() throws {
    let found = try page("compare", "real16", "--cpu", "8086", "--max-instructions", "300").programs[0]
    let engines = try #require(found["engines"] as? [[String: Any]])
    #expect(
      engines.map { $0["stop"] as? String } == [
        "instruction limit reached", "instruction limit reached", nil,
      ])
    #expect((engines[2]["lack"] as? String)?.contains("which is no 8086") == true)
    #expect(engines[2]["stream"] == nil)
  }

  @Test func whatHasNoRoomIsCounted() throws {
    let found = try page("compare", "minos", "--on", "emulator", "--html-events", "2000").programs[0]
    let engine = try #require((found["engines"] as? [[String: Any]])?.first)
    let overview = try #require(engine["overview"] as? [String: Any])
    let events = try Unpacked(try #require(engine["stream"] as? String)).events
    let counted = try #require(overview["instructions"] as? [Int]).reduce(0, +)
    // Every instruction is there once, by itself or by count.
    #expect(events.count { $0.kind == 1 } + counted == found["retired"] as? Int)
    let user = try #require(overview["user"] as? [Int]).reduce(0, +)
    #expect(user > 0 && user < counted)
    let rows = try #require(overview["rows"] as? [[String: Any]])
    let traps = rows.filter { $0["kind"] as? Int == 2 }.flatMap { $0["counts"] as? [Int] ?? [] }.reduce(0, +)
    let all = try trace("minos", "--on", "emulator")
    #expect(traps + events.count { $0.kind == 2 } == all.count { $0["k"] as? String == "trap" })
    #expect((overview["instructions"] as? [Int])?.count ?? 0 <= 2_048)
  }

  @Test func namesCannotEndTheScript() throws {
    let file = try TemporaryFile("<!--<script>.asm", "_start:\taddi r1, r0, 0\n\tout r1, 0x30(r0)\n\twait\n")
    let html = try page("compare", file.path, "--on", "simulator").html
    #expect(!html.contains("<!--<script>"))
    #expect(html.components(separatedBy: "<script").count == 3)
  }

  @Test func wrongUseIsSaid() throws {
    #expect(triad("compare", "hello", "--html", "/nonexistent/page.html").status == 3)
    #expect(triad("compare", "hello", "--html-events", "5").status == 2)
    let tooMany = triad("compare", "hello", "--html-events", "10000000")
    #expect(tooMany.status == 2 && tooMany.error.contains("what has no room is there by counts"))
  }
}
