# The real bound is the virtual one, wherever the guest's storage ends.
s/let bound = min(virtual.bound, region.size - base)/let bound = virtual.bound/
