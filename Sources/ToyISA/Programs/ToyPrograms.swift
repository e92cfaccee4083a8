internal import MachineCore

/// The guest programs that come with the package.
public enum ToyPrograms {
  /// All of them, in the order of the catalogue.
  public static let all: [ToyProgram] = basic + benchmarks + systems + hostile + probes + nano

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

  /// MinOS, in both builds.
  static let systems: [ToyProgram] = [
    ToyProgram(
      "minos", "multitasking OS under base and bound", .os, PackageResources.minos_asm,
      machine: ToyMachine(input: minosInput),
      console: """
        MinOS, base and bound
        init: starting
        talker: number 1
        talker: number 2
        talker: number 3
        reader: THE QUICK
        reader: [minos] 2 talker exit 0
        BROWN FOX
        [minos] 4 reader exit 0
        liar: all lies refused
        [minos] 6 liar exit 0
        vandal: writing behind my storage
        [minos] 7 vandal killed: address out of bounds 00002000
        [minos] 8 snoop killed: address out of bounds 00020000
        [minos] 9 leaper killed: illegal instruction 00000000
        \(minosKilled)
        primes: [minos] 15 peeper killed: privileged instruction 54500000
        95 below 500
        \(minosEnd)
        """),
    ToyProgram(
      "minos-paging", "multitasking OS under page tables", .os, PackageResources.minos_asm,
      defines: ["PAGING": 1], machine: ToyMachine(input: minosInput),
      console: """
        MinOS, paging
        init: starting
        talker: number 1
        talker: number 2
        talker: number 3
        reader: THE QUICK
        [minos] 2 talker exit 0
        reader: BROWN FOX
        [minos] 4 reader exit 0
        liar: all lies refused
        [minos] 6 liar exit 0
        vandal: writing behind my storage
        [minos] 8 snoop killed: page not readable 00020000
        [minos] 7 vandal killed: page not writable 00002000
        [minos] 9 leaper killed: page not executable 00001000
        \(minosKilled)
        [minos] 15 peeper killed: privileged instruction 54500000
        primes: 95 below 500
        \(minosEnd)
        """, file: "minos.asm"),
  ]

  private static let minosInput = Array("the quick\nbrown fox\n".utf8)

  /// What both builds of MinOS say of the processes that try what is not theirs.
  private static let minosKilled = """
    [minos] 10 forger killed: privileged instruction 500e0000
    [minos] 11 switcher killed: privileged instruction 5b500030
    [minos] 12 deaf killed: privileged instruction 52000000
    [minos] 13 divider killed: division by zero 00000000
    """

  /// What both builds of MinOS print at the end.
  private static let minosEnd = """
    [minos] 3 primes exit 0
    [minos] 14 spinner killed: ran too long
    sleeper: slept well
    [minos] 5 sleeper exit 0
    9 of init's children were killed
    talker: number 1
    talker: number 2
    talker: number 3
    [minos] 16 talker exit 0
    [minos] 1 init exit 0
    [minos] 16 processes: 7 exited, 9 killed

    """
}
