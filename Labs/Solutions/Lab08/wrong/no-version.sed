# The version of the interface is not looked at.
s/guard host\.ioctl(kvm, KVM_GET_API_VERSION, 0) == KVM_API_VERSION else {/guard true else {/
