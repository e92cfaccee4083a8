import Emulator
import MachineCore
import Properties
import Simulator
import ToyISA
import Trace
import Virtualizer

/// Wrong devices, caches, VMMs and hardware.
enum MachineMutants {
  static let all = devices + caches + policies + uncontrolled + inefficient

  static let devices: [Mutant] = [
    .machine(
      "timer-late", "the timer is a tick late", field: "kind", twin: .simulator, on: MutantPrograms.tour
    ) {
      let engine = try $0.makeEngine(.simulator)
      let platform = Platform(memory: engine.platform.memory)
      try platform.attach(ToyConsole(input: []), .port, at: 0x00..<0x02)
      try platform.attach(LateTimer(), .port, at: ToyPort.timer..<ToyPort.timer + 3)
      try platform.attach(ToyPower(), .port, at: ToyPort.power..<ToyPort.power + 1)
      return Evaluator(instructionSet: ToyInstructionSet(), platform: platform, state: engine.state)
    }
  ]

  static let caches: [Mutant] = [
    Mutant(
      name: "stale-code", fault: "the disk's writes do not reach the decode cache", level: .final,
      workload: MutantPrograms.changingCode,
      make: {
        let engine = try $0.makeEngine(.emulator)
        engine.platform.memory.observer = nil
        return engine
      }, twin: .emulator, reference: .simulator)
  ]

  static let policies: [Mutant] = [
    .monitor("vmm-lost-trap", "the user's svc is swallowed", field: "kind", on: MutantPrograms.tour) {
      $0.sort = { cause, psw in
        cause == ToyCause.supervisorCall.rawValue ? .emulate : VMMPolicy.correct.sort(cause, psw)
      }
      $0.routines["svc"] = { processor, _ in processor.psw.pc &+ 4 }
    },
    .monitor("vmm-saved-pc", "a reflected trap saves the next pc", field: "pc", on: MutantPrograms.tour) {
      $0.savedPC = { $0 &+ 4 }
    },
    .monitor("vmm-timer", "the virtual timer is late by an instruction", on: MutantPrograms.tour) {
      $0.slice = { limit, untilDeadline in min(limit, untilDeadline &+ 1) }
    },
    .monitor(
      "vmm-mode", "getpsw shows the real mode", at: "getpsw", field: "register", on: MutantPrograms.tour
    ) {
      $0.routines["getpsw"] = { processor, word in
        processor.setRegister(word.a, processor.psw.flags | 1)
        return processor.psw.pc &+ 4
      }
    },
    .monitor(
      "vmm-base", "getbase shows the real base", at: "getbase", field: "register", on: MutantPrograms.tour
    ) {
      $0.routines["getbase"] = { processor, word in
        processor.setRegister(word.a, processor.psw.base &+ 0x1000)
        return processor.psw.pc &+ 4
      }
    },
    .monitor("vmm-user", "the user's privileged instructions are carried out", on: MutantPrograms.tour) {
      $0.sort = { cause, psw in
        cause == ToyCause.privileged.rawValue ? .emulate : VMMPolicy.correct.sort(cause, psw)
      }
    },
    .monitor("vmm-out", "writes to devices are dropped", at: "out", on: MutantPrograms.tour) {
      $0.routines["out"] = { processor, word in
        let port = (processor.register(word.b) &+ word.unsigned) & 0xFFFF
        if port == UInt32(ToyPort.power) { processor.output(port: port, 0) }
        return processor.psw.pc &+ 4
      }
    },
    .monitor("vmm-dirty", "a shadow entry is writable before the first write", on: MutantPrograms.paging) {
      $0.shadowEntry = { entry, user, map in
        let clean = VMMPolicy.correct.shadowEntry(entry, user, map)
        return clean == 0 ? 0 : clean | entry & UInt32(PageEntry.write)
      }
    },
    .monitor("vmm-flush", "the shadow tables outlive tlbflush", on: MutantPrograms.paging) {
      $0.routines["tlbflush"] = { processor, _ in processor.psw.pc &+ 4 }
    },
    .monitor("vmm-read-only", "pages for reading can be written", on: MutantPrograms.paging) {
      $0.shadowEntry = { entry, user, map in
        let right = VMMPolicy.correct.shadowEntry(entry, user, map)
        return right == 0 ? 0 : right | UInt32(PageEntry.write)
      }
    },
  ]

