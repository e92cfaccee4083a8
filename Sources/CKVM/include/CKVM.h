// What Swift cannot import from <linux/kvm.h>: requests made by the _IO macros,
// members of anonymous unions, flexible arrays, and atomic stores to the run page.
//
// On a host that is not Linux on x86-64 this header is empty; Swift code that uses it
// stands between `#if os(Linux) && arch(x86_64)`.

#ifndef CKVM_H
#define CKVM_H

#if defined(__linux__) && defined(__x86_64__)

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <sys/ioctl.h>
#include <linux/kvm.h>

// Constants that are newer than some distributions' headers.
#ifndef KVM_CAP_BINARY_STATS_FD
#define KVM_CAP_BINARY_STATS_FD 203
#endif
#ifndef KVM_CAP_IMMEDIATE_EXIT
#define KVM_CAP_IMMEDIATE_EXIT 136
#endif
#ifndef KVM_CAP_SYNC_REGS
#define KVM_CAP_SYNC_REGS 74
#endif
#ifndef KVM_CAP_SET_GUEST_DEBUG2
#define KVM_CAP_SET_GUEST_DEBUG2 195
#endif
#ifndef KVM_CAP_XSAVE
#define KVM_CAP_XSAVE 55
#endif
#ifndef KVM_CAP_SREGS2
#define KVM_CAP_SREGS2 200
#endif
#ifndef KVM_GET_SREGS2
#define KVM_SREGS2_FLAGS_PDPTRS_VALID 1
struct kvm_sregs2 {
  struct kvm_segment cs, ds, es, fs, gs, ss;
  struct kvm_segment tr, ldt;
  struct kvm_dtable gdt, idt;
  __u64 cr0, cr2, cr3, cr4, cr8;
  __u64 efer;
  __u64 apic_base;
  __u64 flags;
  __u64 pdptrs[4];
};
#define KVM_GET_SREGS2 _IOR(KVMIO, 0xcc, struct kvm_sregs2)
#define KVM_SET_SREGS2 _IOW(KVMIO, 0xcd, struct kvm_sregs2)
#endif
#ifndef KVM_GET_STATS_FD
#define KVM_GET_STATS_FD _IO(KVMIO, 0xce)
#endif

// Requests.
static const unsigned long ckvm_get_api_version = KVM_GET_API_VERSION;
static const unsigned long ckvm_check_extension = KVM_CHECK_EXTENSION;
static const unsigned long ckvm_create_vm = KVM_CREATE_VM;
static const unsigned long ckvm_get_vcpu_mmap_size = KVM_GET_VCPU_MMAP_SIZE;
static const unsigned long ckvm_get_supported_cpuid = KVM_GET_SUPPORTED_CPUID;
static const unsigned long ckvm_set_user_memory_region = KVM_SET_USER_MEMORY_REGION;
static const unsigned long ckvm_set_tss_addr = KVM_SET_TSS_ADDR;
static const unsigned long ckvm_set_identity_map_addr = KVM_SET_IDENTITY_MAP_ADDR;
static const unsigned long ckvm_create_vcpu = KVM_CREATE_VCPU;
static const unsigned long ckvm_run = KVM_RUN;
static const unsigned long ckvm_interrupt = KVM_INTERRUPT;
static const unsigned long ckvm_get_regs = KVM_GET_REGS;
static const unsigned long ckvm_set_regs = KVM_SET_REGS;
static const unsigned long ckvm_get_sregs = KVM_GET_SREGS;
static const unsigned long ckvm_set_sregs = KVM_SET_SREGS;
static const unsigned long ckvm_get_msrs = KVM_GET_MSRS;
static const unsigned long ckvm_set_msrs = KVM_SET_MSRS;
static const unsigned long ckvm_get_debugregs = KVM_GET_DEBUGREGS;
static const unsigned long ckvm_set_debugregs = KVM_SET_DEBUGREGS;
static const unsigned long ckvm_set_cpuid2 = KVM_SET_CPUID2;
static const unsigned long ckvm_set_guest_debug = KVM_SET_GUEST_DEBUG;
static const unsigned long ckvm_get_vcpu_events = KVM_GET_VCPU_EVENTS;
static const unsigned long ckvm_set_vcpu_events = KVM_SET_VCPU_EVENTS;
static const unsigned long ckvm_get_xsave = KVM_GET_XSAVE;
static const unsigned long ckvm_set_xsave = KVM_SET_XSAVE;
static const unsigned long ckvm_get_mp_state = KVM_GET_MP_STATE;
static const unsigned long ckvm_get_sregs2 = KVM_GET_SREGS2;
static const unsigned long ckvm_set_sregs2 = KVM_SET_SREGS2;
static const unsigned long ckvm_get_dirty_log = KVM_GET_DIRTY_LOG;
static const unsigned long ckvm_get_msr_index_list = KVM_GET_MSR_INDEX_LIST;
static const unsigned long ckvm_translate = KVM_TRANSLATE;
static const unsigned long ckvm_get_stats_fd = KVM_GET_STATS_FD;

