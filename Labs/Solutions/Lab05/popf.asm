# A guest that notices a VMM on the popf variant, where `setie` in user mode does nothing and does not trap.
; BEGIN SKELETON
;| #
;| # Your task is in the feedback of the grader. This guest runs, and shows nothing yet.
; END SKELETON

        .include "toy.inc"

; BEGIN SOLUTION
        .equ    BARE, 34                # status on the bare machine
        .equ    VMM, 121                # status under the VMM
        .equ    WHERE, 0x1d84           # address of the sensitive instruction

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

        # Every trap and interrupt goes to `handler`, in supervisor mode with all storage.
        sw      zero, TRAP_NEW(zero)
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        sw      zero, TRAP_NEW + 8(zero)
        getbound t0
        sw      t0, TRAP_NEW + 12(zero)
; BEGIN SOLUTION

        # The timer interrupts soon, if interrupts are on.
        li      t0, 20
        out     t0, TIMER(zero)
        li      r11, 1
        j       sensitive
waits:  li      t0, 100
1:      addi    t0, t0, -1
        bnez    t0, 1b
        li      t0, VMM                 # none came: the VMM never learnt that they are on
        out     t0, POWER(zero)
; END SOLUTION
; BEGIN SKELETON
;|
;|         # TODO: do something that comes out otherwise under the VMM, and go on by it.
;|         j       sensitive
;| back:   out     zero, POWER(zero)
; END SKELETON

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

; BEGIN SOLUTION
word:   .asciz  "nanefa\n"

        .org    WHERE
sensitive:
        setie   r11
        j       waits
; END SOLUTION
; BEGIN SKELETON
;| word:   .asciz  "hello\n"                # TODO
;|
;|         .org    WHERE
;| sensitive:
;|         nop                             # TODO
;|         j       back
; END SKELETON
