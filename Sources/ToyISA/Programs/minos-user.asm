# The processes of MinOS. Each is assembled for address 0, where its storage seems to begin.

        .equ    EXIT, 0
        .equ    WRITE, 1
        .equ    READ, 2
        .equ    YIELD, 3
        .equ    TIME, 4
        .equ    SPAWN, 5
        .equ    SLEEP, 6
        .equ    JOIN, 7
        .equ    SELF, 8

        # Writes the string between two labels.
        .macro  say     from, to
        la      a0, \from
        la      a1, \to - \from
        svc     WRITE
        .endm

        .text
        .balign 4
programs:
        .word   init, init_end, init_name
        .word   talker, talker_end, talker_name
        .word   primes, primes_end, primes_name
        .word   reader, reader_end, reader_name
        .word   sleeper, sleeper_end, sleeper_name
        .word   liar, liar_end, liar_name
        .word   vandal, vandal_end, vandal_name
        .word   snoop, snoop_end, snoop_name
        .word   leaper, leaper_end, leaper_name
        .word   forger, forger_end, forger_name
        .word   switcher, switcher_end, switcher_name
        .word   deaf, deaf_end, deaf_name
        .word   divider, divider_end, divider_name
        .word   spinner, spinner_end, spinner_name
        .word   peeper, peeper_end, peeper_name
        .equ    PROGRAMS, 15

init_name: .asciz "init"
talker_name: .asciz "talker"
primes_name: .asciz "primes"
reader_name: .asciz "reader"
sleeper_name: .asciz "sleeper"
liar_name: .asciz "liar"
vandal_name: .asciz "vandal"
snoop_name: .asciz "snoop"
leaper_name: .asciz "leaper"
forger_name: .asciz "forger"
switcher_name: .asciz "switcher"
deaf_name: .asciz "deaf"
divider_name: .asciz "divider"
spinner_name: .asciz "spinner"
peeper_name: .asciz "peeper"

        # Writes a0 in decimal; a routine that each process which needs it has for itself.
        .macro  decimal
        mv      t0, sp
        addi    sp, sp, -16
        li      t1, 10
0:      remu    t2, a0, t1
        divu    a0, a0, t1
        addi    t2, t2, '0'
        addi    t0, t0, -1
        sb      t2, 0(t0)
        bnez    a0, 0b
        addi    sp, sp, 16
        mv      a0, t0
        sub     a1, sp, t0
        svc     WRITE
        ret
        .endm

# Starts every other program, waits for all of them, then starts one again in a slot that is free.
        .balign 4
init:   .phase  0
        say     1f, 2f
        li      s0, 1                   # program
        la      s1, 5f
3:      mv      a0, s0
        svc     SPAWN
        sw      a0, 0(s1)
        addi    s1, s1, 4
        addi    s0, s0, 1
        li      t0, PROGRAMS
        bltu    s0, t0, 3b
        la      s1, 5f
        li      s2, 0                   # killed
4:      lw      a0, 0(s1)
        svc     JOIN
        srli    a0, a0, 7
        add     s2, s2, a0
        addi    s1, s1, 4
        addi    s0, s0, -1
        li      t0, 1
        bltu    t0, s0, 4b
        mv      a0, s2
        call    8f
        say     2f, 6f
        li      a0, 1
        svc     SPAWN
        svc     JOIN
        svc     EXIT
8:      decimal
1:      .ascii  "init: starting\n"
2:      .ascii  " of init's children were killed\n"
6:      .balign 4
5:      .space  (PROGRAMS - 1) * 4
        .dephase
init_end:

# Says something thrice, and lets the others go on in between.
talker: .phase  0
        li      s0, 3
3:      say     1f, 2f
        la      t0, 2f - 2
        lbu     t1, 0(t0)
        addi    t1, t1, 1
        sb      t1, 0(t0)
        svc     YIELD
        addi    s0, s0, -1
        bnez    s0, 3b
        li      a0, 0
        svc     EXIT
1:      .ascii  "talker: number 1\n"
2:      .balign 4
        .dephase
talker_end:

# Counts primes by trial division; needs many quanta.
primes: .phase  0
        li      s0, 0                   # count
        li      s1, 2                   # candidate
        li      s2, 500
3:      li      t0, 2
4:      mul     t1, t0, t0
        bltu    s1, t1, 5f
        remu    t1, s1, t0
        beqz    t1, 6f
        addi    t0, t0, 1
        j       4b
5:      addi    s0, s0, 1
6:      addi    s1, s1, 1
        bltu    s1, s2, 3b
        say     1f, 2f
        mv      a0, s0
        call    8f
        say     2f, 7f
        li      a0, 0
        svc     EXIT
8:      decimal
1:      .ascii  "primes: "
2:      .ascii  " below 500\n"
7:      .balign 4
        .dephase
primes_end:

