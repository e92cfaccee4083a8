# A guest that sees the VMM's relocation on the leaky variant, where `getbase` and `getbound` do not trap in user mode.
; BEGIN SKELETON
;| #
;| # Your task is in the feedback of the grader. This guest runs, and shows nothing yet.
; END SKELETON

        .include "toy.inc"

; BEGIN SOLUTION
        .equ    BARE, 71                # status on the bare machine
        .equ    VMM, 143                # status under the VMM
        .equ    BASE, 0x17000           # where the user's storage begins
        .equ    WHERE, 0x230            # virtual address of the sensitive instruction

; END SOLUTION
; BEGIN SKELETON
;|         .equ    BARE, 1                 # TODO: status on the bare machine
;|         .equ    VMM, 2                  # TODO: status under the VMM
;|         .equ    BASE, 0x7000            # TODO: where the user's storage begins
;|         .equ    WHERE, 0x400            # TODO: virtual address of the sensitive instruction
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
        li      t0, 0x100000
        sw      t0, TRAP_NEW + 12(zero)
        lpsw    place(zero)

# The user's call comes here.
handler:
; BEGIN SOLUTION
        li      t0, BASE
        bne     r7, t0, 1f
        li      t0, BARE
        out     t0, POWER(zero)
1:      li      t0, VMM
        out     t0, POWER(zero)
; END SOLUTION
; BEGIN SKELETON
;|         # TODO: what did the user see?
;|         out     zero, POWER(zero)
; END SKELETON

# Writes the text at a0 to the console; changes a0 and t0.
puts:
        lbu     t0, 0(a0)
        beqz    t0, 1f
        out     t0, CONSOLE_DATA(zero)
        addi    a0, a0, 1
        j       puts
1:      ret

; BEGIN SOLUTION
word:   .asciz  "gunedi\n"
; END SOLUTION
; BEGIN SKELETON
;| word:   .asciz  "hello\n"                # TODO
; END SKELETON
        .balign 4
place:  .word   PSW_USER, WHERE, BASE, 0x1000

        # The user: its address 0 is BASE in storage.
        .org    BASE + WHERE
; BEGIN SOLUTION
        getbase r7
; END SOLUTION
; BEGIN SKELETON
;|         nop                             # TODO
; END SKELETON
        svc     1
