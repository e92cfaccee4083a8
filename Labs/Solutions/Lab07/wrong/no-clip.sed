# The bound is passed on as it comes.
s/let bound = min(virtual.bound, region.size - base)/let bound = virtual.bound/
