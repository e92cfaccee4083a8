internal import MachineCore

/// Something that a guest can see on this host and that the architecture manual says otherwise.
public struct HostDeviation: Sendable, Hashable, CustomStringConvertible {
  /// Short name, for lists of exceptions.
  public var id: String
  /// What was tried.
  public var behaviour: String
  /// Where the Intel Software Developer's Manual says what must happen.
  public var section: String
  /// What must happen.
  public var expected: String
  /// What happened.
  public var seen: String
  /// Registers that can differ from other engines because of it.
  public var registers: [X86Register] = []

  /// Short name of the one about what is left after a shutdown.
  static let shutdownState = "shutdown-state"

  /// Short name of the one about the features that CPUID tells.
  static let features = "cpuid-features"

  /// All in a line.
  public var description: String {
    "\(id): \(behaviour): expected \(expected), seen \(seen) (Intel SDM \(section))"
  }
}

/// What a probe of one behaviour found.
public struct HostBehaviour: Sendable, Hashable {
  /// The behaviour, what must happen and what happened.
  public var observation: HostDeviation
  /// Whether the two differ.
  public var deviates: Bool
}

/// Where this host's KVM departs from the manual, measured by running small guests.
///
/// On VT-x and SVM the list is empty but for bugs; a software KVM has entries. Comparisons treat entries
/// as listed exceptions, never as a matter of course.
public enum HostDeviations {
  /// What differs on this host and has to do with comparisons, found out once; empty without usable KVM.
  ///
  /// Of the battery only the probes that name registers belong here, or that a rule of a comparison asks for.
  public static let measured = (others + battery(whole: false)).filter(\.deviates).map(\.observation)

  /// Everything that can be tried, found out once; empty without usable KVM.
  public static let behaviours = others + battery(whole: true)

  /// All but the battery of ``BatteryProbe``.
  private static let others = probeAll()

  /// What differs on this host.
  public static func probe() -> [HostDeviation] { measured }
}

