public import MachineCore
internal import Trace

/// Every fixed address and port of the PC platform.
///
/// Guest-physical memory is storage from 0 to the memory size, and above it lies the bus for memory-mapped
/// devices. On the small test PC all storage is plain. On the full PC (``PCPlatform/makeFull(_:memorySize:input:)``)
/// the storage from ``videoMemory`` on is the video memory, and from ``shadowStart`` to ``shadowEnd`` firmware lies
/// over it until the host bridge takes it away.
public enum X86Layout {
  /// Real-mode interrupt vectors (0–0x3FF) and the BIOS data area end here; nothing is put below.
  public static let lowMemoryEnd: UInt64 = 0x500
  /// The global descriptor table that a machine in protected or long mode starts with.
  public static let gdt: UInt64 = 0x500
  /// The task-state segment: only the ring-0 stack in it is used.
  public static let tss: UInt64 = 0x600
  /// Limit of the task-state segment: no I/O bitmap, so ring 3 has no ports.
  public static let tssLimit: UInt64 = 0x67
  /// Page-map level 4 of the initial identity map (long mode).
  public static let pml4: UInt64 = 0x1000
  /// Page-directory-pointer table of the identity map.
  public static let pdpt: UInt64 = 0x2000
  /// Four page directories with 2 MiB pages: the identity map covers the first 4 GiB.
  public static let pageDirectories: UInt64 = 0x3000
  /// First byte after the initial tables.
  public static let tablesEnd: UInt64 = 0x7000
  /// Where a PC's firmware puts a boot sector; flat real-mode images go here.
  public static let bootSector: UInt64 = 0x7C00
  /// Initial stack pointer in real mode: the stack grows down from the boot sector.
  public static let realModeStackTop: UInt64 = 0x7C00
  /// Initial stack pointer in protected and long mode.
  public static let stackTop: UInt64 = 0x8_0000
  /// Stack pointer that a trap from ring 3 gets (RSP0, ESP0).
  public static let ring0StackTop: UInt64 = 0x9_0000
  /// What a kernel is told by its loader lies here, above the stacks.
  public static let bootInformation: UInt64 = 0x9_0000
  /// End of the storage below video memory that is free; the last KiB of it is the firmware's.
  public static let lowMemoryTop: UInt64 = 0x9_FC00
  /// Where flat images for protected and long mode go.
  public static let highMemory: UInt64 = 0x10_0000
  /// Storage of a machine, unless told.
  public static let defaultMemorySize = 16 << 20
  /// Least storage: tables, stacks and 1 MiB of image.
  public static let minimumMemorySize = 2 << 20
  /// Most storage; above begin the addresses where a PC has its APICs and firmware.
  public static let maximumMemorySize = 3 << 30

  /// First port of the first serial line (COM1).
  public static let serialPort: UInt64 = 0x3F8
  /// Ports of a 16550.
  public static let serialPortCount: UInt64 = 8
  /// The debug-exit port, which switches the machine off.
  public static let powerPort: UInt64 = 0xF4
  /// The doorbell: a hypercall on every engine, as VMCALL exists on hardware only.
  public static let doorbellPort: UInt64 = 0x5A0
  /// Ports of the doorbell: number, argument, result and identification, 4 bytes each.
  public static let doorbellPortCount: UInt64 = 16

  /// The full PC's memory as kernels are told it: start, size, and type 1 for storage or 2 for what is taken.
  static func memoryMap(_ size: UInt64) -> [(start: UInt64, size: UInt64, type: UInt64)] {
    [
      (0, lowMemoryTop, 1), (lowMemoryTop, videoMemory - lowMemoryTop, 2),
      (shadowEnd - 0x1_0000, 0x1_0000, 2), (highMemory, size - highMemory, 1),
    ]
  }

  // MARK: The full PC

  /// Time at shared points: 100 instructions for an access to a device; JMP to itself is what spins.
  public static let sharedPoints = SharedPoints(ticksPerAccess: 100, spin: InstructionBytes([0xEB, 0xFE]))

  /// Instructions of virtual time in one tick of the timers' 1.193182 MHz clock.
  public static let instructionsPerTimerTick: UInt64 = 84
  /// Instructions of virtual time in a second: the machine has about 100 MHz.
  public static let instructionsPerSecond: UInt64 = 1_193_182 * instructionsPerTimerTick
  /// Virtual time between two keys that are typed, a twentieth of a second.
  public static let keyInterval: UInt64 = instructionsPerSecond / 20

  /// Video memory: 128 KiB.
  public static let videoMemory: UInt64 = 0xA_0000
  /// Video memory of the colour text modes.
  public static let vgaText: UInt64 = 0xB_8000
  /// Where firmware begins to lie over storage: option ROMs, then the system's.
  public static let shadowStart: UInt64 = 0xC_0000
  /// Address behind the last byte of firmware below 1 MiB.
  public static let shadowEnd: UInt64 = 0x10_0000
  /// Most of a firmware image that also shows below 1 MiB.
  public static let lowFirmwareSize = 0x2_0000
  /// Address behind the last byte of firmware, which ends with the first instruction after reset.
  public static let firmwareEnd: UInt64 = 1 << 32
  /// Largest firmware image: what lies above the interrupt controllers' registers.
  public static let mostFirmware = 8 << 20
  /// Selector, base and offset of the first instruction after reset.
  public static let resetSelector: UInt64 = 0xF000
  /// Base of the code segment after reset.
  public static let resetBase: UInt64 = 0xFFFF_0000
  /// Instruction pointer after reset.
  public static let resetOffset: UInt64 = 0xFFF0

