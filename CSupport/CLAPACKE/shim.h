// Dense LAPACK through its C interface.
#pragma once
#if !__has_include(<lapacke.h>)
#error "LAPACKE was not found: install it (Debian/Ubuntu: apt-get install liblapacke-dev)"
#endif
#include <lapacke.h>
