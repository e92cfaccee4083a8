# Waits for an interrupt that never comes under the VMM.
s/bnez    t0, 1b/j       1b/
