# Processes of MinOS: starting, ending, finding and scheduling them. Part of the kernel.

        .text
# Prints "[minos] ", number and name of the process in s0, and the text at a0.
report:
        push    ra, s1
        mv      s1, a0
        la      a0, prompt
        call    puts
        lw      a0, P_NUMBER(s0)
        call    put_decimal
        li      t0, ' '
        out     t0, CONSOLE_DATA(zero)
        lw      a0, P_NAME(s0)
        call    puts
        mv      a0, s1
        call    puts
        pop     ra, s1
        ret

# Ends the process in s0 with status a0; whoever joins it goes on.
finish:
        sw      a0, P_STATUS(s0)
        li      t0, DONE
        sw      t0, P_STATE(s0)
        lw      t0, alive(zero)
        addi    t0, t0, -1
        sw      t0, alive(zero)
        lw      t3, P_NUMBER(s0)
        la      t0, processes
        addi    t1, t0, PROCESSES * P_SIZE
1:      addi    t0, t0, P_SIZE
        beq     t0, t1, 2f
        lw      t2, P_STATE(t0)
        addi    t2, t2, -JOINING
        bnez    t2, 1b
        lw      t2, P_EVENT(t0)
        bne     t2, t3, 1b
        sw      a0, SAVED_A0(t0)
        li      t2, READY
        sw      t2, P_STATE(t0)
        sw      zero, P_STATE(s0)
        j       1b
2:      ret

# a0 = block of the process with number a0, or 0.
find:
        la      t0, processes
        addi    t1, t0, PROCESSES * P_SIZE
1:      addi    t0, t0, P_SIZE
        beq     t0, t1, 2f
        lw      t2, P_NUMBER(t0)
        bne     t2, a0, 1b
        lw      t2, P_STATE(t0)
        beqz    t2, 1b
        mv      a0, t0
        ret
2:      li      a0, 0
        ret

# Starts program number a0; a0 = number of the process, or -1. Leaves its block in s0.
spawn:
        li      t0, PROGRAMS
        bgeu    a0, t0, 8f
        la      s0, processes
        li      a1, SLOTS               # slot of the block
        addi    t1, s0, PROCESSES * P_SIZE
1:      addi    s0, s0, P_SIZE
        beq     s0, t1, 8f
        lw      t2, P_STATE(s0)
        beqz    t2, 2f
        li      t2, SLOT_SIZE
        add     a1, a1, t2
        j       1b

2:      sw      a1, P_SLOT(s0)
        # Nothing of the process before must be seen: clear the slot.
        li      t1, SLOT_SIZE
        add     t1, t1, a1
        mv      t0, a1
3:      sw      zero, 0(t0)
        sw      zero, 4(t0)
        sw      zero, 8(t0)
        sw      zero, 12(t0)
        sw      zero, 16(t0)
        sw      zero, 20(t0)
        sw      zero, 24(t0)
        sw      zero, 28(t0)
        addi    t0, t0, 32
        bltu    t0, t1, 3b

        # With paging, page 0 is the slot's second frame, so that addresses truly differ.
        mv      t0, a1
        .ifdef  PAGING
        li      t1, PAGE
        add     t0, t0, t1
        .endif
        slli    t1, a0, 2               # entries of the program table have 12 bytes
        add     t2, t1, t1
        add     t1, t1, t2
        la      t2, programs
        add     t1, t1, t2
        lw      t2, 8(t1)
        sw      t2, P_NAME(s0)
        lw      t2, 4(t1)               # end
        lw      t1, 0(t1)               # start
4:      lw      t3, 0(t1)
        sw      t3, 0(t0)
        addi    t1, t1, 4
        addi    t0, t0, 4
        bltu    t1, t2, 4b

        # Registers start at zero but the stack pointer.
        addi    t0, s0, P_REGISTERS
        addi    t1, s0, P_PSW
