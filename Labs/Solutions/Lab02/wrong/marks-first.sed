# Accessed and dirty are set before the permissions are checked.
s/guard UInt64(entry & PageEntry.frame) + 0x1000/cpu.setPhysical(table + 4 * (address >> 12 \& 0x3FF), size: 4, entry | PageEntry.accessed | (access == .write ? PageEntry.dirty : 0)); &/
