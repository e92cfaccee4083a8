public import MachineCore
internal import Properties
internal import Trace
internal import X86Backend

/// The stub's side of the gdb remote serial protocol, for an x86 guest; it knows of bytes, not of sockets.
///
/// Whatever comes in, it neither traps nor ends the run, except by the packets that ask for that (`k`, `vKill`).
public final class RemoteStub {
  /// What the debugger at the other end has made of the session.
  public enum State: Sendable, Equatable {
    case attached
    /// The guest is to run on alone.
    case detached
    /// The guest is to end.
    case killed
    /// The guest has ended, and the debugger was told.
    case exited
  }

  /// The machine.
  public let session: DebugSession
  /// What has become of the session.
  public private(set) var state = State.attached
  /// Takes bytes for the other end.
  public var send: ([UInt8]) -> Void
  /// Bytes that have come while the guest runs, without waiting; `nil` when the connection is gone.
  public var poll: () -> [UInt8]? = { [] }

  private var reader = PacketReader()
  private var events: [PacketReader.Event] = []
  private var needsAcknowledgement = true
  private var lastPacket: [UInt8] = []
  let description: TargetDescription
  private var stopReply = "T05thread:01;"
  /// Break- and watchpoints by what gdb calls them.
  private var points: [String: Int] = [:]
  private var reportsKinds = false
  var log = EventLog()

  /// A stub over a session of an x86 guest.
  ///
  /// - Throws: ``EngineRefusal`` for other guests, whose registers gdb does not know.
  public init(_ session: DebugSession, send: @escaping ([UInt8]) -> Void = { _ in }) throws(EngineRefusal) {
    guard let view = session.view as? X86View else {
      throw EngineRefusal(
        "gdb knows no \(session.workload.isa) processor",
        remedy: "step through the program with `triad step`")
    }
    self.session = session
    self.send = send
    description = TargetDescription(bits: view.codeBits(session.engine.state))
  }

  /// Takes bytes from the other end, and answers what they ask.
  public func receive(_ bytes: [UInt8]) {
    enqueue(bytes)
    while !events.isEmpty, state == .attached { handle(events.removeFirst()) }
  }

  private func enqueue(_ bytes: [UInt8]) {
    for byte in bytes {
      if let event = reader.take(byte), events.count < 1024 { events.append(event) }
    }
  }

  private func handle(_ event: PacketReader.Event) {
    switch event {
    case .acknowledgement(true): break
    case .acknowledgement(false): if needsAcknowledgement, !lastPacket.isEmpty { send(lastPacket) }
    case .damaged: if needsAcknowledgement { send([UInt8(ascii: "-")]) }
    // The guest stands already.
    case .interrupt: answer(stopReply)
    case .packet(let data):
      if needsAcknowledgement { send([UInt8(ascii: "+")]) }
      if let text = reply(to: data) { answer(text) }
    }
  }

  private func answer(_ text: String) { answer(Array(text.utf8)) }

  private func answer(_ data: [UInt8]) {
    lastPacket = PacketReader.packet(data)
    send(lastPacket)
  }

