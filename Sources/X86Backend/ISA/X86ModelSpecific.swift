/// The model-specific registers of the machine: all others raise #GP(0), read or written.
///
/// Numbers and reserved bits are those of Intel SDM vol. 4, chapter 2.
public enum X86ModelSpecific {
  /// What a write may be, and what a read gives.
  public enum Rule: Sendable, Equatable {
    /// Storage: a one outside of these bits raises #GP(0).
    case storage(UInt64)
    /// Storage of an address that must be canonical.
    case canonical
    /// Always this value; a write raises #GP(0).
    case constant(UInt64)
    /// Reads as zero; writes do nothing.
    case ignored
    /// Storage of eight memory types, one a byte: 0, 1, 4, 5, 6, and 7 too where the flag says so.
    case types(allowsUncached: Bool)
    /// The time-stamp counter: virtual time plus ``X86Register/timeOffset``.
    case time
    /// SCE, LME, LMA and NXE: LMA ignores what is written; LME cannot change while paging is on.
    case extendedFeatures
  }

  /// One register of the list.
  public struct Entry: Sendable, Equatable {
    /// Value of ECX that selects it.
    public var number: UInt32
    /// Where it is kept; `nil` for what is not stored.
    public var register: X86Register?
    /// Reads and writes.
    public var rule: Rule
  }

  /// Bits that physical addresses have; CPUID tells the same.
  public static let physicalBits = 40
  /// The bits of a 4 KiB frame's address.
  static let frame: UInt64 = 0xFF_FFFF_F000

  /// The list.
  public static let all: [Entry] = {
    var entries: [Entry] = [
      Entry(number: 0x10, register: .timeOffset, rule: .time),
      // IA32_PLATFORM_ID, IA32_BIOS_SIGN_ID, IA32_MCG_CAP, IA32_MCG_STATUS: nothing is there.
      Entry(number: 0x17, register: nil, rule: .constant(0)),
      Entry(number: 0x1B, register: .apicBase, rule: .storage(frame | 0x900)),
      Entry(number: 0x8B, register: nil, rule: .ignored),
      // IA32_MTRRCAP: eight variable ranges, fixed ranges, write combining.
      Entry(number: 0xFE, register: nil, rule: .constant(0x508)),
      Entry(number: 0x174, register: .sysenterCS, rule: .storage(0xFFFF_FFFF)),
      Entry(number: 0x175, register: .sysenterESP, rule: .canonical),
      Entry(number: 0x176, register: .sysenterEIP, rule: .canonical),
      Entry(number: 0x179, register: nil, rule: .constant(0)),
      Entry(number: 0x17A, register: nil, rule: .ignored),
      // IA32_MISC_ENABLE: fast strings can be switched, without an effect.
      Entry(number: 0x1A0, register: .miscEnable, rule: .storage(1)),
      Entry(number: 0x277, register: .pat, rule: .types(allowsUncached: true)),
      Entry(number: 0x2FF, register: .mtrrDefault, rule: .storage(0xCFF)),
      Entry(number: 0xC000_0080, register: .efer, rule: .extendedFeatures),
      Entry(number: 0xC000_0081, register: .star, rule: .storage(.max)),
      Entry(number: 0xC000_0082, register: .lstar, rule: .canonical),
      Entry(number: 0xC000_0083, register: .cstar, rule: .canonical),
      Entry(number: 0xC000_0084, register: .sfmask, rule: .storage(0xFFFF_FFFF)),
      Entry(number: 0xC000_0100, register: .fsBase, rule: .canonical),
      Entry(number: 0xC000_0101, register: .gsBase, rule: .canonical),
      Entry(number: 0xC000_0102, register: .kernelGSBase, rule: .canonical),
      Entry(number: 0xC000_0103, register: .tscAux, rule: .storage(0xFFFF_FFFF)),
    ]
    let fixed: [(UInt32, X86Register)] = [
      (0x250, .mtrrFix64K), (0x258, .mtrrFix16K0), (0x259, .mtrrFix16K1), (0x268, .mtrrFix4K0),
      (0x269, .mtrrFix4K1), (0x26A, .mtrrFix4K2), (0x26B, .mtrrFix4K3), (0x26C, .mtrrFix4K4),
      (0x26D, .mtrrFix4K5), (0x26E, .mtrrFix4K6), (0x26F, .mtrrFix4K7),
    ]
    entries += fixed.map { Entry(number: $0.0, register: $0.1, rule: .types(allowsUncached: false)) }
    let ranges: [(X86Register, X86Register)] = [
      (.mtrrBase0, .mtrrMask0), (.mtrrBase1, .mtrrMask1), (.mtrrBase2, .mtrrMask2), (.mtrrBase3, .mtrrMask3),
      (.mtrrBase4, .mtrrMask4), (.mtrrBase5, .mtrrMask5), (.mtrrBase6, .mtrrMask6), (.mtrrBase7, .mtrrMask7),
    ]
    for (index, pair) in ranges.enumerated() {
      let number = 0x200 + 2 * UInt32(index)
      entries.append(Entry(number: number, register: pair.0, rule: .storage(frame | 0xFF)))
      entries.append(Entry(number: number + 1, register: pair.1, rule: .storage(frame | 0x800)))
    }
    return entries.sorted { $0.number < $1.number }
  }()
}
