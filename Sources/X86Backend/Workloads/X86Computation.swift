/// Computations in freestanding C, each built from one source for 16, 32 and 64 bits.
///
/// In 64-bit mode they run in ring 3, where KVM lets the hardware run them directly.
public enum X86Computation: Int, Sendable, CaseIterable {
  case sieve, crc, sort, matrix, fibonacci, search, sha, bytecode, records

  /// What it does, in a few words.
  public var title: String {
    switch self {
    case .sieve: "sieve of Eratosthenes up to 8,000"
    case .crc: "CRC-32 of 4 KiB by a table"
    case .sort: "quicksort of 1,024 words"
    case .matrix: "product of 24 × 24 matrices"
    case .fibonacci: "Fibonacci numbers by double recursion"
    case .search: "substring search after Horspool"
    case .sha: "SHA-256 of 1 KiB"
    case .bytecode: "interpreter of a stack machine"
    case .records: "records, strings and short procedures, after Dhrystone"
    }
  }

  /// Rounds of a run unless told: about a million instructions at most.
  public static let rounds: UInt32 = 8

  /// Rounds that make a benchmark: between 50 and 200 million instructions.
  public var benchRounds: UInt32 {
    switch self {
    case .sieve, .sort, .matrix, .search: 800
    case .fibonacci, .sha: 1500
    case .crc, .bytecode: 3000
    case .records: 6000
    }
  }

  /// The number that a run of ``rounds`` prints, the same in every mode.
  package var result: String {
    switch self {
    case .sieve: "93f84328"
    case .crc: "1b5f158a"
    case .sort: "ce117d94"
    case .matrix: "e0f1d9bf"
    case .fibonacci: "9425160d"
    case .search: "1d70dfac"
    case .sha: "086f17f9"
    case .bytecode: "071a7e32"
    case .records: "30d4380d"
    }
  }

  /// Its name on the command line in a mode: `x86-sieve64`.
  public func name(_ mode: X86Mode) -> String { "x86-\(self)\(mode.rawValue)" }

  /// The program for a mode.
  public func workload(_ mode: X86Mode) -> X86Workload {
    let place = mode == .long64 ? " in ring 3" : ""
    return X86Workload(
      name: name(mode), description: "\(mode.rawValue) bits\(place): \(title)", mode: mode,
      image: Self.image(mode),
      expectedConsole: "\(self), \(mode.rawValue) bits, rounds \(Self.rounds): \(result)\n",
      computation: self)
  }

  static func image(_ mode: X86Mode) -> [UInt8] {
    switch mode {
    case .real16: PackageResources.work16_bin
    case .protected32: PackageResources.work32_elf
    case .long64: PackageResources.work64_elf
    }
  }

  /// Writes which part of an image is to run, and how often, to the place that the image keeps for it.
  static func choose(_ number: Int, rounds: UInt32, in machine: inout X86Machine) {
    let address = machine.symbols["parameters"] ?? machine.entry &+ flatParameters
    for (index, segment) in machine.segments.enumerated() {
      let offset = address &- segment.address
      guard offset < UInt64(segment.bytes.count), UInt64(segment.bytes.count) - offset >= 8 else { continue }
      for byte in 0..<4 {
        let shift = UInt32(byte * 8)
        machine.segments[index].bytes[Int(offset) + byte] = UInt8(truncatingIfNeeded: number >> Int(shift))
        machine.segments[index].bytes[Int(offset) + 4 + byte] = UInt8(truncatingIfNeeded: rounds >> shift)
      }
    }
  }

  /// Offset of the parameters in a flat image.
  private static let flatParameters: UInt64 = 8
}
