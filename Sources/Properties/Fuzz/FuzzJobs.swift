internal import Dispatch
internal import Synchronization

/// Splits numbered cases among threads.
package enum FuzzJobs {
  /// The results of all parts in order of their cases; parts are as equal as can be.
  ///
  /// - Throws: the first error of a part.
  package static func run<Result: Sendable>(
    _ jobs: Int, first: UInt64, count: UInt64,
    _ part: @escaping @Sendable (_ number: Int, _ first: UInt64, _ count: UInt64) throws -> Result
  ) throws -> [Result] {
    let parts = max(1, min(jobs, Int(clamping: count)))
    guard parts > 1 else { return [try part(0, first, count)] }
    let outcomes = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
    DispatchQueue.concurrentPerform(iterations: parts) { number in
      let start = count / UInt64(parts) * UInt64(number)
      let end = number == parts - 1 ? count : count / UInt64(parts) * UInt64(number + 1)
      let outcome = Swift.Result { try part(number, first + start, end - start) }
      outcomes.withLock { $0[number] = outcome }
    }
    return try outcomes.withLock { all in try (0..<parts).compactMap { try all[$0]?.get() } }
  }
}
