// cpuid leaves 1, 7, 0x80000001 and xgetbv → the x86-64 micro-architecture levels.
// Levels as defined in the x86-64 psABI, section 3.1.1.
#define _GNU_SOURCE
#include "CCPUFeatures.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif

#if defined(__x86_64__)
#include <cpuid.h>

static uint64_t enabled_state(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static bool has(uint32_t word, uint32_t bits) { return (word & bits) == bits; }

static void detect_x86(lcn_cpu_features *f) {
  uint32_t a, b, c, d, c1, b7, c7, d7, c80, a71 = 0;
  if (!__get_cpuid(1, &a, &b, &c1, &d)) return;
  bool osxsave = has(c1, 1u << 27);
  uint64_t state = osxsave ? enabled_state() : 0;
  bool ymm = (state & 0x6) == 0x6, zmm = (state & 0xe6) == 0xe6;
  if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d7)) b7 = c7 = d7 = 0;
  if (!__get_cpuid_count(7, 1, &a71, &b, &c, &d)) a71 = 0;
  if (!__get_cpuid(0x80000001, &a, &b, &c80, &d)) c80 = 0;
  // leaf 1 ecx: SSE3 0, SSSE3 9, FMA 12, CX16 13, SSE4.1 19, SSE4.2 20, MOVBE 22, POPCNT 23, AVX 28, F16C 29
  uint32_t v3_1 = 1u << 0 | 1u << 9 | 1u << 12 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 22
                | 1u << 23 | 1u << 28 | 1u << 29;
  // leaf 7 ebx: BMI1 3, AVX2 5, BMI2 8; leaf 0x80000001 ecx: LZCNT 5
  uint32_t v3_7 = 1u << 3 | 1u << 5 | 1u << 8;
  f->x86_64_v3 = ymm && has(c1, v3_1) && has(b7, v3_7) && has(c80, 1u << 5);
  // leaf 7 ebx: AVX512F 16, DQ 17, CD 28, BW 30, VL 31
  uint32_t v4_7 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
  f->x86_64_v4 = f->x86_64_v3 && zmm && has(b7, v4_7);
  // leaf 7, 1 eax: AVX-VNNI 4, AVX512-BF16 5
  f->avx_vnni = f->x86_64_v3 && has(a71, 1u << 4);
  f->avx512_vbmi = f->x86_64_v4 && has(c7, 1u << 1);
  f->avx512_vbmi2 = f->x86_64_v4 && has(c7, 1u << 6);
  f->avx512_vnni = f->x86_64_v4 && has(c7, 1u << 11);
  f->avx512_bf16 = f->x86_64_v4 && has(a71, 1u << 5);
  uint32_t brand[12] = {0};
  if (__get_cpuid(0x80000000, &a, &b, &c, &d) && a >= 0x80000004) {
    for (uint32_t i = 0; i < 3; i++)
      __get_cpuid(0x80000002 + i, &brand[4 * i], &brand[4 * i + 1], &brand[4 * i + 2],
                  &brand[4 * i + 3]);
    memcpy(f->model, brand, sizeof brand);
  }
}
#endif

#if defined(__linux__)
// sysconf reports 0 in some virtual machines; sysfs then still knows ("48K", "32768K").
static int64_t sysfs_cache(int level, bool data) {
  for (int index = 0; index < 8; index++) {
    char path[96], type[16] = "";
    int found = 0;
    long kilobytes = 0;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/level", index);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fscanf(file, "%d", &found) != 1) found = 0;
    fclose(file);
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/type", index);
    if ((file = fopen(path, "r"))) {
      if (fscanf(file, "%15s", type) != 1) type[0] = 0;
      fclose(file);
    }
    if (found != level || (data && strcmp(type, "Instruction") == 0)) continue;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", index);
    if ((file = fopen(path, "r"))) {
      if (fscanf(file, "%ldK", &kilobytes) != 1) kilobytes = 0;
      fclose(file);
    }
    return (int64_t)kilobytes * 1024;
  }
  return 0;
}
#endif

#if defined(__linux__)
// Processors that this thread may run on, 0 when the kernel does not tell. The kernel refuses a set that is smaller
// than its own, which cpu_set_t with its 1024 processors may be.
static int32_t affinity_count(void) {
  for (int processors = 1024; processors <= 1 << 20; processors *= 2) {
    cpu_set_t *set = CPU_ALLOC(processors);
    if (!set) return 0;
    size_t size = CPU_ALLOC_SIZE(processors);
    int failed = sched_getaffinity(0, size, set);
    int count = failed ? 0 : CPU_COUNT_S(size, set);
    CPU_FREE(set);
    if (!failed) return count;
  }
  return 0;
}
#endif

lcn_cpu_features lcn_detect_cpu_features(void) {
  lcn_cpu_features f;
  memset(&f, 0, sizeof f);
#if defined(__x86_64__)
  detect_x86(&f);
#endif
#if defined(__linux__)
  f.l1d_bytes = sysfs_cache(1, true);
  f.l2_bytes = sysfs_cache(2, true);
  f.l3_bytes = sysfs_cache(3, true);
  f.cores = affinity_count();
#endif
  if (f.cores <= 0) f.cores = (int32_t)sysconf(_SC_NPROCESSORS_ONLN);
  if (f.cores <= 0) f.cores = 1;
  return f;
}
