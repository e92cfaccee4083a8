# Trying what ought to trap, for guests that attack what is beneath them; needs toy.inc.
#
#         call    arm                     # once
#         try     "what is tried", 1f     # says so
#         (what is tried)
# 1:      call    outcome                 # says which trap came, if any

        .macro  try     text, after
        .data
9000:   .asciz  \text
        .text
        la      a0, 9000b
        call    puts
        sw      zero, TRAP_CAUSE(zero)
        la      s3, \after
        .endm

        .text
# Makes every trap go on at the address in s3, in supervisor mode with all storage.
arm:
        sw      zero, TRAP_NEW(zero)
        la      t0, caught
        sw      t0, TRAP_NEW + 4(zero)
        sw      zero, TRAP_NEW + 8(zero)
        getbound t0
        sw      t0, TRAP_NEW + 12(zero)
        ret

caught: jr      s3

# Goes back to the caller in user mode, without relocation.
enter_user:
        li      t0, PSW_USER
        sw      t0, own_psw(zero)
        sw      ra, own_psw + 4(zero)
        sw      zero, own_psw + 8(zero)
        getbound t0
        sw      t0, own_psw + 12(zero)
        lpsw    own_psw(zero)

        .balign 4
own_psw: .word  0, 0, 0, 0

# Says which trap came since `try`, and its value.
outcome:
        push    ra
        lw      t1, TRAP_CAUSE(zero)
        slli    t1, t1, 2
        la      t0, outcomes
        add     t0, t0, t1
        lw      a0, 0(t0)
        call    puts
        lw      a0, TRAP_VALUE(zero)
        lw      t0, TRAP_CAUSE(zero)
        beqz    t0, 1f
        li      t0, ' '
        out     t0, CONSOLE_DATA(zero)
        call    put_hex
1:      call    put_newline
        pop     ra
        ret

        .balign 4
outcomes:
        .word   o_none, o_illegal, o_privileged, o_bounds, o_alignment, o_fetch, o_read, o_write
        .word   o_svc, o_breakpoint, o_divide
o_none: .asciz  ": no trap"
o_illegal: .asciz ": illegal"
o_privileged: .asciz ": privileged"
o_bounds: .asciz ": bounds"
o_alignment: .asciz ": alignment"
o_fetch: .asciz ": page-fetch"
o_read: .asciz  ": page-read"
o_write: .asciz ": page-write"
o_svc:  .asciz  ": svc"
o_breakpoint: .asciz ": breakpoint"
o_divide: .asciz ": divide"
        .balign 4
