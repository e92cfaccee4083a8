# The loop goes on while the guest waits.
s/ || machine.isWaiting || machine.isOff/ || machine.isOff/
