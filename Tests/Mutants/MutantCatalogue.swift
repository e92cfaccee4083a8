/// Every wrong machine.
extension Mutant {
  /// All of them, by the sort of machine.
  public static let all: [Mutant] = semantics + x86 + machine + monitor + hybrid

  /// Toy simulators whose semantics data are wrong.
  static let semantics: [Mutant] = [
    simBge, simBound, simCas, simDirty, simDiv, simIe, simJal, simLb, simLw, simModeKept, simModeLost,
    simMulhu, simSavedPc, simSetie, simSll, simSlt, simSra, simTlbEmpty, simTlbStale, simUserBit,
  ]

  /// x86 simulators whose semantics data are wrong.
  static let x86: [Mutant] = [
    x86Adc, x86Movsx, x86Sar, x86Sub, x86Upper,
  ]

  /// Wrong devices, caches and engines.
  static let machine: [Mutant] = [
    machinePlanted, machineStaleCode, machineTimerLate,
  ]

  /// Wrong trap-and-emulate VMMs.
  static let monitor: [Mutant] = [
    vmmBase, vmmBound, vmmBoundShown, vmmClock, vmmDirty, vmmDivides, vmmFlush, vmmFrame, vmmInterprets,
    vmmLostTrap, vmmLpsw, vmmMode, vmmOut, vmmQuantum, vmmReadOnly, vmmRealSupervisor, vmmRegion, vmmSavedPc,
    vmmTimer, vmmUnclipped, vmmUser,
  ]

  /// Wrong hybrid VMMs.
  static let hybrid: [Mutant] = [
    hybridBranch, hybridLink, hybridMulhu, hybridPlain, hybridStore, hybridUser,
  ]
}
