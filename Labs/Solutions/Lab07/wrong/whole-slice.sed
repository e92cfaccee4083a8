# Time is counted by the slice, whether or not it was used up.
s/^    executed &+= hardware.executed &- before$/    executed \&+= slice; _ = before/
