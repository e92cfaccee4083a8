/// The processor that CPUID describes: the same for every engine.
public enum X86CPUID {
  /// One leaf; leaves that are not listed read as zero.
  public struct Leaf: Sendable, Equatable {
    /// Value of EAX that selects it.
    public var leaf: UInt32
    /// Results.
    public var eax, ebx, ecx, edx: UInt32
  }

  /// All leaves.
  public static let leaves: [Leaf] = [
    // Highest leaf 7; the vendor string tells programs that this is no real processor.
    Leaf(leaf: 0, eax: 7, ebx: word("Tria"), ecx: word("-CPU"), edx: word("dx86")),
    // Family 6; lines of 64 bytes for CLFLUSH. ECX: popcnt, movbe, cmpxchg16b. EDX: DE, PSE, TSC, MSR, PAE,
    // CX8, SEP, MTRR, PGE, CMOV, PAT, CLFLUSH. There is no x87, MMX or SSE.
    Leaf(
      leaf: 1, eax: 0x0000_0600, ebx: 8 << 8, ecx: 1 << 23 | 1 << 22 | 1 << 13,
      edx: 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 15
        | 1 << 16 | 1 << 19),
    // EBX: SMEP. ECX: UMIP.
    Leaf(leaf: 7, eax: 0, ebx: 1 << 7, ecx: 1 << 2, edx: 0),
    Leaf(leaf: 0x8000_0000, eax: 0x8000_0008, ebx: 0, ecx: 0, edx: 0),
    // LAHF in 64-bit mode, LZCNT, PREFETCHW; SYSCALL, NX, 1 GiB pages, RDTSCP, long mode.
    Leaf(
      leaf: 0x8000_0001, eax: 0, ebx: 0, ecx: 1 | 1 << 5 | 1 << 8,
      edx: 1 << 11 | 1 << 20 | 1 << 26 | 1 << 27 | 1 << 29),
    // The time-stamp counter runs at a constant rate.
    Leaf(leaf: 0x8000_0007, eax: 0, ebx: 0, ecx: 0, edx: 1 << 8),
    // 40-bit physical and 48-bit linear addresses.
    Leaf(leaf: 0x8000_0008, eax: 40 | 48 << 8, ebx: 0, ecx: 0, edx: 0),
  ]

  /// The results for a leaf.
  public static func leaf(_ number: UInt32) -> Leaf {
    leaves.first { $0.leaf == number } ?? Leaf(leaf: number, eax: 0, ebx: 0, ecx: 0, edx: 0)
  }

  private static func word(_ text: StaticString) -> UInt32 {
    var value: UInt32 = 0
    // SAFETY: only the string's own code units are read.
    text.withUTF8Buffer { bytes in
      for (index, byte) in bytes.prefix(4).enumerated() { value |= UInt32(byte) << UInt32(index * 8) }
    }
    return value
  }
}
