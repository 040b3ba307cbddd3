// Sleeping on a word (futex on Linux, os_sync_wait_on_address on Apple systems), and locks made of it.
#define _GNU_SOURCE
#include "CThreads.h"
#include <pthread.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

void lcn_sleep(uint32_t *word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, (void *)0, (void *)0, 0);
}
void lcn_wake(uint32_t *word, int32_t count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, (void *)0, (void *)0, 0);
}
#elif defined(__APPLE__)
#include <os/os_sync_wait_on_address.h>

void lcn_sleep(uint32_t *word, uint32_t expected) {
  os_sync_wait_on_address(word, expected, sizeof *word, OS_SYNC_WAIT_ON_ADDRESS_NONE);
}
void lcn_wake(uint32_t *word, int32_t count) {
  for (int32_t i = 0; i < count; i++)
    if (os_sync_wake_by_address_any(word, sizeof *word, OS_SYNC_WAKE_BY_ADDRESS_NONE) < 0) return;
}
#else
#error "CThreads needs a way to sleep on a word on this system"
#endif

void lcn_name_thread(const char *name) {
#if defined(__APPLE__)
  pthread_setname_np(name);
#else
  pthread_setname_np(pthread_self(), name);
#endif
}

uint32_t lcn_process_mark = 2;

// The child has one thread, so nothing reads the mark meanwhile.
static void enter_child(void) {
  lcn_process_mark += 2;
  if (lcn_process_mark == 0) lcn_process_mark = 2;
}

__attribute__((constructor)) static void watch_forks(void) { pthread_atfork(0, 0, enter_child); }

void lcn_lock(uint32_t *word) {
  // What is locked takes well below a microsecond most of the time: look a few times before sleeping.
  enum { looks = 200 };
  uint32_t sleepers = 0;
  for (int look = 0;;) {
    uint32_t seen = lcn_load(word);
    if ((seen & ~1u) != lcn_process_mark) {
      if (lcn_exchange(word, seen, lcn_process_mark | sleepers)) return;
    } else if (look++ < looks) {
      lcn_pause();
    } else if ((seen & 1) || lcn_exchange(word, seen, seen | 1)) {
      // Whoever wakes may not be the last sleeper, and says so when it takes the lock.
      sleepers = 1;
      lcn_sleep(word, lcn_process_mark | 1);
    }
  }
}

void lcn_unlock(uint32_t *word) {
  if (__atomic_exchange_n(word, 0, __ATOMIC_ACQ_REL) & 1) lcn_wake(word, 1);
}

static _Thread_local lcn_runner current_runner;

lcn_runner lcn_current_runner(void) { return current_runner; }
void lcn_set_runner(lcn_runner runner) { current_runner = runner; }
