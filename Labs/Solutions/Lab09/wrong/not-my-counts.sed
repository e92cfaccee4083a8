# Measured with the programs' usual 100 operations.
s/^\(    \["[a-z0-9]*", "[a-z0-9]*", "[a-z]*or"\), [0-9]*,/\1, 100,/
s/^\(    \["[a-z0-9]*", "[a-z0-9]*", "virtualizer"\), [0-9]*,/\1, 100,/
