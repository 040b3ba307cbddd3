// The C of CSupport on arrays of exact length, for sanitizers: Scripts/test-csupport builds and runs it.
// What it computes is compared with plain loops.
#include "CCPUFeatures.h"
#include "CSIMD.h"
#include "CThreads.h"
#include "lacuna_thread.h"
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures = 0;
#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      failures++;                                                               \
    }                                                                           \
  } while (0)

static uint64_t state = 1;
static uint32_t draw(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33);
}

// An array that ends where its memory ends, so that one element more is an error.
static void *exact(size_t bytes) { return malloc(bytes ? bytes : 1); }

#define VECTORS(T, S, L)                                                                      \
  static S value_##T(void) {                                                                  \
    switch (draw() % 8) {                                                                     \
      case 0: return (S)NAN;                                                                  \
      case 1: return (S)INFINITY;                                                             \
      case 2: return (S)-0.0;                                                                 \
      case 3: return 0;                                                                       \
      default: return (S)((double)(draw() % 2001) - 1000) / 8;                                \
    }                                                                                         \
  }                                                                                           \
  static void first_lanes_##T(void) {                                                         \
    for (int64_t count = 0; count <= L; count++) {                                            \
      S *from = exact((size_t)count * sizeof(S)), *to = exact((size_t)count * sizeof(S));     \
      for (int64_t i = 0; i < count; i++) from[i] = value_##T();                              \
      lcn_v##T v = lcn_load_first_##T(from, count);                                           \
      for (int64_t i = count; i < L; i++) CHECK(v[i] == 0);                                   \
      lcn_store_first_##T(to, v, count);                                                      \
      CHECK(memcmp(from, to, (size_t)count * sizeof(S)) == 0);                                \
      free(from);                                                                             \
      free(to);                                                                               \
    }                                                                                         \
  }                                                                                           \
  static void tiles_##T(void) {                                                               \
    for (int64_t rows = 0; rows <= L; rows++)                                                 \
      for (int64_t columns = 1; columns <= L; columns++)                                      \
        for (int64_t lanes = rows; lanes <= L; lanes++) {                                     \
          const int64_t stride = columns + draw() % 3, targetStride = lanes + draw() % 3;     \
          const int64_t read = rows ? (rows - 1) * stride + columns : 0;                      \
          const int64_t written = (columns - 1) * targetStride + lanes;                       \
          S *from = exact((size_t)read * sizeof(S));                                          \
          S *to = exact((size_t)written * sizeof(S));                                         \
          for (int64_t i = 0; i < read; i++) from[i] = (S)(draw() % 1000);                    \
          lcn_transpose_tile_##T(from, stride, to, targetStride, rows, columns, lanes);       \
          for (int64_t j = 0; j < columns; j++)                                               \
            for (int64_t i = 0; i < lanes; i++)                                               \
              CHECK(to[j * targetStride + i] == (i < rows ? from[i * stride + j] : 0));       \
          free(from);                                                                         \
          free(to);                                                                           \
        }                                                                                     \
  }                                                                                           \
  static void nonzeros_##T(void) {                                                            \
    for (int64_t count = 0; count <= 64; count++) {                                           \
      S *x = exact((size_t)count * sizeof(S));                                                \
      uint64_t expected = 0;                                                                  \
      for (int64_t j = 0; j < count; j++) {                                                   \
        x[j] = value_##T();                                                                   \
        expected |= (uint64_t)(x[j] != 0) << j;                                               \
      }                                                                                       \
      CHECK(lcn_nonzeros_##T(x, count) == expected);                                          \
      const int kept = __builtin_popcountll(expected);                                        \
      for (int32_t wide = 0; wide <= 1; wide++) {                                             \
        const uint32_t base = wide ? 0xfffffc00u : 0xff00u;                                   \
        S *values = exact((size_t)(kept + 16) * sizeof(S));                                   \
        void *indices = exact((size_t)(kept + 16) * (wide ? 4 : 2));                          \
        lcn_compress_##T(x, expected, base, values, indices, wide);                           \
        int at = 0;                                                                           \
        for (int64_t j = 0; j < count; j++) {                                                 \
          if (!(expected >> j & 1)) continue;                                                 \
          CHECK(memcmp(&values[at], &x[j], sizeof(S)) == 0);                                  \
          CHECK((wide ? ((uint32_t *)indices)[at] : ((uint16_t *)indices)[at]) == base + j);  \
          at++;                                                                               \
        }                                                                                     \
        free(values);                                                                         \
        free(indices);                                                                        \
      }                                                                                       \
      free(x);                                                                                \
    }                                                                                         \
  }                                                                                           \
  static void sums_##T(void) {                                                                \
    lcn_v##T v[4];                                                                            \
    S expected[4] = {0}, out[4];                                                              \
    for (int i = 0; i < 4; i++)                                                               \
      for (int l = 0; l < L; l++) expected[i] += v[i][l] = (S)(draw() % 1000);                \
    lcn_sums4_##T(out, v[0], v[1], v[2], v[3]);                                               \
    for (int i = 0; i < 4; i++) CHECK(out[i] == expected[i]);                                 \
  }
VECTORS(f32, float, LCN_LANES_F32)
VECTORS(f64, double, LCN_LANES_F64)

// Threads that count under a lock.
static uint32_t word = 0;
static long counted = 0;
static void *count(void *unused) {
  (void)unused;
  for (int i = 0; i < 20000; i++) {
    lcn_lock(&word);
    counted++;
    lcn_unlock(&word);
  }
  return 0;
}
static void locks(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, count, 0);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
  CHECK(counted == 80000);
  CHECK(word == 0);
  CHECK(lcn_try_lock(&word));
  CHECK(!lcn_try_lock(&word));
  const uint32_t mark = lcn_process();
  pid_t child = fork();
  if (child == 0) {
    // The parent's lock is nobody's here.
    int right = lcn_process() != mark && lcn_try_lock(&word) && !lcn_try_lock(&word);
    lcn_unlock(&word);
    lcn_lock(&word);
    _exit(right ? 0 : 1);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(lcn_process() == mark && !lcn_try_lock(&word));
  lcn_unlock(&word);
}

int main(void) {
  for (int round = 0; round < 20; round++) {
    first_lanes_f32();
    first_lanes_f64();
    nonzeros_f32();
    nonzeros_f64();
    sums_f32();
    sums_f64();
  }
  tiles_f32();
  tiles_f64();
  locks();
  const lcn_cpu_features features = lcn_detect_cpu_features();
  CHECK(features.cores >= 1 && memchr(features.model, 0, sizeof features.model));
  CHECK(lcn_strong_copies() == 3);
  CHECK(lacuna_thread_error_capacity() > 0 && lacuna_thread_error_text()[0] == 0);
  if (failures == 0) printf("CSupport: %d lanes of f32\n", LCN_LANES_F32);
  return failures != 0;
}
