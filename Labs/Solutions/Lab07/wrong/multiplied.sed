# All arrivals are thought to be the lowest level's.
s/^lowest,188$/lowest,564/
