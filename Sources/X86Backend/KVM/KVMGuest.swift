#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore
  internal import Trace

  /// A guest on KVM with its vCPU's thread: every call is carried over to that thread.
  ///
  /// Calls come from one thread at a time, as for every engine.
  final class KVMGuest {
    private let thread: VirtualCPUThread
    private let core: KVMCore
    /// The vCPU's thread did not come back; nothing of it may be touched any more.
    private(set) var isLost = false
    private var lastState: ProcessorState

    /// Makes machine and vCPU on `platform`, with the vCPU in `state`.
    ///
    /// - Parameter slotSize: bytes of storage given to KVM; `nil` for all of it, as it must be.
    init(
      platform: Platform, state: ProcessorState, path: String = "/dev/kvm", slotSize: Int? = nil
    ) throws(KVMError) {
      guard let thread = VirtualCPUThread() else {
        throw .cannotCreate(call: "pthread_create", reason: "the host has no more threads")
      }
      var made: Result<KVMCore, KVMError> = .failure(.cannotRun("the vCPU's thread did not answer"))
      _ = thread.perform {
        do throws(KVMError) {
          let system = try KVMSystem(path: path)
          let machine = try KVMVirtualMachine(system, memory: platform.memory, slotSize: slotSize)
          let core = KVMCore(machine: machine, platform: platform)
          try core.writeState(state)
          made = .success(core)
        } catch {
          made = .failure(error)
        }
      }
      switch made {
      case .success(let core): self.core = core
      case .failure(let error):
        thread.end()
        throw error
      }
      self.thread = thread
      lastState = state
    }

    deinit { thread.end() }

    /// The first failure of a register call, if any; runs end with it.
    var failure: String? { isLost ? Self.lostText : core.failure }

    private static let lostText = "the vCPU does not come back from KVM_RUN in spite of signals"

    /// Exits so far, by name.
    var exits: [String: UInt64] { isLost ? [:] : core.exits }
    /// Breaches of resource control seen so far.
    var breaches: [String] { isLost ? [Self.lostText] : core.breaches }
    /// Instructions retired while single-stepping.
    var stepped: UInt64 { isLost ? 0 : core.stepped }

    /// Interrupts given to the guest.
    var injected: UInt64 { isLost ? 0 : core.injected }

    /// Lets the host's clock be the guest's; why not, or `nil`.
    func useHostClock() -> String? {
      perform(Self.lostText as String?) { core in
        do throws(KVMError) {
          core.clock = try KVMHostClock()
          return nil
        } catch {
          return error.description
        }
      }
    }

    /// Keeps which pages are written to from now on; why not, or `nil`.
    func logWrites() -> String? {
      perform(Self.lostText as String?) { core in
        do throws(KVMError) {
          try core.logWrites()
          return nil
        } catch {
          return error.description
        }
      }
    }

    /// Pages written to, as far as that was kept.
    func writtenPages() -> [UInt64]? { isLost ? nil : core.writes?.pages }

    /// Why the last run could not go on at its level, once.
    func takeRefusal() -> String? {
      guard !isLost else { return nil }
      defer { core.refusal = nil }
      return core.refusal
    }

    /// The kernel's own counters for this vCPU, by their names; empty where it has none.
    func kernelCounters() -> [String: UInt64] {
      perform([:]) { core in core.machine.kernelCounters() }
    }

    /// The whole state, with the last device access complete.
    func readState() -> ProcessorState {
      let result: ProcessorState? = perform(nil) { core in
        do throws(KVMError) {
          return try core.readState()
        } catch {
          core.failure = core.failure ?? error.description
          return nil
        }
      }
      if let result { lastState = result }
      return lastState
    }

    /// What of the vCPU the state has no place for and is not as it was at first; `nil` if all is.
    func surplusState() -> String? {
      guard !isLost else { return Self.lostText }
      return perform(Self.lostText) { core in
        do throws(KVMError) {
          return try core.surplusState()
        } catch {
          return error.description
        }
      }
    }

    /// Replaces the whole state; a failure shows at the next run.
    func writeState(_ state: ProcessorState) {
      lastState = state
      perform(()) { core in
        do throws(KVMError) {
          core.failure = nil
          try core.writeState(state)
        } catch {
          core.failure = error.description
        }
      }
    }

    /// Does something to the core on its thread; for work that ends by itself.
    @discardableResult
    func perform<Value>(_ fallback: Value, _ body: @escaping (KVMCore) -> Value) -> Value {
      guard !isLost else { return fallback }
      let core = core
      var result = fallback
      _ = thread.perform { result = body(core) }
      return result
    }

    /// How often it is looked whether a guest spins, in nanoseconds of host time; when does not matter to the guest.
    private static let spinInterval: UInt64 = 2_000_000

    /// Does something that enters the guest, at most `seconds` long.
    func run(within seconds: Double, _ body: @escaping (KVMCore) throws(KVMError) -> StopReason) -> StopReason
    {
      guard !isLost else { return .hostFailure(Self.lostText) }
      if let failure = core.failure { return .hostFailure(failure) }
      let core = core
      let box = ResultBox()
      var kicks = 0
      let returned = thread.perform(
        within: seconds, nudges: core.platform.sharedPoints == nil ? 0 : Self.spinInterval,
        interrupt: {
          kicks += 1
          ckvm_set_immediate_exit(core.page, 1)
        },
        {
          ckvm_set_immediate_exit(core.page, 0)
          do throws(KVMError) {
            box.reason = try body(core)
          } catch {
            core.failure = error.description
            box.reason = .hostFailure(error.description)
          }
          ckvm_set_immediate_exit(core.page, 0)
        })
      guard returned else {
        isLost = true
        // The thread still refers to the core and its memory: neither may ever go away.
        _ = Unmanaged.passRetained(core)
        return .hostFailure(Self.lostText)
      }
      if kicks > KVMCore.mostKicks {
        core.reportBreach("the vCPU came back at the end of its time only after \(kicks) signals")
      }
      return box.reason
    }

    /// Outlives a caller that stops waiting.
    private final class ResultBox {
      var reason = StopReason.hostFailure("the vCPU's thread did not answer")
    }
  }
#endif
