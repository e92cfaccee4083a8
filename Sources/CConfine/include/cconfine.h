#ifndef CCONFINE_H
#define CCONFINE_H

/*
 * What Swift cannot call: the variadic system calls that take a process's rights away for good. The
 * process that calls these is the one that then executes an untrusted program.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Only declared with _GNU_SOURCE, which a header cannot ask for. */
#ifndef O_PATH
#define O_PATH 010000000
#endif
#define CCONFINE_CLONE_THREAD 0x00010000

/* Landlock's interface, from Documentation/userspace-api/landlock.rst; older systems lack the header. */
#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule 445
#define __NR_landlock_restrict_self 446
#endif

struct cconfine_ruleset {
  uint64_t files, network, scoped;
};
struct cconfine_beneath {
  uint64_t allowed;
  int32_t parent;
} __attribute__((packed));

enum {
  CCONFINE_READ_FILES = 1u << 0 | 1u << 2 | 1u << 3, /* execute, read files, list directories */
  CCONFINE_ALL_FILES_1 = (1u << 13) - 1,             /* version 1 of the interface */
};

/* Version of Landlock on this kernel, or a negative error. */
static inline int cconfine_landlock_version(void) {
  long version = syscall(__NR_landlock_create_ruleset, (void *)0, (size_t)0, 1u);
  return version < 0 ? -errno : (int)version;
}

/* Gives up privileges that a later execve could bring; needed by all that follows. 0 or a negative error. */
static inline int cconfine_no_new_privileges(void) {
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* Starts a set of file rules: what no rule allows is refused. A descriptor, or a negative error. */
static inline int cconfine_rules(void) {
  int version = cconfine_landlock_version();
  if (version < 0) return version;
  struct cconfine_ruleset set;
  memset(&set, 0, sizeof set);
  set.files = CCONFINE_ALL_FILES_1;
  size_t size = sizeof set.files;
  if (version >= 2) set.files |= 1u << 13; /* linking across directories */
  if (version >= 3) set.files |= 1u << 14; /* truncating */
  if (version >= 4) {
    set.network = 3; /* binding and connecting TCP sockets */
    size += sizeof set.network;
  }
  if (version >= 5) set.files |= 1u << 15; /* device controls */
  if (version >= 6) {
    set.scoped = 3; /* abstract sockets and signals to processes outside */
    size += sizeof set.scoped;
  }
  long descriptor = syscall(__NR_landlock_create_ruleset, &set, size, 0u);
  return descriptor < 0 ? -errno : (int)descriptor;
}

/*
 * What a rule allows beneath a path: 0 reading and executing, 1 everything but controlling devices, 2 for one device: reading,
 * writing and controlling it. 0 or a negative error.
 */
static inline int cconfine_allow(int rules, const char *path, int rights) {
  int version = cconfine_landlock_version();
  struct cconfine_beneath rule;
  rule.parent = open(path, O_PATH | O_CLOEXEC);
  if (rule.parent < 0) return -errno;
  rule.allowed = CCONFINE_READ_FILES;
  if (rights == 2) {
    rule.allowed = 1u << 1 | 1u << 2;
    if (version >= 5) rule.allowed |= 1u << 15;
  } else if (rights == 1) {
    rule.allowed = CCONFINE_ALL_FILES_1;
    if (version >= 2) rule.allowed |= 1u << 13;
    if (version >= 3) rule.allowed |= 1u << 14;
  }
  long result = syscall(__NR_landlock_add_rule, rules, 1, &rule, 0u);
  int error = result < 0 ? -errno : 0;
  if (error == -EINVAL) {
    /* A file, not a directory: only what makes sense for files. */
    rule.allowed &= 1u << 0 | 1u << 1 | 1u << 2 | 1u << 14;
    error = syscall(__NR_landlock_add_rule, rules, 1, &rule, 0u) < 0 ? -errno : 0;
  }
  close(rule.parent);
  return error;
}

/* Puts the rules into force for this process, for good. 0 or a negative error. */
static inline int cconfine_enforce(int rules) {
  long result = syscall(__NR_landlock_restrict_self, rules, 0u);
  int error = result < 0 ? -errno : 0;
  close(rules);
  return error;
}

/* Bounds a child's processor time in seconds and the size of files it writes. 0 or a negative error. */
static inline int cconfine_bound(int child, uint64_t seconds, uint64_t size) {
  uint64_t time[2] = {seconds, seconds}, file[2] = {size, size}, core[2] = {0, 0};
  if (syscall(__NR_prlimit64, child, RLIMIT_CPU, time, (void *)0) < 0) return -errno;
  if (syscall(__NR_prlimit64, child, RLIMIT_CORE, core, (void *)0) < 0) return -errno;
  return syscall(__NR_prlimit64, child, RLIMIT_FSIZE, file, (void *)0) < 0 ? -errno : 0;
}

/*
 * From now on no new process (threads are allowed), no socket, no tracing of others. These calls
 * fail with EPERM; clone3 with ENOSYS, so that the C library falls back to clone, whose flags a filter can
 * see. 0 or a negative error.
 */
static inline int cconfine_no_processes(void) {
#if defined(__x86_64__)
  const uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
  const uint32_t architecture = AUDIT_ARCH_AARCH64;
#else
  return -ENOSYS;
#endif
#if defined(__x86_64__) || defined(__aarch64__)
#define CCONFINE_REFUSE(number, code)                                    \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1),                   \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((code) & SECCOMP_RET_DATA))
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#if defined(__x86_64__)
      /* Numbers of the x32 interface. */
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      CCONFINE_REFUSE(__NR_fork, EPERM),
      CCONFINE_REFUSE(__NR_vfork, EPERM),
#endif
      CCONFINE_REFUSE(__NR_clone3, ENOSYS),
      CCONFINE_REFUSE(__NR_socket, EPERM),
      CCONFINE_REFUSE(__NR_socketpair, EPERM),
      CCONFINE_REFUSE(__NR_ptrace, EPERM),
      CCONFINE_REFUSE(__NR_process_vm_readv, EPERM),
      CCONFINE_REFUSE(__NR_process_vm_writev, EPERM),
      CCONFINE_REFUSE(__NR_pidfd_getfd, EPERM),
      CCONFINE_REFUSE(__NR_unshare, EPERM),
      CCONFINE_REFUSE(__NR_setns, EPERM),
      CCONFINE_REFUSE(__NR_mount, EPERM),
      CCONFINE_REFUSE(__NR_io_uring_setup, EPERM),
      CCONFINE_REFUSE(__NR_kill, EPERM),
      CCONFINE_REFUSE(__NR_pidfd_send_signal, EPERM),
      CCONFINE_REFUSE(__NR_setpriority, EPERM),
      /* clone: only with CLONE_THREAD in the low half of its first argument. */
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CCONFINE_CLONE_THREAD, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
#undef CCONFINE_REFUSE
  struct sock_fprog program = {(unsigned short)(sizeof code / sizeof code[0]), code};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
#endif
}

#endif
