// The memory in use, as the address sanitizer sees it.
#ifndef FUZZ_RUNTIME_H
#define FUZZ_RUNTIME_H
#include <stddef.h>

// From now on allocations are counted.
void fuzz_watch_allocations(void);
// The memory in use now becomes 0, and so does its peak.
void fuzz_reset_allocations(void);
// The most bytes that were in use at one time since.
size_t fuzz_peak_allocation(void);
#endif
