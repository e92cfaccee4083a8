#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension GuestMemory {
  /// Whether the pages on both sides of the storage are still inaccessible to this process.
  ///
  /// The kernel is asked to read there and must refuse; nothing here touches the pages. Windows on other memory have no
  /// such pages and are always fine.
  package var guardsHold: Bool {
    guard hasGuards else { return true }
    return [base - Self.pageSize, base + size].allSatisfy { page in
      // SAFETY: the pointer is only handed to the kernel, which gives EFAULT for a page that cannot be read.
      access(UnsafePointer(page.assumingMemoryBound(to: CChar.self)), F_OK) != 0 && errno == EFAULT
    }
  }
}
