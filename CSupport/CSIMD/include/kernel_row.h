// What a kernel target says of each of its kernels: a row of the library's table.
#pragma once
#include <stdint.h>

#pragma clang assume_nonnull begin

// Names are those that the table prints, without the instruction set. They live as long as the program.
typedef struct {
  const char *operation;   // such as "spmm"
  const char *variant;     // the shape it is for, such as "4x1"; empty when there is only one
  const char *types;       // of its operands, such as "f32" or "i8u8"
  int32_t vectorBytes;     // bytes of a register, 0 for those of the instruction set
  int32_t mostVectors;     // most registers per panel row or columns of X, where there is such a limit
  void (*call)(const void *args) __attribute__((swift_attr("@Sendable")));
} lcn_kernel_row;

#pragma clang assume_nonnull end
