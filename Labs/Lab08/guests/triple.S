# Takes the interrupt vectors away and then does what is not allowed: nobody is left to handle it.
        .code32
        .include "common.inc"

start:  mov     esp, 0x8000
        mov     al, '!'
        call    put
        lidt    [none]
        ud2
        hlt
none:   .word   0
        .long   0
