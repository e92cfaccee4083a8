# MinOS: a small multitasking operating system.
#
# The kernel runs in supervisor mode without relocation. Processes run in user mode, each in a slot
# of storage of its own, under base/bound; with PAGING defined, under page tables that map nothing
# but the slot. A timer interrupt ends a process's quantum; a process that uses up too many quanta,
# or that traps other than by a system call, is killed. When no process is left the kernel prints a
# summary and switches the machine off.
#
# System calls: `svc` with the number; arguments in a0 and a1, result in a0 (-1: refused).
#   0 exit(status)          1 write(address, length)   2 read(address, length): bytes, 0 at the end
#   3 yield()               4 time(): virtual time     5 spawn(program): process
#   6 sleep(ticks)          7 join(process): status    8 self(): process
#
# The status of a killed process is 128 plus the cause of its trap; 128 for one that ran too long.

        .include "toy.inc"

        .ifndef QUANTUM
        .equ    QUANTUM, 1000           # instructions
        .endif
        .equ    QUANTA, 30              # a process gets no more than so many

        # A process's slot: two pages; code and data from 0, the stack from the end.
        .equ    PAGE, 0x1000
        .equ    SLOT_SIZE, 0x2000
        .equ    SLOTS, 0x20000
        .equ    SPACE, 0x100000         # with paging: the virtual address space, most of it not mapped
        .equ    TABLES, 0x60000         # with paging: a directory and a table for each slot

        # Process control blocks. Number 0 is the idle loop.
        .equ    PROCESSES, 16
        .equ    P_STATE, 0
        .equ    P_NUMBER, 4             # process number, given once only
        .equ    P_NAME, 8               # address of the name
        .equ    P_QUANTA, 12            # quanta used up
        .equ    P_REGISTERS, 16         # r1 to r15, 60 bytes
        .equ    P_PSW, 80               # flags, pc, base, bound
        .equ    P_SLOT, 96              # storage address of the slot
        .equ    P_STATUS, 100
        .equ    P_EVENT, 104            # sleeping: until when; joining: whom
        .equ    P_SIZE, 128

        .equ    FREE, 0
        .equ    READY, 1
        .equ    SLEEPING, 2
        .equ    JOINING, 3
        .equ    DONE, 4                 # until another process joins it

        # What a0, and the registers beside it, are called in a saved block.
        .equ    SAVED_A0, P_REGISTERS
        .equ    SAVED_A1, P_REGISTERS + 4
        .equ    SAVED_SP, P_REGISTERS + 52

        .text
_start:
        la      sp, kernel_stack
        la      t0, trap
        sw      t0, TRAP_NEW + 4(zero)
        getbound t1
        sw      t1, TRAP_NEW + 12(zero)

        # The idle process is part of the kernel: supervisor mode; it turns interrupts on by itself.
        la      s0, processes
        la      t0, idle
        sw      t0, P_PSW + 4(s0)
        sw      zero, P_PSW + 8(s0)
        sw      t1, P_PSW + 12(s0)
        sw      s0, current(zero)

        la      a0, banner
        call    puts
        li      a0, 0
        call    spawn                   # the first process starts all the others
        j       schedule

idle:   li      t0, 1
        setie   t0
1:      wait
        j       1b

# ---------------------------------------------------------------------------------------------
# Traps. The hardware has put the old PSW at 0 and masked interrupts. k0 is the kernel's.

trap:
        lw      k0, current(zero)
        sw      r1, P_REGISTERS(k0)
        sw      r2, P_REGISTERS + 4(k0)
        sw      r3, P_REGISTERS + 8(k0)
        sw      r4, P_REGISTERS + 12(k0)
        sw      r5, P_REGISTERS + 16(k0)
        sw      r6, P_REGISTERS + 20(k0)
        sw      r7, P_REGISTERS + 24(k0)
        sw      r8, P_REGISTERS + 28(k0)
        sw      r9, P_REGISTERS + 32(k0)
        sw      r10, P_REGISTERS + 36(k0)
        sw      r11, P_REGISTERS + 40(k0)
        sw      r12, P_REGISTERS + 44(k0)
        sw      r14, P_REGISTERS + 52(k0)
        sw      r15, P_REGISTERS + 56(k0)
        lw      t0, TRAP_OLD(zero)
        lw      t1, TRAP_OLD + 4(zero)
        lw      t2, TRAP_OLD + 8(zero)
        lw      t3, TRAP_OLD + 12(zero)
        sw      t0, P_PSW(k0)
        sw      t1, P_PSW + 4(k0)
        sw      t2, P_PSW + 8(k0)
        sw      t3, P_PSW + 12(k0)
        la      sp, kernel_stack
        mv      s0, k0                  # the process, throughout the kernel
        lw      s1, TRAP_CAUSE(zero)
        lw      s2, TRAP_VALUE(zero)

        li      t1, CAUSE_SVC
        beq     s1, t1, system_call
        li      t1, CAUSE_TIMER
        beq     s1, t1, tick
        bltu    t1, s1, resume          # other devices do not interest
        andi    t0, t0, PSW_USER
        bnez    t0, fault

        la      a0, panic_text          # the kernel itself has trapped
        call    puts
        mv      a0, s1
        call    put_decimal
        call    put_newline
        li      t0, 3
        out     t0, POWER(zero)

