/// MinOS for x86-64: an operating system of this package's own, with a disk.
extension X86Workload {
  /// MinOS with time at shared points, the same on every engine; by Multiboot; and with time by instructions, so that
  /// any instruction of a process can be its last before another's.
  public static let systems = [minos, minosMultiboot, minosTimed]

  /// Loaded by its ELF headers, entered in 64-bit mode.
  public static let minos = system("minos-x86-64", "by ELF, interrupts at shared points", points: true)

  /// Loaded by its Multiboot header, entered in 32-bit mode.
  public static let minosMultiboot = system(
    "minos-x86-64-multiboot", "by Multiboot, interrupts at shared points", points: true, multiboot: true)

  /// With the timer in instructions, which KVM does not count.
  public static let minosTimed = system(
    "minos-x86-64-timed", "by ELF, interrupts at any instruction", points: false)

  private static func system(
    _ name: String, _ how: String, points: Bool, multiboot: Bool = false
  ) -> X86Workload {
    var workload = X86Workload(
      name: name, description: "multitasking OS in long mode with hostile processes; \(how)", mode: .long64,
      image: PackageResources.minos64_elf, expectedConsole: points ? sharedConsole : timedConsole)
    workload.isSystem = true
    workload.usesSharedPoints = points
    workload.isMultiboot = multiboot
    return workload
  }

  func systemMachine(_ memorySize: Int, _ input: [UInt8]) throws(LoaderError) -> X86Machine {
    let input = input.isEmpty ? Self.systemInput : input
    var machine =
      isMultiboot
      ? try X86Loader.loadMultiboot(image, name: name, memorySize: memorySize, input: input)
      : try X86Loader.load(image, memorySize: memorySize, input: input)
    machine.pc = PCParts(disk: Self.systemDisk)
    machine.usesSharedPoints = usesSharedPoints
    return machine
  }

  /// What is typed on the console.
  static let systemInput = Array("the quick\nbrown fox\n".utf8)

  /// The disk: a line of text in sector 0; then the high bytes of a linear congruential generator, which began
  /// with the first byte of sector 0.
  package static let systemDisk: [UInt8] = {
    var state: UInt32 = 12345
    var bytes = (0..<(64 * 512)).map { _ -> UInt8 in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(truncatingIfNeeded: state >> 24)
    }
    let text = Array("keeper: this is the disk of MinOS\n".utf8)
    bytes.replaceSubrange(0..<512, with: text + [UInt8](repeating: 0, count: 512 - text.count))
    return bytes
  }()

  /// What it prints with time at shared points: nobody is interrupted but behind a device access, or spinning.
  private static let sharedConsole = """
    MinOS, x86-64
    init: starting
    talker: number 1
    primes: 95 below 500
    crunch: crc 94c7d6d4, sorted eaaa06c8
    reader: liar: all lies refused
    [minos] 9 liar exit 0
    [minos] 11 snoop killed: page not readable 0000000000100000
    [minos] 13 leaper killed: page not executable 00000000401fffc0
    [minos] 15 painter killed: page not writable 0000000040000000
    [minos] 17 faker killed: general protection 0000000000000010
    [minos] 19 switcher killed: general protection 0000000000000000
    [minos] 21 halter killed: general protection 0000000000000000
    [minos] 23 rewirer killed: general protection 0000000000000000
    [minos] 25 returner killed: general protection 0000000000000000
    [minos] 27 divider killed: division by zero 0000000000000000
    [minos] 29 staggerer killed: stack fault 0000000000000000
    [minos] 31 digger killed: page not writable 00000000401fdf78
    [minos] 33 stepper killed: debug trap 0000000000000000
    talker: number 2
    [minos] 3 primes exit 0
    keeper: this is the disk of MinOS
    THE QUICK
    reader: vandal: writing behind my storage
    [minos] 12 meddler killed: page not writable 0000000000100000
    [minos] 16 forger killed: general protection 0000000000000008
    [minos] 20 deaf killed: general protection 0000000000000000
    [minos] 24 describer killed: general protection 0000000000000000
    [minos] 28 wanderer killed: general protection 0000000000000000
    [minos] 32 breaker killed: breakpoint 0000000000000000
    talker: number 3
    [minos] 4 crunch exit 0
    BROWN FOX
    [minos] 10 vandal killed: page not writable 0000000040200000
    [minos] 18 farjumper killed: general protection 0000000000000008
    [minos] 26 undefined killed: illegal instruction 0000000000000000
    [minos] 34 impostor killed: return address not its own 0000800000000000
    [minos] 2 talker exit 0
    [minos] 6 reader exit 0
    [minos] 14 jumper killed: page not executable 0000000000100000
    [minos] 30 faller killed: general protection 0000000000000000
    [minos] 22 remapper killed: general protection 0000000000000000
    keeper: disk as it must be
    [minos] 5 keeper exit 0
    [minos] 8 storm exit 0
    [minos] 35 spinner killed: ran too long
    sleeper: slept well
    [minos] 7 sleeper exit 0
    26 of init's children were killed
    talker: number 1
    talker: number 2
    talker: number 3
    [minos] 36 talker exit 0
    [minos] 1 init exit 0
    [minos] 36 processes: 10 exited, 26 killed

    """

