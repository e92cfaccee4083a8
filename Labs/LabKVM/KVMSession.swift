internal import KVMInterface
internal import LabKVMHost

/// Calls as a program makes them: checked as far as the kernel would, logged, and passed on.
final class KVMSession: KVMHost {
  private(set) var errno: Int32 = 0
  private let backend: any KVMBackend
  private let log: EventLog
  private let guest: Guest
  private var places: [Int32: Request.Place] = [:]
  /// Memory that was handed out, by its start.
  private var memory: [UInt: Int] = [:]
  private var pages: [Int32: UnsafeMutablePointer<kvm_run>] = [:]
  private var pageSizes: [Int32: Int] = [:]
  private var region: kvm_userspace_memory_region?
  private var hasRun = false
  /// Where the answer to the last exit is looked for, and how long it is.
  private var question: (offset: Int, length: Int)?

  init(_ backend: any KVMBackend, guest: Guest, log: EventLog) {
    self.backend = backend
    self.guest = guest
    self.log = log
  }

  func open(_ path: String) -> Int32 {
    var event = Event("call", "open")
    event.add("path", path)
    let result = finish(backend.open(path), &event)
    if result >= 0 { places[result] = .system }
    return result
  }

  func ioctl(_ descriptor: Int32, _ request: UInt, _ argument: UInt) -> Int32 {
    let known = Request.name(request)
    var event = Event("call", known?.text ?? "0x\(String(request, radix: 16))")
    event.add("on", places[descriptor]?.rawValue ?? "nothing")
    event.add("argument", argument)
    guard let known, let place = places[descriptor] else {
      return finish(places[descriptor] == nil ? -HostError.badDescriptor : -HostError.notTypewriter, &event)
    }
    guard known.place == place else { return finish(-HostError.notTypewriter, &event) }
    // A number where an address belongs is an address of nothing.
    guard Request.size(request) == 0 else { return finish(-HostError.badAddress, &event) }
    if request == KVM_RUN { return run(descriptor, &event) }
    let result = finish(backend.ioctl(descriptor, request, argument), &event)
    if result >= 0, request == KVM_CREATE_VM { places[result] = .machine }
    if result >= 0, request == KVM_CREATE_VCPU { places[result] = .processor }
    return result
  }

  func ioctl<Argument>(_ descriptor: Int32, _ request: UInt, _ argument: inout Argument) -> Int32 {
    let known = Request.name(request)
    var event = Event("call", known?.text ?? "0x\(String(request, radix: 16))")
    event.add("on", places[descriptor]?.rawValue ?? "nothing")
    guard let known, let place = places[descriptor] else {
      return finish(places[descriptor] == nil ? -HostError.badDescriptor : -HostError.notTypewriter, &event)
    }
    guard known.place == place else { return finish(-HostError.notTypewriter, &event) }
    // A request's number has the size of its structure: with another one the kernel would read or write beyond.
    guard Request.size(request) == MemoryLayout<Argument>.size else {
      event.add("size", MemoryLayout<Argument>.size)
      return finish(-HostError.badAddress, &event)
    }
    return withUnsafeMutableBytes(of: &argument) { bytes in
      guard let start = bytes.baseAddress else { return finish(-HostError.badAddress, &event) }
      describe(request, start, &event)
      let outcome = backend.ioctl(descriptor, request, start)
      if outcome >= 0, request == KVM_GET_SREGS { event.add("bytes", bytes: bytes) }
      let result = finish(outcome, &event)
      if result >= 0, request == KVM_SET_USER_MEMORY_REGION {
        // SAFETY: the size was compared above.
        let given = start.load(as: kvm_userspace_memory_region.self)
        if given.guest_phys_addr == 0 { region = given }
      }
      return result
    }
  }