# Goes on with the process in s0.
resume:
        mv      k0, s0
        lw      r1, P_REGISTERS(k0)
        lw      r2, P_REGISTERS + 4(k0)
        lw      r3, P_REGISTERS + 8(k0)
        lw      r4, P_REGISTERS + 12(k0)
        lw      r5, P_REGISTERS + 16(k0)
        lw      r6, P_REGISTERS + 20(k0)
        lw      r7, P_REGISTERS + 24(k0)
        lw      r8, P_REGISTERS + 28(k0)
        lw      r9, P_REGISTERS + 32(k0)
        lw      r10, P_REGISTERS + 36(k0)
        lw      r11, P_REGISTERS + 40(k0)
        lw      r12, P_REGISTERS + 44(k0)
        lw      r14, P_REGISTERS + 52(k0)
        lw      r15, P_REGISTERS + 56(k0)
        lpsw    P_PSW(k0)

tick:
        la      t0, processes
        beq     s0, t0, schedule        # idling costs nothing
        lw      t0, P_QUANTA(s0)
        addi    t0, t0, 1
        sw      t0, P_QUANTA(s0)
        li      t1, QUANTA
        bltu    t0, t1, schedule
        la      a0, killed_text
        call    report
        la      a0, too_long_text
        call    puts
        li      a0, 128
        j       kill

fault:
        la      a0, killed_text
        call    report
        slli    t0, s1, 2
        la      t1, cause_names
        add     t0, t0, t1
        lw      a0, 0(t0)
        call    puts
        li      a0, ' '
        out     a0, CONSOLE_DATA(zero)
        mv      a0, s2
        call    put_hex
        call    put_newline
        addi    a0, s1, 128
kill:
        lw      t0, killed(zero)
        addi    t0, t0, 1
        sw      t0, killed(zero)
        call    finish
        j       schedule

# ---------------------------------------------------------------------------------------------
# System calls.

system_call:
        lw      t0, P_PSW + 4(s0)       # the saved pc is that of the svc itself
        addi    t0, t0, 4
        sw      t0, P_PSW + 4(s0)
        li      t0, CALLS
        bgeu    s2, t0, refuse
        slli    t0, s2, 2
        la      t1, calls
        add     t0, t0, t1
        lw      t0, 0(t0)
        lw      a0, SAVED_A0(s0)
        lw      a1, SAVED_A1(s0)
        jr      t0

refuse:
        li      a0, -1
give:                                   # a0 is the result
        sw      a0, SAVED_A0(s0)
        j       resume

call_exit:
        mv      s3, a0
        la      a0, exited_text
        call    report
        mv      a0, s3
        call    put_decimal
        call    put_newline
        mv      a0, s3
        call    finish
        j       schedule

call_write:
        call    check_range
        mv      s1, a0                  # next byte
        add     s2, a0, a1              # end
        mv      s3, a1
1:      bgeu    s1, s2, 2f
        mv      a0, s1
        li      a1, PTE_VALID | PTE_USER | PTE_READ
        call    physical
        lbu     t0, 0(a0)
        out     t0, CONSOLE_DATA(zero)
        addi    s1, s1, 1
        j       1b
2:      mv      a0, s3
        j       give

call_read:
        call    check_range
        mv      s1, a0
        add     s2, a0, a1
        mv      s3, a0
