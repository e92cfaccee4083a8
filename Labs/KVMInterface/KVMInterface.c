/* Our structures under other names, to stand beside the system's. */
#define kvm_userspace_memory_region our_region
#define kvm_regs our_regs
#define kvm_segment our_segment
#define kvm_dtable our_dtable
#define kvm_sregs our_sregs
#define kvm_run our_run
#define KVM_GET_API_VERSION our_get_api_version
#define KVM_CREATE_VM our_create_vm
#define KVM_CHECK_EXTENSION our_check_extension
#define KVM_GET_VCPU_MMAP_SIZE our_get_vcpu_mmap_size
#define KVM_CREATE_VCPU our_create_vcpu
#define KVM_SET_USER_MEMORY_REGION our_set_user_memory_region
#define KVM_SET_TSS_ADDR our_set_tss_addr
#define KVM_RUN our_run_request
#define KVM_GET_REGS our_get_regs
#define KVM_SET_REGS our_set_regs
#define KVM_GET_SREGS our_get_sregs
#define KVM_SET_SREGS our_set_sregs
#define KVM_API_VERSION our_api_version
#define KVM_EXIT_UNKNOWN our_exit_unknown
#define KVM_EXIT_EXCEPTION our_exit_exception
#define KVM_EXIT_IO our_exit_io
#define KVM_EXIT_HYPERCALL our_exit_hypercall
#define KVM_EXIT_DEBUG our_exit_debug
#define KVM_EXIT_HLT our_exit_hlt
#define KVM_EXIT_MMIO our_exit_mmio
#define KVM_EXIT_IRQ_WINDOW_OPEN our_exit_irq_window_open
#define KVM_EXIT_SHUTDOWN our_exit_shutdown
#define KVM_EXIT_FAIL_ENTRY our_exit_fail_entry
#define KVM_EXIT_INTR our_exit_intr
#define KVM_EXIT_INTERNAL_ERROR our_exit_internal_error
#define KVM_EXIT_SYSTEM_EVENT our_exit_system_event
#define KVM_EXIT_IO_IN our_exit_io_in
#define KVM_EXIT_IO_OUT our_exit_io_out
#include "KVMInterface.h"

#if defined(__linux__) && defined(__x86_64__)
#undef kvm_userspace_memory_region
#undef kvm_regs
#undef kvm_segment
#undef kvm_dtable
#undef kvm_sregs
#undef kvm_run
#undef KVM_GET_API_VERSION
#undef KVM_CREATE_VM
#undef KVM_CHECK_EXTENSION
#undef KVM_GET_VCPU_MMAP_SIZE
#undef KVM_CREATE_VCPU
#undef KVM_SET_USER_MEMORY_REGION
#undef KVM_SET_TSS_ADDR
#undef KVM_RUN
#undef KVM_GET_REGS
#undef KVM_SET_REGS
#undef KVM_GET_SREGS
#undef KVM_SET_SREGS
#undef KVM_API_VERSION
#undef KVM_EXIT_UNKNOWN
#undef KVM_EXIT_EXCEPTION
#undef KVM_EXIT_IO
#undef KVM_EXIT_HYPERCALL
#undef KVM_EXIT_DEBUG
#undef KVM_EXIT_HLT
#undef KVM_EXIT_MMIO
#undef KVM_EXIT_IRQ_WINDOW_OPEN
#undef KVM_EXIT_SHUTDOWN
#undef KVM_EXIT_FAIL_ENTRY
#undef KVM_EXIT_INTR
#undef KVM_EXIT_INTERNAL_ERROR
#undef KVM_EXIT_SYSTEM_EVENT
#undef KVM_EXIT_IO_IN
#undef KVM_EXIT_IO_OUT
#include <errno.h>
#include <linux/kvm.h>
#include <stddef.h>

#define SAME(condition) _Static_assert(condition, #condition)
#define SAME_SIZE(ours, theirs) SAME(sizeof(struct ours) == sizeof(struct theirs))
#define SAME_PLACE(ours, theirs, member) SAME(offsetof(struct ours, member) == offsetof(struct theirs, member))

SAME_SIZE(our_region, kvm_userspace_memory_region);
SAME_PLACE(our_region, kvm_userspace_memory_region, userspace_addr);
SAME_SIZE(our_regs, kvm_regs);
SAME_PLACE(our_regs, kvm_regs, rsi);
SAME_PLACE(our_regs, kvm_regs, rip);
SAME_SIZE(our_segment, kvm_segment);
SAME_PLACE(our_segment, kvm_segment, selector);
SAME_PLACE(our_segment, kvm_segment, db);
SAME_PLACE(our_segment, kvm_segment, unusable);
SAME_SIZE(our_dtable, kvm_dtable);
SAME_SIZE(our_sregs, kvm_sregs);
SAME_PLACE(our_sregs, kvm_sregs, ss);
SAME_PLACE(our_sregs, kvm_sregs, cr0);
SAME_PLACE(our_sregs, kvm_sregs, efer);
SAME_PLACE(our_run, kvm_run, immediate_exit);
SAME_PLACE(our_run, kvm_run, exit_reason);
SAME_PLACE(our_run, kvm_run, io);
SAME_PLACE(our_run, kvm_run, io.port);
SAME_PLACE(our_run, kvm_run, io.count);
SAME_PLACE(our_run, kvm_run, io.data_offset);
SAME_PLACE(our_run, kvm_run, mmio.data);
SAME_PLACE(our_run, kvm_run, mmio.len);
SAME_PLACE(our_run, kvm_run, mmio.is_write);
SAME_PLACE(our_run, kvm_run, fail_entry.hardware_entry_failure_reason);
SAME_PLACE(our_run, kvm_run, internal.suberror);
SAME(sizeof(struct our_run) <= sizeof(struct kvm_run));

/* Constants are variables in C, so they are compared when the program starts: the labs' runner calls this. */
int kvm_interface_is_the_systems(void) {
  return our_get_api_version == KVM_GET_API_VERSION && our_create_vm == KVM_CREATE_VM &&
         our_check_extension == KVM_CHECK_EXTENSION && our_get_vcpu_mmap_size == KVM_GET_VCPU_MMAP_SIZE &&
         our_create_vcpu == KVM_CREATE_VCPU && our_set_user_memory_region == KVM_SET_USER_MEMORY_REGION &&
         our_set_tss_addr == KVM_SET_TSS_ADDR && our_run_request == KVM_RUN && our_get_regs == KVM_GET_REGS &&
         our_set_regs == KVM_SET_REGS && our_get_sregs == KVM_GET_SREGS && our_set_sregs == KVM_SET_SREGS &&
         our_api_version == KVM_API_VERSION && our_exit_io == KVM_EXIT_IO && our_exit_hlt == KVM_EXIT_HLT &&
         our_exit_mmio == KVM_EXIT_MMIO && our_exit_shutdown == KVM_EXIT_SHUTDOWN &&
         our_exit_fail_entry == KVM_EXIT_FAIL_ENTRY && our_exit_intr == KVM_EXIT_INTR &&
         our_exit_internal_error == KVM_EXIT_INTERNAL_ERROR && our_exit_debug == KVM_EXIT_DEBUG &&
         our_exit_system_event == KVM_EXIT_SYSTEM_EVENT && our_exit_io_in == KVM_EXIT_IO_IN &&
         our_exit_io_out == KVM_EXIT_IO_OUT && KVM_EINTR == EINTR;
}
#else
int kvm_interface_is_the_systems(void) { return 1; }
#endif
