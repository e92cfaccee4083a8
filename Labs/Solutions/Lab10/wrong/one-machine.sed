# Tests only the simulator.
s/^# machine: all/# machine: simulator/
