/// A program for x86 machines that comes with the package.
public struct X86Workload: Sendable {
  /// Name on the command line.
  public var name: String
  /// What it does, in a line.
  public var description: String
  /// The mode it starts in.
  public var mode: X86Mode
  /// The image: flat in real mode, else ELF.
  public var image: [UInt8]
  /// What it prints.
  public var expectedConsole: String
  /// The status it switches the machine off with.
  public var expectedStatus = PowerPort.status(ofWritten: 0)
  /// Which of the image's computations runs, where it is one of several.
  public var computation: X86Computation?
  /// Which operation the image carries out, where it is a nanobenchmark.
  public var nanoOperation: X86NanoOperation?
  /// The image is firmware of a full PC, which begins in it.
  public var isFirmware = false

  /// It is an operating system for the full PC.
  public var isSystem = false
  /// Time passes at shared points, see ``X86Machine/usesSharedPoints``.
  public var usesSharedPoints = false
  /// It is loaded by its Multiboot header.
  public var isMultiboot = false

  /// The machine, ready to be switched on.
  ///
  /// - Parameter rounds: how often a computation or a nanobenchmark's operation runs; other programs take no
  ///   notice. What is expected on the console holds for its default, ``X86Computation/rounds`` or
  ///   ``X86NanoOperation/count``.
  /// - Throws: ``LoaderError`` when the memory is too small for the program.
  public func machine(
    memorySize: Int = X86Layout.defaultMemorySize, input: [UInt8] = [],
    rounds: UInt32? = nil
  ) throws(LoaderError) -> X86Machine {
    if isFirmware {
      return X86Machine(
        firmware: PCParts(roms: [ROMImage(name: name, bytes: image)]), memorySize: memorySize, input: input)
    }
    if isSystem { return try systemMachine(memorySize, input) }
    var machine = try X86Loader.load(image, mode: mode, memorySize: memorySize, input: input)
    if let number = computation?.rawValue ?? nanoOperation?.rawValue {
      let usual = computation == nil ? X86NanoOperation.count : X86Computation.rounds
      X86Computation.choose(number, rounds: rounds ?? usual, in: &machine)
    }
    return machine
  }

  /// The three that show a mode each, simplest first.
  public static let all = [real16, protected32, long64]

  /// The computations, each in every mode.
  public static let computations = X86Computation.allCases.flatMap { computation in
    X86Mode.allCases.map { computation.workload($0) }
  }

  /// Firmware for the full PC.
  public static let firmware = [timerROM]

  /// The seven nanobenchmarks.
  public static let nano = X86NanoOperation.allCases.map(\.workload)

  /// Every program of ours.
  public static let every = all + computations + firmware + systems + nano

  /// What sort of program it is, for lists.
  public var category: String {
    isSystem ? "os" : nanoOperation != nil ? "nano" : computation != nil ? "benchmark" : "basic"
  }

  /// The workload of that name, if there is one.
  public static func named(_ name: String) -> X86Workload? {
    every.first { $0.name == name }
  }

  /// Interrupt controllers and timer, from the reset vector on.
  public static let timerROM = X86Workload(
    name: "timer-rom", description: "firmware of a full PC: ten timer interrupts, from the reset vector on",
    mode: .real16, image: PackageResources.timer_rom_bin, expectedConsole: "ticks: 10\n",
    expectedStatus: PowerPort.status(ofWritten: 21),
    isFirmware: true)

  /// Sixteen-bit real mode.
  public static let real16 = X86Workload(
    name: "real16", description: "16-bit real mode: sieve of Eratosthenes up to 4,000", mode: .real16,
    image: PackageResources.real16_bin,
    expectedConsole: "real16: 550 primes below 4000, last 3989, sum 1013507\n")

  /// Protected mode without paging.
  public static let protected32 = X86Workload(
    name: "protected32", description: "32-bit protected mode without paging: CRC-32 and quicksort",
    mode: .protected32, image: PackageResources.protected32_elf,
    expectedConsole: """
      protected32: crc eeb734ba check cbf43926
      protected32: 250 sorted, middle 2099643475, crc 748612a1

      """)

  /// Long mode with its own page tables and ring 3.
  public static let long64 = X86Workload(
    name: "long64",
    description: "64-bit long mode, own page tables: CRC-32, quicksort and a matrix product in ring 3",
    mode: .long64, image: PackageResources.long64_elf,
    expectedConsole: """
      long64: crc 28d04d2a in ring 3
      long64: 2048 sorted, crc 3263a24e
      long64: matrix crc 75814846

      """)
}
