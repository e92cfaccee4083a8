# A guest that shows on the jrst variant, where `jrst` does not trap in user mode, that a VMM loses track of the mode.
; BEGIN SKELETON
;| #
;| # Your task is in the feedback of the grader. This guest runs, and shows nothing yet.
; END SKELETON

        .include "toy.inc"

; BEGIN SOLUTION
        .equ    BARE, 56                # status on the bare machine
        .equ    VMM, 140                # status under the VMM
        .equ    WHERE, 0x18d4           # address of the sensitive instruction

; END SOLUTION
; BEGIN SKELETON
;|         .equ    BARE, 1                 # TODO: status on the bare machine
;|         .equ    VMM, 2                  # TODO: status under the VMM
;|         .equ    WHERE, 0x2000           # TODO: address of the sensitive instruction
;|
; END SKELETON
        .text
_start:
        la      a0, word
        call    puts

        # Every trap goes to `handler`, in supervisor mode with all storage.
        sw      zero, TRAP_NEW(zero)
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        sw      zero, TRAP_NEW + 8(zero)
        getbound t0
        sw      t0, TRAP_NEW + 12(zero)
; BEGIN SOLUTION
        la      r9, user
        j       sensitive

# In user mode, so this must trap. The VMM takes it for the supervisor's, and carries it out.
user:   li      t0, VMM
        out     t0, POWER(zero)
; END SOLUTION
; BEGIN SKELETON
;|
;|         # TODO: become a user at `user`, and let the user do what its supervisor must notice.
;|         j       sensitive
;| user:   out     zero, POWER(zero)
; END SKELETON

# Traps come here.
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

; BEGIN SOLUTION
word:   .asciz  "bepuri\n"

        .org    WHERE
sensitive:
        jrst    r9
; END SOLUTION
; BEGIN SKELETON
;| word:   .asciz  "hello\n"                # TODO
;|
;|         .org    WHERE
;| sensitive:
;|         j       user                    # TODO
; END SKELETON
