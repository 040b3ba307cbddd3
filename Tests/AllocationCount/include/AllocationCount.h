// Counts the calling thread's heap allocations, for tests that promise none.
#pragma once
#include <stdint.h>

// Allocations of this thread since it started; -1 where they cannot be counted.
int64_t lcn_allocation_count(void);
