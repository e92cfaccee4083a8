# Addresses are not checked.
s/guard Int(address) % size == 0 else .*//