1:      bgeu    s1, s2, 2f
        in      t0, CONSOLE_STATUS(zero)
        andi    t0, t0, 1
        beqz    t0, 2f
        mv      a0, s1
        li      a1, PTE_VALID | PTE_USER | PTE_WRITE
        call    physical
        in      t0, CONSOLE_DATA(zero)
        sb      t0, 0(a0)
        addi    s1, s1, 1
        li      t1, '\n'
        bne     t0, t1, 1b
2:      sub     a0, s1, s3
        j       give

call_yield:
        j       schedule

call_time:
        getclk  a0
        j       give

call_spawn:
        mv      s3, s0
        call    spawn
        mv      s0, s3
        j       give

call_sleep:
        getclk  t0
        add     t0, t0, a0
        sw      t0, P_EVENT(s0)
        li      t0, SLEEPING
        sw      t0, P_STATE(s0)
        j       schedule

call_join:
        call    find
        beqz    a0, refuse
        beq     a0, s0, refuse
        lw      t0, P_STATE(a0)
        li      t1, DONE
        beq     t0, t1, 1f
        lw      t0, P_NUMBER(a0)
        sw      t0, P_EVENT(s0)
        li      t0, JOINING
        sw      t0, P_STATE(s0)
        j       schedule
1:      sw      zero, P_STATE(a0)       # free from now on
        lw      a0, P_STATUS(a0)
        j       give

call_self:
        lw      a0, P_NUMBER(s0)
        j       give

# Returns if a0 … a0 + a1 lies in the process's storage; else the call is refused.
check_range:
        li      t0, SLOT_SIZE
        bltu    t0, a1, refuse
        sub     t0, t0, a1
        bltu    t0, a0, refuse
        ret

# a0 = storage address of the process's virtual address a0, which check_range found good. With
# paging the page must have the permissions in a1; else the call is refused.
        .ifdef  PAGING
physical:
        lw      t0, P_PSW + 8(s0)
        srli    t1, a0, 22
        slli    t1, t1, 2
        add     t0, t0, t1
        lw      t0, 0(t0)
        andi    t1, t0, PTE_VALID
        beqz    t1, refuse
        li      t2, 0xFFFFF000
        and     t0, t0, t2
        srli    t1, a0, 12
        andi    t1, t1, 0x3FF
        slli    t1, t1, 2
        add     t0, t0, t1
        lw      t0, 0(t0)
        and     t1, t0, a1
        bne     t1, a1, refuse
        and     t0, t0, t2
        andi    a0, a0, 0xFFF
        add     a0, a0, t0
        ret
        .else
physical:
        lw      t0, P_SLOT(s0)
        add     a0, a0, t0
        ret
        .endif

# ---------------------------------------------------------------------------------------------
# The kernel's data.

        .balign 4
calls:  .word   call_exit, call_write, call_read, call_yield, call_time, call_spawn, call_sleep
        .word   call_join, call_self
        .equ    CALLS, 9

current: .word  0
alive:  .word   0
started: .word  0
killed: .word   0

cause_names:
        .word   n_unknown, n_illegal, n_privileged, n_bounds, n_alignment, n_fetch, n_read, n_write
        .word   n_unknown, n_breakpoint, n_divide, n_unknown, n_unknown, n_unknown, n_unknown
        .word   n_unknown

n_unknown: .asciz "unknown trap"
n_illegal: .asciz "illegal instruction"
n_privileged: .asciz "privileged instruction"
n_bounds: .asciz "address out of bounds"
n_alignment: .asciz "misaligned address"
n_fetch: .asciz "page not executable"
n_read: .asciz  "page not readable"
n_write: .asciz "page not writable"
n_breakpoint: .asciz "breakpoint"
n_divide: .asciz "division by zero"

banner:
        .ifdef  PAGING
        .asciz  "MinOS, paging\n"
        .else
        .asciz  "MinOS, base and bound\n"
        .endif
prompt: .asciz  "[minos] "
killed_text: .asciz " killed: "
exited_text: .asciz " exit "
too_long_text: .asciz "ran too long\n"
panic_text: .asciz "[minos] panic: trap in the kernel, cause "
deadlock_text: .asciz "[minos] deadlock\n"
summary_1: .asciz " processes: "
summary_2: .asciz " exited, "
summary_3: .asciz " killed\n"

        .bss
        .balign 16
processes:
        .space  PROCESSES * P_SIZE
        .space  512
kernel_stack:

        .include "minos-process.asm"
        .include "library.asm"
        .include "minos-user.asm"