  static let uncontrolled: [Mutant] = [
    .monitor("vmm-bound", "the real bound is a word too large", caughtBy: .control, on: MutantPrograms.tour) {
      $0.compose = { psw, map in
        var real = VMMPolicy.correct.compose(psw, map)
        real.bound &+= 4
        return real
      }
    },
    .monitor("vmm-unclipped", "the virtual bound is not clipped", caughtBy: .control, on: MutantPrograms.tour)
    {
      $0.compose = { psw, map in
        var real = VMMPolicy.correct.compose(psw, map)
        real.bound = psw.bound &+ 0x1000
        return real
      }
    },
    .monitor("vmm-region", "relocation begins a page too low", caughtBy: .control, on: MutantPrograms.tour) {
      $0.compose = { psw, map in
        var real = VMMPolicy.correct.compose(psw, map)
        real.base &-= 0x1000
        return real
      }
    },
    .monitor("vmm-frame", "shadow frames are not relocated", caughtBy: .control, on: MutantPrograms.paging) {
      $0.shadowEntry = { entry, user, map in
        let right = VMMPolicy.correct.shadowEntry(entry, user, map)
        return right == 0 ? 0 : right &- UInt32(map.guest.lowerBound)
      }
    },
  ]

  static let inefficient: [Mutant] = [
    // A word that no real cause has, so that the VMM knows what the hardware lacks.
    .machine(
      "vmm-interprets", "multiplication is interpreted by the VMM", caughtBy: .efficiency, twin: .virtualizer,
      on: MutantPrograms.tour
    ) {
      let opcode = toyTable.first { $0.mnemonic == "mul" }?.opcode ?? 0
      return try Mutant.monitor($0) { policy in
        policy.sort = { cause, psw in
          cause == TrappingProcessor.cause ? .emulate : VMMPolicy.correct.sort(cause, psw)
        }
        policy.routines["mul"] = { processor, word in
          let factor = processor.register(Int(word.word >> 12 & 15))
          processor.setRegister(word.a, processor.register(word.b) &* factor)
          return processor.psw.pc &+ 4
        }
      } wrap: {
        TrappingProcessor($0, opcode: opcode)
      }
    },
    .monitor(
      "vmm-divides", "a division that traps is interpreted once more", caughtBy: .efficiency,
      on: MutantPrograms.tour
    ) {
      $0.sort = { cause, psw in
        cause == ToyCause.divide.rawValue ? .emulate : VMMPolicy.correct.sort(cause, psw)
      }
      $0.routines["div"] = { _, _ throws(GuestTrap) in
        throw GuestTrap(cause: ToyCause.divide.rawValue, value: 0)
      }
    },
  ]
}

/// A timer that is late by a tick.
private final class LateTimer: Device {
  let name = "timer"
  private let timer = ToyTimer()
  var deadline: UInt64? { timer.deadline.map { $0 + 1 } }
  func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    timer.read(offset: offset, width: width, on: platform)
  }
  func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    timer.write(offset: offset, value: value, width: width, on: platform)
  }
  func tick(on platform: Platform) { timer.tick(on: platform) }
  func save() -> [UInt64] { timer.save() }
  func restore(_ state: [UInt64]) { timer.restore(state) }
}

/// A toy processor that lacks an instruction: it traps with a cause of its own.
private final class TrappingProcessor: ToyHardware {
  static let cause: UInt32 = 99
  private let processor: ToyProcessor
  private let opcode: UInt8

  init(_ processor: ToyProcessor, opcode: UInt8) {
    self.processor = processor
    self.opcode = opcode
  }

  var variant: ToyVariant { processor.variant }
  var storage: GuestMemory { processor.storage }
  var executed: UInt64 { processor.executed }
  var psw: PSW {
    get { processor.psw }
    set { processor.psw = newValue }
  }
  func register(_ number: Int) -> UInt32 { processor.register(number) }
  func setRegister(_ number: Int, _ value: UInt32) { processor.setRegister(number, value) }
  func flushTLB() { processor.flushTLB() }

  func execute(slice: UInt64, into recorder: TraceRecorder?) -> HardwareEvent {
    for _ in 0..<slice {
      if let word = nextWord, UInt8(word >> 24) == opcode { return .trap(cause: Self.cause, value: word) }
      let event = processor.execute(slice: 1, into: recorder)
      guard event == .sliceEnd else { return event }
    }
    return .sliceEnd
  }

  /// The word at the pc, when it can be fetched without paging.
  private var nextWord: UInt32? {
    let psw = processor.psw
    guard !psw.paging, psw.pc & 3 == 0, UInt64(psw.pc) + 4 <= UInt64(psw.bound) else { return nil }
    return storage.load(UInt64(psw.base) + UInt64(psw.pc), width: 4).map { UInt32(truncatingIfNeeded: $0) }
  }
}
