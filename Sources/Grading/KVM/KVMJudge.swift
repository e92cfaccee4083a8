internal import MachineCore

/// Judges what a student's program did with KVM, in this process: by the calls, exits and answers that it wrote.
package struct KVMJudge {
  package let script: KVMScript
  package let events: [KVMEvent]

  package init(_ script: KVMScript, _ events: [KVMEvent]) {
    self.script = script
    self.events = events
  }

  // MARK: The way to the first KVM_RUN

  /// The four steps of making a machine: what each lacks, `nil` for one that is right.
  package var steps: [(name: String, lack: String?)] {
    let start = events.prefix { $0.call != "KVM_RUN" }
    let isRunning = start.count < events.count
    func first(_ name: String, on place: String? = nil) -> Int? {
      start.firstIndex { $0.call == name && (place == nil || $0.on == place) && ($0.result ?? -1) >= 0 }
    }
    let version = first("KVM_GET_API_VERSION", on: "kvm")
    let machine = first("KVM_CREATE_VM", on: "kvm")
    let processor = first("KVM_CREATE_VCPU", on: "vm")
    var machineLack: String?
    if machine == nil {
      machineLack = "no KVM_CREATE_VM that succeeds"
    } else if version.map({ $0 < machine ?? 0 }) != true {
      machineLack = "the version of the interface was not asked for before"
    } else if machine.map({ start[$0].argument == 0 }) != true {
      machineLack = "the argument of KVM_CREATE_VM, the machine type, must be 0"
    }
    var processorLack: String?
    let size = first("KVM_GET_VCPU_MMAP_SIZE", on: "kvm").flatMap { start[$0].result }
    if processor == nil {
      processorLack = "no KVM_CREATE_VCPU that succeeds"
    } else if size == nil {
      processorLack = "the size of the virtual CPU's mapping was not asked for"
    } else if first("mmap", on: "vcpu").flatMap({ start[$0].size }).map({ Int64(clamping: $0) }) != size {
      processorLack = "the virtual CPU was not mapped with the size that KVM_GET_VCPU_MMAP_SIZE gives"
    }
    return [
      ("virtual machine", machineLack), ("memory", memoryLack(Array(start))),
      ("virtual CPU", processorLack),
      ("registers", isRunning ? registersLack(Array(start)) : "KVM_RUN was never called"),
    ]
  }

  private func memoryLack(_ start: [KVMEvent]) -> String? {
    guard
      let region = start.last(where: { $0.call == "KVM_SET_USER_MEMORY_REGION" && $0.result == 0 })
    else { return "no KVM_SET_USER_MEMORY_REGION that succeeds" }
    let size = UInt64(script.memorySize)
    if region.guest != 0 { return "the region must begin at guest-physical address 0" }
    if region.size != size { return "the region has \(region.size ?? 0) bytes, and must have \(size)" }
    if region.room ?? 0 < size { return "the region's host address is not that of memory of its size" }
    guard let run = events.first(where: { $0.call == "KVM_RUN" }) else { return "KVM_RUN was never called" }
    if hexBytes(run.image ?? "") != script.image { return "the guest's program is not where it belongs" }
    return nil
  }

  private func registersLack(_ start: [KVMEvent]) -> String? {
    guard let system = start.last(where: { $0.call == "KVM_SET_SREGS" && $0.result == 0 }),
      let registers = start.last(where: { $0.call == "KVM_SET_REGS" && $0.result == 0 })
    else { return "KVM_SET_SREGS and KVM_SET_REGS must both succeed" }
    let isProtected = script.mode == "protected"
    for (name, segment) in [("CS", system.cs), ("DS", system.ds), ("ES", system.es), ("SS", system.ss)] {
      guard let segment, segment.count == 10 else { return "\(name) is not told" }
      let (base, limit, selector, type) = (segment[0], segment[1], segment[2], segment[3])
      if base != 0 { return "\(name) begins at \(hexadecimal(base)), not at 0" }
      guard isProtected else {
        if selector != 0 { return "\(name) has selector \(hexadecimal(selector)), not 0" }
        continue
      }
      let isCode = name == "CS"
      if limit != 0xFFFF_FFFF { return "\(name) has the limit \(hexadecimal(limit))" }
      if segment[4] != 1 || segment[5] != 0 || segment[7] != 1 || segment[8] != 0 {
        return "\(name) is not a present segment of code or data for ring 0"
      }
      if isCode, type & 8 == 0 { return "CS is no code segment" }
      if !isCode, type & 10 != 2 { return "\(name) is no data segment that can be written to" }
      if segment[6] != 1 { return "\(name) is not one of 32 bits" }
    }
    if registers.rip != script.address {
      return "RIP is \(hexadecimal(registers.rip ?? 0)), and the program is at \(hexadecimal(script.address))"
    }
    if (system.cr0 ?? 0) & 1 != (isProtected ? 1 : 0) { return "CR0 has the wrong mode" }
    if (registers.rflags ?? 0) & 0x100 != 0 { return "RFLAGS has the trap flag set" }
    return nil
  }

  // MARK: The run

  /// What is wrong with how the exits were handled, and with the end; `nil` when all is right.
  package var runLack: String? {
    if let call = script.refusedCall { return refusalLack(call) }
    var devices = KVMDevices(input: script.input)
    var seen: [KVMExit] = []
    var shown: [UInt8] = []
    var answer: [UInt8]?
    var toShow: [UInt8] = []
    for event in events {
      if let byte = event.byte, event.call == "terminal" {
        guard toShow.first == byte else {
          return "after \(last(seen)): the terminal was given \(hexadecimal(UInt64(byte))) instead of "
            + (toShow.first.map { hexadecimal(UInt64($0)) } ?? "nothing")
        }
        toShow.removeFirst()
        shown.append(byte)
      } else if event.call == "KVM_RUN" {
        if !toShow.isEmpty {
          return "after \(last(seen)): the terminal was not given \(hexString(toShow)) (hexadecimal)"
        }
        if let end = seen.last?.end { return "KVM_RUN after \(last(seen)), which is the end (`\(end.name)`)" }
        if let expected = answer {
          let given = hexBytes(event.answer ?? "")
          if given != expected {
            return
              "after \(last(seen)): the guest must read \(hexString(expected)), and read \(hexString(given)) "
              + "(hexadecimal, lowest byte first)"
          }
          answer = nil
        }
        guard let exit = KVMExit(event) else {
          return "KVM_RUN failed with error \(event.errno ?? 0) after \(last(seen))"
        }
        if !script.exits.isEmpty {
          guard seen.count < script.exits.count, script.exits[seen.count] == exit else {
            return "after \(last(seen)): the guest did not do what it did in the recorded run"
          }
        }
        seen.append(exit)
        let expected = devices.handle(exit)
        toShow = expected.shown
        if expected.answer != nil { answer = expected.answer }
      } else if let end = event.end {
        guard let expected = seen.last?.end else {
          let text = event.text.map { ": \($0.prefix(100))" } ?? ""
          return "the monitor ended (`\(end)`\(text)) after \(last(seen)), which is no end"
        }
        guard end == expected.name, expected.reason == nil || expected.reason == event.reason else {
          return "after \(last(seen)) the end is `\(expected.name)`"
            + (expected.reason.map { " with \(hexadecimal($0))" } ?? "") + ", not `\(end)`"
            + (event.reason.map { " with \(hexadecimal($0))" } ?? "")
        }
        return nil
      }
    }
    return "the program did not come to an end of its own, after \(last(seen))"
  }

  /// What is wrong with how a refusal was taken.
  private func refusalLack(_ call: String) -> String? {
    guard let place = events.firstIndex(where: { $0.call == call }) else { return "\(call) was never called" }
    let later = events[(place + 1)...].compactMap(\.call).first { $0 != call }
    if let later { return "\(later) was called all the same" }
    guard let end = events.last?.end else { return "the program did not come to an end of its own" }
    return end == "hostFailure" ? nil : "the end must be `hostFailure`, not `\(end)`"
  }

  /// What the terminal was given.
  package var shown: [UInt8] { events.compactMap { $0.call == "terminal" ? $0.byte : nil } }

  private func last(_ seen: [KVMExit]) -> String {
    seen.last.map { "exit \(seen.count) (\($0))" } ?? "the beginning"
  }
}

private func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