# Gives the console's input back in capitals, a line at a time.
reader: .phase  0
3:      la      a0, 7f
        li      a1, 80
        svc     READ
        beqz    a0, 6f
        mv      s0, a0
        say     1f, 2f
        la      t0, 7f
        add     t1, t0, s0
        li      t3, 26
4:      lbu     t2, 0(t0)
        addi    a0, t2, -'a'
        bgeu    a0, t3, 5f
        addi    t2, t2, 'A' - 'a'
        sb      t2, 0(t0)
5:      addi    t0, t0, 1
        bltu    t0, t1, 4b
        la      a0, 7f
        mv      a1, s0
        svc     WRITE
        j       3b
6:      li      a0, 0
        svc     EXIT
1:      .ascii  "reader: "
2:      .balign 4
7:      .space  80
        .dephase
reader_end:

# Sleeps, and looks at the clock before and after.
sleeper: .phase 0
        svc     TIME
        mv      s0, a0
        li      s1, 100000
        mv      a0, s1
        svc     SLEEP
        svc     TIME
        sub     a0, a0, s0
        bltu    a0, s1, 3f
        say     1f, 2f
        li      a0, 0
        svc     EXIT
3:      say     2f, 4f
        li      a0, 1
        svc     EXIT
1:      .ascii  "sleeper: slept well\n"
2:      .ascii  "sleeper: woken too early\n"
4:      .balign 4
        .dephase
sleeper_end:

# Tells the kernel lies: every call must be refused.
liar:   .phase  0
        li      s0, 0                   # not refused
        la      s1, 7f
4:      lw      a0, 0(s1)
        lw      a1, 4(s1)
        svc     WRITE
        addi    a0, a0, 1
        beqz    a0, 5f
        addi    s0, s0, 1
5:      lw      a0, 0(s1)
        lw      a1, 4(s1)
        svc     READ
        addi    a0, a0, 1
        beqz    a0, 6f
        addi    s0, s0, 1
6:      addi    s1, s1, 8
        la      t0, 8f
        bltu    s1, t0, 4b
        li      a0, 1000
        svc     SPAWN
        addi    a0, a0, 1
        beqz    a0, 4f
        addi    s0, s0, 1
4:      svc     SELF
        svc     JOIN                    # itself, for ever
        addi    a0, a0, 1
        beqz    a0, 5f
        addi    s0, s0, 1
5:      svc     0xFFFF
        addi    a0, a0, 1
        beqz    a0, 6f
        addi    s0, s0, 1
6:      bnez    s0, 9f
        say     1f, 2f
        li      a0, 0
        svc     EXIT
9:      say     2f, 3f
        mv      a0, s0
        svc     EXIT
1:      .ascii  "liar: all lies refused\n"
2:      .ascii  "liar: a lie was believed\n"
3:      .balign 4
7:      .word   0x1FF0, 0x20            # over the end
        .word   0x2000, 1               # just behind it
        .word   0xFFFFFFF0, 0x20        # wraps round
        .word   0x100, 0xFFFFFF00       # wraps to the start
        .word   0, 0x2004               # too long
8:      .dephase
liar_end:

# Writes behind its storage.
vandal: .phase  0
        say     1f, 2f
        li      t0, 0x2000
        sw      t0, -4(t0)              # the last word is its own
        sw      t0, 0(t0)
        li      a0, 1
        svc     EXIT
1:      .ascii  "vandal: writing behind my storage\n"
2:      .balign 4
        .dephase
vandal_end:

# Reads what is not its own.
snoop:  .phase  0
        li      t0, 0x20000
        lw      a0, 0(t0)
        svc     EXIT
        .dephase
snoop_end:

# Runs its stack: zeros, and with paging not even executable.
leaper: .phase  0
        li      t0, 0x1000
        jr      t0
        .dephase
leaper_end:

# Makes itself a supervisor, it believes.
forger: .phase  0
        addi    sp, sp, -16
        sw      zero, 0(sp)             # supervisor, no relocation
        la      t0, 1f
        sw      t0, 4(sp)
        sw      zero, 8(sp)
        li      t0, -1
        sw      t0, 12(sp)
        lpsw    0(sp)
1:      li      a0, 1
        svc     EXIT
        .dephase
forger_end:

# Switches the machine off, it believes.
switcher: .phase 0
        li      t0, 99
        out     t0, POWER(zero)
        li      a0, 1
        svc     EXIT
        .dephase
switcher_end:

# Stops pre-emption, it believes.
deaf:   .phase  0
        setie   zero
        li      a0, 1
        svc     EXIT
        .dephase
deaf_end:

# Divides by zero.
divider: .phase 0
        li      t0, 1
        divu    a0, t0, zero
        svc     EXIT
        .dephase
divider_end:

# Never ends by itself.
spinner: .phase 0
1:      addi    s0, s0, 1
        j       1b
        .dephase
spinner_end:

# Looks where its storage really is.
peeper: .phase  0
        getbase t0
        li      a0, 0
        svc     EXIT
        .dephase
peeper_end:
