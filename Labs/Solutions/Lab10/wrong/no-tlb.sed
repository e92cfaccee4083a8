# Believes that a changed table counts at once: a false alarm on every machine.
/map     17, TWO/,/tlbflush/s/0x1111/0x2222/
