internal import MachineCore
internal import Trace
internal import X86Backend

/// An x86 processor as a debugger sees it; addresses are linear.
struct X86View: ProcessorView {
  let set: X86InstructionSet

  private func value(_ register: X86Register, _ state: ProcessorState) -> UInt64 {
    register.index < state.registers.count ? state.registers[register.index] : 0
  }

  private func isProtected(_ state: ProcessorState) -> Bool { value(.cr0, state) & 1 != 0 }
  private func isLong(_ state: ProcessorState) -> Bool { value(.efer, state) & 0x400 != 0 }
  /// 64-bit code, where segments have no base.
  private func isWide(_ state: ProcessorState) -> Bool {
    isLong(state) && value(.csAttributes, state) & 0x2000 != 0
  }

  func codeAddress(_ state: ProcessorState) -> UInt64 {
    let pc = value(.rip, state)
    return isWide(state) ? pc : (value(.csBase, state) &+ pc) & 0xFFFF_FFFF
  }

  func programCounters(for address: UInt64, _ state: ProcessorState) -> [UInt64] {
    var places: Set<UInt64> = [address]
    if !isWide(state) { places.insert((address &- value(.csBase, state)) & 0xFFFF_FFFF) }
    // In real mode a far jump may reach the address by any offset with the same low four bits.
    if !isProtected(state), address < 0x11_0000 {
      var offset = address & 0xF
      while offset <= min(address, 0xFFFF) {
        places.insert(offset)
        offset += 16
      }
    }
    return Array(places)
  }

  func context(_ state: ProcessorState) -> UInt64 {
    let code: Width = isWide(state) ? .bits64 : value(.csAttributes, state) & 0x4000 != 0 ? .bits32 : .bits16
    let stack: Width = value(.ssAttributes, state) & 0x4000 != 0 ? .bits32 : .bits16
    return X86DecodeContext(code: code, stack: stack, protected: isProtected(state)).on(set.model).rawValue
  }

  /// Bits of an address: 16, 32 or 64, as the code at the program counter has them.
  func codeBits(_ state: ProcessorState) -> Int {
    X86DecodeContext(rawValue: context(state)).code.rawValue == 64
      ? 64 : X86DecodeContext(rawValue: context(state)).code == .bits32 ? 32 : 16
  }

  func segmentBases(_ registers: [UInt64]) -> Set<UInt64> {
    var bases: Set<UInt64> = []
    for register in [X86Register.esBase, .csBase, .ssBase, .dsBase, .fsBase, .gsBase]
    where register.index < registers.count {
      bases.insert(registers[register.index])
    }
    // 64-bit code has no bases but those of FS and GS.
    if registers.count > X86Register.efer.index, registers[X86Register.efer.index] & 0x400 != 0 {
      bases.insert(0)
    }
    return bases
  }

  var stackPointer: Int { X86Register.rsp.index }
  var mainRegisters: [Int] {
    (X86Register.rax.index...X86Register.gs.index).map { $0 }
  }
  var addressBytes: Int { 8 }

  // MARK: Paging (Intel SDM vol. 3, chapter 4)

  func walk(_ address: UInt64, _ state: ProcessorState, _ memory: PhysicalMemory) -> AddressWalk {
    guard value(.cr0, state) >> 31 & 1 != 0, isProtected(state) else {
      var walk = AddressWalk(mode: isProtected(state) ? "no paging" : "real mode")
      let physical = address & 0xFFFF_FFFF
      if memory.byte(physical) == nil {
        walk.reason = "there is no memory at \(hex(physical))"
      } else {
        walk.physical = physical
      }
      return walk
    }
    let isExtended = value(.cr4, state) & 0x20 != 0
    let levels: [(String, UInt64)]
    var table: UInt64
    var walk: AddressWalk
    let linear = isLong(state) ? address : address & 0xFFFF_FFFF
    if isLong(state) {
      levels = [("PML4E", 39), ("PDPTE", 30), ("PDE", 21), ("PTE", 12)]
      table = value(.cr3, state) & Self.wideFrame
      walk = AddressWalk(mode: "4-level paging, CR3 \(hex(value(.cr3, state)))")
      guard Int64(bitPattern: linear << 16) >> 16 == Int64(bitPattern: linear) else {
        walk.reason = "the address is not canonical"
        return walk
      }
    } else if isExtended {
      levels = [("PDE", 21), ("PTE", 12)]
      walk = AddressWalk(mode: "PAE paging, CR3 \(hex(value(.cr3, state)))")
      let number = Int(linear >> 30 & 3)
      let pointer = state.registers[X86Register.pdpte0.index + number]
      let place = (value(.cr3, state) & 0xFFFF_FFE0) &+ UInt64(number * 8)
      walk.steps.append(
        .init(name: "PDPTE (loaded)", place: place, entry: pointer, flags: Self.flags(pointer)))
      guard pointer & 1 != 0 else {
        walk.reason = "the PDPTE is not present"
        return walk
      }
      table = pointer & Self.wideFrame
    } else {
      levels = [("PDE", 22), ("PTE", 12)]
      table = value(.cr3, state) & 0xFFFF_F000
      walk = AddressWalk(mode: "32-bit paging, CR3 \(hex(value(.cr3, state)))")
    }
    let bytes = isLong(state) || isExtended ? 8 : 4
    for (name, shift) in levels {
      let place = table &+ (linear >> shift & (bytes == 8 ? 511 : 1023)) &* UInt64(bytes)
      guard let entry = memory.load(place, bytes: bytes) else {
        walk.reason = "there is no memory at \(hex(place)) for the \(name)"
        return walk
      }
      walk.steps.append(.init(name: name, place: place, entry: entry, flags: Self.flags(entry)))
      guard entry & 1 != 0 else {
        walk.reason = "the \(name) is not present"
        return walk
      }
      table = entry & (bytes == 8 ? Self.wideFrame : 0xFFFF_F000)
      let mayBeLarge = shift == 30 || shift == 21 || (shift == 22 && value(.cr4, state) & 0x10 != 0)
      if shift == 12 || (mayBeLarge && entry & 0x80 != 0) {
        let inside = UInt64(1) << shift &- 1
        walk.physical = table & ~inside | linear & inside
        return walk
      }
    }
    return walk
  }

