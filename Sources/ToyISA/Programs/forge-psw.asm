# forge-psw: a supervisor that loads impossible PSWs, and a user that tries every privileged instruction.

        .include "toy.inc"
        .include "catch.asm"

        .text
_start:
        getbound sp
        getbound s0
        call    arm

        try     "misaligned PSW", 1f
        lpsw    2(zero)
1:      call    outcome
        try     "odd program counter", 1f
        li      t0, 0x102
        sw      t0, forged + 4(zero)
        lpsw    forged(zero)
1:      call    outcome

        # Unknown flag bits and low bits of base and bound must be dropped.
        la      t0, 2f
        sw      t0, forged + 4(zero)
        li      t0, 0xFFFFFFF8
        sw      t0, forged(zero)
        li      t0, 3
        sw      t0, forged + 8(zero)
        li      t0, 0xFFFFFFFF
        sw      t0, forged + 12(zero)
        lpsw    forged(zero)
2:      getpsw  s1
        getbase s2
        getbound t0
        sw      t0, forged(zero)
        la      a0, flags
        call    puts
        mv      a0, s1
        call    put_hex
        la      a0, base
        call    puts
        mv      a0, s2
        call    put_hex
        la      a0, bound
        call    puts
        lw      a0, forged(zero)
        call    put_hex
        call    put_newline

        # All flags: user mode, interrupts, paging with the directory beyond storage.
        try     "all flags, everything beyond storage", 1f
        li      t0, 0xFFFFFFFF
        sw      t0, forged(zero)
        sw      t0, forged + 8(zero)
        sw      t0, forged + 12(zero)
        lpsw    forged(zero)
1:      call    outcome
        la      a0, saved
        call    puts
        lw      a0, TRAP_OLD(zero)
        call    put_hex
        call    put_newline

        # As a user with all storage: nothing that is privileged may be carried out.
        try     "user: lpsw", 1f
        call    enter_user
        lpsw    forged(zero)
1:      call    outcome
        try     "user: jrst", 1f
        call    enter_user
        la      t0, 2f
        jrst    t0
2:      svc     1
1:      call    outcome
        try     "user: setie", 1f
        call    enter_user
        setie   zero
        svc     1
1:      call    outcome
        try     "user: getpsw", 1f
        call    enter_user
        getpsw  t0
        svc     1
1:      call    outcome
        try     "user: getbase", 1f
        call    enter_user
        getbase t0
        svc     1
1:      call    outcome
        try     "user: getbound", 1f
        call    enter_user
        getbound t0
        svc     1
1:      call    outcome
        try     "user: getclk", 1f
        call    enter_user
        getclk  t0
        svc     1
1:      call    outcome
        try     "user: tlbflush", 1f
        call    enter_user
        tlbflush
        svc     1
1:      call    outcome
        try     "user: wait", 1f
        call    enter_user
        wait
        svc     1
1:      call    outcome
        try     "user: in", 1f
        call    enter_user
        in      t0, TIME_LOW(zero)
        svc     1
1:      call    outcome
        try     "user: out to the power port", 1f
        call    enter_user
        out     zero, POWER(zero)
        svc     1
1:      call    outcome

        # What a trap saves is the PSW that this guest believes in.
        la      a0, saved
        call    puts
        lw      a0, TRAP_OLD(zero)
        call    put_hex
        la      a0, base
        call    puts
        lw      a0, TRAP_OLD + 8(zero)
        call    put_hex
        la      a0, bound
        call    puts
        lw      a0, TRAP_OLD + 12(zero)
        call    put_hex
        call    put_newline
        out     zero, POWER(zero)

        .balign 4
forged: .word   0, 0, 0, 0x1000

        .data
flags:  .asciz  "flags "
saved:  .asciz  "saved flags "
base:   .asciz  " base "
bound:  .asciz  " bound "

        .include "library.asm"
