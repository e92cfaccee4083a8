; Uses only instructions that the interpreter has from the start: adds 1, 2, …, 5, and ends.
_start: addi    r1, r0, 5
        ori     r2, r0, 0
next:   add     r2, r2, r1
        addi    r1, r1, -1
        beq     r1, r0, done
        beq     r0, r0, next
done:   addi    r3, r0, 0
        out     r3, 0x30(r0)