// Capabilities as plain numbers (some of the macros are guarded above).
static const uintptr_t ckvm_cap_user_memory = KVM_CAP_USER_MEMORY;
static const uintptr_t ckvm_cap_ext_cpuid = KVM_CAP_EXT_CPUID;
static const uintptr_t ckvm_cap_set_tss_addr = KVM_CAP_SET_TSS_ADDR;
static const uintptr_t ckvm_cap_set_identity_map_addr = KVM_CAP_SET_IDENTITY_MAP_ADDR;
static const uintptr_t ckvm_cap_set_guest_debug = KVM_CAP_SET_GUEST_DEBUG;
static const uintptr_t ckvm_cap_debugregs = KVM_CAP_DEBUGREGS;
static const uintptr_t ckvm_cap_immediate_exit = KVM_CAP_IMMEDIATE_EXIT;
static const uintptr_t ckvm_cap_sync_regs = KVM_CAP_SYNC_REGS;
static const uintptr_t ckvm_cap_binary_stats_fd = KVM_CAP_BINARY_STATS_FD;
static const uintptr_t ckvm_cap_nr_memslots = KVM_CAP_NR_MEMSLOTS;
static const uintptr_t ckvm_cap_xsave = KVM_CAP_XSAVE;
static const uintptr_t ckvm_cap_sregs2 = KVM_CAP_SREGS2;
static const uintptr_t ckvm_cap_max_vcpus = KVM_CAP_MAX_VCPUS;

static const uint32_t ckvm_guestdbg_singlestep = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
static const uint32_t ckvm_guestdbg_hardware = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;

/// An ioctl whose argument is a number or a pointer; -1 and `errno` on failure.
static inline int ckvm_ioctl(int fd, unsigned long request, uintptr_t argument) {
  return ioctl(fd, request, argument);
}

/// `errno` of the calling thread.
static inline int ckvm_errno(void) { return errno; }

// The run page.

static inline uint32_t ckvm_exit_reason(const struct kvm_run *run) { return run->exit_reason; }

/// Makes the next (or the current) KVM_RUN return at once; may be called from any thread.
static inline void ckvm_set_immediate_exit(struct kvm_run *run, uint8_t value) {
  __atomic_store_n(&run->immediate_exit, value, __ATOMIC_SEQ_CST);
}

/// Whether the next KVM_RUN returns at once.
static inline uint8_t ckvm_get_immediate_exit(struct kvm_run *run) {
  return __atomic_load_n(&run->immediate_exit, __ATOMIC_SEQ_CST);
}

static inline int ckvm_io_is_out(const struct kvm_run *run) { return run->io.direction == KVM_EXIT_IO_OUT; }
static inline uint8_t ckvm_io_size(const struct kvm_run *run) { return run->io.size; }
static inline uint16_t ckvm_io_port(const struct kvm_run *run) { return run->io.port; }
static inline uint32_t ckvm_io_count(const struct kvm_run *run) { return run->io.count; }
static inline uint64_t ckvm_io_data_offset(const struct kvm_run *run) { return run->io.data_offset; }

