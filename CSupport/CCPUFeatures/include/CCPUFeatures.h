// What this processor can execute and how large its caches are, read once from cpuid and sysconf.
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct {
  bool x86_64_v3;   // AVX2, FMA, BMI1/2, F16C, LZCNT, MOVBE, and the OS saves ymm
  bool x86_64_v4;   // v3 plus AVX-512 F, BW, CD, DQ, VL, and the OS saves zmm
  bool avx_vnni;    // vpdpbusd on 256 bits, and v3
  bool avx512_vbmi; // vpermb
  bool avx512_vbmi2; // vpcompressb/w
  bool avx512_vnni; // vpdpbusd
  bool avx512_bf16; // vdpbf16ps
  int64_t l1d_bytes; // 0 when unknown
  int64_t l2_bytes;
  int64_t l3_bytes;
  int32_t cores;     // processors this process may run on; a quota is not looked at
  char model[64];    // processor brand string, NUL terminated
} lcn_cpu_features;

lcn_cpu_features lcn_detect_cpu_features(void);
