# The deadline is read once, before the loop.
s/^    var left = limit$/    var left = min(limit, max(1, machine.untilDeadline))/
s/if machine.untilDeadline == 0 { return nil }//
