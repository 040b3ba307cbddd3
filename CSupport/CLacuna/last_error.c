// The text of the last failed call, one per thread.
#include "lacuna_thread.h"

static _Thread_local char last_error[1024];

char *lacuna_thread_error_text(void) { return last_error; }

int32_t lacuna_thread_error_capacity(void) { return (int32_t)sizeof last_error; }
