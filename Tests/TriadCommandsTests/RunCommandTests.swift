import Foundation
import Testing

@Suite struct RunCommandTests {
  @Test(arguments: ["simulator", "emulator", "virtualizer"])
  func helloSaysTheSameEverywhere(_ engine: String) {
    let result = triad("run", "hello", "--on", engine)
    #expect(result.status == 0)
    #expect(result.output == "Hello from the toy machine.\n")
    #expect(result.error.contains("power off, status 0"))
  }

  @Test func jsonTellsStopCountsConsoleRegistersAndMemory() throws {
    let result = triad("run", "hello", "--json", "--dump", "0x100:8")
    let json = try #require(try result.json as? [String: Any])
    #expect((json["stop"] as? [String: Any])?["kind"] as? String == "power-off")
    #expect(json["console"] as? String == "Hello from the toy machine.\n")
    let registers = try #require(json["registers"] as? [String: String])
    #expect(registers["r0"] == "0x0")
    #expect(registers["mode"] == "0x0")
    let memory = try #require(json["memory"] as? [String: String])
    #expect(memory["0x100:8"]?.count == 16)
    let retired = (json["statistics"] as? [String: Any])?["retired"] as? Int
    #expect((retired ?? 0) > 20)
  }

  @Test func aSourceFileRunsAndItsSymbolsStopIt() throws {
    let source = try TemporaryFile(
      "count.asm",
      """
      _start: li   t0, 5
      loop:   addi t1, t1, 3
              addi t0, t0, -1
              bnez t0, loop
      done:   out  zero, 0x30(zero)
      """)
    #expect(triad("run", source.path, "--until", "done", "--expect", "r6=15").status == 0)
    let wrong = triad("run", source.path, "--until", "done", "--expect", "r6=16")
    #expect(wrong.status == 1)
    #expect(wrong.error.contains("expected r6 = 0x10, found 0xf"))
  }

  @Test func limitsFaultsAndStatusesHaveTheirExitCodes() throws {
    let spin = try TemporaryFile("spin.asm", "_start: j _start\n")
    #expect(triad("run", spin.path, "--max-instructions", "1000").status == 5)
    let fault = try TemporaryFile("fault.asm", ".org 0x100\n_start: .word 0\n")
    let faulted = triad("run", fault.path)
    #expect(faulted.status == 4)
    #expect(faulted.error.contains("`bounds`"), "\(faulted.error)")
    #expect(triad("trace", spin.path, "--max-instructions", "10").status == 5)
    #expect(triad("trace", fault.path).status == 4)
    let status = try TemporaryFile("status.asm", "_start: li t0, 7\n out t0, 0x30(zero)\n")
    #expect(triad("run", status.path).status == 0)
    #expect(triad("run", status.path, "--propagate").status == 7)
  }

  // MOV SP, 1000h; PUSH SP; POP AX; HLT: the 8086 stores the new stack pointer, all others the old one.
  private static let pushesStackPointer: [UInt8] = [0xBC, 0x00, 0x10, 0x54, 0x58, 0xF4]

  @Test(arguments: ["simulator", "emulator"])
  func aProgramRunsOnTheProcessorAskedFor(_ engine: String) throws {
    let program = try TemporaryFile("push.bin", Self.pushesStackPointer)
    for (model, value) in [
      ("8086", "0xffe"), ("286", "0x1000"), ("386", "0x1000"), ("x86-64", "0x1000"),
    ] {
      let result = triad(
        "run", program.path, "--mode", "16", "--cpu", model, "--on", engine, "--expect", "rax=\(value)")
      #expect(result.status == 0, "\(model): \(result.error)")
    }
  }

  @Test func whatAProcessorCannotRunIsRefused() throws {
    let program = try TemporaryFile("push.bin", Self.pushesStackPointer)
    let direct = triad("run", program.path, "--mode", "16", "--cpu", "8086", "--on", "virtualizer")
    #expect(direct.status != 0)
    #expect(direct.error.contains("which is no 8086"), "\(direct.error)")
    for (model, mode) in [("8086", "32"), ("286", "64"), ("386", "64")] {
      let result = triad("run", program.path, "--mode", mode, "--cpu", model)
      #expect(result.status == 3)
      #expect(result.error.contains("\(mode)-bit mode"), "\(result.error)")
    }
    #expect(triad("run", "timer-rom", "--cpu", "286").error.contains("end of 4 GiB"))
    #expect(triad("run", "hello", "--cpu", "286").error.contains("--cpu has no meaning here"))
    #expect(triad("run", program.path, "--mode", "16", "--cpu", "486").error.contains("386"))
  }

