package import MachineCore

/// The surroundings in which single instructions are tried: where code, data and trap handlers lie.
///
/// Each trap has a handler of its own, a HLT, so that a halted processor tells by its address which trap
/// it took; the frame on the stack tells the rest. All that a case is likely to touch lies in the first
/// 192 KiB of storage, so that comparing and restoring it is cheap. In 64-bit mode ring 3 has 32 plain pages;
/// behind them, and unless the hardware takes part, lie pages of every other kind.
package struct X86FuzzMachine: Sendable {
  package let mode: X86Mode
  /// The processor model.
  package let model: X86CPUModel
  /// Only what the hardware's surroundings can have: no odd descriptors and pages.
  package let isPlain: Bool
  /// First address of 64 KiB of data.
  package let data: UInt64
  /// Where the instruction lies, in the 64 KiB behind the data.
  package let code: UInt64
  /// Contents of the storage before each case, as far as it is not zero.
  package let memory: [UInt8]
  /// The processor before a case changes anything.
  package let base: ProcessorState
  /// Addresses of pages that are not plainly readable and writable.
  package let oddPages: [UInt64]
  /// Linear addresses at which the instruction can be found through such pages.
  let oddCode: [UInt64]

  /// Bytes of storage.
  package static let memorySize = X86Layout.minimumMemorySize
  /// Guest-physical address of the data; the code lies behind it.
  package static let storage: UInt64 = 0x1_0000
  /// Handlers are sixteen bytes apart from here.
  package static let handlers: UInt64 = 0x9000
  static let interruptTable: UInt64 = 0x8000
  private static let userTable: UInt64 = 0xA000
  private static let userBase: UInt64 = 0x20_0000

  /// Where the instruction lies in its page: in 64-bit mode near the end, so that short branches leave the page.
  static func place(_ mode: X86Mode, isPlain: Bool) -> UInt64 {
    mode == .long64 && !isPlain ? 0xF80 : 0x800
  }

  /// Guest-physical address of the data.
  package var physicalData: UInt64 { Self.storage }
  /// Guest-physical address of the instruction.
  package var physicalCode: UInt64 { Self.storage + code - data }

  /// The surroundings in a mode; `seed` makes the data.
  package init(
    _ mode: X86Mode, model: X86CPUModel = .modern, seed: UInt64, isPlain: Bool = false
  ) throws(MachineError) {
    self.mode = mode
    self.model = model
    self.isPlain = isPlain
    data = mode == .long64 ? Self.userBase : Self.storage
    code = data + 0x1_0000 + Self.place(mode, isPlain: isPlain)
    let entry = mode == .real16 ? 0x800 : code
    let machine = X86Machine(mode: mode, entry: entry, segments: [], memorySize: Self.memorySize)
    let platform = try machine.makePlatform()
    let memory = platform.memory
    var random = SplitMix(state: seed)
    let words = Self.storage
    for offset in 0..<UInt64(0x2000) { memory.store(words + offset * 8, random.next(), width: 8) }
    // One word in eight is a selector that the descriptor table has, and behind them lie return frames.
    let selectors = isPlain ? X86FuzzTables.plainSelectors : X86FuzzTables.selectors
    for offset in stride(from: UInt64(0), to: 0x2000, by: 8) {
      memory.store(words + offset * 8, selectors[random.below(selectors.count)], width: 8)
    }
    Self.storeFrames(mode, memory, at: words + Self.frames, target: entry + 0x40, stack: data + 0x8000)
    // Ring 0's stack lies next to the data, so that what a case touches stays together.
    if mode != .real16 {
      memory.store(X86Layout.tss + 4, Self.storage, width: mode == .long64 ? 8 : 4)
    }
    // Around the instruction: HLT, which ring 3 may not execute.
    for offset in 0..<UInt64(0x2000) {
      memory.store(words + 0x1_0000 + offset * 8, 0xF4F4_F4F4_F4F4_F4F4, width: 8)
    }
    for vector in 0..<UInt64(256) {
      let handler = Self.handlers + vector * 16
      memory.store(handler, 0xF4, width: 1)
      if mode == .real16 {
        memory.store(vector * 4, (Self.handlers >> 4) << 16 | vector * 16, width: 4)
      } else {
        let gate =
          isPlain
          ? X86FuzzTables.gate(vector, handler) : X86FuzzTables.variedGate(mode, vector, handler)
        let place = Self.interruptTable + vector * (mode == .long64 ? 16 : 8)
        memory.store(place, gate.low, width: 8)
        if mode == .long64 { memory.store(place + 8, gate.high, width: 8) }
      }
    }
    var state = machine.initialState
    switch mode {
    case .real16:
      for number in 0..<6 {
        var segment = state.segment(number)
        segment.selector = (number == 1 ? data + 0x1_0000 : data) >> 4
        segment.base = segment.selector << 4
        state.setSegment(number, segment)
      }
    case .protected32:
      state[.idtrBase] = Self.interruptTable
      state[.idtrLimit] = 256 * 8 - 1
    case .long64:
      state[.idtrBase] = Self.interruptTable
      state[.idtrLimit] = 256 * 16 - 1
      for entry in [X86Layout.pml4, X86Layout.pdpt] {
        if let value = memory.load(entry, width: 8) { memory.store(entry, value | 4, width: 8) }
      }
      // Present, writable, open to ring 3, accessed and dirty.
      memory.store(X86Layout.pageDirectories + 8, Self.userTable | 0x27, width: 8)
      for page in 0..<UInt64(32) {
        memory.store(Self.userTable + page * 8, (Self.storage + page << 12) | 0x67, width: 8)
      }
    }
    if isPlain || (mode == .real16 && model != .modern) {
      (oddPages, oddCode) = ([], [])
    } else {
      if mode == .real16 { Self.prepareProtection(memory, &state) }
      X86FuzzTables.storeDescriptors(mode, memory, &state)
      X86SystemCases.storePages(mode, memory)
      X86FuzzCells.store(mode, memory, seed: seed)
      (oddPages, oddCode) =
        mode == .long64
        ? X86FuzzTables.storeOddPages(memory, table: Self.userTable, base: Self.userBase) : ([], [])
    }
    base = state
    self.memory = try memory.read(0..<Int(Self.storage + 0x2_0000))
  }

  /// What code of a real-mode machine that is in protected mode needs: gates and a task.
  private static func prepareProtection(_ memory: GuestMemory, _ state: inout ProcessorState) {
    for vector in 0..<UInt64(256) {
      let gate = X86FuzzTables.variedGate(.protected32, vector, handlers + vector * 16)
      memory.store(interruptTable + vector * 8, gate.low, width: 8)
    }
    memory.store(X86Layout.tss + 4, storage, width: 4)
    memory.store(X86Layout.tss + 8, X86Layout.Selector.data, width: 4)
    let task = X86InitialSegments.task(.protected32)
    state[.tr] = task.selector
    state[.trBase] = task.base
    state[.trLimit] = task.limit
    state[.trAttributes] = task.attributes
  }

  /// Offset in the data of eight frames for returns, 256 bytes apart.
  static let frames: UInt64 = 0xA000

  /// Frames as IRET and far RET want them, in three widths and for both rings.
  private static func storeFrames(
    _ mode: X86Mode, _ memory: GuestMemory, at address: UInt64, target: UInt64, stack: UInt64
  ) {
    for number in 0..<UInt64(8) {
      let width = [2, 4, mode == .long64 ? 8 : 4, 2][Int(number & 3)]
      let isUser = number >= 4
      let code: UInt64 =
        switch mode {
        case .real16: (Self.storage &+ 0x1_0000) >> 4
        case .protected32: isUser ? 0x1B : 0x08
        case .long64: isUser ? 0x2B : 0x08
        }
      let words = [target, code, 0x0202, stack, isUser ? 0x23 : 0x10]
      for (place, word) in words.enumerated() {
        memory.store(address + number * 256 + UInt64(place * width), word, width: width)
      }
    }
  }

  /// The vector whose handler a halted processor is in.
  package func vector(_ state: ProcessorState) -> Int? {
    guard state[.halted] != 0 else { return nil }
    let address = mode == .long64 ? state[.rip] : state[.csBase] &+ state[.rip]
    let offset = address &- Self.handlers
    return offset < 4096 && offset & 15 == 1 ? Int(offset >> 4) : nil
  }

  /// Puts the processor into ring 3.
  package func enterRing3(_ state: inout ProcessorState) {
    guard mode != .real16 else { return }
    state.setSegment(1, mode == .long64 ? X86InitialSegments.userCode64 : X86InitialSegments.userCode32)
    for number in 0..<6 where number != 1 { state.setSegment(number, X86InitialSegments.userData) }
  }

  /// How a state's code is read.
  package func context(_ state: ProcessorState) -> X86DecodeContext {
    let isLong = state[.efer] & 0x400 != 0
    let code = state[.csAttributes]
    let width: Width = isLong && code & 0x2000 != 0 ? .bits64 : code & 0x4000 != 0 ? .bits32 : .bits16
    let stack: Width = width == .bits64 ? .bits64 : state[.ssAttributes] & 0x4000 != 0 ? .bits32 : .bits16
    let isProtected = state[.cr0] & 1 != 0 && state[.rflags] & 0x2_0000 == 0
    return X86DecodeContext(code: width, stack: stack, protected: isProtected).on(model)
  }
}

/// One instruction with the state before it.
package struct X86FuzzCase: Sendable {
  /// The number that all of it comes from.
  package var seed: UInt64
  /// The instruction and what follows it.
  package var bytes: [UInt8]
  package var state: ProcessorState

  package init(seed: UInt64, bytes: [UInt8], state: ProcessorState) {
    self.seed = seed
    self.bytes = bytes
    self.state = state
  }
}