5:      sw      zero, 0(t0)
        addi    t0, t0, 4
        bltu    t0, t1, 5b
        li      t0, SLOT_SIZE
        sw      t0, SAVED_SP(s0)
        .ifdef  PAGING
        li      t0, SPACE
        .endif
        sw      t0, P_PSW + 12(s0)
        sw      zero, P_PSW + 4(s0)
        sw      zero, P_QUANTA(s0)

        .ifdef  PAGING
        li      t0, SLOTS
        sub     t0, a1, t0
        li      t1, TABLES
        add     t0, t0, t1              # directory
        sw      t0, P_PSW + 8(s0)
        li      t1, PAGE
        add     t1, t0, t1              # table
        addi    t2, t1, PTE_VALID
        sw      t2, 0(t0)
        li      t2, PAGE
        add     t2, a1, t2
        addi    t2, t2, PTE_VALID | PTE_READ | PTE_WRITE | PTE_EXECUTE | PTE_USER
        sw      t2, 0(t1)
        addi    t2, a1, PTE_VALID | PTE_READ | PTE_WRITE | PTE_USER
        sw      t2, 4(t1)
        li      t0, PSW_USER | PSW_IE | PSW_PAGING
        .else
        sw      a1, P_PSW + 8(s0)
        li      t0, PSW_USER | PSW_IE
        .endif
        sw      t0, P_PSW(s0)

        lw      a0, started(zero)
        addi    a0, a0, 1
        sw      a0, started(zero)
        sw      a0, P_NUMBER(s0)
        lw      t0, alive(zero)
        addi    t0, t0, 1
        sw      t0, alive(zero)
        li      t0, READY
        sw      t0, P_STATE(s0)
        ret
8:      li      a0, -1
        ret

# Chooses the next process, round robin from the present one, and goes on with it.
schedule:
        lw      t0, alive(zero)
        beqz    t0, shutdown

        # Wake the sleepers whose time has come; s2 = the least time that one still has.
        getclk  s1
        li      s2, -1
        la      t0, processes
        addi    t1, t0, PROCESSES * P_SIZE
1:      addi    t0, t0, P_SIZE
        beq     t0, t1, 3f
        lw      t2, P_STATE(t0)
        addi    t2, t2, -SLEEPING
        bnez    t2, 1b
        lw      t2, P_EVENT(t0)
        sub     t2, t2, s1
        bgtz    t2, 2f
        li      t2, READY
        sw      t2, P_STATE(t0)
        j       1b
2:      bgeu    t2, s2, 1b
        mv      s2, t2
        j       1b

3:      la      t0, processes
        lw      s0, current(zero)
        li      t3, PROCESSES
4:      addi    s0, s0, P_SIZE
        bltu    s0, t1, 5f
        addi    s0, t0, P_SIZE          # number 0 never is ready
5:      lw      t2, P_STATE(s0)
        addi    t2, t2, -READY
        beqz    t2, 6f
        addi    t3, t3, -1
        bnez    t3, 4b

        # None is ready: idle until the first sleeper wakes.
        li      t2, -1
        beq     s2, t2, deadlock
        mv      s0, t0
        out     s2, TIMER(zero)
        j       7f
6:      li      t0, QUANTUM
        out     t0, TIMER(zero)
7:      sw      s0, current(zero)
        .ifdef  PAGING
        tlbflush
        .endif
        j       resume

deadlock:
        la      a0, deadlock_text
        call    puts
        li      t0, 2
        out     t0, POWER(zero)

shutdown:
        la      a0, prompt
        call    puts
        lw      a0, started(zero)
        call    put_decimal
        la      a0, summary_1
        call    puts
        lw      a0, started(zero)
        lw      t0, killed(zero)
        sub     a0, a0, t0
        call    put_decimal
        la      a0, summary_2
        call    puts
        lw      a0, killed(zero)
        call    put_decimal
        la      a0, summary_3
        call    puts
        out     zero, POWER(zero)
