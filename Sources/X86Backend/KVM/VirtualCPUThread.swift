#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import Glibc

  /// The one thread that may touch a vCPU, and the watchdog over it.
  ///
  /// KVM wants all calls for a vCPU from the thread that made it, which no Swift task can promise. The
  /// caller hands over a piece of work and waits; while it waits it is the watchdog: when the time is
  /// up it calls `interrupt` and signals the thread, again and again until the work ends.
  ///
  /// SAFETY (`@unchecked Sendable`): everything mutable is guarded by `mutex`, and since the caller
  /// waits, work never runs beside its caller.
  final class VirtualCPUThread: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var work: (() -> Void)?
    private var isBusy = false
    private var isEnding = false
    private var thread = pthread_t()

    /// How often a thread that should stop is signalled, in nanoseconds.
    private static let kickInterval: UInt64 = 10_000_000
    /// How long signals are tried before the thread counts as lost, in nanoseconds.
    private static let patience: UInt64 = 10_000_000_000
    private static let handlerInstalled = ckvm_install_kick_handler() == 0

    /// Starts a thread; `nil` when the host has no more.
    init?() {
      guard Self.handlerInstalled else {
        mutex.deallocate()
        condition.deallocate()
        return nil
      }
      pthread_mutex_init(mutex, nil)
      var attributes = pthread_condattr_t()
      pthread_condattr_init(&attributes)
      pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
      pthread_cond_init(condition, &attributes)
      pthread_condattr_destroy(&attributes)
      // The thread keeps this object alive until it ends.
      let context = Unmanaged.passRetained(self).toOpaque()
      let status = pthread_create(
        &thread, nil,
        { context in
          // SAFETY: the context is the retained reference passed to pthread_create, released here once.
          Unmanaged<VirtualCPUThread>.fromOpaque(context!).takeRetainedValue().loop()
          return nil
        }, context)
      guard status == 0 else {
        Unmanaged<VirtualCPUThread>.fromOpaque(context).release()
        return nil
      }
      pthread_detach(thread)
    }

    deinit {
      mutex.deallocate()
      condition.deallocate()
    }

    private func loop() {
      // A new thread inherits its maker's mask, and workers of Swift's tasks block all signals.
      var signals = sigset_t()
      sigemptyset(&signals)
      sigaddset(&signals, ckvm_kick_signal())
      pthread_sigmask(SIG_UNBLOCK, &signals, nil)
      pthread_mutex_lock(mutex)
      while true {
        while work == nil && !isEnding { pthread_cond_wait(condition, mutex) }
        guard let body = work else { break }
        pthread_mutex_unlock(mutex)
        body()
        pthread_mutex_lock(mutex)
        work = nil
        isBusy = false
        pthread_cond_broadcast(condition)
      }
      pthread_mutex_unlock(mutex)
    }

    /// Runs `body` on the thread and waits for it.
    ///
    /// - Parameters:
    ///   - seconds: when the watchdog strikes; `nil` for work that ends by itself.
    ///   - nudges: signals the thread every so many nanoseconds before that, so that a guest comes out; 0 for never.
    ///   - interrupt: tells the work to stop; may be called several times, on the caller's thread.
    /// - Returns: `false` when the thread did not come back in spite of all signals; it is lost then,
    ///   and whatever the body refers to must never be used again.
    func perform(
      within seconds: Double? = nil, nudges: UInt64 = 0, interrupt: () -> Void = {},
      _ body: @escaping () -> Void
    ) -> Bool {
      pthread_mutex_lock(mutex)
      defer { pthread_mutex_unlock(mutex) }
      guard !isBusy else { return false }
      work = body
      isBusy = true
      pthread_cond_broadcast(condition)
      guard let seconds else {
        while isBusy { pthread_cond_wait(condition, mutex) }
        return true
      }
      let bounded = min(max(seconds, 0), 1e6)
      let end = ckvm_now_ns() &+ UInt64(bounded * 1e9)
      while nudges > 0, isBusy, ckvm_now_ns() &+ nudges < end {
        wait(until: ckvm_now_ns() &+ nudges)
        if isBusy { pthread_kill(thread, ckvm_kick_signal()) }
      }
      wait(until: end)
      let last = ckvm_now_ns() &+ Self.patience
      while isBusy {
        guard ckvm_now_ns() < last else { return false }
        interrupt()
        pthread_kill(thread, ckvm_kick_signal())
        wait(until: ckvm_now_ns() &+ Self.kickInterval)
      }
      return true
    }

    private func wait(until nanoseconds: UInt64) {
      var time = timespec(
        tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
      while isBusy {
        if pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT { return }
      }
    }

    /// Lets the thread end once it has nothing to do.
    func end() {
      pthread_mutex_lock(mutex)
      isEnding = true
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }
  }
#endif
