# leaky-probe: reads base and bound as a user and as a supervisor.
#
# On the leaky variant this does not trap in user mode. Under a VMM both then read the real
# relocation register, and so the guest sees that it is not alone.

        .include "toy.inc"
        .include "catch.asm"

        .equ    PLACE, 0x8000           # where the user's storage is

        .text
_start:
        getbound sp
        call    arm
        la      a0, t_supervisor
        call    puts
        getbase a0
        call    put_hex
        li      t0, ' '
        out     t0, CONSOLE_DATA(zero)
        getbound a0
        call    put_hex
        call    put_newline

        # A user with storage of its own.
        li      t0, PLACE
        la      t1, user
        la      t2, user_end
1:      lw      t3, 0(t1)
        sw      t3, 0(t0)
        addi    t0, t0, 4
        addi    t1, t1, 4
        bltu    t1, t2, 1b

        try     "user: getbase", 1f
        lpsw    place(zero)
1:      call    outcome
        try     "user: getbound", 1f
        la      t0, user_bound - user
        sw      t0, place + 4(zero)
        lpsw    place(zero)
1:      call    outcome
        la      a0, t_user
        call    puts
        mv      a0, s1
        call    put_hex
        li      t0, ' '
        out     t0, CONSOLE_DATA(zero)
        mv      a0, s2
        call    put_hex
        call    put_newline
        out     zero, POWER(zero)

user:   getbase s1
        svc     1
user_bound:
        getbound s2
        svc     2
user_end:

        .balign 4
place:  .word   PSW_USER, 0, PLACE, 0x1000

        .data
t_supervisor: .asciz "supervisor: base and bound "
t_user: .asciz  "user: base and bound "

        .include "library.asm"
