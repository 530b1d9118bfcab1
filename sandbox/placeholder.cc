// placeholder
#include "sandbox/sandbox.h"
