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
      image: PackageResources.minos64_elf, expectedConsole: "")
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
}
