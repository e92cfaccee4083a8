import Foundation
import Testing
import TriadCommands

@Suite struct CommandLineTests {
  @Test func noCommandShowsTheOverviewAndIsAUsageError() {
    let result = triad()
    #expect(result.status == 2)
    #expect(result.error.contains("triad compare"))
  }

  @Test(arguments: [
    "compare", "run", "trace", "diff", "asm", "disasm", "programs", "doctor", "bench", "help",
  ])
  func everyCommandHasAPage(_ name: String) {
    let help = triad("help", name)
    let option = triad(name, "--help")
    #expect(help.status == 0)
    #expect(help.output == option.output)
    #expect(help.output.contains("Usage: triad \(name)"))
  }

  @Test func misspellingsAreSuggested() {
    #expect(triad("comprae").error.contains("did you mean `compare`?"))
    #expect(triad("run", "helo").error.contains("did you mean `hello`?"))
    #expect(triad("run", "hello", "--onn", "emulator").error.contains("did you mean `--on`?"))
    #expect(triad("run", "hello", "--on", "emulatr").error.contains("did you mean `emulator`?"))
  }

  @Test(
    "usage errors exit with 2",
    arguments: [
      ["nothing"], ["run"], ["run", "hello", "extra"], ["run", "hello", "--on"],
      ["run", "hello", "--on", "hardware"], ["run", "hello", "--max-instructions", "many"],
      ["run", "hello", "--depth", "9"], ["run", "hello", "--quiet=1"],
      ["run", "hello", "--on", "emulator", "--on", "simulator"],
      ["compare", "--level", "all"], ["diff", "one"], ["run", "hello", "--dump", "0:0"],
      ["run", "hello", "--until", "nowhere"], ["run", "hello", "--expect", "r99=1"],
    ])
  func usageErrors(_ words: [String]) {
    var error = ""
    let status = Triad.run(words, on: Terminal(output: { _ in }, error: { error += $0 }))
    #expect(status == 2, "\(words): \(error)")
    #expect(error.contains("error: "))
  }

  @Test func missingAndForeignFilesAreBadInput() throws {
    #expect(triad("run", "no-such-program").status == 3)
    let garbage = try TemporaryFile("garbage.bin", [0, 1, 2, 3])
    #expect(triad("run", garbage.path).status == 3)
    let elf = try TemporaryFile("broken.elf", [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1])
    #expect(triad("run", elf.path).status == 3)
    let image = try TemporaryFile("broken.img", "TRIADIMG and no more")
    #expect(triad("run", image.path).status == 3)
    #expect(triad("run", "hello", "--memory", "1000").status == 3)
  }

  @Test(
    "options that would have no effect are refused",
    arguments: [
      ["run", "hello", "--depth", "2"], ["run", "real16", "--depth", "2"], ["run", "hello", "--mode", "32"],
      ["run", "hello", "--isa", "x86"], ["run", "real16", "--isa", "toy"],
      ["run", "real16", "--variant", "popf"],
      ["disasm", "hello", "--count", "3"], ["disasm", "real16", "--count", "0"],
    ])
  func optionsWithoutEffect(_ words: [String]) {
    #expect(Triad.run(words, on: Terminal(output: { _ in }, error: { _ in })) == 2, "\(words)")
  }

  @Test func anOutputThatIsAnInputIsRefused() throws {
    let source = try TemporaryFile("same.asm", "_start: out zero, 0x30(zero)\n")
    #expect(triad("asm", source.path, "-o", source.path).status == 2)
    #expect(triad("trace", source.path, "-o", source.path).status == 2)
    #expect(try String(contentsOfFile: source.path, encoding: .utf8).hasPrefix("_start"))
  }

  @Test func aResultThatCannotBeWrittenIsAnError() {
    var error = ""
    let terminal = Terminal(
      outputBytes: { _ in }, error: { error += $0 }, failure: { "no space left on device" })
    #expect(Triad.run(["programs"], on: terminal) == 3)
    #expect(error.contains("no space left on device"))
  }

  @Test func consoleBytesThatAreNotTextStayAsTheyAre() throws {
    let source = try TemporaryFile(
      "bytes.asm",
      "_start: li t0, 0xFF\n out t0, 0(zero)\n li t0, 0x80\n out t0, 0(zero)\n out zero, 0x30(zero)\n")
    var bytes: [UInt8] = []
    let terminal = Terminal(outputBytes: { bytes += $0 }, error: { _ in })
    #expect(Triad.run(["run", source.path], on: terminal) == 0)
    #expect(bytes == [0xFF, 0x80])
  }
}
