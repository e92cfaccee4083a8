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
      console: "Hello from the toy machine.\n")
  ]

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
      bench: ["SIZE": 35], console: "fib(20) = 6765\n"),
    ToyProgram(
      "bubblesort", "sorts by exchanging neighbours", .benchmark, PackageResources.bubblesort_asm,
      bench: ["SIZE": 2_000, "ROUNDS": 20], console: "sorted, hash 8cfced68\n"),
    ToyProgram(
      "quicksort", "sorts recursively", .benchmark, PackageResources.quicksort_asm,
      bench: ["SIZE": 100_000, "ROUNDS": 15], console: "sorted, hash fcaf744a\n"),
  ]
}
