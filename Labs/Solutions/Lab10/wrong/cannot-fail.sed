# A check that never fails.
s/beq     \\register, k0, 9000f/j       9000f/