  func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
    var event = Event("call", "mmap")
    event.add("on", "memory")
    event.add("size", size)
    var error: Int32 = HostError.invalid
    let place = size > 0 && size <= 1 << 30 ? lab_map(-1, size, &error) : nil
    if let place { memory[UInt(bitPattern: place)] = size }
    _ = finish(place == nil ? -error : 0, &event)
    return place
  }

  func map(_ processor: Int32, _ size: Int) -> UnsafeMutablePointer<kvm_run>? {
    var event = Event("call", "mmap")
    event.add("on", places[processor]?.rawValue ?? "nothing")
    event.add("size", size)
    guard places[processor] == .processor, size >= MemoryLayout<kvm_run>.size else {
      _ = finish(-HostError.invalid, &event)
      return nil
    }
    var error: Int32 = 0
    let place = backend.map(processor, size, &error)
    _ = finish(place == nil ? -error : 0, &event)
    let page = place?.assumingMemoryBound(to: kvm_run.self)
    pages[processor] = page
    pageSizes[processor] = size
    return page
  }

  private func finish(_ result: Int32, _ event: inout Event) -> Int32 {
    event.add("result", result < 0 ? -1 : result)
    if result < 0 {
      errno = -result
      event.add("errno", errno)
    }
    log.write(event)
    return result < 0 ? -1 : result
  }

  private func describe(_ request: UInt, _ argument: UnsafeMutableRawPointer, _ event: inout Event) {
    // SAFETY: the caller has compared the size of what is there with that of the request's structure.
    switch request {
    case KVM_SET_USER_MEMORY_REGION:
      let region = argument.load(as: kvm_userspace_memory_region.self)
      event.add("slot", region.slot)
      event.add("flags", region.flags)
      event.add("guest", region.guest_phys_addr)
      event.add("size", region.memory_size)
      event.add("room", memory[UInt(region.userspace_addr)] ?? 0)
    case KVM_SET_REGS:
      let registers = argument.load(as: kvm_regs.self)
      event.add("rip", registers.rip)
      event.add("rflags", registers.rflags)
    case KVM_SET_SREGS:
      let system = argument.load(as: kvm_sregs.self)
      for (name, segment) in [
        ("cs", system.cs), ("ds", system.ds), ("es", system.es), ("ss", system.ss),
      ] {
        event.add(
          name,
          [
            segment.base, UInt64(segment.limit), UInt64(segment.selector), UInt64(segment.type),
            UInt64(segment.present), UInt64(segment.dpl), UInt64(segment.db), UInt64(segment.s),
            UInt64(segment.l), UInt64(segment.g),
          ])
      }
      event.add("cr0", system.cr0)
      event.add("cr4", system.cr4)
      event.add("efer", system.efer)
    default: break
    }
  }

  // MARK: Running

  private func run(_ descriptor: Int32, _ event: inout Event) -> Int32 {
    guard let page = pages[descriptor] else {
      log.write(Event("note", "KVM_RUN, but its page was never mapped: what happens cannot be seen"))
      return finish(-HostError.invalid, &event)
    }
    if !hasRun {
      hasRun = true
      event.add("image", bytes: start(of: guest.image.count))
      // What an earlier exit left is not an answer to anything.
      question = nil
    }
    addAnswer(descriptor, page, &event)
    let result = backend.run(descriptor, page)
    if result >= 0 { describe(page, pageSizes[descriptor] ?? 0, &event) }
    return finish(result, &event)
  }

  /// What the guest's memory holds where its program belongs.
  private func start(of count: Int) -> [UInt8] {
    guard let region, let size = memory[UInt(region.userspace_addr)], size >= guest.memorySize,
      let place = UnsafeRawPointer(bitPattern: UInt(region.userspace_addr))
    else { return [] }
    // SAFETY: memory that was handed out here and is never taken back, and the request's program fits into it.
    return Array(UnsafeRawBufferPointer(start: place + Int(guest.address), count: count))
  }

  /// What the program put where the guest's read finds it.
  private func addAnswer(
    _ descriptor: Int32, _ page: UnsafeMutablePointer<kvm_run>, _ event: inout Event
  ) {
    guard let question else { return }
    self.question = nil
    // SAFETY: `describe` has seen that the place is within the mapping.
    let place = UnsafeRawPointer(page) + question.offset
    event.add("answer", bytes: UnsafeRawBufferPointer(start: place, count: question.length))
  }

  private func describe(_ page: UnsafeMutablePointer<kvm_run>, _ size: Int, _ event: inout Event) {
    event.add("exit", page.pointee.exit_reason)
    switch page.pointee.exit_reason {
    case KVM_EXIT_IO:
      let io = page.pointee.io
      event.add("direction", io.direction == KVM_EXIT_IO_OUT ? "out" : "in")
      event.add("port", io.port)
      event.add("size", io.size)
      event.add("count", io.count)
      let length = Int(io.size) * Int(io.count)
      guard io.data_offset <= size, length <= size - Int(io.data_offset) else { return }
      if io.direction == KVM_EXIT_IO_OUT {
        // SAFETY: within the mapping, as just seen.
        let place = UnsafeRawPointer(page) + Int(io.data_offset)
        event.add("data", bytes: UnsafeRawBufferPointer(start: place, count: length))
      } else {
        question = (Int(io.data_offset), length)
      }
    case KVM_EXIT_MMIO:
      var access = page.pointee.mmio
      let length = min(Int(access.len), 8)
      event.add("direction", access.is_write != 0 ? "write" : "read")
      event.add("address", access.phys_addr)
      event.add("size", access.len)
      if access.is_write != 0 {
        withUnsafeBytes(of: &access.data) { event.add("data", bytes: $0.prefix(length)) }
      } else {
        let start = MemoryLayout<kvm_run>.offset(of: \.mmio) ?? 32
        question = (start + (MemoryLayout<kvm_run_mmio>.offset(of: \.data) ?? 8), length)
      }
    case KVM_EXIT_FAIL_ENTRY: event.add("reason", page.pointee.fail_entry.hardware_entry_failure_reason)
    case KVM_EXIT_INTERNAL_ERROR: event.add("reason", page.pointee.internal.suberror)
    default: break
    }
  }
}
