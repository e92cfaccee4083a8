#include "cconfine.h"
