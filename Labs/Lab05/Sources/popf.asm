# A guest that notices a VMM on the popf variant, where `setie` in user mode does nothing and does not trap.
#
# Your task is in the feedback of the grader. This guest runs, and shows nothing yet.

        .include "toy.inc"

        .equ    BARE, 1                 # TODO: status on the bare machine
        .equ    VMM, 2                  # TODO: status under the VMM
        .equ    WHERE, 0x2000           # TODO: address of the sensitive instruction

        .text
_start:
        la      a0, word
        call    puts

        # Every trap and interrupt goes to `handler`, in supervisor mode with all storage.
        sw      zero, TRAP_NEW(zero)
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        sw      zero, TRAP_NEW + 8(zero)
        getbound t0
        sw      t0, TRAP_NEW + 12(zero)

        # TODO: do something that comes out otherwise under the VMM, and go on by it.
        j       sensitive
back:   out     zero, POWER(zero)

# Traps and interrupts come here.
handler:
        li      t0, BARE
        out     t0, POWER(zero)

# Writes the text at a0 to the console; changes a0 and t0.
puts:
        lbu     t0, 0(a0)
        beqz    t0, 1f
        out     t0, CONSOLE_DATA(zero)
        addi    a0, a0, 1
        j       puts
1:      ret

word:   .asciz  "hello\n"                # TODO

        .org    WHERE
sensitive:
        nop                             # TODO
        j       back
