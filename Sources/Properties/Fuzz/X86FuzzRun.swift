public import X86Backend

extension X86Fuzzer {
  /// Runs cases `first` to `first + count` on several threads, each with engines of its own.
  ///
  /// What is found does not depend on the number of threads.
  /// - Parameter progress: called now and then with an estimate of the number of cases done.
  /// - Throws: as ``init(_:model:seed:options:)``.
  public static func run(
    _ mode: X86Mode, model: X86CPUModel = .modern, seed: UInt64, options: Options = Options(), jobs: Int,
    first: UInt64 = 0, count: UInt64, progress: @escaping @Sendable (UInt64) -> Void = { _ in }
  ) throws -> X86FuzzReport {
    let parts = try FuzzJobs.run(jobs, first: first, count: count) { number, first, count in
      let fuzzer = try X86Fuzzer(mode, model: model, seed: seed, options: options)
      return try fuzzer.work(first: first, count: count) { done in
        if number == 0 { progress(done * UInt64(max(jobs, 1))) }
      }
    }
    var tally = parts[0]
    for part in parts.dropFirst() { tally.add(part) }
    return report(
      tally,
      try X86FuzzMachine(mode, model: model, seed: seed, isPlain: options.usesHardware || options.isPlain))
  }
}
