# jrst-probe: enters user mode by jrst, as a user and as a supervisor, and looks in which mode it is then.
#
# On the jrst variant the instruction does not trap in user mode. Under a VMM the supervisor's jrst
# then goes by unseen: the VMM takes the user for the supervisor and carries out what must trap.

        .include "toy.inc"
        .include "catch.asm"

        .text
_start:
        getbound sp
        call    arm
        try     "user: jrst", 1f
        call    enter_user
        la      t0, 2f
        jrst    t0
2:      svc     1
1:      call    outcome

        try     "user by jrst: getclk", 1f
        la      t0, 2f
        jrst    t0
2:      getclk  t0
        svc     2
1:      call    outcome
        la      a0, t_saved
        call    puts
        lw      a0, TRAP_OLD(zero)
        call    put_hex
        call    put_newline
        out     zero, POWER(zero)

        .data
t_saved: .asciz "saved flags "

        .include "library.asm"
