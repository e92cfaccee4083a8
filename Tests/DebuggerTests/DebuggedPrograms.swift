import Debugger
import MachineCore
import Properties
import Testing
import ToyISA
import X86Backend

/// Programs for tests of the debugger.
enum DebuggedPrograms {
  static func toy(_ name: String) throws -> Workload {
    let program = try #require(ToyPrograms.named(name))
    let image = try ToyAssembler.run(
      bytes: Array(program.source.utf8), file: program.file, defines: program.defines, include: { _ in nil }
    ).image
    return Workload(name: name, machine: .toy(image, program.machine, .classic))
  }

  static func x86(_ name: String, memory: Int = 8 << 20) throws -> Workload {
    Workload(
      name: name,
      machine: .x86(try #require(X86Workload.named(name)).machine(memorySize: memory)))
  }

  static func session(_ workload: Workload, _ kind: EngineKind = .emulator) throws -> DebugSession {
    DebugSession(workload, try workload.makeEngine(kind))
  }

  /// The engines that this host has for a workload.
  static func kinds(_ workload: Workload) -> [EngineKind] {
    EngineKind.allCases.filter { (try? workload.makeEngine($0)) != nil }
  }
}
