# Expects fewer exits of the VMM than a right one needs.
s/expect exits <= 2/expect exits <= 1/
