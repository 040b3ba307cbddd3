// A 32-bit word that threads can sleep on, the atomic steps of the pool that uses it, and locks that a forked
// child finds free.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

static inline uint32_t lcn_load(const uint32_t *word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
static inline void lcn_store(uint32_t *word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
// Adds and returns the new value.
static inline uint32_t lcn_add(uint32_t *word, uint32_t value) {
  return __atomic_add_fetch(word, value, __ATOMIC_ACQ_REL);
}
static inline uint64_t lcn_load64(const uint64_t *word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
static inline void lcn_store64(uint64_t *word, uint64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
// Replaces `expected` by `desired`; false when the word held something else.
static inline bool lcn_exchange64(uint64_t *word, uint64_t expected, uint64_t desired) {
  return __atomic_compare_exchange_n(word, &expected, desired, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE);
}
static inline bool lcn_exchange(uint32_t *word, uint32_t expected, uint32_t desired) {
  return __atomic_compare_exchange_n(word, &expected, desired, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE);
}
// Tells the core that this is a spin loop.
static inline void lcn_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Sleeps while `*word == expected`. May wake without a reason: callers loop.
void lcn_sleep(uint32_t *word, uint32_t expected);
// Wakes up to `count` sleepers of `word`.
void lcn_wake(uint32_t *word, int32_t count);

// Names the calling thread for debuggers and profilers: at most 15 bytes.
void lcn_name_thread(const char *name);

// A number of this process that its forked children do not have: even, never 0.
extern uint32_t lcn_process_mark;
static inline uint32_t lcn_process(void) { return lcn_process_mark; }

// Locks. A word is 0 when free, else the mark of the process whose thread holds it, plus 1 when others may sleep
// on it. A fork copies the words but not the threads that hold them: the child, which has another mark, takes a
// lock with its parent's mark as free. What the lock protects must stand to be left half-done then.

static inline bool lcn_try_lock(uint32_t *word) {
  uint32_t seen = lcn_load(word);
  return (seen & ~1u) != lcn_process_mark && lcn_exchange(word, seen, lcn_process_mark);
}
void lcn_lock(uint32_t *word);
void lcn_unlock(uint32_t *word);

// Who runs a thread's tasks instead of the pool: a function of the caller's, which calls task(taskContext, i) for every
// i in 0 ..< tasks and returns when all calls have. NULL for the pool.
typedef struct {
  void (*_Nullable run)(void *_Nullable context, void (*task)(void *taskContext, intptr_t index), void *taskContext,
                        intptr_t tasks);
  void *_Nullable context;
} lcn_runner;
// Of the calling thread.
lcn_runner lcn_current_runner(void);
void lcn_set_runner(lcn_runner runner);

#pragma clang assume_nonnull end
