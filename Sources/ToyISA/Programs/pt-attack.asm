# pt-attack: a supervisor that attacks through page tables: frames and tables outside storage, tables that
# map themselves, entries changed behind the back of the TLB.
#
# The directory is at DIRECTORY, one table at TABLE. The first sixteen pages are mapped to
# themselves, so that this program runs on. Traps turn paging off.

        .include "toy.inc"
        .include "catch.asm"

        .equ    DIRECTORY, 0x40000
        .equ    TABLE, 0x41000
        .equ    FRAME_A, 0x50000
        .equ    FRAME_B, 0x52000
        .equ    RW, PTE_VALID | PTE_READ | PTE_WRITE
        .equ    RWX, RW | PTE_EXECUTE

        # Sets the table's entry for a page.
        .macro  map     page, entry
        li      t0, TABLE + \page * 4
        li      t1, \entry
        sw      t1, 0(t0)
        .endm

        .text
_start:
        li      sp, 0xF000
        call    arm

        # Pages 0 to 15 to themselves.
        li      t0, TABLE
        li      t1, RWX
        li      t2, 0x1000
        li      t3, 0x10000
1:      sw      t1, 0(t0)
        addi    t0, t0, 4
        add     t1, t1, t2
        bltu    t1, t3, 1b
        map     16, 0x00100000 | RW     # just behind storage
        map     17, 0xFFFFF000 | RW     # far behind it
        map     18, TABLE | RW          # the table itself
        map     19, DIRECTORY | RW      # and the directory
        map     20, FRAME_A | PTE_VALID | PTE_READ
        map     21, FRAME_A | RW
        map     22, FRAME_A | PTE_READ | PTE_WRITE      # not valid
        map     23, FRAME_A | RW | PTE_USER
        map     24, FRAME_A | PTE_VALID | PTE_WRITE     # write only
        li      t0, DIRECTORY
        li      t1, TABLE | PTE_VALID
        sw      t1, 0(t0)
        li      t1, 0x00200000 | PTE_VALID      # a table behind storage
        sw      t1, 4(t0)
        li      t1, DIRECTORY | PTE_VALID       # the directory as a table
        sw      t1, 8(t0)
        li      t1, 0xFFFFF000 | PTE_VALID
        sw      t1, 12(t0)

        try     "frame behind storage, load", 1f
        call    paging_on
        li      t0, 0x10000
        lw      t0, 0(t0)
1:      call    outcome
        try     "frame far behind storage, store", 1f
        call    paging_on
        li      t0, 0x11000
        sw      t0, 0(t0)
1:      call    outcome
        try     "table behind storage", 1f
        call    paging_on
        li      t0, 0x400000
        lw      t0, 0(t0)
1:      call    outcome
        try     "table far behind storage", 1f
        call    paging_on
        li      t0, 0xC00000
        sw      t0, 0(t0)
1:      call    outcome
        try     "directory as a table", 1f
        call    paging_on
        li      t0, 0x800000
        lw      t0, 0(t0)
1:      call    outcome
        try     "page that is not valid", 1f
        call    paging_on
        li      t0, 0x16000
        lw      t0, 0(t0)
1:      call    outcome
        try     "address behind the bound", 1f
        call    paging_on
        li      t0, 0x1000000
        lw      t0, 0(t0)
1:      call    outcome
        try     "store to a page for reading", 1f
        call    paging_on
        li      t0, 0x14000
        lw      t1, 0(t0)
        sw      t0, 0(t0)
1:      call    outcome
        try     "load from a page for writing", 1f
        call    paging_on
        li      t0, 0x18000
        sw      t0, 0(t0)
        lw      t1, 0(t0)
1:      call    outcome
        try     "jump to a page without execute", 1f
        call    paging_on
        li      t0, 0x15000
        jr      t0
1:      call    outcome
        try     "user on supervisor's pages", 1f
        li      t0, PSW_USER | PSW_PAGING
        sw      t0, paged(zero)
        call    paging_on
        svc     1
1:      call    outcome
        li      t0, PSW_PAGING
        sw      t0, paged(zero)

        # Two pages on one frame.
        try     "alias", 1f
        call    paging_on
        li      t0, 0x15000
        li      t1, 0x17000
        li      t2, 0x1234
        sw      t2, 4(t0)
        lw      a0, 4(t1)
        svc     1
