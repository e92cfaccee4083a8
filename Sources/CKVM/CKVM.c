// The target is header-only; SwiftPM wants a source file.
#include "CKVM.h"