static inline uint64_t ckvm_mmio_address(const struct kvm_run *run) { return run->mmio.phys_addr; }
static inline uint32_t ckvm_mmio_length(const struct kvm_run *run) { return run->mmio.len; }
static inline int ckvm_mmio_is_write(const struct kvm_run *run) { return run->mmio.is_write; }
static inline uint8_t *ckvm_mmio_data(struct kvm_run *run) { return run->mmio.data; }

/// DR6 of a KVM_EXIT_DEBUG.
static inline uint64_t ckvm_debug_dr6(const struct kvm_run *run) { return run->debug.arch.dr6; }

static inline uint64_t ckvm_fail_entry_reason(const struct kvm_run *run) {
  return run->fail_entry.hardware_entry_failure_reason;
}
static inline uint32_t ckvm_internal_suberror(const struct kvm_run *run) { return run->internal.suberror; }
static inline uint32_t ckvm_system_event_type(const struct kvm_run *run) { return run->system_event.type; }

/// CR8, which the kernel takes from the run page at every entry where it has no local APIC of its own.
static inline void ckvm_set_cr8(struct kvm_run *run, uint64_t value) { run->cr8 = value; }

/// System registers with the page-directory-pointer entries of PAE paging.
static inline struct kvm_sregs2 ckvm_with_pdptes(const struct kvm_sregs *system, uint64_t p0, uint64_t p1, uint64_t p2,
                                                 uint64_t p3) {
  struct kvm_sregs2 result;
  memset(&result, 0, sizeof result);
  // The two structures are the same up to the APIC base.
  memcpy(&result, system, offsetof(struct kvm_sregs, interrupt_bitmap));
  result.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
  result.pdptrs[0] = p0;
  result.pdptrs[1] = p1;
  result.pdptrs[2] = p2;
  result.pdptrs[3] = p3;
  return result;
}

/// The entry of PAE paging with this number, 0 to 3; 0 where the kernel has none.
static inline uint64_t ckvm_pdpte(const struct kvm_sregs2 *system, uint32_t number) {
  return system->flags & KVM_SREGS2_FLAGS_PDPTRS_VALID ? system->pdptrs[number & 3] : 0;
}

static inline void ckvm_set_valid_regs(struct kvm_run *run, uint64_t mask) { run->kvm_valid_regs = mask; }
static inline struct kvm_regs *ckvm_sync_regs(struct kvm_run *run) { return &run->s.regs.regs; }
static inline struct kvm_sregs *ckvm_sync_sregs(struct kvm_run *run) { return &run->s.regs.sregs; }

// Flexible arrays.

#define CKVM_MAX_CPUID 256
/// Room for a `kvm_cpuid2` and its entries.
struct ckvm_cpuid {
  uint32_t nent;
  uint32_t padding;
  struct kvm_cpuid_entry2 entries[CKVM_MAX_CPUID];
};
static const uint32_t ckvm_max_cpuid = CKVM_MAX_CPUID;

static inline struct kvm_cpuid_entry2 ckvm_cpuid_get(const struct ckvm_cpuid *list, uint32_t index) {
  return list->entries[index % CKVM_MAX_CPUID];
}
static inline void ckvm_cpuid_set(struct ckvm_cpuid *list, uint32_t index, struct kvm_cpuid_entry2 entry) {
  list->entries[index % CKVM_MAX_CPUID] = entry;
}

#define CKVM_MAX_MSRS 64
/// Room for a `kvm_msrs` and its entries.
struct ckvm_msrs {
  uint32_t nmsrs;
  uint32_t padding;
  struct kvm_msr_entry entries[CKVM_MAX_MSRS];
};
static inline void ckvm_msr_set(struct ckvm_msrs *list, uint32_t at, uint32_t index, uint64_t data) {
  list->entries[at % CKVM_MAX_MSRS].index = index;
  list->entries[at % CKVM_MAX_MSRS].reserved = 0;
  list->entries[at % CKVM_MAX_MSRS].data = data;
}
static inline uint64_t ckvm_msr_get(const struct ckvm_msrs *list, uint32_t at) {
  return list->entries[at % CKVM_MAX_MSRS].data;
}

