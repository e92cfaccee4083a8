# Shift counts are not taken modulo 32.
s/<< (cpu\[code.c\] & 31)/<< cpu[code.c]/
