# diskcopy: copies sectors of the disk with direct memory access; interrupts tell when one is done.
#
# SIZE: how many sectors, from the first ones to those in the middle of the disk.
#
# Between command and interrupt the processor waits. Interrupts are off but for one instruction, so
# that none can come between looking and waiting. Afterwards every copy is read back and summed up.

        .include "toy.inc"
        .ifndef SIZE
        .equ    SIZE, 16
        .endif

        .text
_start:
        getbound sp
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        sw      sp, TRAP_NEW + 12(zero)
        li      t0, 1
        out     t0, DISK_STATUS(zero)   # let the disk interrupt

        in      s3, DISK_SECTORS(zero)
        srli    s3, s3, 1               # first sector of the copy
        li      s0, 0                   # sector
        li      s1, SIZE
1:      mv      a0, s0
        la      a1, buffer
        li      a2, 1                   # read
        call    transfer
        add     a0, s0, s3
        la      a1, buffer
        li      a2, 2                   # write
        call    transfer
        addi    s0, s0, 1
        bltu    s0, s1, 1b

        li      s0, 0
        li      s2, 0                   # sum
2:      add     a0, s0, s3
        la      a1, check
        li      a2, 1                   # read
        call    transfer
        la      t0, check
        addi    t1, t0, 512
        li      t3, 31
3:      lw      t2, 0(t0)
        mul     s2, s2, t3
        add     s2, s2, t2
        addi    t0, t0, 4
        bltu    t0, t1, 3b
        addi    s0, s0, 1
        bltu    s0, s1, 2b

        mv      a0, s1
        call    put_decimal
        la      a0, copied
        call    puts
        mv      a0, s2
        call    put_hex
        la      a0, interrupts
        call    puts
        la      t0, count
        lw      a0, 0(t0)
        call    put_decimal
        call    put_newline
        out     zero, POWER(zero)

# Moves sector a0 from or to the buffer at a1 by command a2, and waits for the end.
transfer:
        out     a0, DISK_SECTOR(zero)
        out     a1, DISK_ADDRESS(zero)
        out     a2, DISK_COMMAND(zero)
        li      t0, 1
        la      t1, done
        sw      zero, 0(t1)
1:      wait                            # ends when an interrupt is requested, taken or not
        setie   t0
        setie   zero                    # the interrupt comes before this
        lw      t2, 0(t1)
        beqz    t2, 1b
        in      t0, DISK_STATUS(zero)
        li      t1, 2                   # done
        bne     t0, t1, failed
        ret

failed:
        la      a0, failure
        call    puts
        mv      a0, s0
        call    put_decimal
        call    put_newline
        li      t0, 1
        out     t0, POWER(zero)

# All traps and interrupts come here. The kernel's scratch register is free; the rest is kept.
handler:
        lw      k0, TRAP_CAUSE(zero)
        addi    k0, k0, -CAUSE_DISK
        bnez    k0, unexpected
        sw      t0, save(zero)
        la      k0, done
        li      t0, 1
        sw      t0, 0(k0)
        la      k0, count
        lw      t0, 0(k0)
        addi    t0, t0, 1
        sw      t0, 0(k0)
        lw      t0, save(zero)
        lpsw    0(zero)

unexpected:
        li      t0, 2
        out     t0, POWER(zero)

        .data
copied: .asciz  " sectors copied, hash "
interrupts: .asciz ", interrupts "
failure: .asciz "disk error, sector "
        .balign 4
save:   .word   0
done:   .word   0
count:  .word   0
buffer: .space  512
check:  .space  512

        .include "library.asm"
