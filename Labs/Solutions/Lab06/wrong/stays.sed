# The loop does not look whether the code is still to be interpreted.
s/if !interprets(machine.psw) || machine.isWaiting/if machine.isWaiting/
