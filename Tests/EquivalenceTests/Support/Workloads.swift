import MachineCore
import Properties
import ToyISA
import X86Backend

extension Workload {
  /// A program of the package, in a size given by definitions.
  static func toy(
    _ program: ToyProgram, _ variant: ToyVariant = .classic, defines: [String: Int64] = [:],
    limit: UInt64? = nil
  ) throws -> Workload {
    Workload(
      name: program.name, machine: .toy(try program.assemble(with: defines), program.machine, variant),
      instructionLimit: limit ?? program.instructionLimit,
      // The expected text belongs to the default size on the classic variant.
      expectedConsole: defines.isEmpty && variant == .classic
        ? program.expectedConsole.map { Array($0.utf8) } : nil)
  }

  /// A toy program given as source, on a small machine.
  static func source(
    _ name: String, _ source: String, _ variant: ToyVariant = .classic, memory: Int = 1 << 16,
    input: [UInt8] = [],
    limit: UInt64 = 20_000
  ) throws -> Workload {
    Workload(
      name: name,
      machine: .toy(
        try ToyAssembler.assemble(source, file: "\(name).asm"), ToyMachine(memorySize: memory, input: input),
        variant),
      instructionLimit: limit)
  }

  /// An x86 program of the package.
  static func x86(_ workload: X86Workload, memory: Int = 8 << 20) throws -> Workload {
    Workload(
      name: workload.name, machine: .x86(try workload.machine(memorySize: memory)),
      instructionLimit: 100_000_000, expectedConsole: Array(workload.expectedConsole.utf8))
  }

  /// Machine code, run in this mode.
  static func x86(_ name: String, _ mode: X86Mode, _ code: [UInt8]) throws -> Workload {
    Workload(
      name: name,
      machine: .x86(try X86Loader.load(code, mode: mode, memorySize: X86Layout.minimumMemorySize)),
      instructionLimit: 1000)
  }
}
