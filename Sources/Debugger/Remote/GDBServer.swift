public import MachineCore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Where a debugger may connect.
public enum GDBAddress: Sendable, Equatable {
  /// A TCP port of this host's loopback interface, or of the address that is given; 0 takes a free one.
  case tcp(host: String, port: UInt16)
  /// A socket in the file system.
  case unix(path: String)

  /// Reads `tcp:PORT`, `tcp:ADDRESS:PORT` or `unix:PATH`; `nil` for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2 else { return nil }
    switch parts[0] {
    case "tcp":
      let words = parts[1].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard let last = words.last, let port = UInt16(last), words.count <= 2 else { return nil }
      let host = words.count == 2 && !words[0].isEmpty ? words[0] : "127.0.0.1"
      guard inet_addr(host) != INADDR_NONE || host == "255.255.255.255" else { return nil }
      self = .tcp(host: host, port: port)
    case "unix":
      // The kernel keeps 108 bytes for the name, with a zero at the end.
      guard !parts[1].isEmpty, parts[1].utf8.count < 108 else { return nil }
      self = .unix(path: parts[1])
    default: return nil
    }
  }
}

/// Lets gdb connect to a session, one connection at a time.
public final class GDBServer {
  private let listener: Int32
  /// What gdb is to be told after `target remote`.
  public let target: String
  private let path: String?

  /// Opens the socket.
  ///
  /// - Throws: ``EngineRefusal`` with what the system says.
  public init(_ address: GDBAddress) throws(EngineRefusal) {
    let descriptor: Int32
    switch address {
    case .tcp(let host, let port):
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      var one: Int32 = 1
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
      var place = sockaddr_in()
      place.sin_family = sa_family_t(AF_INET)
      place.sin_port = port.bigEndian
      place.sin_addr.s_addr = inet_addr(host)
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      // SAFETY: an Internet address is passed with its own size, as the calls want it.
      let isBound = withUnsafeMutablePointer(to: &place) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
        }
      }
      let name = "\(host):\(UInt16(bigEndian: place.sin_port))"
      guard descriptor >= 0, isBound, listen(descriptor, 1) == 0 else {
        throw Self.failure("tcp:\(host):\(port)", descriptor)
      }
      target = name
      path = nil
    case .unix(let path):
      descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      var status = stat()
      var place = sockaddr_un()
      place.sun_family = sa_family_t(AF_UNIX)
      let bytes = Array(path.utf8)
      withUnsafeMutableBytes(of: &place.sun_path) { room in
        for (index, byte) in bytes.prefix(room.count - 1).enumerated() { room[index] = byte }
      }
      // A socket that a run before left behind; one that somebody listens at stays.
      if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK {
        if Self.isInUse(&place) {
          if descriptor >= 0 { close(descriptor) }
          throw EngineRefusal(
            "gdb cannot be waited for at unix:\(path): another run waits there", remedy: "give another path")
        }
        unlink(path)
      }
      // SAFETY: a Unix address is passed with its own size, as the call wants it.
      let isBound = withUnsafePointer(to: &place) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
        }
      }
      guard descriptor >= 0, isBound, listen(descriptor, 1) == 0 else {
        throw Self.failure("unix:\(path)", descriptor)
      }
      self.path = path
      self.target = path
    }
    listener = descriptor
  }

  /// Whether somebody listens at a Unix address: asked with a socket of another type, which never connects.
  private static func isInUse(_ place: inout sockaddr_un) -> Bool {
    let probe = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard probe >= 0 else { return false }
    defer { close(probe) }
    // SAFETY: a Unix address is passed with its own size, as the call wants it.
    let status = withUnsafePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(probe, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    return status == 0 || errno == EPROTOTYPE
  }

  private static func failure(_ name: String, _ listener: Int32) -> EngineRefusal {
    let text = String(cString: strerror(errno))
    if listener >= 0 { close(listener) }
    return EngineRefusal("gdb cannot be waited for at \(name): \(text)", remedy: "give another port or path")
  }

  deinit {
    close(listener)
    if let path { unlink(path) }
  }

  /// Runs the session until its end: alone while no debugger is there, and as the debugger says when one is.
  ///
  /// - Parameters:
  ///   - waits: nothing runs before the first debugger has come.
  ///   - count: instructions after which a run without a debugger ends.
  /// - Returns: why the run ended; `nil` when the debugger ended it.
  /// - Throws: ``EngineRefusal`` when the engine cannot go on.
  public func run(
    _ session: DebugSession, waits: Bool, count: UInt64? = nil, note: (String) -> Void = { _ in }
  ) throws(EngineRefusal) -> StopReason? {
    var waits = waits
    while true {
      if !waits {
        session.isInterrupted = { [unowned self] in Self.isReadable(listener, milliseconds: 0) }
        let stop = try session.resume(DebugGoal(count: count))
        if case .ended(let reason) = stop { return reason }
        if stop == .count { return .limit }
        if stop == .outOfTime { return .hostTimeLimit }
      }
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else {
        if errno == EINTR { continue }
        return .hostFailure("accept: \(String(cString: strerror(errno)))")
      }
      var one: Int32 = 1
      setsockopt(connection, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
      note("gdb has connected")
      let state = try Self.serve(session, connection)
      close(connection)
      note("gdb has gone")
      switch state {
      case .killed: return nil
      case .exited: return session.end
      case .detached: waits = false
      // The connection broke: the guest stands until the next one.
      case .attached: waits = true
      }
      if let end = session.end, state == .detached { return end }
    }
  }

  private static func serve(_ session: DebugSession, _ connection: Int32) throws(EngineRefusal)
    -> RemoteStub.State
  {
    var isOpen = true
    let stub = try RemoteStub(session) { bytes in
      var rest = bytes[...]
      while !rest.isEmpty, isOpen {
        // SAFETY: the buffer is valid during the call, which reads no more than its count.
        let count = rest.withUnsafeBytes {
          Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count > 0 {
          rest = rest.dropFirst(count)
        } else if errno != EINTR {
          isOpen = false
        }
      }
    }
    stub.poll = {
      guard isOpen else { return nil }
      guard isReadable(connection, milliseconds: 0) else { return [] }
      let bytes = read(connection)
      if bytes.isEmpty { isOpen = false }
      return bytes.isEmpty ? nil : bytes
    }
    while stub.state == .attached, isOpen {
      let bytes = read(connection)
      if bytes.isEmpty { break }
      stub.receive(bytes)
    }
    return stub.state
  }

  /// What has come, waiting for something; empty at the end.
  private static func read(_ connection: Int32) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
      repeat {
        // SAFETY: the call writes at most as many bytes as the buffer has.
        let got = recv(connection, buffer.baseAddress, buffer.count, 0)
        count = max(got, 0)
        if got >= 0 { return }
      } while errno == EINTR
    }
  }

  private static func isReadable(_ descriptor: Int32, milliseconds: Int32) -> Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return Glibc.poll(&request, 1, milliseconds) > 0
  }
}
