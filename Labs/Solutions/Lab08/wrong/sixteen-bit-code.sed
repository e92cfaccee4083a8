# Protected mode with segments of 16 bits.
s/\.db = 1/.db = 0/