  @Test func traceSnapshotAndListingKnowTheProcessor() throws {
    let program = try TemporaryFile("push.bin", Self.pushesStackPointer)
    let trace = triad("trace", program.path, "--mode", "16", "--cpu", "8086", "--level", "instructions")
    #expect(trace.status == 0)
    #expect(trace.output.contains("\"8086\""))
    let alias = try TemporaryFile("alias.bin", [0x60, 0x02, 0x0F, 0xF4])
    #expect(triad("disasm", alias.path, "--mode", "16", "--cpu", "8086").output.contains("jo "))
    #expect(triad("disasm", alias.path, "--mode", "16").output.contains("pusha"))
    let saved = try TemporaryFile("saved.snapshot", nil as [UInt8]?)
    let save = triad(
      "snapshot", "save", program.path, "--mode", "16", "--cpu", "8086", "--until", "1", "-o", saved.path)
    #expect(save.status == 0, "\(save.error)")
    let restored = triad(
      "snapshot", "restore", saved.path, program.path, "--mode", "16", "--on", "simulator", "--json")
    #expect(restored.status == 0, "\(restored.error)")
    let registers = try (restored.json as? [String: Any])?["registers"] as? [String: String]
    #expect(registers?["rax"] == "0xffe")
  }

  @Test func untilHoldsAtTheEntryToo() {
    let result = triad("run", "hello", "--until", "0x100", "--expect", "zero=0")
    #expect(result.status == 0)
    #expect(result.output.isEmpty)
    #expect(result.error.contains("reached 0x100"))
  }

  @Test func everyAssemblyErrorIsReported() throws {
    let source = try TemporaryFile("bad.asm", "addd r1, r2, r3\nadd r1, r2\nj nowhere\n")
    let result = triad("asm", source.path, "--short", "--check")
    #expect(result.status == 3)
    for line in 1...3 { #expect(result.error.contains("bad.asm:\(line):"), "\(result.error)") }
    #expect(triad("run", source.path).status == 3)
  }

  @Test func anAssembledImageRuns() throws {
    let source = try TemporaryFile("ok.asm", "_start: li t0, 9\n out zero, 0x30(zero)\n")
    let image = source.path + ".img"
    #expect(triad("asm", source.path, "-o", image).status == 0)
    #expect(triad("run", image, "--expect", "r5=9").status == 0)
    #expect(triad("disasm", image).output.contains("out"))
  }

  @Test func bytesAreDisassembled() throws {
    let file = try TemporaryFile("bytes.txt", "0fafc3\n\nd8 c1\n")
    #expect(
      triad("disasm", "--mode", "32", "--hex", file.path).output == "3\timul eax, ebx\n2\tfadd st, st(1)\n")
    let att = triad("disasm", "--mode", "32", "--syntax", "att", "--hex", file.path)
    #expect(att.output == "3\timull %ebx, %eax\n2\tfadd %st(1), %st\n")
    #expect(triad("disasm", "--hex", file.path).status == 2)
    let bad = try TemporaryFile("bad.txt", "90\n9\n")
    let result = triad("disasm", "--mode", "64", "--hex", bad.path)
    #expect(result.status != 0)
    #expect(result.error.contains("bad.txt:2"))
  }

  @Test func aRunIsHandedOn() throws {
    let whole = triad("run", "minos", "--on", "emulator")
    let handed = triad("run", "minos", "--on", "virtualizer", "--until", "20000", "--then", "simulator")
    #expect(handed.status == 0)
    #expect(handed.output == whole.output)
    #expect(handed.error.contains("handed from virtualizer to simulator"))
    #expect(triad("run", "minos", "--then", "simulator").status == 2)
    #expect(triad("run", "minos", "--until", "trap:0", "--then", "simulator").status == 2)
    #expect(triad("run", "minos", "--until", "5", "--until", "_start").status == 2)
    #expect(triad("run", "hello", "--until", "device:2", "-q").output == "He")
  }

  @Test func snapshotsGoToAFileAndBack() throws {
    let file = try TemporaryFile("minos.snapshot", nil as [UInt8]?)
    let whole = triad("run", "minos")
    #expect(triad("snapshot", "save", "minos", "--until", "20000", "-o", file.path).status == 0)
    for engine in ["simulator", "emulator", "virtualizer"] {
      let result = triad("snapshot", "restore", file.path, "--on", engine)
      #expect(result.status == 0)
      #expect(result.output == whole.output)
    }
    let shown = triad("snapshot", "show", file.path, "--json")
    #expect(((try shown.json as? [String: Any])?["retired"] as? Int) == 20_000)
    #expect(triad("snapshot", "show", file.path).output.contains("disk"))
    let wrong = triad("snapshot", "restore", file.path, "hello")
    #expect(wrong.status == 3)
    #expect(wrong.error.contains("minos"))
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file.path)))
    bytes[bytes.count / 2] ^= 1
    let damaged = try TemporaryFile("damaged.snapshot", bytes)
    #expect(triad("snapshot", "restore", damaged.path).status == 3)
    #expect(triad("snapshot", "show", "/nowhere/x").status == 3)
    #expect(triad("snapshot", "save", "hello", "--until", "999999", "-o", file.path).status == 1)
    #expect(triad("snapshot", "keep", "hello").status == 2)
  }
}
