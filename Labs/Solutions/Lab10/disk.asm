; BEGIN SOLUTION
# The disk writes over instructions that have run before.
#
# machine: all
# expect status 0

        .include "toy.inc"

        # Ends the test with status 1 unless a register holds a value; changes k0.
        .macro  check   register, value
        li      k0, \value
        beq     \register, k0, 9000f
        j       wrong
9000:
        .endm

        .macro  disk    command, address
        out     zero, DISK_SECTOR(zero)
        la      t0, \address
        out     t0, DISK_ADDRESS(zero)
        li      t0, \command
        out     t0, DISK_COMMAND(zero)
9500:   in      t0, DISK_STATUS(zero)
        li      t1, 1
        beq     t0, t1, 9500b
        check   t0, 2
        .endm

        .text
_start:
        call    old
        check   s0, 1
        disk    2, new
        call    old
        check   s0, 1
        disk    1, old
        call    old
        check   s0, 2

        # All is well.
        out     zero, POWER(zero)

wrong:  li      t0, 1
        out     t0, POWER(zero)

        .balign 4
old:    li      s0, 1
        ret
        .space  512
new:    li      s0, 2
        ret
        .space  512
; END SOLUTION
