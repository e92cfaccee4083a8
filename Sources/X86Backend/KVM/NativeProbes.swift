#if os(Linux) && arch(x86_64)
  internal import MachineCore
  internal import Trace

  /// Questions about what this host does with single instructions in ring 3, in the fuzzer's surroundings.
  final class NativeProbes {
    private let machine: X86FuzzMachine
    private let native: NativeUserMode
    /// Everything that was tried.
    private(set) var behaviours: [HostBehaviour] = []
    /// Flags that PUSHF pushes and that are not those of the guest.
    private(set) var pushedFlags: UInt64 = 0

    /// Asks all questions; `nil` where there is no usable KVM.
    init?() {
      guard KVMProbe.shared.isUsable,
        let machine = try? X86FuzzMachine(.long64, seed: 1, isPlain: true),
        let native = try? NativeUserMode(machine)
      else { return nil }
      self.machine = machine
      self.native = native
      traps()
      wildStack()
      undefinedEncodings()
      flags()
      readSelectors()
      descriptors()
      tableStore()
      interrupts()
      splitLock()
      repeatedStrings()
      storesBeforeFaults()
      faultOrder()
      pause()
    }

    /// What a probe sets before its instruction.
    private struct Setting {
      var registers: [X86Register: UInt64] = [:]
      var memory: [(address: UInt64, value: UInt64)] = []
    }

    /// A place in the middle of the data, all of whose surroundings are mapped.
    private var place: UInt64 { machine.data + 0x6000 }

    private func run(_ bytes: [UInt8], _ setting: Setting = Setting()) -> NativeUserMode.Outcome? {
      var state = machine.base
      machine.enterRing3(&state)
      state[.rsp] = machine.data + 0x8000
      state[.rflags] = 2
      for (register, value) in setting.registers { state[register] = value }
      let memory = native.platform.memory
      let data = Int(machine.physicalData)
      guard (try? memory.write(Array(machine.memory[data..<data + 0x2_0000]), at: data)) != nil,
        (try? memory.write(bytes + [0xF4], at: Int(machine.physicalCode))) != nil
      else { return nil }
      for (address, value) in setting.memory {
        memory.store(machine.physicalData + address - machine.data, value, width: 8)
      }
      return native.run(state, within: 0.3)
    }

    private func word(_ address: UInt64) -> UInt64 {
      native.platform.memory.load(machine.physicalData + address - machine.data, width: 8) ?? 0
    }

    private func note(
      _ id: String, _ title: String, _ section: String, expected: String, seen: String?
    ) {
      let seen = seen ?? "a processor that never comes back"
      behaviours.append(
        HostBehaviour(
          observation: HostDeviation(
            id: id, behaviour: title, section: section, expected: expected, seen: seen),
          deviates: seen != expected))
    }

    private func text(_ outcome: NativeUserMode.Outcome) -> String {
      let name = X86InstructionSet.causeNames[min(Int(outcome.trap), 19)]
      return outcome.savedRIP == machine.code ? "trap \(name)" : "completion"
    }

    /// A load from an address that is not canonical, by an instruction that an interpreter in the kernel may not
    /// know.
    private func traps() {
      let outcome = run([0xF3, 0x48, 0x0F, 0xB8, 0x01], Setting(registers: [.rcx: 1 << 63]))
      note(
        NativeDeviations.interpreted, "POPCNT in ring 3 from an address that is not canonical",
        "vol. 2, POPCNT", expected: "trap general protection", seen: outcome.map(text))
    }

    private func wildStack() {
      // POPCNT RAX, RCX.
      let outcome = run([0xF3, 0x48, 0x0F, 0xB8, 0xC1], Setting(registers: [.rsp: 1 << 63]))
      note(
        NativeDeviations.wildStack, "POPCNT in ring 3 with a stack pointer that is not canonical",
        "vol. 1, 3.3.7.1", expected: "completion", seen: outcome.map(text))
    }

    private func undefinedEncodings() {
      let frame = [
        machine.code + 0x40, X86Layout.Selector.userCode64, 2, machine.data + 0x8000,
        X86Layout.Selector.userData,
      ]
      // LOCK IRETQ, with a frame that it could take.
      var setting = Setting(registers: [.rsp: place])
      for (number, word) in frame.enumerated() { setting.memory.append((place + UInt64(number * 8), word)) }
      let locked = run([0xF0, 0x48, 0xCF], setting)
      note(
        NativeDeviations.lockedReturn, "LOCK IRETQ in ring 3", "vol. 2, LOCK",
        expected: "trap undefined opcode",
        seen: locked.map(text))
      let hint = run([0xF0, 0x0F, 0x1F, 0x01], Setting(registers: [.rcx: place]))
      note(
        NativeDeviations.lockedHint, "LOCK NOP of memory in ring 3", "vol. 2, LOCK",
        expected: "trap undefined opcode", seen: hint.map(text))
      let prefixed = run([0x66, 0x0F, 0xC3, 0x0E], Setting(registers: [.rsi: place]))
      note(
        NativeDeviations.prefixedStore, "MOVNTI with an operand-size prefix in ring 3", "vol. 2, MOVNTI",
        expected: "trap undefined opcode", seen: prefixed.map(text))
    }

    private func flags() {
      let outcome = run([0x9C])
      let pushed = word(machine.data + 0x7FF8)
      note(
        NativeDeviations.flags, "flags that PUSHF in ring 3 pushes with RFLAGS 0x2", "vol. 2, PUSHF",
        expected: "0x2", seen: outcome.map { _ in hex(pushed) })
      if outcome != nil { pushedFlags = pushed ^ 2 }
    }

    private func readSelectors() {
      var seen: [String] = []
      for number in 0..<UInt8(6) {
        // MOV EAX, segment register.
        let outcome = run([0x8C, 0xC0 | number << 3])
        seen.append(hex((outcome?.registers[0] ?? 0) & 0xFFFF))
      }
      let own = (0..<6).map { number in
        number == 1 ? X86Layout.Selector.userCode64 : X86Layout.Selector.userData
      }
      note(
        NativeDeviations.selectors, "ES, CS, SS, DS, FS and GS read in ring 3", "vol. 2, MOV",
        expected: own.map { hex($0) }.joined(separator: ", "), seen: seen.joined(separator: ", "))
    }

    /// Access rights of the selectors that the guest's table has, and of two behind its end.
    private func descriptors() {
      var seen: [String] = []
      var expected: [String] = []
      for selector in [0x08, 0x10, 0x1B, 0x23, 0x2B, 0x33, 0x53] as [UInt64] {
        // LAR EAX, ECX; with EAX 1 before.
        let outcome = run([0x0F, 0x02, 0xC1], Setting(registers: [.rax: 1, .rcx: selector]))
        seen.append(outcome.map { hex($0.registers[0]) } ?? "nothing")
        let descriptor = machine.base[.gdtrBase] &+ selector & ~7
        let raw =
          selector & ~7 &+ 7 <= machine.base[.gdtrLimit]
          ? native.platform.memory.load(descriptor, width: 8) ?? 0 : 0
        let isReachable = raw >> 44 & 1 != 0 && raw >> 45 & 3 == 3
        expected.append(hex(isReachable ? raw >> 32 & 0xF0_FF00 : 1))
      }
      note(
        NativeDeviations.descriptors, "access rights by LAR in ring 3 of selectors 8 to 0x53", "vol. 2, LAR",
        expected: expected.joined(separator: ", "), seen: seen.joined(separator: ", "))
    }

    private func tableStore() {
      // STR [RCX] with REX.W.
      let outcome = run(
        [0x48, 0x0F, 0x00, 0x09], Setting(registers: [.rcx: place], memory: [(place, .max)]))
      let stored = (0..<8).reversed().first { word(place) >> UInt64($0 * 8) & 0xFF != 0xFF }
      note(
        NativeDeviations.tableStore, "bytes that STR with REX.W stores in ring 3", "vol. 2, STR",
        expected: "2", seen: outcome.map { _ in "\((stored ?? -1) + 1)" })
    }

    private func interrupts() {
      let outcome = run([0xCD, 30])
      note(
        NativeDeviations.interrupt, "INT 30 in ring 3 through a gate of ring 0", "vol. 2, INT n",
        expected: "trap general protection", seen: outcome.map(text))
    }

    private func splitLock() {
      // LOCK ADD dword [RAX], 0 from the last two bytes of a cache line.
      // A host that detects them lets some of them pass.
      var outcome: NativeUserMode.Outcome?
      for _ in 0..<10 {
        outcome = run([0xF0, 0x83, 0x00, 0x00], Setting(registers: [.rax: place + 62]))
        if outcome == nil { break }
      }
      note(
        NativeDeviations.splitLock, "a locked access across cache lines", "vol. 3, 10.1.2.3",
        expected: "completion", seen: outcome.map(text))
    }

    private func repeatedStrings() {
      let upper: UInt64 = 0x1111_1111_0000_0000
      // REP STOSB with 32-bit addresses, no times.
      let outcome = run(
        [0xF3, 0x67, 0xAA], Setting(registers: [.rcx: upper, .rdi: upper | place]))
      note(
        NativeDeviations.repeated, "RCX and RDI after REP STOSB with 32-bit addresses and ECX 0",
        "vol. 1, 3.4.1.1", expected: "\(hex(upper)), \(hex(upper | place))",
        seen: outcome.map { "\(hex($0.registers[1])), \(hex($0.registers[7]))" })
    }

    private func storesBeforeFaults() {
      // CALL to an address that is not canonical.
      let below = machine.data + 0x7FF8
      let outcome = run([0xFF, 0xD0], Setting(registers: [.rax: 1 << 63], memory: [(below, 0x55)]))
      let left = word(below)
      note(
        NativeDeviations.stored, "stack below a CALL that faults at its target", "vol. 3, 6.5",
        expected: "unchanged", seen: outcome.map { _ in left == 0x55 ? "unchanged" : "the return address" })
    }

    private func faultOrder() {
      // Far RET with neither of its words mapped.
      let outcome = run([0xCB], Setting(registers: [.rsp: 0x4000_0000]))
      note(
        NativeDeviations.order, "word of the stack at which a far RET with neither word mapped faults",
        "vol. 2, RET", expected: "0x40000000", seen: outcome.map { hex($0.cr2) })
    }

    private func pause() {
      let outcome = run([0xF3, 0x41, 0x90], Setting(registers: [.rax: 1, .r8: 2]))
      note(
        NativeDeviations.pause, "opcode F3 41 90", "vol. 2, XCHG and PAUSE", expected: "XCHG EAX, R8D",
        seen: outcome.map { $0.registers[0] == 2 ? "XCHG EAX, R8D" : "PAUSE" })
    }
  }
#endif
