import MachineCore
import Simulator
import Testing
import X86Backend

/// What comparing with other emulators and with a real processor has found.
@Suite struct OracleFindingsTests {
  @Test func iretWithWordOperandsClearsTheUpperStackPointer() throws {
    // "16-bit pop; clear upper bits" (SDM vol. 2, IRET); a processor's ring 3 was seen to do so.
    let code: UInt64 = 0x2_0000
    let stack: UInt64 = 0x1_8000
    let frame: [UInt16] = [0x0840, 0x08, 0x0002, 0x1234, 0x10]
    let bytes = frame.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    let machine = X86Machine(
      mode: .long64, entry: code,
      segments: [
        LoadSegment(address: code, bytes: [0x66, 0xCF]), LoadSegment(address: stack, bytes: bytes),
      ], memorySize: 2 << 20)
    var state = machine.initialState
    state[.rsp] = stack
    let engines: [any Engine] = [
      Evaluator(instructionSet: X86InstructionSet(), platform: try machine.makePlatform(), state: state),
      X86Interpreter(platform: try machine.makePlatform(), state: state),
    ]
    for engine in engines {
      #expect(try engine.run(RunLimits(instructions: 1), into: nil) == .limit)
      #expect(engine.state[.rip] == 0x0840)
      #expect(engine.state[.rsp] == 0x1234)
      #expect(engine.state[.ss] == 0x10)
    }
  }
}
