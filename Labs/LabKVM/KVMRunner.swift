internal import KVMInterface
internal import LabKVMHost

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The program around a student's virtual machine monitor: reads a request, runs it, writes what happens.
public enum KVMRunner {
  /// Does what standard input asks for (see `Recording.swift`) and ends the process.
  public static func main(_ monitor: any VirtualMachineMonitor.Type) -> Never {
    let log = EventLog()
    guard kvm_interface_is_the_systems() != 0 else {
      complain("KVMInterface.h does not agree with this system's <linux/kvm.h>")
      exit(3)
    }
    var problem = ""
    guard let request = RunnerRequest(String(decoding: readAll(0), as: UTF8.self), problem: &problem) else {
      complain(problem)
      exit(3)
    }
    let guest = request.guest
    let backend: any KVMBackend =
      request.isLive
      ? LiveKVM(interruptions: request.interruptions)
      : RecordedKVM(request.recording, guest: guest, complain: complain)
    let session = KVMSession(backend, guest: guest, log: log)
    let terminal = LoggedTerminal(input: request.input, log: log)
    log.write(Event(end: monitor.run(guest, on: session, terminal: terminal)))
    exit(0)
  }
}

private func complain(_ text: String) {
  let bytes = Array((text + "\n").utf8)
  _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
}

/// All bytes of a file descriptor.
private func readAll(_ descriptor: Int32) -> [UInt8] {
  var result: [UInt8] = []
  var part = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(descriptor, &part, part.count)
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { return result }
    result += part[..<count]
  }
}

/// A terminal with prepared input.
private final class LoggedTerminal: Terminal {
  private let input: [UInt8]
  private var next = 0
  private let log: EventLog

  init(input: [UInt8], log: EventLog) {
    self.input = input
    self.log = log
  }

  func write(_ byte: UInt8) {
    var event = Event("call", "terminal")
    event.add("byte", byte)
    log.write(event)
  }

  var hasInput: Bool { next < input.count }

  func read() -> UInt8? {
    guard next < input.count else { return nil }
    next += 1
    return input[next - 1]
  }
}

extension Event {
  init(end: GuestEnd) {
    switch end {
    case .halted: self.init("end", "halted")
    case .shutdown: self.init("end", "shutdown")
    case .failedEntry(let reason):
      self.init("end", "failedEntry")
      add("reason", reason)
    case .internalError(let suberror):
      self.init("end", "internalError")
      add("reason", suberror)
    case .unexpected(let reason):
      self.init("end", "unexpected")
      add("reason", reason)
    case .hostFailure(let text):
      self.init("end", "hostFailure")
      add("text", text)
    }
  }
}
