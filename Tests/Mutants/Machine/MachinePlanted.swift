internal import MachineCore
internal import Properties

extension Mutant {
  /// One instruction of a long run gives a wrong result.
  static let machinePlanted: Mutant = .machine(
    "machine-planted", "the 200th instruction of the run goes wrong", twin: .emulator, on: MutantPrograms.tour
  ) {
    try PlantedFault($0.makeEngine(.emulator), instruction: 200)
  }
}
