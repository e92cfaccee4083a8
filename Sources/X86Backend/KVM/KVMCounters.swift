#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import Glibc

  extension KVMVirtualMachine {
    /// The kernel's counters for this vCPU, from KVM_GET_STATS_FD; empty where it has none.
    ///
    /// Only plain counters (one 64-bit value each); histograms are left out.
    func kernelCounters() -> [String: UInt64] {
      guard hasStatistics else { return [:] }
      let number = vcpu.call(ckvm_get_stats_fd)
      guard number >= 0 else { return [:] }
      let descriptor = FileDescriptor(number)
      guard let header = Self.read(descriptor, at: 0, count: MemoryLayout<kvm_stats_header>.size) else {
        return [:]
      }
      func word(_ bytes: [UInt8], _ at: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(bytes[at + $1]) << ($1 * 8) }
      }
      let nameSize = word(header, 4)
      let count = word(header, 8)
      let descriptors = word(header, 16)
      let data = word(header, 20)
      guard nameSize > 0, nameSize <= 256, count > 0, count <= 4096 else { return [:] }
      // A descriptor: flags, exponent and size, offset, bucket size, name.
      let stride = 16 + nameSize
      guard let table = Self.read(descriptor, at: descriptors, count: stride * count) else { return [:] }
      var counters: [String: UInt64] = [:]
      for index in 0..<count {
        let start = index * stride
        let values = Int(table[start + 6]) | Int(table[start + 7]) << 8
        guard values == 1 else { continue }
        let name = String(
          decoding: table[(start + 16)..<(start + stride)].prefix { $0 != 0 }, as: UTF8.self)
        guard let bytes = Self.read(descriptor, at: data + word(table, start + 8), count: 8) else { continue }
        counters[name] = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64($1 * 8) }
      }
      return counters
    }

    private static func read(_ descriptor: borrowing FileDescriptor, at offset: Int, count: Int) -> [UInt8]? {
      var bytes = [UInt8](repeating: 0, count: count)
      let got = bytes.withUnsafeMutableBytes { pread(descriptor.number, $0.baseAddress, count, offset) }
      return got == count ? bytes : nil
    }
  }
#endif
