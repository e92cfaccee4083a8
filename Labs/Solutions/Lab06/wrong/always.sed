# Users are interpreted as well.
s/^    !virtual.user$/    true/
