# A signal ends the guest.
s/if host\.errno == KVM_EINTR { continue }//
