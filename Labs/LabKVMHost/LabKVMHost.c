#include "LabKVMHost.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

int lab_open(const char *path) {
  int descriptor = open(path, O_RDWR | O_CLOEXEC);
  return descriptor < 0 ? -errno : descriptor;
}

int lab_ioctl(int descriptor, unsigned long request, uintptr_t argument) {
  int result = ioctl(descriptor, request, argument);
  return result < 0 ? -errno : result;
}

void *lab_map(int descriptor, size_t size, int *error) {
  int flags = descriptor < 0 ? MAP_PRIVATE | MAP_ANON : MAP_SHARED;
  void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, descriptor, 0);
  *error = place == MAP_FAILED ? errno : 0;
  return place == MAP_FAILED ? NULL : place;
}