1:      call    value

        # The table is changed through itself. An entry that was used is remembered until the flush.
        try     "remembered", 1f
        call    paging_on
        li      t0, 0x15000
        lw      t1, 4(t0)               # remembered from here on
        li      t0, 0x12000 + 21 * 4
        li      t1, FRAME_B | RW
        sw      t1, 0(t0)
        li      t0, 0x15000
        li      t1, 0x5678
        sw      t1, 4(t0)               # still goes to frame A
        lw      a0, 4(t0)
        svc     1
1:      call    frames
        try     "flushed", 1f
        call    paging_on
        tlbflush
        li      t0, 0x15000
        li      t1, 0x9ABC
        sw      t1, 4(t0)               # goes to frame B
        lw      a0, 4(t0)
        svc     1
1:      call    frames

        # A permission that was given too late.
        try     "write allowed, not flushed", 1f
        call    paging_on
        li      t0, 0x14000
        lw      t1, 0(t0)               # remembered from here on
        li      t0, 0x12000 + 20 * 4
        li      t1, FRAME_A | RW
        sw      t1, 0(t0)
        li      t0, 0x14000
        sw      t0, 8(t0)
        svc     1
1:      call    outcome
        try     "write allowed, flushed", 1f
        tlbflush
        call    paging_on
        li      t0, 0x14000
        sw      t0, 8(t0)
        svc     1
1:      call    outcome
        # And one that was taken away.
        try     "page taken away, not flushed", 1f
        map     20, 0
        call    paging_on
        li      t0, 0x14000
        sw      t0, 8(t0)
        svc     1
1:      call    outcome
        try     "page taken away, flushed", 1f
        tlbflush
        call    paging_on
        li      t0, 0x14000
        sw      t0, 8(t0)
        svc     1
1:      call    outcome

        # Accessed and dirty bits: not yet used, read, then written.
        try     "entry unused", 1f
        map     20, FRAME_B | RW
        li      t0, TABLE + 20 * 4
        lw      a0, 0(t0)
1:      call    value
        try     "entry read", 1f
        tlbflush
        call    paging_on
        li      t0, 0x14000
        lw      t1, 0(t0)
        li      t0, 0x12000 + 20 * 4
        lw      a0, 0(t0)
        svc     1
1:      call    value
        try     "entry written", 1f
        call    paging_on
        li      t0, 0x14000
        sw      t1, 0(t0)
        li      t0, 0x12000 + 20 * 4
        lw      a0, 0(t0)
        svc     1
1:      call    value

        # The directory loses its entry while the program runs by what is remembered.
        try     "directory entry cleared through the table", 1f
        call    paging_on
        li      t0, 0x13000
        sw      zero, 0(t0)
        nop
        svc     1
1:      call    outcome
        try     "then flushed", 1f
        call    paging_on
        tlbflush
        nop
1:      call    outcome
        try     "a directory behind storage", 1f
        li      t0, 0xFFFFF000
        sw      t0, paged + 8(zero)
        tlbflush
        call    paging_on
1:      call    outcome
        try     "the trap area as a directory", 1f
        sw      zero, paged + 8(zero)
        call    paging_on
1:      call    outcome
        out     zero, POWER(zero)

# Goes back to the caller with paging.
paging_on:
        sw      ra, paged + 4(zero)
        lpsw    paged(zero)

        .balign 4
paged:  .word   PSW_PAGING, 0, DIRECTORY, 0x1000000

# Says a0.
value:
        push    ra, s0
        mv      s0, a0
        la      a0, t_value
        call    puts
        mv      a0, s0
        call    put_hex
        call    put_newline
        pop     ra, s0
        ret

# Says a0 and what is in the two frames.
frames:
        push    ra
        call    value
        la      a0, t_frames
        call    puts
        li      t0, FRAME_A
        lw      a0, 4(t0)
        call    put_hex
        li      t0, ' '
        out     t0, CONSOLE_DATA(zero)
        li      t0, FRAME_B
        lw      a0, 4(t0)
        call    put_hex
        call    put_newline
        pop     ra
        ret

        .data
t_value: .asciz ": "
t_frames: .asciz "  frames "

        .include "library.asm"
