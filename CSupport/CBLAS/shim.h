// Dense BLAS through the standard C interface, plus OpenBLAS's own thread control.
#pragma once
#if !__has_include(<cblas.h>)
#error "OpenBLAS was not found: install it (Debian/Ubuntu: apt-get install libopenblas-dev)"
#endif
#include <cblas.h>
