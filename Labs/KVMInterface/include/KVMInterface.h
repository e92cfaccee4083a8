#ifndef KVM_INTERFACE_H
#define KVM_INTERFACE_H

/*
 * The part of Linux's KVM interface (<linux/kvm.h>, Documentation/virt/kvm/api.rst) that the lab is about, as x86-64
 * has it: request numbers, reasons of exits, structures. It is written out here so that Swift can import all of it, and so that
 * recorded runs work on every computer. KVMInterface.c compares it with the system's own header.
 */

#include <stdint.h>

/* Requests to /dev/kvm. */
static const unsigned long KVM_GET_API_VERSION = 0xAE00;
static const unsigned long KVM_CREATE_VM = 0xAE01;
static const unsigned long KVM_CHECK_EXTENSION = 0xAE03;
static const unsigned long KVM_GET_VCPU_MMAP_SIZE = 0xAE04;
/* Requests to a virtual machine. */
static const unsigned long KVM_CREATE_VCPU = 0xAE41;
static const unsigned long KVM_SET_USER_MEMORY_REGION = 0x4020AE46;
static const unsigned long KVM_SET_TSS_ADDR = 0xAE47;
/* Requests to a virtual CPU. */
static const unsigned long KVM_RUN = 0xAE80;
static const unsigned long KVM_GET_REGS = 0x8090AE81;
static const unsigned long KVM_SET_REGS = 0x4090AE82;
static const unsigned long KVM_GET_SREGS = 0x8138AE83;
static const unsigned long KVM_SET_SREGS = 0x4138AE84;

/* The version of the interface since Linux 2.6.22. */
static const int32_t KVM_API_VERSION = 12;

/* Why KVM_RUN came back. */
static const uint32_t KVM_EXIT_UNKNOWN = 0;
static const uint32_t KVM_EXIT_EXCEPTION = 1;
static const uint32_t KVM_EXIT_IO = 2;
static const uint32_t KVM_EXIT_HYPERCALL = 3;
static const uint32_t KVM_EXIT_DEBUG = 4;
static const uint32_t KVM_EXIT_HLT = 5;
static const uint32_t KVM_EXIT_MMIO = 6;
static const uint32_t KVM_EXIT_IRQ_WINDOW_OPEN = 7;
static const uint32_t KVM_EXIT_SHUTDOWN = 8;
static const uint32_t KVM_EXIT_FAIL_ENTRY = 9;
static const uint32_t KVM_EXIT_INTR = 10;
static const uint32_t KVM_EXIT_INTERNAL_ERROR = 17;
static const uint32_t KVM_EXIT_SYSTEM_EVENT = 24;

/* kvm_run.io.direction */
static const uint8_t KVM_EXIT_IO_IN = 0;
static const uint8_t KVM_EXIT_IO_OUT = 1;

/* errno: a system call was interrupted. */
static const int32_t KVM_EINTR = 4;

struct kvm_userspace_memory_region {
  uint32_t slot;
  uint32_t flags;
  uint64_t guest_phys_addr;
  uint64_t memory_size;
  uint64_t userspace_addr;
};

struct kvm_regs {
  uint64_t rax, rbx, rcx, rdx;
  uint64_t rsi, rdi, rsp, rbp;
  uint64_t r8, r9, r10, r11;
  uint64_t r12, r13, r14, r15;
  uint64_t rip, rflags;
};

struct kvm_segment {
  uint64_t base;
  uint32_t limit;
  uint16_t selector;
  uint8_t type;
  uint8_t present, dpl, db, s, l, g, avl;
  uint8_t unusable;
  uint8_t padding;
};

struct kvm_dtable {
  uint64_t base;
  uint16_t limit;
  uint16_t padding[3];
};

struct kvm_sregs {
  struct kvm_segment cs, ds, es, fs, gs, ss;
  struct kvm_segment tr, ldt;
  struct kvm_dtable gdt, idt;
  uint64_t cr0, cr2, cr3, cr4, cr8;
  uint64_t efer;
  uint64_t apic_base;
  uint64_t interrupt_bitmap[4];
};

/* What KVM_EXIT_IO tells. The data are `count` items of `size` bytes at `data_offset` from the start of kvm_run. */
struct kvm_run_io {
  uint8_t direction;
  uint8_t size;
  uint16_t port;
  uint32_t count;
  uint64_t data_offset;
};

/* What KVM_EXIT_MMIO tells. */
struct kvm_run_mmio {
  uint64_t phys_addr;
  uint8_t data[8];
  uint32_t len;
  uint8_t is_write;
};

struct kvm_run_fail_entry {
  uint64_t hardware_entry_failure_reason;
  uint32_t cpu;
};

struct kvm_run_internal {
  uint32_t suberror;
  uint32_t ndata;
  uint64_t data[16];
};

/* The beginning of the page that a virtual CPU shares with the program that runs it. */
struct kvm_run {
  uint8_t request_interrupt_window;
  uint8_t immediate_exit;
  uint8_t padding1[6];
  uint32_t exit_reason;
  uint8_t ready_for_interrupt_injection;
  uint8_t if_flag;
  uint16_t flags;
  uint64_t cr8;
  uint64_t apic_base;
  union {
    struct kvm_run_io io;
    struct kvm_run_mmio mmio;
    struct kvm_run_fail_entry fail_entry;
    struct kvm_run_internal internal;
    uint8_t padding[256];
  };
};

#endif
