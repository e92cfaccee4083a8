# A guest that sees the VMM's relocation on the leaky variant, where `getbase` and `getbound` do not trap in user mode.
#
# Your task is in the feedback of the grader. This guest runs, and shows nothing yet.

        .include "toy.inc"

        .equ    BARE, 1                 # TODO: status on the bare machine
        .equ    VMM, 2                  # TODO: status under the VMM
        .equ    BASE, 0x7000            # TODO: where the user's storage begins
        .equ    WHERE, 0x400            # TODO: virtual address of the sensitive instruction

        .text
_start:
        la      a0, word
        call    puts

        # Every trap goes to `handler`, in supervisor mode with all storage.
        sw      zero, TRAP_NEW(zero)
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        sw      zero, TRAP_NEW + 8(zero)
        li      t0, 0x100000
        sw      t0, TRAP_NEW + 12(zero)
        lpsw    place(zero)

# The user's call comes here.
handler:
        # TODO: what did the user see?
        out     zero, POWER(zero)

# Writes the text at a0 to the console; changes a0 and t0.
puts:
        lbu     t0, 0(a0)
        beqz    t0, 1f
        out     t0, CONSOLE_DATA(zero)
        addi    a0, a0, 1
        j       puts
1:      ret

word:   .asciz  "hello\n"                # TODO
        .balign 4
place:  .word   PSW_USER, WHERE, BASE, 0x1000

        # The user: its address 0 is BASE in storage.
        .org    BASE + WHERE
        nop                             # TODO
        svc     1