  private static let wideFrame: UInt64 = 0x000F_FFFF_FFFF_F000

  private static func flags(_ entry: UInt64) -> String {
    let letters: [(Int, String)] = [
      (0, "p"), (1, "w"), (2, "u"), (3, "t"), (4, "c"), (5, "a"), (6, "d"), (7, "l"), (8, "g"), (63, "x"),
    ]
    return letters.map { entry >> UInt64($0.0) & 1 != 0 ? $0.1 : "-" }.joined()
  }

  // MARK: Handlers

  func handlers(_ state: ProcessorState, _ memory: PhysicalMemory) -> Set<UInt64> {
    let base = value(.idtrBase, state)
    let size: UInt64 = isLong(state) ? 16 : isProtected(state) ? 8 : 4
    let count = min(256, (value(.idtrLimit, state) &+ 1) / size)
    var places: Set<UInt64> = []
    // The table lies in one page, or in a few.
    var table: [UInt8] = []
    table.reserveCapacity(Int(count * size))
    while UInt64(table.count) < count * size {
      let linear = base &+ UInt64(table.count)
      let length = min(Int(count * size) - table.count, 0x1000 - Int(linear & 0xFFF))
      table +=
        walk(linear, state, memory).physical.flatMap { memory.bytes($0, count: length) }
        ?? [UInt8](repeating: 0, count: length)
    }
    func number(_ offset: UInt64, _ bytes: UInt64) -> UInt64 {
      (0..<bytes).reduce(0) { $0 | UInt64(table[Int(offset + $1)]) << ($1 * 8) }
    }
    for vector in 0..<count {
      let gate = vector * size
      if size == 4 {
        places.insert(number(gate, 2))
        continue
      }
      let kind = number(gate + 5, 1)
      guard kind & 0x80 != 0, [6, 7, 14, 15].contains(kind & 0x1F) else { continue }
      var offset = number(gate, 2)
      if kind & 8 != 0 { offset |= number(gate + 6, 2) << 16 }
      if size == 16 { offset |= number(gate + 8, 4) << 32 }
      places.insert(offset)
    }
    return places
  }

  func supervisorEntries(_ state: ProcessorState, _ memory: PhysicalMemory) -> Set<UInt64> {
    // Handlers are in the code segment of their gate, which in protected mode nearly always begins at 0.
    handlers(state, memory).union([value(.lstar, state)])
  }

  // MARK: Instructions

  func flow(_ bytes: InstructionBytes, context: UInt64) -> CallFlow {
    let text = disassemble(bytes.array, at: 0, context: context).text
    let word = text.prefix { $0 != " " }
    if word == "call" || word == "callf" || word == "syscall" || word == "sysenter" { return .call }
    if word.hasPrefix("ret") || word.hasPrefix("iret") || word.hasPrefix("sysret") || word == "sysexit" {
      return .giveBack
    }
    return .other
  }

  func disassemble(_ bytes: [UInt8], at address: UInt64, context: UInt64) -> (length: Int, text: String) {
    let found = set.disassembly(
      of: InstructionBytes(bytes), pc: address, context: X86DecodeContext(rawValue: context), syntax: .intel)
    let isInstruction = [.executed, .named, .refused].contains(found.kind)
    return (isInstruction ? max(1, found.length) : 1, found.text)
  }

  func alias(_ name: String) -> (register: Int, shift: UInt64, mask: UInt64)? {
    switch name {
    case "eip": return (X86Register.rip.index, 0, 0xFFFF_FFFF)
    case "ip": return (X86Register.rip.index, 0, 0xFFFF)
    case "eflags": return (X86Register.rflags.index, 0, 0xFFFF_FFFF)
    case "flags": return (X86Register.rflags.index, 0, 0xFFFF)
    default: break
    }
    let bases = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"]
    if let number = bases.firstIndex(of: name) { return (number, 0, 0xFFFF) }
    if name.hasPrefix("e"), let number = bases.firstIndex(of: String(name.dropFirst())) {
      return (number, 0, 0xFFFF_FFFF)
    }
    let bytes = ["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"]
    if let number = bytes.firstIndex(of: name) { return (number, 0, 0xFF) }
    if let number = ["ah", "ch", "dh", "bh"].firstIndex(of: name) { return (number, 8, 0xFF) }
    return nil
  }
}
