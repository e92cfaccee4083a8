internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// Writes to devices are dropped.
  static let vmmOut: Mutant = .monitor(
    "vmm-out", "writes to devices are dropped", at: "out", on: MutantPrograms.tour
  ) {
    $0.routines["out"] = { processor, word in
      let port = (processor.register(word.b) &+ word.unsigned) & 0xFFFF
      if port == UInt32(ToyPort.power) { processor.output(port: port, 0) }
      return processor.psw.pc &+ 4
    }
  }
}
