public import Trace

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Writes a trace to a file descriptor, in blocks.
///
/// A file gets its name when the trace is finished: until then the bytes go to a file beside it, `NAME.partial-…`,
/// so that a run that is refused or fails leaves what was there before as it was. After a crash the partial
/// file stays; it has no end record, and every reader says so.
public final class TraceFileOutput: TraceOutput {
  /// Name for messages.
  public let name: String
  private let target: TraceTarget
  private let buffer: UnsafeMutableRawBufferPointer
  private var used = 0
  private var failure: TraceError?
  private var isFinished = false

  /// Prepares the file at `path`; `-` is standard output, and devices and pipes are written directly.
  ///
  /// - Throws: ``TraceError`` naming the file when it cannot be written.
  public init(path: String) throws(TraceError) {
    if path == "-" {
      name = "standard output"
      target = TraceTarget(descriptor: 1)
    } else {
      name = path
      target = try TraceTarget(path: path)
    }
    buffer = .allocate(byteCount: 256 * 1024, alignment: 64)
  }

  /// Writes to a descriptor that stays the caller's.
  public init(descriptor: Int32, name: String) {
    self.name = name
    target = TraceTarget(descriptor: descriptor)
    buffer = .allocate(byteCount: 256 * 1024, alignment: 64)
  }

  deinit {
    buffer.deallocate()
    target.discard()
  }

  /// Takes the bytes; large batches go straight to the file.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(TraceError) {
    guard !isFinished else { throw TraceError(.misuse, "bytes after the end of the trace", name: name) }
    if bytes.count > buffer.count - used { try flush() }
    if bytes.count >= buffer.count {
      try put(bytes)
    } else {
      // SAFETY: after the flush there is room for `bytes.count` bytes behind `used`.
      UnsafeMutableRawBufferPointer(rebasing: buffer[used...]).copyMemory(from: bytes)
      used += bytes.count
    }
  }

  /// Hands everything to the operating system and gives the file its name.
  public func finish() throws(TraceError) {
    if let failure { throw failure }
    guard !isFinished else { return }
    try flush()
    isFinished = true
    do throws(TraceError) {
      try target.complete(name)
    } catch {
      failure = error
      throw error
    }
  }

  private func flush() throws(TraceError) {
    let count = used
    used = 0
    try put(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
  }

  private func put(_ bytes: UnsafeRawBufferPointer) throws(TraceError) {
    // Once bytes are lost, the rest would make a trace with a hole.
    if let failure { throw failure }
    var position = 0
    while position < bytes.count {
      // SAFETY: the range lies in `bytes`.
      let count = systemWrite(target.descriptor, bytes.baseAddress! + position, bytes.count - position)
      if count > 0 {
        position += count
      } else if count == 0 || errno != EINTR {
        let error =
          count == 0
          ? TraceError(.system, "cannot write: nothing more is accepted", name: name)
          : systemError("cannot write", name)
        failure = error
        throw error
      }
    }
  }
}

/// Reads a trace from a file descriptor.
public final class TraceFileInput: TraceInput {
  /// Name for messages.
  public let name: String
  private let descriptor: Int32
  private let owned: Bool

  /// Opens the file at `path`; `-` is standard input.
  ///
  /// - Throws: ``TraceError`` naming the file when it cannot be opened.
  public init(path: String) throws(TraceError) {
    if path == "-" {
      (name, descriptor, owned) = ("standard input", 0, false)
    } else {
      name = path
      descriptor = try openTrace(path, O_RDONLY | O_CLOEXEC, "read")
      owned = true
    }
  }

  deinit { if owned { _ = close(descriptor) } }

  /// Reads what there is, at most as many bytes as fit; the reader asks for large blocks.
  public func read(into bytes: UnsafeMutableRawBufferPointer) throws(TraceError) -> Int {
    while true {
      let count = systemRead(descriptor, bytes.baseAddress, bytes.count)
      if count >= 0 { return count }
      guard errno == EINTR else { throw systemError("cannot read", name) }
    }
  }
}

// Inside the classes, `write` and `read` mean their methods.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}

private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  read(descriptor, bytes, count)
}

func openTrace(_ path: String, _ flags: Int32, _ verb: String) throws(TraceError) -> Int32 {
  while true {
    let descriptor = open(path, flags, 0o666)
    if descriptor >= 0 { return descriptor }
    guard errno == EINTR else { throw systemError("cannot open to \(verb)", path) }
  }
}

func systemError(_ what: String, _ name: String) -> TraceError {
  TraceError(.system, "\(what): \(String(cString: strerror(errno)))", name: name)
}