  /// Registers of the processor's local APIC.
  public static let localAPIC: Range<UInt64> = 0xFEE0_0000..<0xFEE0_1000
  /// Registers of the I/O APIC.
  public static let ioAPIC: Range<UInt64> = 0xFEC0_0000..<0xFEC0_1000

  /// The devices' ports.
  public enum Ports {
    /// First DMA controller.
    public static let dma: Range<UInt64> = 0x00..<0x10
    /// Second DMA controller.
    public static let dma2: Range<UInt64> = 0xC0..<0xE0
    /// DMA page registers; the one before them is the POST port.
    public static let dmaPages: Range<UInt64> = 0x81..<0x90
    /// Floppy disk controller.
    public static let floppy: Range<UInt64> = 0x3F0..<0x3F6
    /// Its disk change register; the port between is the disk's.
    public static let floppyChange: Range<UInt64> = 0x3F7..<0x3F8
    /// Master interrupt controller.
    public static let master: Range<UInt64> = 0x20..<0x22
    /// Slave interrupt controller.
    public static let slave: Range<UInt64> = 0xA0..<0xA2
    /// Edge/level control of the interrupt controllers.
    public static let edgeLevel: Range<UInt64> = 0x4D0..<0x4D2
    /// Interval timer.
    public static let timer: Range<UInt64> = 0x40..<0x44
    /// Keyboard controller's data and, four further, status.
    public static let keyboardData: Range<UInt64> = 0x60..<0x61
    /// Keyboard controller's status and commands.
    public static let keyboardStatus: Range<UInt64> = 0x64..<0x65
    /// System control B: gate of timer 2.
    public static let systemControlB: Range<UInt64> = 0x61..<0x62
    /// Clock and battery-backed memory.
    public static let clock: Range<UInt64> = 0x70..<0x72
    /// System control A: A20 gate and reset.
    public static let systemControlA: Range<UInt64> = 0x92..<0x93
    /// ATA command block.
    public static let disk: Range<UInt64> = 0x1F0..<0x1F8
    /// ATA control block.
    public static let diskControl: Range<UInt64> = 0x3F6..<0x3F7
    /// VGA registers, with those of monochrome cards.
    public static let vga: Range<UInt64> = 0x3B0..<0x3E0
    /// Serial line.
    public static let serial: Range<UInt64> = 0x3F8..<0x400
    /// Firmware configuration.
    public static let firmwareConfiguration: Range<UInt64> = 0x510..<0x512
    /// Power management, where firmware puts it; it is not moved.
    public static let powerManagement: Range<UInt64> = 0xB000..<0xB040
    /// Advanced power management: firmware's control and status.
    public static let apm: Range<UInt64> = 0xB2..<0xB4
    /// PCI configuration.
    public static let pci: Range<UInt64> = 0xCF8..<0xD00
    /// POST codes.
    public static let post: UInt64 = 0x80
    /// POST codes of test ROMs.
    public static let testPost: UInt64 = 0x190
    /// Debug console.
    public static let debugConsole: UInt64 = 0xE9
    /// Debug console of SeaBIOS.
    public static let firmwareConsole: UInt64 = 0x402
  }

  /// Interrupt lines.
  public enum Line {
    /// Interval timer.
    public static let timer = 0
    /// Keyboard.
    public static let keyboard = 1
    /// First serial line.
    public static let serial = 4
    /// Floppy disk.
    public static let floppy = 6
    /// Clock.
    public static let clock = 8
    /// Disk.
    public static let disk = 14
  }

  /// Where KVM on Intel processors keeps three pages of its own (outside of the storage).
  public static let hostTSS: UInt64 = 0xFFFB_D000
  /// Where KVM on Intel processors keeps the identity map it runs real mode with.
  public static let hostIdentityMap: UInt64 = 0xFFFB_C000

  /// Selectors in the initial GDT; the order is the one that SYSCALL and SYSRET need.
  public enum Selector {
    /// Ring-0 code: 64-bit in long mode, flat 32-bit in protected mode.
    public static let code: UInt64 = 0x08
    /// Ring-0 data, flat.
    public static let data: UInt64 = 0x10
    /// Ring-3 code, flat 32-bit.
    public static let userCode32: UInt64 = 0x1B
    /// Ring-3 data, flat.
    public static let userData: UInt64 = 0x23
    /// Ring-3 code, 64-bit (long mode only).
    public static let userCode64: UInt64 = 0x2B
    /// The task-state segment.
    public static let tss: UInt64 = 0x30
  }
}
