# Never ends.
        .code16
        .include "common.inc"

start:  jmp     start
