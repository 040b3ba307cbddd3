// Baseline copies of the functions that the Swift compiler puts into every object under one weak name.
//
// A struct of 32 or 64 bytes needs a function that copies it, and each object brings its own, compiled for
// that object's instruction set. The linker keeps one: were it the AVX-512 object's, older processors
// would crash in somebody else's code. A strong definition beats all weak ones.
#include "CSIMD.h"
#include <string.h>

// The signature of the copying value witnesses: (to, from, type) → to.
void *__swift_memcpy32_16(void *to, const void *from, const void *type) {
  (void)type;
  return memcpy(to, from, 32);
}
void *__swift_memcpy64_16(void *to, const void *from, const void *type) {
  (void)type;
  return memcpy(to, from, 64);
}
void __swift_noop_void_return(void) {}

int32_t lcn_strong_copies(void) { return 3; }
