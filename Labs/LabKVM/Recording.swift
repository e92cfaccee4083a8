internal import KVMInterface

/// What a recorded run has: a few numbers of the host, and the exits in their order.
struct Recording {
  /// What KVM_RUN came back with.
  enum Exit {
    /// -1 with EINTR.
    case interrupted
    case io(isOut: Bool, port: UInt16, size: UInt8, count: UInt32, data: [UInt8])
    case memory(isWrite: Bool, address: UInt64, length: UInt32, data: [UInt8])
    case halted
    case shutdown
    case failedEntry(UInt64)
    case internalError(UInt32)
    case other(UInt32)

    var reason: UInt32 {
      switch self {
      case .interrupted: KVM_EXIT_INTR
      case .io: KVM_EXIT_IO
      case .memory: KVM_EXIT_MMIO
      case .halted: KVM_EXIT_HLT
      case .shutdown: KVM_EXIT_SHUTDOWN
      case .failedEntry: KVM_EXIT_FAIL_ENTRY
      case .internalError: KVM_EXIT_INTERNAL_ERROR
      case .other(let reason): reason
      }
    }
  }

  var version = KVM_API_VERSION
  var openError: Int32 = 0
  var createError: Int32 = 0
  var runPageSize = 12288
  /// A `kvm_sregs` as the kernel gave it after KVM_CREATE_VCPU.
  var systemRegisters = [UInt8](repeating: 0, count: MemoryLayout<kvm_sregs>.size)
  var exits: [Exit] = []
}

/// What the runner is asked to do: lines of words.
///
///     mode real|protected          memory BYTES         address HEX        image HEX
///     input HEX                    backend live|recorded
///     interrupt N                  live: the Nth KVM_RUN comes back with EINTR
///     version N   open-error N   create-error N   run-page BYTES   sregs HEX      recorded: the host
///     exit io out|in PORT SIZE COUNT [DATA]     exit mmio write|read ADDRESS LENGTH [DATA]
///     exit hlt | shutdown | eintr | fail REASON | internal SUBERROR | other REASON
struct RunnerRequest {
  private(set) var mode = Guest.Mode.real
  private(set) var memorySize = 0
  private(set) var address: UInt64 = 0
  private(set) var image: [UInt8] = []
  private(set) var input: [UInt8] = []
  private(set) var isLive = false
  private(set) var interruptions: Set<Int> = []
  private(set) var recording = Recording()

  var guest: Guest { Guest(mode: mode, image: image, address: address, memorySize: memorySize) }

  /// `nil` with the first line that makes no sense.
  init?(_ text: String, problem: inout String) {
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let words = line.split(separator: " ").map(String.init)
      guard let first = words.first else { continue }
      guard take(first, Array(words.dropFirst())) else {
        problem = "the request's line `\(line.prefix(100))` makes no sense"
        return nil
      }
    }
    guard memorySize > 0, memorySize % 4096 == 0, address + UInt64(image.count) <= UInt64(memorySize) else {
      problem = "the request's program does not fit into its memory"
      return nil
    }
  }

  private mutating func take(_ name: String, _ words: [String]) -> Bool {
    if name == "exit" {
      guard let exit = Self.exit(words) else { return false }
      recording.exits.append(exit)
      return true
    }
    guard let word = words.first ?? (name == "input" ? "" : nil) else { return false }
    switch name {
    case "mode":
      guard let mode = Guest.Mode(rawValue: word) else { return false }
      self.mode = mode
    case "image", "input", "sregs":
      guard let bytes = Hex.bytes(word) else { return false }
      if name == "image" { image = bytes }
      if name == "input" { input = bytes }
      if name == "sregs" {
        guard bytes.count == recording.systemRegisters.count else { return false }
        recording.systemRegisters = bytes
      }
    case "backend":
      guard word == "live" || word == "recorded" else { return false }
      isLive = word == "live"
    case "address":
      guard let address = UInt64(word, radix: 16), address < 1 << 32 else { return false }
      self.address = address
    default:
      guard let number = Int32(word), number >= 0 else { return false }
      switch name {
      case "memory": memorySize = Int(number)
      case "interrupt": interruptions.insert(Int(number))
      case "version": recording.version = number
      case "open-error": recording.openError = number
      case "create-error": recording.createError = number
      case "run-page":
        guard number >= 12288 else { return false }
        recording.runPageSize = Int(number)
      default: return false
      }
    }
    return true
  }

  private static func exit(_ words: [String]) -> Recording.Exit? {
    switch (words.first, words.count) {
    case ("hlt", 1): return .halted
    case ("shutdown", 1): return .shutdown
    case ("eintr", 1): return .interrupted
    case ("fail", 2): return UInt64(words[1], radix: 16).map { .failedEntry($0) }
    case ("internal", 2): return UInt32(words[1]).map { .internalError($0) }
    case ("other", 2): return UInt32(words[1]).map { .other($0) }
    case ("io", 5...6):
      guard let port = UInt16(words[2], radix: 16), let size = UInt8(words[3]), [1, 2, 4].contains(size),
        let count = UInt32(words[4]), count <= 1024,
        let data = Hex.bytes(words.count == 6 ? words[5] : "")
      else { return nil }
      let isOut = words[1] == "out"
      guard !isOut || data.count == Int(size) * Int(count) else { return nil }
      return .io(isOut: isOut, port: port, size: size, count: count, data: data)
    case ("mmio", 4...5):
      guard let address = UInt64(words[2], radix: 16), let length = UInt32(words[3]), length <= 8,
        let data = Hex.bytes(words.count == 5 ? words[4] : "")
      else { return nil }
      let isWrite = words[1] == "write"
      guard !isWrite || data.count == Int(length) else { return nil }
      return .memory(isWrite: isWrite, address: address, length: length, data: data)
    default: return nil
    }
  }
}
