# INT3, which some versions of KVM cannot carry out in ring 0.
        .code32
        .include "common.inc"

start:  mov     esp, 0x8000
        mov     al, '?'
        call    put
        int3
        hlt
