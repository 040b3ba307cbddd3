// Sleeping on a word: futex on Linux, os_sync_wait_on_address on Apple systems.
#define _GNU_SOURCE
#include "CThreads.h"

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
