import MachineCore
import Simulator
import Testing
import Trace
import X86Backend

/// The interpreter on small programs, and against the evaluator on the built-in ones.
@Suite struct InterpreterTests {
  private func machine(_ mode: X86Mode, _ code: [UInt8]) -> X86Machine {
    let entry: UInt64 = mode == .real16 ? X86Layout.bootSector : X86Layout.highMemory
    return X86Machine(mode: mode, entry: entry, segments: [LoadSegment(address: entry, bytes: code)])
  }

  private func engines(_ machine: X86Machine) throws -> [any Engine] {
    [
      X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState),
      Evaluator(
        instructionSet: X86InstructionSet(), platform: try machine.makePlatform(),
        state: machine.initialState),
    ]
  }

  @Test(arguments: X86Workload.all.map(\.name)) func workloadTracesAgree(_ name: String) throws {
    let workload = try #require(X86Workload.named(name))
    var traces: [[TraceRecord]] = []
    for engine in try engines(workload.machine()) {
      var records: [TraceRecord] = []
      let recorder = TraceRecorder(level: .instructions) { records += $0 }
      _ = try engine.run(RunLimits(instructions: 20_000), into: recorder)
      recorder.flush()
      traces.append(records)
    }
    #expect(traces[0].count > 20_000)
    #expect(traces[0] == traces[1])
  }

  @Test func workloadsReachTheirEnd() throws {
    for workload in X86Workload.all {
      let machine = try workload.machine()
      let engine = X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState)
      let stop = try engine.run(RunLimits(instructions: 50_000_000), into: nil)
      #expect(stop == .powerOff(status: workload.expectedStatus))
      #expect(String(decoding: engine.platform.console, as: UTF8.self) == workload.expectedConsole)
    }
  }

  @Test func storesIntoCodeCount() throws {
    // mov ecx, 2; again: mov eax, 1 (its immediate is incremented); inc byte [imm]; loop again; hlt
    let code: [UInt8] = [
      0xB9, 2, 0, 0, 0, 0xB8, 1, 0, 0, 0, 0xFE, 0x05, 0x06, 0x00, 0x10, 0x00, 0xE2, 0xF3, 0xF4,
    ]
    for engine in try engines(machine(.protected32, code)) {
      let stop = try engine.run(RunLimits(instructions: 100), into: nil)
      #expect(stop == .idle(pc: X86Layout.highMemory + 19))
      // The second time round the changed immediate is loaded.
      #expect(engine.state[.rax] == 2)
    }
  }

  @Test func storeIntoTheNextInstructionCounts() throws {
    // mov byte [next + 1], 7; next: mov al, 0; hlt
    let code: [UInt8] = [0xC6, 0x05, 0x08, 0x00, 0x10, 0x00, 0x07, 0xB0, 0x00, 0xF4]
    for engine in try engines(machine(.protected32, code)) {
      // Twice, so that the second run finds the instruction decoded.
      for _ in 0..<2 {
        engine.state = machine(.protected32, code).initialState
        try engine.platform.memory.write(code, at: Int(X86Layout.highMemory))
        _ = try engine.run(RunLimits(instructions: 100), into: nil)
        #expect(engine.state[.rax] & 0xFF == 7)
      }
    }
  }

  @Test func faultWithoutATableStopsTheProcessor() throws {
    for engine in try engines(machine(.protected32, [0x31, 0xC9, 0xF7, 0xF1])) {
      let stop = try engine.run(RunLimits(instructions: 100), into: nil)
      #expect(stop == .checkStop(cause: 8, pc: X86Layout.highMemory + 2))
    }
  }

  @Test func unknownInstructionsAreNamed() throws {
    for engine in try engines(machine(.long64, [0x90, 0xD9, 0xE8])) {
      let stop = try engine.run(RunLimits(instructions: 100), into: nil)
      guard case .unsupported(let instruction) = stop else {
        Issue.record("\(stop)")
        continue
      }
      #expect(instruction.pc == X86Layout.highMemory + 1)
      #expect(instruction.bytes.first == 0xD9)
      #expect(instruction.reason == "fld1")
    }
  }

  @Test func repeatedStringsCountIterations() throws {
    // cld; mov ecx, 5; mov edi, 0x200000; rep stosb; hlt
    let code: [UInt8] = [0xFC, 0xB9, 5, 0, 0, 0, 0xBF, 0, 0, 0x20, 0, 0xF3, 0xAA, 0xF4]
    for engine in try engines(machine(.protected32, code)) {
      _ = try engine.run(RunLimits(instructions: 100), into: nil)
      #expect(engine.platform.retired == 3 + 5 + 1)
      #expect(engine.state[.rdi] == 0x20_0005)
    }
  }

  @Test func pageFaultReachesItsHandlerOnce() throws {
    // lidt [0x101000]; mov rax, [0x80_0000_0000] (not mapped); the handler halts.
    let code: [UInt8] = [
      0x0F, 0x01, 0x1C, 0x25, 0x00, 0x10, 0x10, 0x00, 0x48, 0xA1, 0, 0, 0, 0, 0x80, 0, 0, 0,
    ]
    let gate: [UInt8] = [0x00, 0x20, 0x08, 0x00, 0x00, 0x8E, 0x10, 0x00] + [UInt8](repeating: 0, count: 8)
    var machine = machine(.long64, code)
    machine.segments += [
      LoadSegment(address: 0x10_1000, bytes: [0xFF, 0x00, 0x00, 0x30, 0x10, 0, 0, 0, 0, 0]),
      LoadSegment(address: 0x10_3000 + 14 * 16, bytes: gate),
      LoadSegment(address: 0x10_2000, bytes: [0xF4]),
    ]
    var traces: [[TraceRecord]] = []
    for engine in try engines(machine) {
      var records: [TraceRecord] = []
      let recorder = TraceRecorder(level: .instructions) { records += $0 }
      let stop = try engine.run(RunLimits(instructions: 100), into: recorder)
      recorder.flush()
      traces.append(records)
      #expect(stop == .idle(pc: 0x10_2001))
      #expect(engine.state[.cr2] == 0x80_0000_0000)
      // Error code, then the saved rip, on the stack.
      let stack = engine.state[.rsp]
      #expect(engine.platform.memory.load(stack, width: 8) == 0)
      #expect(engine.platform.memory.load(stack + 8, width: 8) == X86Layout.highMemory + 8)
      #expect(records.contains { $0.kind == EventKind.trap.rawValue && $0.code == 14 })
    }
    #expect(traces[0] == traces[1])
  }
}