  /// Shows text in the debugger; only before the answer to a command.
  private func tell(_ text: String) {
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: 4096) {
      let part = bytes[start..<min(start + 4096, bytes.count)]
      send(PacketReader.packet([UInt8(ascii: "O")] + Hexadecimal.text(part)))
    }
  }

  // MARK: Commands

  /// The answer; empty for what is not known, `nil` for none.
  private func reply(to data: [UInt8]) -> String? {
    guard let first = data.first else { return "" }
    let rest = data.dropFirst()
    switch first {
    case UInt8(ascii: "?"): return stopReply
    case UInt8(ascii: "g"):
      let state = session.engine.state
      return String(
        decoding: description.registers.indices.flatMap { description.digits($0, state) }, as: UTF8.self)
    case UInt8(ascii: "G"): return writeRegisters(rest)
    case UInt8(ascii: "p"):
      guard let number = Hexadecimal.number(rest), number < UInt64(description.registers.count) else {
        return "E01"
      }
      return String(decoding: description.digits(Int(number), session.engine.state), as: UTF8.self)
    case UInt8(ascii: "P"): return writeRegister(rest)
    case UInt8(ascii: "m"): return readMemory(rest)
    case UInt8(ascii: "M"), UInt8(ascii: "X"):
      return writeMemory(rest, isHexadecimal: first == UInt8(ascii: "M"))
    case UInt8(ascii: "Z"), UInt8(ascii: "z"): return setPoint(rest, first == UInt8(ascii: "Z"))
    case UInt8(ascii: "s"), UInt8(ascii: "c"): return resume(first, at: Hexadecimal.number(rest))
    case UInt8(ascii: "S"), UInt8(ascii: "C"):
      let parts = rest.split(separator: UInt8(ascii: ";"))
      return resume(first | 0x20, at: parts.count > 1 ? Hexadecimal.number(parts[1]) : nil)
    case UInt8(ascii: "b"):
      switch rest.first {
      case UInt8(ascii: "s"): return move { (session) throws(EngineRefusal) in try session.stepBack() }
      case UInt8(ascii: "c"): return move { (session) throws(EngineRefusal) in try session.resumeBack() }
      default: return ""
      }
    case UInt8(ascii: "H"), UInt8(ascii: "T"): return "OK"
    case UInt8(ascii: "D"):
      for number in points.values { session.remove(number) }
      points = [:]
      answer("OK")
      state = .detached
      return nil
    case UInt8(ascii: "k"):
      state = .killed
      return nil
    default: return query(String(decoding: data, as: UTF8.self))
    }
  }

  private func query(_ text: String) -> String? {
    if text.hasPrefix("qSupported") {
      reportsKinds = text.contains("swbreak+") || text.contains("hwbreak+")
      return "PacketSize=\(String(PacketReader.limit, radix: 16));QStartNoAckMode+;qXfer:features:read+;"
        + "vContSupported+;swbreak+;hwbreak+;ReverseStep+;ReverseContinue+"
    }
    if text == "QStartNoAckMode" {
      answer("OK")
      needsAcknowledgement = false
      return nil
    }
    if text.hasPrefix("qXfer:features:read:") { return feature(String(text.dropFirst(20))) }
    if text == "vCont?" { return "vCont;c;C;s;S" }
    if text.hasPrefix("vCont;") {
      guard let action = text.dropFirst(6).utf8.first else { return "E01" }
      guard [0x63, 0x43, 0x73, 0x53].contains(action) else { return "E01" }
      return resume(action | 0x20, at: nil)
    }
    if text.hasPrefix("vKill") {
      answer("OK")
      state = .killed
      return nil
    }
    if text.hasPrefix("qRcmd,") {
      guard let bytes = Hexadecimal.bytes(Array(text.dropFirst(6).utf8)) else { return "E01" }
      tell(monitor(String(decoding: bytes, as: UTF8.self)) + "\n")
      return "OK"
    }
    switch text {
    case "qfThreadInfo": return "m1"
    case "qsThreadInfo": return "l"
    case "qC": return "QC1"
    case "qAttached": return "1"
    case "qSymbol::": return "OK"
    default: return ""
    }
  }

  /// `target.xml:OFFSET,LENGTH`.
  private func feature(_ text: String) -> String {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0] == "target.xml" else { return "E00" }
    let numbers = parts[1].split(separator: ",", omittingEmptySubsequences: false).map {
      Hexadecimal.number(Array($0.utf8))
    }
    guard numbers.count == 2, let offset = numbers[0], let length = numbers[1] else { return "E01" }
    let document = Array(description.document.utf8)
    guard offset < UInt64(document.count) else { return "l" }
    let part = document.dropFirst(Int(offset)).prefix(Int(clamping: min(length, 0x3000)))
    let isLast = Int(offset) + part.count == document.count
    return (isLast ? "l" : "m") + String(decoding: part, as: UTF8.self)
  }

  // MARK: Registers and memory

  private func writeRegisters(_ text: ArraySlice<UInt8>) -> String {
    var state = session.engine.state
    var place = text.startIndex
    for (number, register) in description.registers.enumerated() {
      let digits = register.bits / 4
      guard place + digits <= text.endIndex else { return "E01" }
      let part = text[place..<(place + digits)]
      place += digits
      if Array(part) == description.digits(number, state) || part.contains(UInt8(ascii: "x")) { continue }
      guard let bytes = Hexadecimal.bytes(part), let next = description.writing(number, bytes, state) else {
        return "E01"
      }
      state = next
    }
    guard place == text.endIndex else { return "E01" }
    session.setState(state)
    return "OK"
  }

  private func writeRegister(_ text: ArraySlice<UInt8>) -> String {
    let parts = text.split(separator: UInt8(ascii: "="), maxSplits: 1)
    guard parts.count == 2, let number = Hexadecimal.number(parts[0]),
      number < UInt64(description.registers.count), let bytes = Hexadecimal.bytes(parts[1]),
      let state = description.writing(Int(number), bytes, session.engine.state)
    else { return "E01" }
    session.setState(state)
    return "OK"
  }

  /// `ADDRESS,LENGTH`.
  private func place(_ text: ArraySlice<UInt8>) -> (address: UInt64, count: Int)? {
    let parts = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    guard parts.count == 2, let address = Hexadecimal.number(parts[0]),
      let count = Hexadecimal.number(parts[1])
    else { return nil }
    return (address, Int(clamping: count))
  }

  private func readMemory(_ text: ArraySlice<UInt8>) -> String {
    guard let (address, count) = place(text) else { return "E01" }
    let bytes = session.read(address, count: min(count, 0x1E00))
    return bytes.isEmpty && count > 0 ? "E14" : String(decoding: Hexadecimal.text(bytes), as: UTF8.self)
  }

  private func writeMemory(_ text: ArraySlice<UInt8>, isHexadecimal: Bool) -> String {
    guard let colon = text.firstIndex(of: UInt8(ascii: ":")), let (address, count) = place(text[..<colon])
    else { return "E01" }
    let data = text[(colon + 1)...]
    guard let bytes = isHexadecimal ? Hexadecimal.bytes(data) : Array(data), bytes.count == count else {
      return "E01"
    }
    // gdb asks with nothing whether it may send bytes as they are.
    return bytes.isEmpty || session.write(bytes, at: address) ? "OK" : "E14"
  }

  // MARK: Break- and watchpoints

  /// `TYPE,ADDRESS,KIND`.
  private func setPoint(_ text: ArraySlice<UInt8>, _ isSet: Bool) -> String {
    let parts = text.prefix { $0 != UInt8(ascii: ";") }.split(
      separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    guard parts.count == 3, let type = Hexadecimal.number(parts[0]),
      let address = Hexadecimal.number(parts[1]),
      let kind = Hexadecimal.number(parts[2])
    else { return "E01" }
    guard type <= 4 else { return "" }
    let key = "\(type),\(address),\(kind)"
    if !isSet {
      if let number = points.removeValue(forKey: key) { session.remove(number) }
      return "OK"
    }
    guard points[key] == nil else { return "OK" }
    guard points.count < 4096 else { return "E1c" }
    if type < 2 {
      points[key] = session.addBreakpoint(address)
      return "OK"
    }
    guard (1...8).contains(kind) else { return "E01" }
    // Where loads cannot be told from stores gdb does it, with a watchpoint for accesses.
    if type == 3, !session.tellsLoads { return "" }
    let uses: [Watchpoint.Use] = [.change, .read, .access]
    do throws(EngineRefusal) {
      points[key] = try session.addWatchpoint(.memory(address, length: Int(kind)), uses[Int(type) - 2])
      return "OK"
    } catch {
      // Not supported: gdb says so, and may step instead.
      return ""
    }
  }

  // MARK: Running

  private func resume(_ action: UInt8, at address: UInt64?) -> String {
    if let address { session.setRegister(X86Register.rip.index, address) }
    return action == UInt8(ascii: "s")
      ? move { (session) throws(EngineRefusal) in try session.step() }
      : move { (session) throws(EngineRefusal) in try session.resume() }
  }

  private func move(_ body: (DebugSession) throws(EngineRefusal) -> DebugStop) -> String {
    var isInterrupted = false
    session.isInterrupted = { [unowned self] in
      guard let bytes = poll() else { return true }
      enqueue(bytes)
      if let index = events.firstIndex(of: .interrupt) {
        events.remove(at: index)
        isInterrupted = true
      }
      return isInterrupted
    }
    defer { session.isInterrupted = { false } }
    session.tracer = log.isOn ? { [unowned self] in log.add($0) } : nil
    defer { session.tracer = nil }
    do throws(EngineRefusal) {
      let stop = try body(session)
      stopReply = reply(for: stop)
      return stopReply
    } catch {
      tell("\(error)\n")
      return "E01"
    }
  }

  private func reply(for stop: DebugStop) -> String {
    switch stop {
    case .breakpoint(let number?) where reportsKinds:
      let key = points.first { $0.value == number }?.key ?? "0"
      return key.hasPrefix("1") ? "T05hwbreak:;thread:01;" : "T05swbreak:;thread:01;"
    case .watchpoint(let number, _, _):
      guard let point = session.watchpoints.first(where: { $0.number == number }),
        case .memory(let address, _) = point.subject
      else { return "T05thread:01;" }
      let word = point.use == .change ? "watch" : point.use == .read ? "rwatch" : "awatch"
      return "T05\(word):\(String(address, radix: 16));thread:01;"
    case .interrupted: return "T02thread:01;"
    case .outOfTime:
      tell("stopped after \(Int(session.hostSeconds)) s of host time; `continue` goes on\n")
      return "T02thread:01;"
    case .historyStart: return "T05replaylog:begin;thread:01;"
    case .ended(let reason): return reply(for: reason)
    default: return "T05thread:01;"
    }
  }

  private func reply(for end: StopReason) -> String {
    switch end {
    case .powerOff(let status):
      state = .exited
      return "W" + String(decoding: Hexadecimal.text([UInt8(truncatingIfNeeded: status)]), as: UTF8.self)
    case .checkStop:
      tell("the guest has ended: \(end)\n")
      return "T0bthread:01;"
    case .unsupported:
      tell("the guest has ended: \(end)\n")
      return "T04thread:01;"
    default:
      tell("the guest has ended: \(end)\n")
      return "T05thread:01;"
    }
  }
}