#define CKVM_MAX_MSR_LIST 1024
/// Room for a `kvm_msr_list` and its indices.
struct ckvm_msr_list {
  uint32_t nmsrs;
  uint32_t indices[CKVM_MAX_MSR_LIST];
};
static const uint32_t ckvm_max_msr_list = CKVM_MAX_MSR_LIST;
static inline uint32_t ckvm_msr_list_get(const struct ckvm_msr_list *list, uint32_t at) {
  return list->indices[at % CKVM_MAX_MSR_LIST];
}

// Kicking a vCPU thread out of KVM_RUN.

static void ckvm_kick_handler(int signal) { (void)signal; }

/// The signal that kicks vCPU threads.
static inline int ckvm_kick_signal(void) { return SIGRTMIN + 3; }

/// Installs the empty handler that lets the kick signal interrupt KVM_RUN; 0 on success.
static inline int ckvm_install_kick_handler(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = ckvm_kick_handler;
  sigemptyset(&action.sa_mask);
  return sigaction(ckvm_kick_signal(), &action, NULL);
}

/// Makes a timer that signals the calling thread with the kick signal; 0 on success.
///
/// The timer is a number, and 0 is one: it must not become a pointer that can be null.
static inline int ckvm_make_kick_timer(uintptr_t *timer) {
  struct sigevent event;
  memset(&event, 0, sizeof event);
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = ckvm_kick_signal();
  event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
  timer_t made;
  if (timer_create(CLOCK_MONOTONIC, &event, &made) != 0) return -1;
  *timer = (uintptr_t)made;
  return 0;
}

static inline void ckvm_delete_timer(uintptr_t timer) { timer_delete((timer_t)timer); }

/// Lets the timer strike after so many nanoseconds and then every `interval`; both 0: never.
static inline int ckvm_set_kick_timer(uintptr_t timer, uint64_t delay, uint64_t interval) {
  struct itimerspec time;
  time.it_value.tv_sec = (time_t)(delay / 1000000000u);
  time.it_value.tv_nsec = (long)(delay % 1000000000u);
  time.it_interval.tv_sec = (time_t)(interval / 1000000000u);
  time.it_interval.tv_nsec = (long)(interval % 1000000000u);
  return timer_settime((timer_t)timer, 0, &time, NULL);
}

/// Sleeps; a signal ends it early.
static inline void ckvm_sleep(uint64_t nanoseconds) {
  struct timespec time;
  time.tv_sec = (time_t)(nanoseconds / 1000000000u);
  time.tv_nsec = (long)(nanoseconds % 1000000000u);
  nanosleep(&time, NULL);
}

// Exit-cost fixture: the same exits from a loop in C.

static inline uint64_t ckvm_now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/// Runs the vCPU until `exits` writes to `port` have come; nanoseconds taken, 0 if anything else came.
///
/// This is the least that any VMM must do: enter, see why it came back, look at port and datum.
static inline uint64_t ckvm_bench_loop(int vcpu, struct kvm_run *run, uint64_t exits, uint16_t port,
                                       uint64_t *sum) {
  uint64_t begin = ckvm_now_ns();
  for (uint64_t count = 0; count < exits; count++) {
    if (ioctl(vcpu, KVM_RUN, 0) != 0) return 0;
    if (run->exit_reason != KVM_EXIT_IO || run->io.direction != KVM_EXIT_IO_OUT || run->io.port != port) return 0;
    *sum += *((uint8_t *)run + run->io.data_offset);
  }
  return ckvm_now_ns() - begin;
}

#endif  // Linux on x86-64
#endif  // CKVM_H