#if os(Linux) && arch(x86_64)
  extension HostDeviations {
    private static func probeAll() -> [HostBehaviour] {
      guard KVMProbe.shared.isUsable else { return [] }
      return [
        steppingInRing3(), stopsInRing3(), watchesInRing0(), watchesInRing3(), ring0RunsDirectly(),
        systemCallRaisesPrivilege(),
        systemCallSavesFlags(),
        systemReturn(), returnNullsSegments(), flagsInRing3(), selectorsInRing3(), portsInRing3(),
        interruptFromRing3(), interruptInRing0(), paging32(),
        stateAfterShutdown(), dirtyLog(), countersOfTheKernel(),
      ] + (NativeProbes()?.behaviours ?? [])
    }

    private static func battery(whole: Bool) -> [HostBehaviour] {
      guard KVMProbe.shared.isUsable else { return [] }
      let probes = BatteryProbe.all.filter {
        whole || !$0.differing.isEmpty || $0.id == HostDeviation.features
      }
      return probes.map { $0.tried() }
    }

    private static func dirtyLog() -> HostBehaviour {
      behaviour(
        "dirty-log", "pages that KVM's dirty log has after stores to three of them", "KVM API, 4.8",
        expected: "those pages", seen: KVMDirtyLog.lack ?? "those pages")
    }

    /// Whether the kernel counts for a vCPU at all: three writes to a port, and a HLT.
    private static func countersOfTheKernel() -> HostBehaviour {
      let title = "exits that KVM_GET_STATS_FD counts for three OUT and a HLT"
      let section = "KVM API, 4.133"
      let code: [UInt8] = [0xE6, 0x80, 0xE6, 0x80, 0xE6, 0x80, 0xF4]
      guard let probe = try? ProbeGuest(.real16, code) else {
        return failed("kernel-counters", title, section)
      }
      _ = probe.run()
      let count = probe.guest.kernelCounters()["exits"]
      return behaviour(
        "kernel-counters", title, section, expected: "at least 4",
        seen: count.map { $0 >= 4 ? "at least 4" : "\($0)" } ?? "no counter")
    }

    private static func steppingInRing3() -> HostBehaviour {
      let works = SteppingSupport.measured.user64
      return behaviour(
        "step-ring3", "single-step of 64-bit code in ring 3", "vol. 3, 18.3.1.4", expected: "a debug exit",
        seen: works ? "a debug exit" : "none")
    }

    private static func stopsInRing3() -> HostBehaviour {
      behaviour(
        "stop-ring3", "KVM's own breakpoint on an instruction in ring 3", "vol. 3, 18.3.1.1",
        expected: "a debug exit there", seen: SteppingSupport.stopsInRing3 ? "a debug exit there" : "none")
    }

    private static func watchesInRing0() -> HostBehaviour {
      behaviour(
        "watch-ring0", "KVM's own debug registers on loads and stores of ring 0, in three modes",
        "vol. 3, 18.3.1.2",
        expected: "debug exits", seen: WatchSupport.measured.inRing0 ? "debug exits" : "none, or not all")
    }

    private static func watchesInRing3() -> HostBehaviour {
      behaviour(
        "watch-ring3", "KVM's own debug registers on loads and stores of ring 3", "vol. 3, 18.3.1.2",
        expected: "debug exits", seen: WatchSupport.measured.user64 ? "debug exits" : "none, or not all")
    }

    /// Whether the hardware runs ring-0 code, by the kernel's own counter of interpreted instructions.
    private static func ring0RunsDirectly() -> HostBehaviour {
      // MOV ECX, 1000; DEC ECX; JNZ; HLT.
      let code: [UInt8] = [0xB9, 0xE8, 0x03, 0, 0, 0xFF, 0xC9, 0x75, 0xFC, 0xF4]
      let title = "2,000 instructions of ring-0 code in long mode"
      guard let probe = try? ProbeGuest(.long64, code) else {
        return failed("ring0-interpreted", title, "vol. 3, 25.1")
      }
      _ = probe.run()
      guard let count = probe.guest.kernelCounters()["insn_emulation"] else {
        return behaviour(
          "ring0-interpreted", title, "vol. 3, 25.1", expected: "run by the processor",
          seen: "run by the processor")
      }
      return behaviour(
        "ring0-interpreted", title, "vol. 3, 25.1", expected: "run by the processor",
        seen: count < 100 ? "run by the processor" : "\(count) interpreted by the kernel")
    }

    private static func systemCallRaisesPrivilege() -> HostBehaviour {
      let probe = RingProbe.run(ring3: [0x0F, 0x05], systemCall: RingProbe.readCS)
      return behaviour(
        "syscall-privilege", "SYSCALL in ring 3", "vol. 2, SYSCALL", expected: "its entry runs with CS 0x8",
        seen: probe.describe { state, status in
          status == RingProbe.reachedEnd ? "its entry runs with CS \(hex(state[.rax]))" : nil
        }, registers: [.cr2])
    }

    private static func systemCallSavesFlags() -> HostBehaviour {
      let probe = RingProbe.run(ring3: [0x0F, 0x05], systemCall: RingProbe.readCS)
      return behaviour(
        "syscall-flags", "R11 after SYSCALL with RFLAGS 0x2", "vol. 2, SYSCALL", expected: "0x2",
        seen: probe.describe { state, _ in hex(state[.r11] & ~0x1_0000) }, registers: [.r11])
    }

    private static func systemReturn() -> HostBehaviour {
      // RCX is where ring 3 starts, R11 the flags; ring 3 then gives up with UD2.
      let probe = RingProbe.run(ring3: [0x0F, 0x0B], ring0: [0x48, 0x0F, 0x07])
      return behaviour(
        "sysret", "SYSRET to 64-bit code in ring 3", "vol. 2, SYSRET", expected: "ring 3 runs",
        seen: probe.trap == 6 ? "ring 3 runs" : probe.describe { _, _ in nil })
    }

    private static func returnNullsSegments() -> HostBehaviour {
      let probe = RingProbe.run(
        ring3: [0x0F, 0x0B], ring0: [0x48, 0xCF], usesReturnFrame: true, keepsRing0Segments: true)
      return behaviour(
        "iret-segments", "DS after IRETQ to ring 3, loaded with a ring-0 segment before", "vol. 2, IRET",
        expected: "null",
        seen: probe.describe { state, _ in
          state[.ds] & 0xFFFC == 0 || state[.dsAttributes] & 0x80 == 0 ? "null" : hex(state[.ds])
        }, registers: [.ds, .dsAttributes, .dsLimit, .es, .esAttributes, .esLimit])
    }

    private static func flagsInRing3() -> HostBehaviour {
      // PUSHFQ; POP RAX; UD2.
      let probe = RingProbe.run(ring3: [0x9C, 0x58, 0x0F, 0x0B])
      return behaviour(
        "pushf-ring3", "PUSHF in ring 3 with RFLAGS 0x2", "vol. 2, PUSHF", expected: "0x2",
        seen: probe.describe { state, _ in hex(state[.rax]) })
    }

    private static func selectorsInRing3() -> HostBehaviour {
      // MOV EAX, CS; MOV ECX, SS; UD2.
      let probe = RingProbe.run(ring3: [0x8C, 0xC8, 0x8C, 0xD1, 0x0F, 0x0B])
      return behaviour(
        "selectors-ring3", "CS and SS read in ring 3", "vol. 2, MOV", expected: "0x2b and 0x23",
        seen: probe.describe { state, _ in "\(hex(state[.rax] & 0xFFFF)) and \(hex(state[.rcx] & 0xFFFF))" })
    }

    private static func portsInRing3() -> HostBehaviour {
      // OUT 0x80, AL; UD2.
      let probe = RingProbe.run(ring3: [0xE6, 0x80, 0x0F, 0x0B])
      return behaviour(
        "ports-ring3", "OUT in ring 3 with IOPL 0 and no I/O bitmap", "vol. 2, OUT",
        expected: "a general-protection trap",
        seen: probe.trap == 13 ? "a general-protection trap" : probe.trap == 6 ? "executed" : probe.text)
    }

    private static func interruptFromRing3() -> HostBehaviour {
      // INT 30; UD2.
      let probe = RingProbe.run(ring3: [0xCD, 30, 0x0F, 0x0B])
      return behaviour(
        "int-ring3", "INT 30 in ring 3 through a gate of ring 3", "vol. 2, INT n", expected: "vector 30",
        seen: probe.trap.map { "vector \($0)" } ?? probe.text)
    }

    private static func interruptInRing0() -> HostBehaviour {
      let probe = RingProbe.run(ring3: [], ring0: [0xCD, 30])
      return behaviour(
        "int-ring0", "INT 30 in ring 0", "vol. 2, INT n", expected: "vector 30",
        seen: probe.trap.map { "vector \($0)" } ?? probe.text)
    }

    private static func paging32() -> HostBehaviour {
      // MOV CR0, EAX with the paging bit set; HLT.
      let code: [UInt8] = [0x0F, 0x22, 0xC0, 0xF4]
      let title = "paging in 32-bit protected mode"
      let table: UInt64 = 0x3_0000
      let probe = try? ProbeGuest(
        .protected32, code,
        prepare: { (platform, state) throws(MachineError) in
          // One 4 MiB page, mapped to itself.
          platform.memory.store(table, 0xE3, width: 4)
          state[.cr3] = table
          state[.cr4] = 0x10
          state[.rax] = 0x8000_0011
        })
      guard let probe else { return failed("paging32", title, "vol. 3, 4.3") }
      let reason = probe.run()
      var seen = "\(reason)"
      if case .idle = reason { seen = "works" }
      return behaviour("paging32", title, "vol. 3, 4.3", expected: "works", seen: seen)
    }

    /// Some processors leave the state undefined after a shutdown, and the kernel then resets the vCPU.
    private static func stateAfterShutdown() -> HostBehaviour {
      // MOV EBX, 1; UD2, without an interrupt table.
      let code: [UInt8] = [0xBB, 1, 0, 0, 0, 0x0F, 0x0B]
      let title = "registers after a shutdown"
      guard let probe = try? ProbeGuest(.protected32, code) else {
        return failed(HostDeviation.shutdownState, title, "vol. 3, 27.2")
      }
      let place = probe.codeAddress + 5
      let reason = probe.run()
      let state = probe.state
      var seen = "\(reason)"
      if case .checkStop = reason {
        seen = "RIP \(hex(state[.rip])), RBX \(hex(state[.rbx]))"
      }
      return behaviour(
        HostDeviation.shutdownState, title, "vol. 3, 27.2", expected: "RIP \(hex(place)), RBX 0x1", seen: seen
      )
    }

    private static func behaviour(
      _ id: String, _ title: String, _ section: String, expected: String, seen: String,
      registers: [X86Register] = []
    ) -> HostBehaviour {
      HostBehaviour(
        observation: HostDeviation(
          id: id, behaviour: title, section: section, expected: expected, seen: seen, registers: registers),
        deviates: expected != seen)
    }

    private static func failed(_ id: String, _ title: String, _ section: String) -> HostBehaviour {
      behaviour(id, title, section, expected: "a guest", seen: "no guest could be made")
    }
  }
#else
  extension HostDeviations {
    private static func probeAll() -> [HostBehaviour] { [] }
    private static func battery(whole: Bool) -> [HostBehaviour] { [] }
  }
#endif
