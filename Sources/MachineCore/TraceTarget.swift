internal import Trace

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Where the bytes of a trace go until it is finished, and what becomes of them then.
final class TraceTarget {
  /// The open descriptor; not to be used after ``complete(_:)`` or ``discard()``.
  let descriptor: Int32
  private var isOpen: Bool
  /// The file under its temporary name, and the name it is to get.
  private var partial: (path: String, final: String)?

  /// A descriptor that stays the caller's.
  init(descriptor: Int32) {
    self.descriptor = descriptor
    isOpen = false
  }

  /// A file at `path`: a temporary one beside it, or the thing itself where it is no regular file.
  ///
  /// - Throws: ``TraceError`` with the name that was given.
  init(path: String) throws(TraceError) {
    isOpen = true
    var status = stat()
    let exists = stat(path, &status) == 0
    let isRegular = status.st_mode & S_IFMT == S_IFREG
    guard exists ? isRegular : !Self.isLink(path), !Self.isDescriptorName(path) else {
      descriptor = try openTrace(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, "write")
      return
    }
    // Replacing a file needs no right to write to it, but who took that right away meant it.
    if exists, access(path, W_OK) != 0 { throw systemError("cannot open to write", path) }
    // The file that a link leads to is replaced, not the link.
    let final = exists ? Self.resolved(path) : path
    let created = try Self.createPartial(beside: final, for: path)
    descriptor = created.descriptor
    partial = (created.path, final)
    if exists { _ = fchmod(descriptor, status.st_mode & 0o777) }
  }

  /// Closes the file and gives it its name.
  ///
  /// - Throws: ``TraceError`` when the system did not take everything, or refuses the name.
  func complete(_ name: String) throws(TraceError) {
    guard isOpen else { return }
    isOpen = false
    let isClosed = close(descriptor) == 0
    guard isClosed || errno == EINTR else {
      let error = systemError("cannot write", name)
      removePartial()
      throw error
    }
    guard let partial else { return }
    guard rename(partial.path, partial.final) == 0 else {
      let error = systemError("cannot give the trace its name", name)
      removePartial()
      throw error
    }
    self.partial = nil
  }

  /// Closes the file; a trace that was not completed goes away.
  func discard() {
    if isOpen { _ = close(descriptor) }
    isOpen = false
    removePartial()
  }

  private func removePartial() {
    if let partial { _ = unlink(partial.path) }
    partial = nil
  }

  private static func createPartial(
    beside path: String, for name: String
  ) throws(TraceError) -> (descriptor: Int32, path: String) {
    let cut = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path.utf8.index(after: $0) } ?? path.startIndex
    // The suffix must fit, too: names may have 255 bytes.
    var base = path[cut...]
    while base.utf8.count > 220 { base.removeLast() }
    while true {
      let number = UInt32.random(in: .min ... .max)
      let partial = "\(path[..<cut])\(base).partial-\(String(number, radix: 36))"
      let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return (descriptor, partial) }
      guard errno == EEXIST || errno == EINTR else { throw systemError("cannot open to write", name) }
    }
  }

  private static func isLink(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  /// Names of open descriptors stand for what the descriptor is, whatever name that has.
  private static func isDescriptorName(_ path: String) -> Bool {
    path == "/dev/stdout" || path == "/dev/stderr" || path.hasPrefix("/dev/fd/") || path.hasPrefix("/proc/")
  }

  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }
}
