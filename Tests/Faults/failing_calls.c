// One system call of a program's writing fails: LD_PRELOAD for Scripts/test-faults.
//
//   FAULT_AT      which call, counted from 1
//   FAULT_KIND    error (it fails with FAULT_ERRNO), short (a write takes half), interrupt
//   FAULT_REPORT  a file that is made when the call comes, with its name
//
// Counted are calls that write: opening a file for it, write, ftruncate, fchmod, fsync and close of
// such a file, rename, and making a folder. Reading, standard streams and devices are left alone.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned char written_to[4096];
static atomic_long calls;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is(const char *kind) {
  const char *wanted = getenv("FAULT_KIND");
  return wanted && strcmp(wanted, kind) == 0;
}

// Whether this call is the one; says so in the report.
static int is_due(const char *name) {
  const char *at = getenv("FAULT_AT"), *report = getenv("FAULT_REPORT");
  if (!at || !report || atomic_fetch_add(&calls, 1) + 1 != atol(at)) return 0;
  long file = syscall(SYS_openat, AT_FDCWD, report, O_CREAT | O_WRONLY, 0600);
  syscall(SYS_write, file, name, strlen(name));
  syscall(SYS_close, file);
  return 1;
}

static int fails(const char *name) {
  if (!is_due(name)) return 0;
  if (is("short")) return 0;
  const char *code = getenv("FAULT_ERRNO");
  errno = is("interrupt") ? EINTR : code ? atoi(code) : EIO;
  return 1;
}

// An interruption that a call never reports is left out.
static int fails_unless_interrupt(const char *name) {
  return is("error") && fails(name);
}

static int is_written(int file) {
  return file >= 0 && file < (int)sizeof written_to && written_to[file];
}

static int watch(int file) {
  if (file >= 0 && file < (int)sizeof written_to) written_to[file] = 1;
  return file;
}

static int matters(const char *path, int flags) {
  return (flags & (O_WRONLY | O_RDWR | O_CREAT)) && strncmp(path, "/dev/", 5) != 0 &&
         strncmp(path, "/proc/", 6) != 0;
}

#define MODE(flags)                          \
  mode_t mode = 0;                           \
  if ((flags) & (O_CREAT | O_TMPFILE)) {     \
    va_list list;                            \
    va_start(list, flags);                   \
    mode = (mode_t)va_arg(list, unsigned);   \
    va_end(list);                            \
  }

#define OPEN(name)                                             \
  int name(const char *path, int flags, ...) {                 \
    MODE(flags)                                                \
    if (!matters(path, flags)) return REAL(name)(path, flags, mode); \
    if (fails("open")) return -1;                              \
    return watch(REAL(name)(path, flags, mode));               \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                   \
  int name(int folder, const char *path, int flags, ...) {             \
    MODE(flags)                                                        \
    if (!matters(path, flags)) return REAL(name)(folder, path, flags, mode); \
    if (fails("openat")) return -1;                                    \
    return watch(REAL(name)(folder, path, flags, mode));               \
  }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int file, const void *bytes, size_t count) {
  if (!is_written(file)) return REAL(write)(file, bytes, count);
  if (is("short") && is_due("write")) return REAL(write)(file, bytes, count - count / 2);
  if (!is("short") && fails("write")) return -1;
  return REAL(write)(file, bytes, count);
}

int fsync(int file) { return fails_unless_interrupt("fsync") ? -1 : REAL(fsync)(file); }

int ftruncate(int file, off_t length) {
  return fails_unless_interrupt("ftruncate") ? -1 : REAL(ftruncate)(file, length);
}

int fchmod(int file, mode_t mode) {
  return fails_unless_interrupt("fchmod") ? -1 : REAL(fchmod)(file, mode);
}

int close(int file) {
  int fault = is_written(file) && fails_unless_interrupt("close");
  int code = errno;
  if (file >= 0 && file < (int)sizeof written_to) written_to[file] = 0;
  int result = REAL(close)(file);
  if (!fault) return result;
  errno = code;
  return -1;
}

int rename(const char *from, const char *to) {
  return fails_unless_interrupt("rename") ? -1 : REAL(rename)(from, to);
}

int mkdir(const char *path, mode_t mode) {
  return fails_unless_interrupt("mkdir") ? -1 : REAL(mkdir)(path, mode);
}
