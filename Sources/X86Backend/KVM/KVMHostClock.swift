#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore

  /// Virtual time by the host's clock, for guests that run freely.
  ///
  /// A second of the host is ``X86Layout/instructionsPerSecond`` of virtual time while the guest runs, and nothing
  /// between runs. A timer of the host kicks the vCPU out of the guest when a device's deadline comes. Made and used
  /// on the vCPU's thread.
  final class KVMHostClock {
    private let timer: UInt
    /// The host's time and virtual time at the start of the run.
    private var start: (host: UInt64, virtual: UInt64) = (0, 0)
    /// The deadline that the timer is set for.
    private var armed = UInt64.max

    /// How often the timer strikes again, in nanoseconds: a signal that comes just before the vCPU is entered does
    /// not keep it out.
    private static let repetition: UInt64 = 1_000_000
    private static let nanoseconds: UInt64 = 1_000_000_000

    init() throws(KVMError) {
      var made: UInt = 0
      guard ckvm_make_kick_timer(&made) == 0 else {
        throw .cannotRun("timer_create failed: \(errorText())")
      }
      timer = made
    }

    deinit { ckvm_delete_timer(timer) }

    /// Time begins to pass.
    func begin(_ platform: Platform) { start = (ckvm_now_ns(), platform.now) }

    /// Brings virtual time up to date.
    func update(_ platform: Platform) {
      let passed = Self.scale(
        ckvm_now_ns() &- start.host, X86Layout.instructionsPerSecond, Self.nanoseconds)
      let now = start.virtual &+ passed
      if now > platform.now { platform.idle &+= now &- platform.now }
    }

    /// Nanoseconds of the host until the deadline; `nil` where there is none.
    func delay(_ platform: Platform) -> UInt64? {
      guard platform.deadline != .max else { return nil }
      guard platform.deadline > platform.now else { return 0 }
      return Self.scale(
        platform.deadline &- platform.now, Self.nanoseconds, X86Layout.instructionsPerSecond)
    }

    /// Sets the timer for the next deadline.
    func arm(_ platform: Platform) {
      guard platform.deadline != armed else { return }
      armed = platform.deadline
      guard let delay = delay(platform) else {
        _ = ckvm_set_kick_timer(timer, 0, 0)
        return
      }
      _ = ckvm_set_kick_timer(timer, max(delay, 1000), Self.repetition)
    }

    /// No more kicks.
    func end() {
      armed = .max
      _ = ckvm_set_kick_timer(timer, 0, 0)
    }

    private static func scale(_ value: UInt64, _ factor: UInt64, _ divisor: UInt64) -> UInt64 {
      let product = value.multipliedFullWidth(by: factor)
      guard product.high < divisor else { return .max >> 1 }
      return divisor.dividingFullWidth(product).quotient
    }
  }
#endif
