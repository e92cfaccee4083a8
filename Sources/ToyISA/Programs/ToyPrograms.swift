internal import MachineCore

/// The guest programs that come with the package.
public enum ToyPrograms {
  /// All of them, in the order of the catalogue.
  public static let all: [ToyProgram] = basic + benchmarks

  /// The program of this name.
  public static func named(_ name: String) -> ToyProgram? { all.first { $0.name == name } }

  /// Programs that show a part of the machine.
  static let basic: [ToyProgram] = [
    ToyProgram(
      "hello", "prints a greeting", .basic, PackageResources.hello_asm,
      console: "Hello from the toy machine.\n"),
    ToyProgram(
      "strings", "string routines, numbers to text and back", .basic, PackageResources.strings_asm,
      console: """
        the quick brown fox jumps over the lazy dog
        length 43
        words 9
        found at 35
        comparison 1
        THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG
        GOD YZAL EHT REVO SPMUJ XOF NWORB KCIUQ EHT
        sum 124750

        """),
    ToyProgram(
      "diskcopy", "copies disk sectors by DMA and interrupts", .basic, PackageResources.diskcopy_asm,
      machine: ToyMachine(disk: patternedDisk),
      console: "16 sectors copied, hash b835313f, interrupts 48\n"),
    ToyProgram(
      "echo", "gives console input back by lines", .basic, PackageResources.echo_asm,
      machine: ToyMachine(input: Array("one\ntwo words\n\nlast".utf8)),
      console: "1 [3] one\n2 [9] two words\n3 [0] \n4 [4] last\n4 lines\n"),
  ]

  /// A disk whose every sector differs: high bytes of a linear congruential generator.
  static let patternedDisk: [UInt8] = {
    var state: UInt32 = 12345
    return ToyMachine.defaultDisk.map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(truncatingIfNeeded: state >> 24)
    }
  }()

  /// Programs that compute.
  static let benchmarks: [ToyProgram] = [
    ToyProgram(
      "sieve", "primes by the sieve of Eratosthenes", .benchmark, PackageResources.sieve_asm,
      bench: ["SIZE": 500_000, "ROUNDS": 40], console: "2262 primes below 20000\n"),
    ToyProgram(
      "crc32", "CRC-32 with a table", .benchmark, PackageResources.crc32_asm,
      bench: ["SIZE": 262_144, "ROUNDS": 75], console: "crc32 316d8ba3\n"),
    ToyProgram(
      "matmul", "product of two matrices", .benchmark, PackageResources.matmul_asm,
      bench: ["SIZE": 128, "ROUNDS": 13], console: "product, hash 6a1b9e57\n"),
    ToyProgram(
      "fib", "Fibonacci numbers by recursion", .benchmark, PackageResources.fib_asm,
      bench: ["SIZE": 34], console: "fib(20) = 6765\n"),
    ToyProgram(
      "bubblesort", "sorts by exchanging neighbours", .benchmark, PackageResources.bubblesort_asm,
      bench: ["SIZE": 2_000, "ROUNDS": 20], console: "sorted, hash 8cfced68\n"),
    ToyProgram(
      "quicksort", "sorts recursively", .benchmark, PackageResources.quicksort_asm,
      bench: ["SIZE": 100_000, "ROUNDS": 15], console: "sorted, hash fcaf744a\n"),
  ]
}
