import MachineCore

/// RDMSR and WRMSR over the machine's list of registers.
extension X86Core {
  private func entry(_ number: UInt64) throws(X86Fault) -> X86ModelSpecific.Entry {
    for entry in X86ModelSpecific.all where UInt64(entry.number) == number { return entry }
    throw .protection()
  }

  func readModelSpecific(_ number: UInt64) throws(X86Fault) -> UInt64 {
    let entry = try entry(number)
    switch entry.rule {
    case .constant(let value): return value
    case .ignored: return 0
    case .time: return time
    case .storage, .canonical, .types, .extendedFeatures:
      return entry.register.map { reg($0) } ?? 0
    }
  }

  mutating func writeModelSpecific(_ number: UInt64, _ value: UInt64) throws(X86Fault) {
    let entry = try entry(number)
    switch entry.rule {
    case .constant: throw .protection()
    case .ignored: return
    case .time: set(.timeOffset, value &- retired &- idle)
    case .extendedFeatures: try writeExtendedFeatures(value)
    case .storage(let mask):
      guard value & ~mask == 0 else { throw .protection() }
      if let register = entry.register { set(register, value) }
    case .canonical:
      guard isCanonical(value) else { throw .protection() }
      if let register = entry.register { set(register, value) }
    case .types(let allowsUncached):
      for shift in stride(from: UInt64(0), to: 64, by: 8) {
        let type = value >> shift & 0xFF
        guard [0, 1, 4, 5, 6].contains(type) || (allowsUncached && type == 7) else { throw .protection() }
      }
      if let register = entry.register { set(register, value) }
    }
  }

  /// EFER: SCE, LME, LMA and NXE. LMA follows from paging, and LME may not change under it.
  private mutating func writeExtendedFeatures(_ value: UInt64) throws(X86Fault) {
    let old = reg(.efer)
    guard value & ~0xD01 == 0, !isPaged || (value ^ old) & 0x100 == 0 else { throw .protection() }
    set(.efer, value & 0x901 | old & 0x400)
    if (value ^ old) & 0x800 != 0 { forgetAllPages() }
    updateMode()
  }
}
