import Foundation
import Testing

@Suite struct CompareCommandTests {
  @Test func helloPassesOnAllToyMachines() throws {
    let result = triad("compare", "hello", "--json")
    #expect(result.status == 0, "\(result.output)")
    let json = try #require(try result.json as? [String: Any])
    let workload = try #require((json["workloads"] as? [[String: Any]])?.first)
    let engines = try #require(workload["engines"] as? [[String: Any]])
    #expect(engines.map { $0["engine"] as? String } == ["simulator", "emulator", "virtualizer"])
    let virtualizer = engines[2]
    for property in ["equivalence", "control", "efficiency"] {
      #expect((virtualizer[property] as? [String: Any])?["verdict"] as? String == "pass", "\(property)")
    }
  }

  @Test func theTableNamesEveryEngineAndTheExits() {
    let result = triad("compare", "hello")
    for word in ["simulator", "emulator", "virtualizer", "exits by cause", "no check failed"] {
      #expect(result.output.contains(word), "\(word)")
    }
    #expect(!result.output.contains("\u{1B}"))
  }

  /// The flaw of each variant breaks the VMM's equivalence, at the flawed instruction, and nothing else.
  @Test(arguments: [("popf", "setie"), ("jrst", "jrst"), ("leaky", "getbase")])
  func theFlawsOfTheVariantsShow(_ variant: String, _ instruction: String) {
    let sound = triad("compare", "\(variant)-probe", "--variant", "classic")
    #expect(sound.status == 0, "\(sound.output)")
    let flawed = triad("compare", "\(variant)-probe", "--variant", variant)
    #expect(flawed.status == 1, "\(flawed.output)")
    #expect(flawed.output.contains(instruction), "\(flawed.output)")
    let withoutVMM = triad(
      "compare", "\(variant)-probe", "--variant", variant, "--on", "simulator,emulator")
    #expect(withoutVMM.status == 0, "\(withoutVMM.output)")
  }
}
