// malloc and its family, each counted and passed on to glibc.
//
// A program's own definition of malloc comes before libc's for every library in the process, so that
// allocations of the Swift runtime are counted too. Sanitizers bring definitions of their own.
#include "AllocationCount.h"
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(__linux__) && defined(__GLIBC__) && !defined(SANITIZED)
#include <errno.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static __thread int64_t count __attribute__((tls_model("initial-exec")));

void *malloc(size_t bytes) {
  count++;
  return __libc_malloc(bytes);
}
void *calloc(size_t number, size_t bytes) {
  count++;
  return __libc_calloc(number, bytes);
}
void *realloc(void *old, size_t bytes) {
  count++;
  return __libc_realloc(old, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
  count++;
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  count++;
  *memory = __libc_memalign(alignment, bytes);
  return *memory ? 0 : ENOMEM;
}
int64_t lcn_allocation_count(void) { return count; }
#else
int64_t lcn_allocation_count(void) { return -1; }
#endif
