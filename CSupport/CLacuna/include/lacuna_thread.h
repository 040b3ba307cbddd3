// Thread-local storage, which Swift cannot spell. Internal: not installed.
#pragma once
#include <stdint.h>

// The calling thread's buffer for the text behind lcn_last_error(): lacuna_thread_error_capacity() bytes,
// all zero in a new thread.
char *lacuna_thread_error_text(void);
int32_t lacuna_thread_error_capacity(void);
