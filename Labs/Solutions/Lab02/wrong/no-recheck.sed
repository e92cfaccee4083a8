# A hit in the TLB is taken as it is: no check of permissions, no second walk for dirty.
s/try check(entry, address, access, cpu)$/XX&/
/if let entry = cpu.tlb/,/^    }/{
s/XXtry check.*//
s/if access != .write .*/return entry \& PageEntry.frame | offset/
}
s/XXtry/try/
