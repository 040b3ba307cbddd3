// The few instructions that Swift's SIMD types cannot spell, as static inline wrappers, and the plain
// structs by which every instruction set's copy of a kernel receives its arguments.
#pragma once
#include <stdint.h>
#include "window.h"
#include "sddmm.h"
#include "registers.h"
#include "transpose.h"
#include "spmm.h"
#include "peak.h"
