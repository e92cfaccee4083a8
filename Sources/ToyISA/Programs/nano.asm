# nano: one operation of the processor, COUNT times; OPERATION tells which. After the seven nanobenchmarks of
# Adams and Agesen, "A Comparison of Software and Hardware Techniques for x86 Virtualization" (2006).

        .include "toy.inc"

        .ifndef COUNT
        .equ    COUNT, 100
        .endif
        .ifndef OPERATION
        .equ    OPERATION, 0
        .endif

        .equ    DIRECTORY, 0x40000
        .equ    TABLE, 0x41000
        .equ    FRAME_A, 0x50000
        .equ    FRAME_B, 0x51000
        .equ    ALL, PTE_VALID | PTE_READ | PTE_WRITE | PTE_EXECUTE | PTE_USER
        .equ    PAGE, 0x100000          # the page that comes and goes

        # s0: how many are left; s1: how many were done. Traps change k0 and s1 only.
        .text
_start:
        getbound sp
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        sw      sp, TRAP_NEW + 12(zero)
        li      s0, COUNT
        li      s1, 0

        .if OPERATION == 0              # syscall: to the supervisor and back
        .equ    EXPECTED, CAUSE_SVC
        li      a0, PSW_USER
        call    enter
1:      svc     0
        addi    s0, s0, -1
        bnez    s0, 1b
        brk
        .endif

        .if OPERATION == 1              # in: a device register is read
        .equ    EXPECTED, 0
1:      in      t0, CONSOLE_STATUS(zero)
        addi    s1, s1, 1
        addi    s0, s0, -1
        bnez    s0, 1b
        j       finish
        .endif

        .if OPERATION == 2              # cr8wr: interrupts are held back by a privileged write
        .equ    EXPECTED, 0
1:      setie   zero
        addi    s1, s1, 1
        addi    s0, s0, -1
        bnez    s0, 1b
        j       finish
        .endif

        .if OPERATION == 3              # call and return, in user mode
        .equ    EXPECTED, 0
        li      a0, PSW_USER
        call    enter
        la      t0, callee
1:      callr   t0
        addi    s0, s0, -1
        bnez    s0, 1b
        brk
callee: addi    s1, s1, 1
        ret
        .endif

        .if OPERATION == 4              # pgfault: a load from a page that is not there
        .equ    EXPECTED, CAUSE_PAGE_READ
        call    map
        li      a0, PSW_USER | PSW_PAGING
        call    enter
        li      t0, PAGE
1:      lw      t1, 0(t0)
        addi    s0, s0, -1
        bnez    s0, 1b
        brk
        .endif

        .if OPERATION == 5              # divzero
        .equ    EXPECTED, CAUSE_DIVIDE
        li      a0, PSW_USER
        call    enter
        li      t0, 7
1:      div     t1, t0, zero
        addi    s0, s0, -1
        bnez    s0, 1b
        brk
        .endif

        .if OPERATION == 6              # ptemod: an entry changes, is forgotten, and is used
        .equ    EXPECTED, 0
        call    map
        li      a0, PSW_PAGING
        call    enter
        li      t0, PAGE
        li      t1, FRAME_B | ALL
        li      t2, TABLE + (PAGE >> 10)
        li      a1, FRAME_A ^ FRAME_B
1:      xor     t1, t1, a1
        sw      t1, 0(t2)
        tlbflush
        lw      t3, 0(t0)
        bne     t3, t1, 2f
        addi    s1, s1, 1
2:      addi    s0, s0, -1
        bnez    s0, 1b
        brk
        .endif

# Counts what was expected and goes on after the instruction that trapped. A breakpoint is the end.
handler:
        lw      k0, TRAP_CAUSE(zero)
        addi    k0, k0, -EXPECTED
        bnez    k0, other
        addi    s1, s1, 1
        lw      k0, TRAP_OLD + 4(zero)
        addi    k0, k0, 4
        sw      k0, TRAP_OLD + 4(zero)
        lpsw    TRAP_OLD(zero)
other:  lw      k0, TRAP_CAUSE(zero)
        addi    k0, k0, -CAUSE_BREAKPOINT
        beqz    k0, finish
        lw      k0, TRAP_CAUSE(zero)
        out     k0, POWER(zero)

finish:
        la      a0, text
        call    puts
        mv      a0, s1
        call    put_hex
        call    put_newline
        li      t0, COUNT
        sub     t0, t0, s1
        out     t0, POWER(zero)

# Goes back to the caller with the flags in a0, and the page tables if these say so.
enter:
        sw      a0, own_psw(zero)
        sw      ra, own_psw + 4(zero)
        sw      zero, own_psw + 8(zero)
        getbound t0
        andi    t1, a0, PSW_PAGING
        beqz    t1, 1f
        li      t0, DIRECTORY
        sw      t0, own_psw + 8(zero)
        li      t0, PAGE + 0x1000
1:      sw      t0, own_psw + 12(zero)
        lpsw    own_psw(zero)

# Maps the storage to itself, and PAGE to nothing; both frames say how they are mapped.
map:
        li      t0, DIRECTORY
        li      t1, TABLE | PTE_VALID
        sw      t1, 0(t0)
        li      t0, TABLE
        li      t1, ALL
        li      t2, 0x1000
        li      t3, PAGE
1:      sw      t1, 0(t0)
        addi    t0, t0, 4
        add     t1, t1, t2
        bltu    t1, t3, 1b
        sw      zero, 0(t0)
        li      t0, FRAME_A
        ori     t1, t0, ALL
        sw      t1, 0(t0)
        li      t0, FRAME_B
        ori     t1, t0, ALL
        sw      t1, 0(t0)
        ret

        .data
        .balign 4
own_psw: .word  0, 0, 0, 0
text:   .asciz  "done: "

        .include "library.asm"
