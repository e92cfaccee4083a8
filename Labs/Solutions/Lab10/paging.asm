; BEGIN SOLUTION
# Page tables: permissions, accessed and dirty bits, and a TLB that keeps what it has until it is flushed.
#
# machine: all
# expect status 0
# expect traps page-write 1
# expect traps page-read 2
# expect traps page-fetch 1
# expect outside unchanged

        .include "toy.inc"

        .equ    DIRECTORY, 0x8000
        .equ    TABLE, 0x9000
        .equ    ONE, 0xA000
        .equ    TWO, 0xB000
        .equ    RW, PTE_VALID | PTE_READ | PTE_WRITE
        .equ    SEEN, PTE_ACCESSED | PTE_DIRTY

        # Ends the test with status 1 unless a register holds a value; changes k0.
        .macro  check   register, value
        li      k0, \value
        beq     \register, k0, 9000f
        j       wrong
9000:
        .endm

        .macro  map     page, entry
        li      t0, TABLE + \page * 4
        li      t1, \entry
        sw      t1, 0(t0)
        .endm
        # The table's entry for a page, seen through page 9.
        .macro  entry   page, value
        li      t0, TABLE + \page * 4
        lw      t0, 0(t0)
        check   t0, \value
        .endm
        .macro  refused cause, value
        lw      t0, TRAP_CAUSE(zero)
        check   t0, \cause
        lw      t0, TRAP_VALUE(zero)
        check   t0, \value
        .endm
        # Goes on with paging, here.
        .macro  paged   flags
        li      t0, \flags
        sw      t0, psw(zero)
        la      t0, 9400f
        sw      t0, psw + 4(zero)
        lpsw    psw(zero)
9400:
        .endm

        .text
_start:

        # A trap goes on at the address in s3, in supervisor mode with all storage.
        sw      zero, TRAP_NEW(zero)
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        sw      zero, TRAP_NEW + 8(zero)
        li      t0, 0x10000
        sw      t0, TRAP_NEW + 12(zero)

        # Sixteen pages to themselves; the first, with this program, for the user as well.
        li      t0, TABLE
        li      t1, RW | PTE_EXECUTE
        li      t2, 0x1000
        li      t3, 0x10000
1:      sw      t1, 0(t0)
        addi    t0, t0, 4
        add     t1, t1, t2
        bltu    t1, t3, 1b
        map     0, RW | PTE_EXECUTE | PTE_USER
        map     16, ONE | RW
        map     17, ONE | RW
        map     18, ONE | PTE_VALID | PTE_READ
        map     19, ONE | RW | PTE_USER
        li      t0, DIRECTORY
        li      t1, TABLE | PTE_VALID
        sw      t1, 0(t0)
        li      t1, 0x1111
        li      t0, ONE
        sw      t1, 0(t0)
        li      t1, 0x2222
        li      t0, TWO
        sw      t1, 0(t0)
        tlbflush

        # A load sets accessed, a store then dirty.
        paged   PSW_PAGING
        li      s0, 0x10000
        entry   16, ONE | RW
        lw      t0, 0(s0)
        check   t0, 0x1111
        entry   16, ONE | RW | PTE_ACCESSED
        li      t0, 0x3333
        sw      t0, 4(s0)
        entry   16, ONE | RW | SEEN

        # The TLB keeps the old frame until it is flushed.
        li      s0, 0x11000
        lw      t0, 4(s0)
        check   t0, 0x3333
        map     17, TWO | RW
        lw      t0, 0(s0)
        check   t0, 0x1111
        tlbflush
        lw      t0, 0(s0)
        check   t0, 0x2222
        entry   17, TWO | RW | PTE_ACCESSED

        # Permissions.
        li      s0, 0x12000
        lw      t0, 0(s0)
        check   t0, 0x1111
        la      s3, 1f
        sw      zero, 0(s0)
        j       wrong
1:      refused CAUSE_PAGE_WRITE, 0x12000
        entry   18, ONE | PTE_VALID | PTE_READ | PTE_ACCESSED
        la      s3, 1f
        paged   PSW_PAGING
        li      s0, 0x10000
        jr      s0
1:      refused CAUSE_PAGE_FETCH, 0x10000
        la      s3, 1f
        paged   PSW_PAGING
        li      s0, 0x14000
        lw      t0, 0(s0)
        j       wrong
1:      refused CAUSE_PAGE_READ, 0x14000

        # The user reaches only what is marked for it.
        la      s3, 1f
        paged   PSW_PAGING | PSW_USER
        li      s0, 0x13000
        lw      s1, 4(s0)
        li      s0, 0x10000
        lw      s2, 4(s0)
        j       wrong
1:      refused CAUSE_PAGE_READ, 0x10004
        check   s1, 0x3333

        # All is well.
        out     zero, POWER(zero)

wrong:  li      t0, 1
        out     t0, POWER(zero)

handler: jr     s3

        .balign 4
psw:    .word   0, 0, DIRECTORY, 0x100000
; END SOLUTION
