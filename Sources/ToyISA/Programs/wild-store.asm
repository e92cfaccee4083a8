# wild-store: a supervisor that writes outside its storage, directly and by tricks with relocation.
#
# Every attempt must end in a trap that the guest itself gets; what lies behind its storage must not change.

        .include "toy.inc"
        .include "catch.asm"

        .text
_start:
        getbound sp
        getbound s0                     # size of the storage
        call    arm

        try     "word behind the end", 1f
        sw      s0, 0(s0)
1:      call    outcome
        try     "word over the end", 1f
        sw      s0, -2(s0)
1:      call    outcome
        try     "byte behind the end", 1f
        sb      s0, 0(s0)
1:      call    outcome
        try     "last word", 1f
        sw      s0, -4(s0)
1:      call    outcome
        try     "word below zero", 1f
        sw      s0, -4(zero)
1:      call    outcome
        try     "middle of the address space", 1f
        li      t0, 0x80000000
        sw      s0, 0(t0)
1:      call    outcome
        try     "load from behind the end", 1f
        lw      t0, 0(s0)
1:      call    outcome
        try     "compare and swap behind the end", 1f
        cas     t0, s0, (s0)
1:      call    outcome
        try     "PSW over the end", 1f
        lpsw    -8(s0)
1:      call    outcome

        # The same from the last page of storage, with a bound that reaches beyond it.
        li      t0, 0x1000
        sub     s1, s0, t0              # the last page
        la      t1, store
        lw      t2, 0(t1)
        sw      t2, 0(s1)
        lw      t2, 4(t1)
        sw      t2, 4(s1)
        sw      s1, window + 8(zero)

        try     "last word through a base", 1f
        li      t0, 0xFFC
        lpsw    window(zero)
1:      call    outcome
        try     "word behind the end through a base", 1f
        li      t0, 0x1000
        lpsw    window(zero)
1:      call    outcome
        try     "word behind the bound", 1f
        li      t0, 0x10000
        lpsw    window(zero)
1:      call    outcome

        # A base so high that base and address together wrap round to the program.
        try     "a base that wraps round", 1f
        li      t0, 0xFFFFF000
        sw      t0, wrapping + 8(zero)
        la      t0, 2f
        li      t1, 0x1000
        add     t0, t0, t1
        sw      t0, wrapping + 4(zero)
        lpsw    wrapping(zero)
2:      svc     1
1:      call    outcome

        try     "bound beyond storage", 1f
        la      t0, 2f
        sw      t0, greedy + 4(zero)
        lpsw    greedy(zero)
2:      sw      s0, 0(s0)
1:      call    outcome
        try     "bound beyond storage, top", 1f
        la      t0, 2f
        sw      t0, greedy + 4(zero)
        lpsw    greedy(zero)
2:      li      t0, 0xFFFFFFF8
        sw      s0, 0(t0)
1:      call    outcome
        out     zero, POWER(zero)

store:  sw      s0, 0(t0)               # copied to the last page
        svc     0

        .balign 4
window: .word   0, 0, 0, 0x2000
wrapping: .word 0, 0, 0, 0xFFFFFFFC
greedy: .word   0, 0, 0, 0xFFFFFFFC

        .include "library.asm"
