# The same in 32-bit protected mode, which it is started in; no descriptor table is needed as long as no segment is loaded.
        .code32
        .include "hello.inc"
