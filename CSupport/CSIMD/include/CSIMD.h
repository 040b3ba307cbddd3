// The few instructions that Swift's SIMD types cannot spell, as static inline wrappers, and the plain
// structs by which every instruction set's copy of a kernel receives its arguments.
#pragma once
#include <stdint.h>
#include "kernel_row.h"
#include "window.h"
#include "sddmm.h"
#include "blocks.h"
#include "registers.h"
#include "transpose.h"
#include "narrow.h"
#include "quads.h"
#include "pairs.h"
#include "gaps.h"
#include "bitmask.h"
#include "byte_windows.h"
#include "pair_windows.h"
#include "spmm.h"
#include "peak.h"
#include "select.h"
#include "convert.h"
#include "cells.h"
#include "depthwise.h"
#include "plane_columns.h"
#include "byte_planes.h"
#include "byte_channels.h"
#include "image_rows.h"

// How many of the compiler's weak functions csimd.c replaces. Calling it is what makes a linker take
// csimd.o out of an archive.
int32_t lcn_strong_copies(void);
