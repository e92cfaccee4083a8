# Loads and stores are relocated, but not checked.
s/address < region.size ? hardware.load(region.start + address) : 0/hardware.load(region.start \&+ address)/
s/if address < region.size { hardware.store(region.start + address, value) }/hardware.store(region.start \&+ address, value)/
