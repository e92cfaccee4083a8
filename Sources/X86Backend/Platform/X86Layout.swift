/// Every fixed address and port of the PC platform.
///
/// Guest-physical memory is plain storage from 0 to the memory size: there is no hole for video
/// memory or firmware below 1 MiB. What lies above the storage is the bus for memory-mapped devices.
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
