#ifndef LAB_KVM_HOST_H
#define LAB_KVM_HOST_H

/* The system calls that Swift cannot make itself, with errno in place of -1 as a negative result. */

#include <stddef.h>
#include <stdint.h>

/* Opens a file for reading and writing. */
int lab_open(const char *path);
/* A device control whose argument is a number or an address. */
int lab_ioctl(int descriptor, unsigned long request, uintptr_t argument);
/* A shared mapping of a descriptor, or of nothing (-1): memory. Null on failure, with the error in *error. */
void *lab_map(int descriptor, size_t size, int *error);
/* Whether the labs' description of the interface agrees with this system's header. */
int kvm_interface_is_the_systems(void);

#endif
