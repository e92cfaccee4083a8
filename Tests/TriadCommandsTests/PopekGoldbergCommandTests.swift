import Foundation
import Testing

@Suite struct PopekGoldbergCommandTests {
  @Test func `classify names the offender and writes witnesses that replay`() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/witnesses-\(UInt64.random(in: 0 ... .max))"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let found = triad("classify", "setie", "--variant", "popf", "--witnesses", folder)
    #expect(found.status == 0)
    #expect(found.output.contains("control in supervisor mode-sensitive"))
    let file = folder + "/popf-setie-control-in-supervisor-mode.json"
    let replay = triad("witness", file)
    #expect(replay.status == 0)
    #expect(replay.output.contains("emulator: holds"))
    #expect(triad("witness", "/nowhere.json").status == 3)
  }

  @Test func `check says what the machine is`() {
    let right = triad("check", "hello")
    #expect(right.status == 0)
    #expect(right.output.contains("This is a virtual machine monitor"))
    let wrong = triad("check", "popf-probe", "--variant", "popf")
    #expect(wrong.status == 1)
    #expect(wrong.output.contains("This is not a virtual machine monitor"))
    #expect(triad("check", "popf-probe", "--variant", "popf", "--vmm", "hybrid").status == 0)
    #expect(triad("check", "efficiency", "hello", "--floor", "1").status == 1)
    #expect(triad("check", "hello", "--floor", "2").status == 2)
    #expect(triad("check").status == 2)
  }

  @Test func `mutants are listed and run`() {
    #expect(triad("mutants", "list", "--breaks", "control").output.contains("vmm-bound"))
    #expect(triad("mutants", "run", "vmm-bound").status == 0)
    #expect(triad("mutants", "run", "vmm-bund").error.contains("vmm-bound"))
    #expect(triad("mutants", "walk").status == 2)
  }

  @Test func `tests that somebody wrote run on mutants`() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/tests-\(UInt64.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let program = "_start: li r5, -7\n li r6, 3\n slt r5, r5, r6\n out r5, 0x30(r0)\n"
    try ("# expect status 1\n" + program).write(
      toFile: folder + "/less.asm", atomically: true, encoding: .utf8)
    let one = triad("mutants", "run", "--tests", folder, "sim-slt")
    #expect(one.status == 0)
    #expect(one.output.contains("1 of 1 caught by 1 tests; 0 false alarms"))
    #expect(triad("mutants", "run", "--tests", folder, "sim-sra", "x86-adc").status == 1)
    try ("# machine: vmm\n# expect status 0\n" + program)
      .write(toFile: folder + "/alarm.asm", atomically: true, encoding: .utf8)
    let other = triad("mutants", "run", "--tests", folder, "sim-slt")
    #expect(other.status == 1)
    #expect(other.output.contains("FALSE ALARM: alarm on the correct vmm"))
    #expect(triad("mutants", "run", "--tests", folder, "sim-slt", "--json").output.contains("\"less\""))
    #expect(triad("mutants", "run", "--tests", "/nowhere").status == 3)
  }
}
