#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import Glibc
  internal import MachineCore

  // What the engine's claim of resource control rests on, and how each part is measured:
  //
  // - The guest reaches no host memory but its storage. KVM was given one slot; it must be the storage,
  //   byte for byte. The pages on both sides of it must be inaccessible and untouched after each run. An
  //   access that comes out as MMIO although it lies in the storage shows a slot that is too small.
  // - The guest reaches devices only through the platform. Every exit must be of a kind that the run loop
  //   serves, and must describe an access that lies within the run page.
  // - The guest cannot keep the processor. When its time is up the vCPU's thread is signalled every 10 ms;
  //   it must come back within `mostKicks` signals (counted, so a busy host does not make a breach).
  // - The guest changes nothing of the thread it runs on that the VMM can see: its signal mask is compared.
  //
  // Not measured, but trusted: the kernel, the processor, and what they keep apart inside of them.
  extension KVMCore {
    /// How many signals the vCPU may need to come back at the end of its time.
    static var mostKicks: Int { 100 }

    /// Notes a breach of control, once for each text.
    func reportBreach(_ text: String) {
      if !breaches.contains(text) { breaches.append(text) }
    }

    /// Looks for breaches that show after a run; called on the vCPU's thread.
    func checkControl() {
      let memory = platform.memory
      if viewVersion != 0 {
        checkSlots()
      } else if machine.slot.start != memory.base || machine.slot.size != memory.size {
        reportBreach(
          "KVM was given \(machine.slot.size) bytes of host memory for guest storage of \(memory.size)")
      }
      if memory.hasGuards {
        checkGuard(memory.base - GuestMemory.pageSize, "below")
        checkGuard(memory.base + memory.size, "above")
      }
      if signalMask() != originalSignals {
        reportBreach("the signal mask of the vCPU's thread changed during a run")
      }
    }

    /// Every piece of host memory that KVM has must lie in the storage, or in read-only memory and be read-only.
    private func checkSlots() {
      func holds(_ memory: GuestMemory, _ slot: KVMSlot) -> Bool {
        let start = UInt(bitPattern: memory.base)
        return slot.host >= start && slot.size <= UInt64(memory.size)
          && UInt64(slot.host - start) <= UInt64(memory.size) - slot.size
      }
      for slot in machine.slots {
        let isROM = slot.isReadOnly && platform.roms.contains { holds($0.storage, slot) }
        if !isROM, !holds(platform.memory, slot) {
          reportBreach(
            "KVM was given \(slot.size) bytes of host memory at \(hex(slot.guest)) that are not the guest's")
        }
      }
    }

    private func checkGuard(_ page: UnsafeMutableRawPointer, _ place: String) {
      // The kernel reads the path, or gives EFAULT; this process never touches the page itself.
      let path = UnsafePointer(page.assumingMemoryBound(to: CChar.self))
      if access(path, F_OK) == 0 || errno != EFAULT {
        reportBreach("the guard page \(place) the guest's storage is accessible")
      }
      // Kernels that call every mapped page resident cannot tell; `access` has looked already there.
      if machine.tellsResidence, KVMVirtualMachine.isResident(page) {
        reportBreach("the guard page \(place) the guest's storage was touched")
      }
    }

    /// The calling thread's blocked signals, one bit each.
    func signalMask() -> UInt64 {
      var set = sigset_t()
      pthread_sigmask(SIG_BLOCK, nil, &set)
      return (1...64).reduce(0) { $0 | (sigismember(&set, Int32($1)) == 1 ? 1 << UInt64($1 - 1) : 0) }
    }
  }

  extension KVMVirtualMachine {
    /// Whether the kernel has storage behind this page.
    static func isResident(_ page: UnsafeMutableRawPointer) -> Bool {
      var flags: UInt8 = 0
      return mincore(page, GuestMemory.pageSize, &flags) == 0 && flags & 1 != 0
    }
  }
#endif
