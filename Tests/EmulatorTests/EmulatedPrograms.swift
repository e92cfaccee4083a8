import Emulator
import MachineCore
import ToyISA

/// The built-in programs that the classic variant runs.
enum EmulatedPrograms {
  static let names = ToyPrograms.all.filter { $0.witnesses == nil }.map(\.name)

  static func interpreter(_ platform: Platform, _ state: ProcessorState) throws -> Interpreter {
    try Interpreter(variant: .classic, platform: platform, state: state)
  }
}
