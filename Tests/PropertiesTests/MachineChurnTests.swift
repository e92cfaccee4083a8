import MachineCore
import Properties
import Testing
import ToyISA
import X86Backend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Other tests of this process open files and use memory, too: only what grows with the machines counts.
@Suite(.serialized) struct MachineChurnTests {
  private static func workload(_ isa: String) throws -> Workload {
    if isa == "toy" {
      let program = try #require(ToyPrograms.named("hello"))
      return Workload(name: program.name, machine: .toy(try program.assemble(), program.machine, .classic))
    }
    // MOV AL, 0; OUT F4h, AL
    let code = LoadSegment(address: X86Layout.bootSector, bytes: [0xB0, 0, 0xE6, 0xF4])
    return Workload(
      name: "power-off", machine: .x86(X86Machine(mode: .real16, entry: code.address, segments: [code])))
  }

  @Test(arguments: ["toy", "x86"], EngineKind.allCases)
  func machinesLeaveNothingBehind(_ isa: String, _ kind: EngineKind) throws {
    let workload = try Self.workload(isa)
    let count = isa == "x86" && kind == .simulator ? 20 : 100
    let churn: MachineChurn
    do {
      churn = try MachineChurn.run(workload, on: kind, machines: count)
    } catch let refusal as EngineRefusal where refusal.isHostLack {
      print("skipped: \(refusal.reason)")
      return
    }
    let descriptors = churn.after.descriptors - churn.before.descriptors
    #expect(descriptors < count / 2, "\(descriptors) more descriptors after \(count) machines")
    // A machine takes at least some hundred KiB.
    let perMachine = (churn.after.resident - churn.before.resident) / count
    #expect(perMachine < 128 << 10, "\(perMachine) bytes more per machine")
  }

  @Test func descriptorsAndMemoryAreCounted() throws {
    let before = MachineChurn.Holdings.now
    var descriptors: [Int32] = []
    for _ in 0..<50 { descriptors.append(open("/dev/null", O_RDONLY)) }
    let bytes = 64 << 20
    let block = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4096)
    memset(block, 1, bytes)
    let after = MachineChurn.Holdings.now
    block.deallocate()
    for descriptor in descriptors { close(descriptor) }
    #expect(after.descriptors - before.descriptors > 25)
    #expect(after.resident - before.resident > bytes / 2)
    var churn = try MachineChurn.run(try Self.workload("toy"), on: .emulator, machines: 1)
    churn.after = churn.before
    #expect(churn.isClean)
    churn.after.descriptors += 1
    #expect(!churn.isClean)
    churn.after = after
    churn.before = before
    #expect(!churn.isClean)
  }
}
