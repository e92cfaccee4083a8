internal import MachineCore
internal import ToyISA
internal import Trace

/// What is left of an arrival from the hardware for the caller of the dispatcher.
enum Arrival: Equatable {
  /// The slice has been used up.
  case sliceEnd
  /// An interpreter routine is to carry out the instruction that trapped.
  case emulate(GuestTrap)
  /// The guest's supervisor is to have this trap.
  case reflect(GuestTrap)
  /// The trace could not be written.
  case recorderFailed
  /// The hardware makes no progress although its shadow tables are right.
  case stuck
}

/// The dispatcher of the paper: all control that comes back from the hardware arrives here.
extension VirtualMachineMonitor {
  /// Runs the guest directly for at most `slice` instructions, until something is left for the caller.
  ///
  /// - Parameter isTimer: whether the end of the slice is a deadline of the guest's platform.
  func runDirectly(slice: UInt64, isTimer: Bool) -> Arrival {
    var left = slice
    var fills = 0
    while true {
      loadHardware()
      let before = hardware.executed
      forwarder?.begin(offset: platform.retired &- before, mode: processor.mode)
      let event = hardware.execute(slice: left, into: forwarder?.recorder)
      let ran = hardware.executed &- before
      forwarder?.recorder.flush()
      takeBack(ran)
      left = left > ran ? left - ran : 0
      if ran > 0 { fills = 0 }

      switch event {
      case .recorderFailed: return .recorderFailed
      case .sliceEnd:
        recordExit(isTimer ? .timer : .slice)
        return .sliceEnd
      case .trap(let cause, let value):
        let trap = GuestTrap(cause: cause, value: value)
        switch policy.sort(cause, processor.psw) {
        case .emulate:
          recordExit(ExitReason(cause: cause), trap)
          return .emulate(trap)
        case .reflect:
          recordExit(ExitReason(cause: cause), trap)
          return .reflect(trap)
        case .shadow:
          if let fault = fillShadow(trap) { return .reflect(fault) }
          // One instruction needs a fetch, a read and a write, each with a new table at most.
          fills += 1
          if fills > 16 { return .stuck }
        }
      }
    }
  }

  /// Sets the hardware up to go on with the guest; the guest is in real user mode always.
  private func loadHardware() {
    let virtual = processor.psw
    let real: PSW
    if virtual.paging {
      let root = shadow.root(user: virtual.user)
      // The hardware's TLB does not know from which root its entries come.
      if hardwareRoot != root {
        hardware.flushTLB()
        hardwareRoot = root
      }
      real = PSW(user: true, paging: true, pc: virtual.pc, base: root, bound: virtual.bound)
    } else {
      real = policy.compose(virtual, allocator.map)
      if !allocator.map.confines(real) {
        violation(
          "real base \(hex(UInt64(real.base))) and bound \(hex(UInt64(real.bound))) leave the guest's region")
      }
    }
    hardware.psw = real
    if !hardware.psw.user { violation("the guest was entered in real supervisor mode") }
  }

  /// Takes the processor back after the hardware ran `ran` instructions.
  private func takeBack(_ ran: UInt64) {
    let real = hardware.psw
    if !real.user { violation("the guest came back in real supervisor mode") }
    if !allocator.bordersIntact { violation("the guard words around the guest's region have changed") }
    processor.psw.pc = real.pc
    platform.retired &+= ran
    direct &+= ran
    longest = max(longest, ran)
    if ran > Self.quantum {
      violation("the guest had the processor for \(ran) instructions, \(Self.quantum) at most are promised")
    }
    if ran > 0 { processor.hasDelivered = false }
  }

  /// Answers a page fault of the hardware: the shadow entry is filled, or the guest's own fault given back.
  private func fillShadow(_ trap: GuestTrap) -> GuestTrap? {
    let access = Access(rawValue: UInt64(trap.cause &- ToyCause.pageFetch.rawValue)) ?? .read
    let user = processor.psw.user
    do {
      let entry = try processor.tlb.entry(
        for: trap.value, access, psw: processor.psw, storage: platform.memory)
      let real = policy.shadowEntry(entry, user, allocator.map)
      if real != 0, !allocator.map.confines(entry: real) {
        violation("shadow entry \(hex(UInt64(real))) leaves the guest's region")
      }
      if shadow.install(real, for: trap.value, user: user) { hardwareRoot = nil }
      recordExit(.pageFill, trap)
      recordShadow(.fill, page: trap.value & ~0xFFF, entry: real)
      return nil
    } catch {
      recordExit(ExitReason(cause: error.cause), error)
      return error
    }
  }

  private func recordExit(_ reason: ExitReason, _ trap: GuestTrap? = nil) {
    exitCounts[Int(reason.rawValue)] &+= 1
    guard let events else { return }
    var record = TraceRecord(
      .exit, mode: processor.mode, code: reason.rawValue, clock: platform.retired,
      pc: UInt64(processor.psw.pc), value: UInt64(trap?.value ?? 0))
    switch reason {
    case .bounds, .alignment, .pageFetch, .pageRead, .pageWrite, .pageFill: record.address = record.value
    case .privileged, .illegal: record.bytes = InstructionBytes(word: trap?.value ?? 0)
    default: break
    }
    events.append(record)
  }
}
