# The trap is counted, and the handler's privileged LPSW forgotten; page fills, too.
s/\("toy", "[a-z]*", "exits"\), 2,/\1, 1,/
s/\("toy", "ptemod", "exits"\), 4,/\1, 1,/
