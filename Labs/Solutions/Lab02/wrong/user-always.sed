# The supervisor needs the user permission, too.
s/if cpu.psw.user { needed/do { needed/
