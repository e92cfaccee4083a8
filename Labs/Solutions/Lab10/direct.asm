; BEGIN SOLUTION
# Under a VMM, innocuous instructions run directly, the trapping ones too.
#
# machine: vmm
# expect status 0
# expect interpreted mul 0
# expect interpreted div 0
# expect interpreted 1
# expect exits <= 2

        .include "toy.inc"
        .text
_start:
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        li      t0, 0x10000
        sw      t0, TRAP_NEW + 12(zero)
        li      t0, 6
        mul     t1, t0, t0
        mul     t1, t1, t0
        div     t1, t1, zero
handler: out    zero, POWER(zero)
; END SOLUTION
