// Bytes in use, counted by the address sanitizer's hooks around malloc and free.
#include "FuzzRuntime.h"
#include <stdatomic.h>

// Of the sanitizer's <sanitizer/allocator_interface.h>.
int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void *, size_t),
                                              void (*)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *);

static atomic_long in_use, peak;

static void allocated(const volatile void *memory, size_t bytes) {
  (void)memory;
  long now = atomic_fetch_add(&in_use, (long)bytes) + (long)bytes;
  long before = atomic_load(&peak);
  while (before < now && !atomic_compare_exchange_weak(&peak, &before, now)) {
  }
}

static void freed(const volatile void *memory) {
  atomic_fetch_sub(&in_use, (long)__sanitizer_get_allocated_size(memory));
}

void fuzz_watch_allocations(void) { __sanitizer_install_malloc_and_free_hooks(allocated, freed); }

void fuzz_reset_allocations(void) {
  atomic_store(&in_use, 0);
  atomic_store(&peak, 0);
}

size_t fuzz_peak_allocation(void) { return (size_t)atomic_load(&peak); }
