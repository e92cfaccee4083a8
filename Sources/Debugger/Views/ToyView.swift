internal import MachineCore
internal import ToyISA
internal import Trace

/// The toy processor as a debugger sees it.
struct ToyView: ProcessorView {
  private func register(_ number: RegisterID, _ state: ProcessorState) -> UInt64 {
    Int(number) < state.registers.count ? state.registers[Int(number)] : 0
  }

  func codeAddress(_ state: ProcessorState) -> UInt64 { register(ToyRegister.pc, state) }
  func programCounters(for address: UInt64, _ state: ProcessorState) -> [UInt64] { [address] }
  func context(_ state: ProcessorState) -> UInt64 { 0 }
  func segmentBases(_ registers: [UInt64]) -> Set<UInt64> { [0] }
  var stackPointer: Int { 14 }
  var mainRegisters: [Int] { Array(0..<16) + [Int(ToyRegister.pc)] }
  var addressBytes: Int { 4 }

  func walk(_ address: UInt64, _ state: ProcessorState, _ memory: PhysicalMemory) -> AddressWalk {
    let base = register(ToyRegister.base, state)
    let bound = register(ToyRegister.bound, state)
    let isPaged = register(ToyRegister.paging, state) != 0
    var walk = AddressWalk(
      mode: (isPaged ? "paging, root table " : "base ") + hex(base) + ", bound " + hex(bound))
    guard address < bound else {
      walk.reason = "the address is not below the bound"
      return walk
    }
    guard isPaged else {
      let physical = base &+ address
      if memory.byte(physical) == nil {
        walk.reason = "there is no storage at \(hex(physical))"
      } else {
        walk.physical = physical
      }
      return walk
    }
    var table = base & PageEntry.frame
    for (name, shift) in [("directory entry", UInt64(22)), ("table entry", 12)] {
      let place = table &+ (address >> shift & 0x3FF) * 4
      guard let entry = memory.load(place, bytes: 4) else {
        walk.reason = "there is no storage at \(hex(place)) for the \(name)"
        return walk
      }
      walk.steps.append(.init(name: name, place: place, entry: entry, flags: Self.flags(entry)))
      guard entry & PageEntry.valid != 0 else {
        walk.reason = "the \(name) is not valid"
        return walk
      }
      table = entry & PageEntry.frame
    }
    walk.physical = table | address & 0xFFF
    return walk
  }

  private static func flags(_ entry: UInt64) -> String {
    let letters: [(UInt64, String)] = [
      (PageEntry.valid, "v"), (PageEntry.read, "r"), (PageEntry.write, "w"), (PageEntry.execute, "x"),
      (PageEntry.user, "u"), (PageEntry.accessed, "a"), (PageEntry.dirty, "d"),
    ]
    return letters.map { entry & $0.0 != 0 ? $0.1 : "-" }.joined()
  }

  func handlers(_ state: ProcessorState, _ memory: PhysicalMemory) -> Set<UInt64> {
    memory.load(TrapArea.newPSW + 4, bytes: 4).map { [$0] } ?? []
  }

  func supervisorEntries(_ state: ProcessorState, _ memory: PhysicalMemory) -> Set<UInt64> {
    handlers(state, memory)
  }

  func flow(_ bytes: InstructionBytes, context: UInt64) -> CallFlow {
    let text = disassemble(bytes.array, at: 0, context: 0).text
    let words = text.replacing(",", with: "").split(separator: " ").map(String.init)
    switch words.first {
    case "jal", "jalr":
      return words.dropFirst().first == "r15" ? .call : Self.isReturn(words) ? .giveBack : .other
    case "lpsw": return .giveBack
    default: return .other
    }
  }

  private static func isReturn(_ words: [String]) -> Bool {
    words[0] == "jalr" && words.count > 2 && words[1] == "r0" && words[2].contains("r15")
  }

  func disassemble(_ bytes: [UInt8], at address: UInt64, context: UInt64) -> (length: Int, text: String) {
    guard bytes.count >= 4 else { return (max(bytes.count, 1), "(no storage)") }
    let word = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << UInt32($1 * 8) }
    return (4, ToyDisassembler.text(of: word, at: UInt32(truncatingIfNeeded: address)))
  }

  func alias(_ name: String) -> (register: Int, shift: UInt64, mask: UInt64)? {
    ToyRegister.aliases.first { $0.name == name }.map { ($0.number, 0, 0xFFFF_FFFF) }
  }
}