  /// What it prints with time in instructions.
  private static let timedConsole = """
    MinOS, x86-64
    init: starting
    talker: number 1
    talker: number 2
    talker: number 3
    keeper: this is the disk of MinOS
    [minos] 2 talker exit 0
    reader: THE QUICK
    reader: BROWN FOX
    [minos] 6 reader exit 0
    keeper: disk as it must be
    [minos] 5 keeper exit 0
    vandal: writing behind my storage
    [minos] 10 vandal killed: page not writable 0000000040200000
    liar: all lies refused
    [minos] 9 liar exit 0
    [minos] 8 storm exit 0
    [minos] 12 meddler killed: page not writable 0000000000100000
    [minos] 14 jumper killed: page not executable 0000000000100000
    [minos] 11 snoop killed: page not readable 0000000000100000
    [minos] 13 leaper killed: page not executable 00000000401fffc0
    [minos] 15 painter killed: page not writable 0000000040000000
    primes: 95 below 500
    [minos] 3 primes exit 0
    [minos] 16 forger killed: general protection 0000000000000008
    [minos] 17 faker killed: general protection 0000000000000010
    [minos] 18 farjumper killed: general protection 0000000000000008
    [minos] 19 switcher killed: general protection 0000000000000000
    [minos] 20 deaf killed: general protection 0000000000000000
    [minos] 21 halter killed: general protection 0000000000000000
    [minos] 22 remapper killed: general protection 0000000000000000
    [minos] 23 rewirer killed: general protection 0000000000000000
    [minos] 24 describer killed: general protection 0000000000000000
    [minos] 25 returner killed: general protection 0000000000000000
    [minos] 26 undefined killed: illegal instruction 0000000000000000
    [minos] 27 divider killed: division by zero 0000000000000000
    [minos] 28 wanderer killed: general protection 0000000000000000
    [minos] 29 staggerer killed: stack fault 0000000000000000
    [minos] 30 faller killed: general protection 0000000000000000
    [minos] 31 digger killed: page not writable 00000000401fdf78
    [minos] 32 breaker killed: breakpoint 0000000000000000
    [minos] 33 stepper killed: debug trap 0000000000000000
    [minos] 34 impostor killed: return address not its own 0000800000000000
    crunch: crc 94c7d6d4, sorted eaaa06c8
    [minos] 4 crunch exit 0
    [minos] 35 spinner killed: ran too long
    sleeper: slept well
    [minos] 7 sleeper exit 0
    26 of init's children were killed
    talker: number 1
    talker: number 2
    talker: number 3
    [minos] 36 talker exit 0
    [minos] 1 init exit 0
    [minos] 36 processes: 10 exited, 26 killed

    """
}
