# popf-probe: changes the interrupt enable as a user and as a supervisor, and looks what came of it.
#
# On every variant but popf, user mode traps. On popf nothing happens there: a supervisor that a VMM runs
# in user mode then cannot turn interrupts on, and the VMM does not learn that it tried.

        .include "toy.inc"
        .include "catch.asm"

        .text
_start:
        getbound sp
        call    arm
        try     "user: setie", 1f
        call    enter_user
        li      t0, 1
        setie   t0
        svc     1
1:      call    outcome
        la      a0, t_saved
        call    puts
        lw      a0, TRAP_OLD(zero)
        call    put_hex
        call    put_newline

        li      t0, 1
        setie   t0
        getpsw  s0
        setie   zero
        la      a0, t_flags
        call    puts
        mv      a0, s0
        call    put_hex
        call    put_newline

        try     "supervisor: timer interrupt", 1f
        li      t0, 1
        setie   t0
        out     t0, TIMER(zero)
        li      t1, 100
2:      addi    t1, t1, -1
        bnez    t1, 2b
        svc     2
1:      setie   zero
        lw      s0, TRAP_CAUSE(zero)
        la      a0, t_cause
        call    puts
        mv      a0, s0
        call    put_decimal
        call    put_newline
        out     zero, POWER(zero)

        .data
t_saved: .asciz "saved flags "
t_flags: .asciz "supervisor: flags after setie "
t_cause: .asciz ": cause "

        .include "library.asm"
