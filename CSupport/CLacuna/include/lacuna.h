/* lacuna.h: the C interface of Lacuna, a sparse tensor runtime for CPUs.
 *
 * An engine hands over a weight matrix once, makes a plan for it, and calls one function per layer
 * from its own threads:
 *
 *     lcn_csr_desc w = LCN_CSR_DESC_INIT;             // W is [out, in]
 *     w.dtype = LCN_F32;  w.index_type = LCN_I32;
 *     w.rows = out;  w.columns = in;  w.nnz = nnz;
 *     w.row_offsets = offsets;  w.column_indices = indices;  w.values = values;
 *     lcn_matrix *matrix = NULL;
 *     if (lcn_matrix_from_csr(&w, &matrix) != LCN_OK) puts(lcn_last_error());
 *
 *     lcn_plan_options o = LCN_PLAN_OPTIONS_INIT;     // Y = W·X, X is [in, width]
 *     o.width = 8;
 *     lcn_plan *plan = NULL;
 *     lcn_plan_create(matrix, &o, &plan);
 *     lcn_matrix_destroy(matrix);                     // the plan has its own packed copy
 *
 *     lcn_plan_run(plan, x, 8, y, 8, 8, NULL, 0);     // no allocation and no lock of its own
 *     lcn_plan_destroy(plan);
 *
 * Conventions
 *
 * - Shapes and strides count elements unless a name says bytes. Matrices are [rows, columns]; a weight
 *   matrix is [out, in]. A block R×C is R output rows by C input columns, anchored at (0, 0), ragged at
 *   the right and bottom edges.
 * - A weight that is not stored is skipped and contributes nothing: 0 · NaN and 0 · Inf do not reach the result. One
 *   exception: a plan or model may find that a matrix of few zeros runs faster dense (the kernel is "dense" then), and
 *   a dense product multiplies zeros too. `exclude_dense` in the options keeps it from that. Whatever is stored takes
 *   part, stored zeros and the zeros inside a stored block as well; a dense matrix stores everything.
 * - NaN in x or in a stored weight, and Inf - Inf, make NaN in y whatever kernel runs, and the activation passes it on:
 *   see LCN_ACTIVATION_NONE.
 * - Every function that can fail returns an lcn_status: LCN_OK is 0, everything else is an error, and
 *   lcn_last_error() then says in words what was wrong, with the numbers. A failed call changes nothing:
 *   its handle results are NULL, its output buffers are as they were.
 * - Some errors can come from any function with such an argument and are not repeated below: LCN_NULL_POINTER,
 *   LCN_MISALIGNED, LCN_STRUCT_SIZE, LCN_INVALID_HANDLE; LCN_INVALID_ARGUMENT for a negative size or a number that
 *   is none of its constants; LCN_SIZE_OVERFLOW for a dimension or stride above 2³¹ − 1 or sizes whose product does
 *   not fit; LCN_OUT_OF_MEMORY where a handle is made or the text says that the function allocates.
 * - Descriptors and options begin with `struct_size`; start from the LCN_…_INIT value, which sets it.
 * - Input arrays are borrowed for the duration of the call and copied, unless the function says that it
 *   keeps the pointer. Handles belong to the caller, who gives each back once to its _destroy function.
 *   Destroying NULL does nothing.
 * - A handle is an opaque token, not the address of anything. One that was destroyed, never existed or
 *   is of another kind is recognised: LCN_INVALID_HANDLE.
 * - Arrays must be aligned to their element type. The library reads and writes exactly the elements that
 *   the shapes and strides describe; only the caller can know whether that much memory is there.
 * - Unless stated otherwise every function may be called from any thread at any time; matrices, plans and
 *   models do not change after they were made, except by lcn_plan_update_values, and may be used by many threads at
 *   once.
 * - There is one pool of threads in a process, whatever number of threads plans and models ask for: as many as
 *   the processors that the process may run on and a container's CPU quota pays for. It starts with the first run
 *   that is worth it. More slices than threads wait their turn there; results are bitwise the same.
 * - A process may fork at any time. The child uses, makes and destroys handles as the parent does, with a pool of its
 *   own; what another thread of the parent was running is not run in the child.
 * - OpenBLAS's number of threads belongs to the program. While the library computes a dense product it is 1 for the
 *   whole process (for the calling thread alone when OpenBLAS uses OpenMP); afterwards it is what it was, unless the
 *   program has set another meanwhile.
 * - The library never prints, never exits and never replaces the process.
 *
 * ABI: names, numbers and layouts in this file do not change within one LCN_ABI_VERSION. New functions,
 * status codes and trailing struct members may be added; a struct of any earlier size stays accepted: the members
 * it lacks count as 0, or are not written. A struct larger than the library knows (a program made for a later
 * release, at most 256 bytes more) is accepted as long as the members that the library does not know are 0, and
 * where it is filled they become 0. Every other struct_size is LCN_STRUCT_SIZE. A member
 * called `reserved` has to be 0 and may get a meaning and a name, of which 0 means what it was before.
 */
#ifndef LACUNA_H
#define LACUNA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define LCN_NOEXCEPT noexcept
#else
#define LCN_NOEXCEPT
#endif

/* -- Version ------------------------------------------------------------------------------------- */

/* The library version this header belongs to. */
#define LCN_VERSION_MAJOR 0
#define LCN_VERSION_MINOR 1
#define LCN_VERSION_PATCH 0
/* Changes when something in this file changes incompatibly; it is the number in the shared library's
 * name, liblacuna.so.1. */
#define LCN_ABI_VERSION 1

/* The LCN_ABI_VERSION the library was built with. A program should stop when it differs from its own. */
int32_t lcn_abi_version(void) LCN_NOEXCEPT;

/* "major.minor.patch" of the library. Static, never freed; from any thread. */
const char *lcn_version_string(void) LCN_NOEXCEPT;

/* -- Status -------------------------------------------------------------------------------------- */

/* A status code. Numbers are never reused or renumbered. */
typedef int32_t lcn_status;
enum {
  LCN_OK = 0,
  LCN_NULL_POINTER = 1,      /* a pointer that must not be NULL is */
  LCN_INVALID_ARGUMENT = 2,  /* a value is outside its range, or not one of its constants */
  LCN_STRUCT_SIZE = 3,       /* struct_size is no version's, or an unknown member of a later version is not 0 */
  LCN_INVALID_HANDLE = 4,    /* the handle was destroyed, never existed, or is of another kind */
  LCN_SIZE_OVERFLOW = 5,     /* a size or a product of sizes does not fit the address space */
  LCN_SHAPE_MISMATCH = 6,    /* two shapes, or a shape and a count, disagree */
  LCN_INVALID_STRUCTURE = 7, /* offsets or indices break a rule of the format */
  LCN_INVALID_STRIDE = 8,    /* a stride is too small, or lets elements overlap */
  LCN_MISALIGNED = 9,        /* an array is not aligned to its element type */
  LCN_BUFFER_TOO_SMALL = 10, /* an output buffer cannot hold the result; nothing was written */
  LCN_OUT_OF_MEMORY = 11,    /* the memory for the result cannot be had */
  LCN_UNSUPPORTED = 12,      /* valid, but this library, CPU or object cannot do it */
  LCN_BAD_DATA = 13,         /* the contents of a file or blob are malformed */
  LCN_FILE_NOT_FOUND = 14,   /* the file does not exist */
  LCN_IO = 15,               /* the operating system failed to read or write */
  LCN_NOT_A_NUMBER = 16,     /* a weight to be ranked is NaN */
  LCN_ENVIRONMENT = 17,      /* an environment variable (LACUNA_ISA) has a value nobody knows */
  LCN_INTERNAL = 18          /* a failure without a code of its own; lcn_last_error() tells */
};

/* The name of a status code, "LCN_SHAPE_MISMATCH"; "LCN_UNKNOWN_STATUS" for a number that is none.
 * Static, never freed. */
const char *lcn_status_string(lcn_status status) LCN_NOEXCEPT;

/* What was wrong in the last failed call made by this thread; "" before the first. UTF-8, at most 1023
 * bytes. Points to memory of the calling thread, valid until its next failing call or its end. */
const char *lcn_last_error(void) LCN_NOEXCEPT;

/* -- Processor ----------------------------------------------------------------------------------- */

/* Instruction sets that kernels are compiled for. Names: a larger number is not a better one. */
enum {
  LCN_ISA_BASELINE = 1, /* what the compiler assumes without flags */
  LCN_ISA_V3 = 3,       /* x86-64-v3: AVX2 and FMA */
  LCN_ISA_V4 = 4,       /* x86-64-v4: AVX-512 F, BW, CD, DQ, VL */
  LCN_ISA_V4_VNNI = 5,  /* x86-64-v4 and AVX512-VNNI */
  LCN_ISA_V3_VNNI = 6,  /* x86-64-v3 and AVX-VNNI */
  LCN_ISA_V4_VBMI2 = 7, /* x86-64-v4, AVX512-VNNI and AVX512-VBMI2 */
  LCN_ISA_V4_BF16 = 8   /* these and AVX512-BF16 */
};

typedef struct {
  uint32_t struct_size;
  int32_t isa;            /* LCN_ISA_…: the one chosen for kernels, honouring LACUNA_ISA */
  int32_t detected_isa;   /* LCN_ISA_…: the best this processor can run */
  int32_t avx512_vnni;    /* 1 when the instructions exist, else 0 */
  int32_t avx512_bf16;
  int32_t avx512_vbmi2;
  int32_t cores;          /* processors this process may use at once: affinity, and a container's CPU quota */
  int32_t reserved;       /* 0 */
  int64_t l1d_bytes;      /* cache sizes; 0 when unknown */
  int64_t l2_bytes;
  int64_t l3_bytes;
  char model[64];         /* processor name, NUL terminated */
} lcn_cpu_info;
#define LCN_CPU_INFO_INIT {(uint32_t)sizeof(lcn_cpu_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}}

/* Fills `info`; sizes are bytes. Allocates nothing that stays. Fails with LCN_ENVIRONMENT when LACUNA_ISA names no
 * instruction set, or one that this processor lacks; `info` is untouched then. */
lcn_status lcn_get_cpu_info(lcn_cpu_info *info) LCN_NOEXCEPT;

/* -- Matrices ------------------------------------------------------------------------------------ */

/* Element types: of matrices LCN_F32, LCN_F64, LCN_BF16 (the upper half of an f32) and LCN_F16 (IEEE half precision);
 * the 8-bit ones of weights and activations in lcn_plan_options. The 16-bit ones are bits to C, uint16_t: they are
 * stored, and widen to f32 where they multiply. */
enum { LCN_F32 = 1, LCN_F64 = 2, LCN_I8 = 3, LCN_U8 = 4, LCN_BF16 = 5, LCN_F16 = 6 };
/* Index types. */
enum { LCN_I32 = 1, LCN_I64 = 2 };
/* Storage formats of a matrix handle. */
enum { LCN_DENSE = 1, LCN_CSR = 2, LCN_BSR = 3 };
/* Representations of a mask. */
enum {
  LCN_MASK_BYTES = 1, /* one byte per element, 0 removes, anything else keeps (numpy.bool_) */
  LCN_MASK_BITS = 2   /* one bit per element: element j of a row is bit j % 8 of its byte j / 8 */
};

/* An immutable matrix in one of the storage formats, with its own copy of everything. */
typedef struct lcn_matrix lcn_matrix;

/* A dense matrix in the caller's memory: element (i, j) is values[i · row_stride + j · column_stride].
 * Both strides are 1 or more, and no two elements may share a place. row_stride 0 means `columns` and
 * column_stride 0 means 1, the packed row-major layout. A kernel stored [in, out] (TensorFlow) is viewed
 * as W [out, in] with row_stride 1 and column_stride out. */
typedef struct {
  uint32_t struct_size;
  int32_t dtype; /* LCN_F32, LCN_F64, LCN_BF16 or LCN_F16 */
  int64_t rows;
  int64_t columns;
  int64_t row_stride;
  int64_t column_stride;
  void *values; /* read only, except in lcn_mask_apply */
} lcn_dense_desc;
#define LCN_DENSE_DESC_INIT {(uint32_t)sizeof(lcn_dense_desc), LCN_F32, 0, 0, 0, 0, NULL}

/* Compressed sparse rows: row i holds entries row_offsets[i] ..< row_offsets[i + 1]. Offsets rise from 0
 * to nnz; columns strictly increase inside a row. A stored zero is kept. */
typedef struct {
  uint32_t struct_size;
  int32_t dtype;      /* LCN_F32, LCN_F64, LCN_BF16 or LCN_F16 */
  int32_t index_type; /* LCN_I32 or LCN_I64: of both index arrays */
  int32_t reserved;   /* 0 */
  int64_t rows;
  int64_t columns;
  int64_t nnz;
  const void *row_offsets;    /* rows + 1 */
  const void *column_indices; /* nnz */
  const void *values;         /* nnz */
} lcn_csr_desc;
#define LCN_CSR_DESC_INIT \
  {(uint32_t)sizeof(lcn_csr_desc), LCN_F32, LCN_I32, 0, 0, 0, 0, NULL, NULL, NULL}

/* Block sparse rows, as scipy.sparse.bsr_matrix: the structure counts blocks, and block b keeps its
 * block_rows · block_columns values at values[b · block_rows · block_columns], row-major. rows and columns
 * count elements and need not be multiples of the block; cells outside the matrix read as zero. A block has at
 * most 2²⁰ elements. */
typedef struct {
  uint32_t struct_size;
  int32_t dtype;      /* LCN_F32, LCN_F64, LCN_BF16 or LCN_F16 */
  int32_t index_type; /* LCN_I32 or LCN_I64 */
  int32_t reserved;   /* 0 */
  int64_t rows;
  int64_t columns;
  int64_t block_rows;
  int64_t block_columns;
  int64_t blocks;             /* number of stored blocks */
  const void *row_offsets;    /* ceil(rows / block_rows) + 1 */
  const void *column_indices; /* blocks; each a block column */
  const void *values;         /* blocks · block_rows · block_columns */
} lcn_bsr_desc;
#define LCN_BSR_DESC_INIT \
  {(uint32_t)sizeof(lcn_bsr_desc), LCN_F32, LCN_I32, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL}

/* A mask in the caller's memory. Row i starts at byte i · row_stride of `data`; row_stride 0 means packed:
 * `columns` bytes, or ceil(columns / 8) for bits. */
typedef struct {
  uint32_t struct_size;
  int32_t kind; /* LCN_MASK_BYTES or LCN_MASK_BITS */
  int64_t rows;
  int64_t columns;
  int64_t row_stride; /* bytes */
  void *data;         /* read only, except in lcn_mask_compute */
} lcn_mask_desc;
#define LCN_MASK_DESC_INIT {(uint32_t)sizeof(lcn_mask_desc), LCN_MASK_BYTES, 0, 0, 0, NULL}

/* What a matrix handle holds. */
typedef struct {
  uint32_t struct_size;
  int32_t dtype;
  int32_t format; /* LCN_DENSE, LCN_CSR or LCN_BSR */
  int32_t reserved;
  int64_t rows;
  int64_t columns;
  int64_t stored;         /* stored elements: rows · columns, nnz, or blocks · block area */
  int64_t block_rows;     /* 1 unless BSR */
  int64_t block_columns;  /* 1 unless BSR */
  int64_t blocks;         /* stored blocks; `stored` when not BSR */
  int64_t position_bytes; /* memory of offsets and indices */
  int64_t value_bytes;    /* memory of values */
} lcn_matrix_info;
#define LCN_MATRIX_INFO_INIT \
  {(uint32_t)sizeof(lcn_matrix_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/* A copy of a dense matrix, zeros and all. To store only its nonzeros, convert the result.
 *
 * Errors: LCN_INVALID_STRIDE, LCN_SIZE_OVERFLOW, LCN_OUT_OF_MEMORY, and those of any pointer or struct.
 * O(rows · columns). */
lcn_status lcn_matrix_from_dense(const lcn_dense_desc *dense, lcn_matrix **result) LCN_NOEXCEPT;

/* The entries of a dense matrix [rows, columns] that a mask of the same shape keeps, as CSR. A kept zero is
 * stored.
 *
 * Errors: LCN_SHAPE_MISMATCH when mask and matrix disagree, and those of lcn_matrix_from_dense.
 * O(rows · columns). */
lcn_status lcn_matrix_from_masked_dense(const lcn_dense_desc *dense, const lcn_mask_desc *mask,
                                        lcn_matrix **result) LCN_NOEXCEPT;

/* A copy of a CSR matrix. The structure is checked: LCN_INVALID_STRUCTURE names the row and the index
 * that break a rule. O(rows + nnz). */
lcn_status lcn_matrix_from_csr(const lcn_csr_desc *csr, lcn_matrix **result) LCN_NOEXCEPT;

/* A copy of a BSR matrix, checked as lcn_matrix_from_csr does: LCN_INVALID_STRUCTURE. Any block shape;
 * LCN_INVALID_ARGUMENT for a block with an edge below 1 or more than 2²⁰ elements. O(rows + stored). */
lcn_status lcn_matrix_from_bsr(const lcn_bsr_desc *bsr, lcn_matrix **result) LCN_NOEXCEPT;

/* A bitmask-compressed matrix of the mask's shape, as CSR: `mask` says which elements are stored, `values` (of
 * type `dtype`, as of lcn_dense_desc) holds them packed in row-major order. `count` is the number of values and must
 * equal the number of kept elements, else LCN_SHAPE_MISMATCH. O(rows · columns). */
lcn_status lcn_matrix_from_bitmask(const lcn_mask_desc *mask, int32_t dtype, const void *values,
                                   int64_t count, lcn_matrix **result) LCN_NOEXCEPT;

/* The same matrix in another storage format: LCN_DENSE, LCN_CSR (drops nothing that is stored, except the
 * zeros when the source is dense or BSR), or LCN_BSR with blocks of block_rows × block_columns (a block is
 * stored when it has a stored element). The block arguments are ignored for other formats. The source stays.
 * Errors: LCN_INVALID_ARGUMENT for another format or a block as in lcn_matrix_from_bsr.
 * O(rows · columns) at most. */
lcn_status lcn_matrix_convert(const lcn_matrix *matrix, int32_t format, int64_t block_rows,
                              int64_t block_columns, lcn_matrix **result) LCN_NOEXCEPT;

/* The transposed matrix [columns, rows] in the same format; the block of a BSR matrix is transposed too. The source
 * stays. O(rows + columns + stored). */
lcn_status lcn_matrix_transpose(const lcn_matrix *matrix, lcn_matrix **result) LCN_NOEXCEPT;

/* The same matrix with each element rounded to the nearest of type `dtype`, ties to even; LCN_BF16 and LCN_F16 widen
 * exactly. What is too large becomes infinite, NaN stays NaN, what rounds to zero stays stored. The source stays.
 * Errors: LCN_INVALID_ARGUMENT for another type. O(stored). */
lcn_status lcn_matrix_cast(const lcn_matrix *matrix, int32_t dtype, lcn_matrix **result) LCN_NOEXCEPT;

/* Fills `info`. Allocates nothing. */
lcn_status lcn_matrix_get_info(const lcn_matrix *matrix, lcn_matrix_info *info) LCN_NOEXCEPT;

/* Writes every element to `dense`, whose dtype and shape must be the matrix's (LCN_SHAPE_MISMATCH), in any strides
 * (LCN_INVALID_STRIDE when elements overlap). Works for any storage format; what is not stored is written as 0.
 * Allocates rows · columns elements unless the matrix is dense. O(rows · columns). */
lcn_status lcn_matrix_to_dense(const lcn_matrix *matrix, const lcn_dense_desc *dense) LCN_NOEXCEPT;

/* Writes a CSR matrix's arrays: `row_offsets` takes rows + 1 indices of `index_type`, `column_indices` (indices) and
 * `values` (of the matrix's dtype) take `capacity` entries each, at least lcn_matrix_info.stored (else
 * LCN_BUFFER_TOO_SMALL). LCN_UNSUPPORTED when the matrix is not CSR (convert it), LCN_SIZE_OVERFLOW when an offset
 * does not fit `index_type`. Nothing is written on an error. Allocates nothing. O(rows + stored). */
lcn_status lcn_matrix_to_csr(const lcn_matrix *matrix, int32_t index_type, void *row_offsets,
                             void *column_indices, void *values, int64_t capacity) LCN_NOEXCEPT;

/* Writes a BSR matrix's arrays, in the layout of lcn_bsr_desc: ceil(rows / block_rows) + 1 offsets, a column index
 * and block_rows · block_columns values for each block. `capacity` counts blocks, at least lcn_matrix_info.blocks.
 * Errors and cost as lcn_matrix_to_csr. */
lcn_status lcn_matrix_to_bsr(const lcn_matrix *matrix, int32_t index_type, void *row_offsets,
                             void *column_indices, void *values, int64_t capacity) LCN_NOEXCEPT;

/* Writes which elements are stored to `mask`, whose shape must be the matrix's (LCN_SHAPE_MISMATCH). `values` (may be
 * NULL; room for `capacity` elements of the matrix's dtype) takes the stored elements packed in row-major order,
 * `*count` (may be NULL) their number: LCN_BUFFER_TOO_SMALL, and nothing written, when that is more than `capacity`.
 * From a dense matrix only nonzeros count as stored. Allocates a bit for each element. O(rows · columns). */
lcn_status lcn_matrix_to_bitmask(const lcn_matrix *matrix, const lcn_mask_desc *mask, void *values,
                                 int64_t capacity, int64_t *count) LCN_NOEXCEPT;

/* Gives a matrix back. NULL does nothing; a handle given back before is LCN_INVALID_HANDLE. A call that
 * uses the matrix on another thread finishes undisturbed. */
lcn_status lcn_matrix_destroy(lcn_matrix *matrix) LCN_NOEXCEPT;

/* -- Plans --------------------------------------------------------------------------------------- */

/* How activations lie in memory. */
enum {
  LCN_COLUMNS = 1, /* Y[out, n] = W · X[in, n]: one column per right-hand side */
  LCN_ROWS = 2     /* Y[batch, out] = X[batch, in] · Wᵀ: one row per right-hand side */
};
/* What is applied to every element of Y, after the bias; the same for every kernel, layout, width, element type and
 * processor, and the same bits of the same sum. Of RELU and CLAMP a value below a bound becomes that bound, one above the
 * other becomes the other, and everything else stays as it is: NaN stays NaN, as in numpy.maximum and numpy.clip, and a
 * zero keeps its sign. HARD_SWISH and SILU multiply by a gate between 0 and 1: NaN stays NaN, and -Inf becomes NaN, as in
 * ONNX and PyTorch. Bytes (`output`) are made of what comes out. */
enum {
  LCN_ACTIVATION_NONE = 0,
  LCN_ACTIVATION_RELU = 1, /* max(y, 0) */
  LCN_ACTIVATION_CLAMP = 2, /* min(max(y, clamp_lower), clamp_upper) */
  LCN_ACTIVATION_HARD_SWISH = 3, /* y · min(max(y · (1/6) + 1/2, 0), 1), each operation rounded */
  LCN_ACTIVATION_SILU = 4 /* y / (1 + e^-y) within 4 ulp from y = -87 on, of f64 from -708 on; -0 below */
};

/* Where the scale and the zero point of 8-bit activations come from. */
enum {
  LCN_RANGE_FIXED = 0,  /* from lcn_plan_options */
  LCN_RANGE_TENSOR = 1, /* measured in each run: the least and the greatest number of all of x, and 0 */
  LCN_RANGE_SIDE = 2    /* the same for each right-hand side alone */
};

/* A matrix packed for one kernel, with the epilogue fused in. Immutable. */
typedef struct lcn_plan lcn_plan;

typedef struct {
  uint32_t struct_size;
  int32_t layout;        /* LCN_COLUMNS or LCN_ROWS */
  int64_t width;         /* expected n or batch, 1 or more: the kernel is chosen for it */
  const void *bias;      /* one value per output row, f64 for a matrix of LCN_F64, else f32; NULL for none. Copied. */
  int64_t bias_count;    /* number of values at bias: the matrix's rows, or 0 */
  int32_t activation;    /* LCN_ACTIVATION_… */
  int32_t threads;       /* threads of the pool that lcn_plan_run may use, 1 … 1024; 1 runs in the caller alone */
  double clamp_lower;    /* for LCN_ACTIVATION_CLAMP; may be infinite */
  double clamp_upper;
  int32_t deterministic; /* 1: choose the kernel by estimate alone, so that the same weights and machine always
                            get the same one; 0: time the likely candidates as well. For either, results are
                            bitwise the same for any number of threads and slices. */
  int32_t exclude_dense; /* 1: weights that are not stored are never multiplied: "dense" is no candidate for a sparse
                            matrix, and forcing it is LCN_UNSUPPORTED; a dense matrix stays dense. 0: the fastest. */
  const char *kernel;    /* forces a kernel by its name in lcn_plan_describe; NULL lets Lacuna choose */
  int32_t updatable;     /* 1: the plan remembers where each weight went, 4 bytes for each packed one, for
                            lcn_plan_update_values */
  int32_t reserved;      /* 0 */
  /* The following members came later and are all 0 for a product in the matrix's own type. */
  int32_t weights;       /* LCN_I8: the weights of an LCN_F32 matrix become 8-bit, symmetric, zero exact, and the plan
                            is an 8-bit product, see lcn_plan_run */
  int32_t activations;   /* what x holds: LCN_F32, LCN_U8 or LCN_I8; the bias is f32 */
  int32_t range;         /* LCN_RANGE_…; bytes have a fixed one */
  int32_t zero_point;    /* of a fixed range: the byte that stands for 0; 0 … 255, of LCN_I8 −128 … 127 */
  double activation_scale; /* of a fixed range: what a step of one byte stands for, a normal positive float */
  int32_t one_scale;     /* 1: one scale for all weights; 0: one for each output row */
  int32_t output;        /* what y holds: 0 or LCN_F32, LCN_U8 or LCN_I8: after bias and activation, the byte
                            output_zero_point + round(y · (1 / output_scale)), to even in the middle, bounded to the
                            type; NaN becomes the least byte */
  double output_scale;   /* of bytes: what a step of one byte stands for, a normal positive float */
  int32_t output_zero_point; /* of bytes: the byte that stands for 0; 0 … 255, of LCN_I8 −128 … 127 */
  int32_t allow_bf16_activations; /* 1: for a matrix of LCN_BF16 kernels may round x to bf16 as well, which is up to
                            twice as fast where the processor has AVX512-BF16 (and VBMI2); sums and results stay
                            f32. Without effect for other matrices, updatable plans, and other processors. 0: x keeps
                            its 24 bits. */
  const float *weight_scales; /* NULL, or a scale for each output row, `weight_scale_count` of them: weights that are
                            multiples of them, as another program made them, become exactly those bytes. LCN_INVALID_ARGUMENT
                            for a weight of more than 127 times its scale. Copied. */
  int64_t weight_scale_count; /* the matrix's rows (else LCN_SHAPE_MISMATCH), or 0 */
} lcn_plan_options;
#define LCN_PLAN_OPTIONS_INIT                                                                               \
  {(uint32_t)sizeof(lcn_plan_options), LCN_COLUMNS, 1, NULL, 0, LCN_ACTIVATION_NONE, 1, 0.0, 0.0, 1, 0, NULL, \
   0, 0, 0, 0, 0, 0, 0.0, 0, 0, 0.0, 0, 0, NULL, 0}

/* What a plan is. */
typedef struct {
  uint32_t struct_size;
  int32_t dtype;           /* of the weights: LCN_F32, LCN_F64, LCN_BF16, LCN_F16 or LCN_I8 */
  int32_t layout;
  int32_t threads;
  int64_t rows;            /* of W: outputs */
  int64_t columns;         /* of W: inputs */
  int64_t width;           /* expected n or batch */
  int64_t slices;          /* most slices that still have work each in lcn_plan_run_slice */
  int64_t stored;          /* stored elements of the matrix it was made from */
  int64_t packed_bytes;    /* memory of the packed matrix */
  char kernel[64];         /* the kernel's name */
  int32_t activations;     /* of x: LCN_F32, LCN_F64, LCN_U8 or LCN_I8 */
  int32_t output;          /* of y */
} lcn_plan_info;
#define LCN_PLAN_INFO_INIT {(uint32_t)sizeof(lcn_plan_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}, 0, 0}

/* Packs `matrix` for products of `options->width` right-hand sides and chooses the kernel. `options` NULL
 * means LCN_PLAN_OPTIONS_INIT. The plan keeps nothing of the caller's: matrix and bias may go. Use `deterministic` 0
 * when nothing else runs: it times kernels.
 *
 * Errors: LCN_INVALID_ARGUMENT for a number outside its range, a clamp that is no interval, a scale that is not positive
 * and finite, rows whose 32-bit sums could overflow (magnitudes of 8-bit weights that sum to more than 8421504) or a name
 * that is not UTF-8 of at most 255 bytes; LCN_NOT_A_NUMBER for weights that have no byte; LCN_SHAPE_MISMATCH for a bias of another length; LCN_UNSUPPORTED for a kernel name that
 * does not exist for this matrix, layout and CPU (the text lists those that do); LCN_ENVIRONMENT as
 * lcn_get_cpu_info. O(stored), allocates. */
lcn_status lcn_plan_create(const lcn_matrix *matrix, const lcn_plan_options *options,
                           lcn_plan **result) LCN_NOEXCEPT;

/* New weights under the plan's pattern, and a new bias: what training on a fixed pattern needs between two runs. Nothing
 * is chosen, packed or cut again; results afterwards are bit for bit those of a new plan with the same kernel. `values`
 * are `count` elements of the plan's dtype, in the order of the matrix that it was made from: CSR entries row by row, BSR
 * blocks with all their cells (those outside the matrix are ignored), dense rows without gaps. `bias` NULL with
 * bias_count 0 leaves the bias as it is.
 *
 * The one function that changes a plan: no run, serialisation or other update of it may be under way.
 * Errors: LCN_UNSUPPORTED for a plan that was not made `updatable`; LCN_SHAPE_MISMATCH for another number of values or
 * of bias elements (a plan made without a bias has none). Nothing has changed then. O(packed weights), allocates nothing.
 */
lcn_status lcn_plan_update_values(lcn_plan *plan, const void *values, int64_t count, const void *bias,
                                  int64_t bias_count) LCN_NOEXCEPT;

/* Fills `info`. Allocates nothing. */
lcn_status lcn_plan_get_info(const lcn_plan *plan, lcn_plan_info *info) LCN_NOEXCEPT;

/* Writes a text of a few lines: shape, density, kernel chosen and why, bytes packed. At most `capacity` bytes
 * with the NUL; `*length` (may be NULL) gets the bytes needed without the NUL. `text` NULL with capacity 0
 * asks for the length. LCN_BUFFER_TOO_SMALL writes nothing but `*length`. */
lcn_status lcn_plan_describe(const lcn_plan *plan, char *text, size_t capacity,
                             size_t *length) LCN_NOEXCEPT;

/* Bytes of scratch memory that one lcn_plan_run or lcn_plan_run_slice of `width` right-hand sides (0 or more) wants,
 * aligned to 64; 0 for kernels that need none. Never changes for one plan and width. */
lcn_status lcn_plan_workspace_size(const lcn_plan *plan, int64_t width, size_t *bytes) LCN_NOEXCEPT;

/* Y ← activation(W·X + bias), or activation(X·Wᵀ + bias) row by row.
 *
 *     layout       X                          Y
 *     LCN_COLUMNS  [columns, width], x_stride ≥ width    [rows, width], y_stride ≥ width
 *     LCN_ROWS     [width, columns], x_stride ≥ columns  [width, rows], y_stride ≥ rows
 *
 * x and y are row-major arrays of the types that lcn_plan_info calls activations and output (f32 for a matrix of LCN_F32,
 * LCN_BF16 or LCN_F16, f64 for one of LCN_F64), strides in elements, and must not overlap. `width` may
 * differ from the planned one: the result is right, only perhaps not the fastest; width 0 does nothing.
 * `workspace` is scratch memory of at least lcn_plan_workspace_size bytes, 64-byte aligned, used by no other
 * call at the same time; NULL borrows from the plan, which owns as many workspaces as it has threads and
 * allocates only when more calls than that run at once. A plan with threads above 1 uses its own.
 *
 * Otherwise Lacuna allocates nothing and takes no lock, except for the instant in which a dense product looks at
 * OpenBLAS's number of threads. A plan whose kernel is "dense" calls OpenBLAS, which does as it likes: some of its
 * kernels, those for AVX-512 and small products among them, allocate in each call. `exclude_dense` keeps a sparse
 * matrix clear of it. Any number of threads may run one plan at once.
 * Errors: LCN_NULL_POINTER, LCN_MISALIGNED, LCN_INVALID_STRIDE, LCN_SIZE_OVERFLOW, LCN_INVALID_ARGUMENT for
 * overlapping arrays or a negative width, LCN_BUFFER_TOO_SMALL for a workspace that is. y is untouched then.
 *
 * An 8-bit plan computes, with x given in bytes or made bytes q = zero_point + round(x · (1 / scale)), bounded to a byte,
 *
 *     y = activation(float(Σ w · (q − zero_point)) · (row scale · scale) + bias)
 *
 * where the sum is exact, in 32 bits, and each operation on floats rounds on its own: the bits are those of every
 * processor, kernel and number of threads, dense included. A right-hand side of x that holds NaN gives NaN in all of its
 * results, and so does a range that is measured over an infinity. */
lcn_status lcn_plan_run(const lcn_plan *plan, const void *x, int64_t x_stride, void *y, int64_t y_stride,
                        int64_t width, void *workspace, size_t workspace_bytes) LCN_NOEXCEPT;

/* Slice number `slice` of `slices` of that product, in the calling thread: every y element belongs to exactly
 * one slice, so that running all of them, in any order and from any threads, is one lcn_plan_run with the
 * same bits. `slices` is 1 … 65536; beyond lcn_plan_info.slices some do nothing. Each concurrent slice needs
 * a workspace of its own, or NULL as in lcn_plan_run. */
lcn_status lcn_plan_run_slice(const lcn_plan *plan, int64_t slice, int64_t slices, const void *x,
                              int64_t x_stride, void *y, int64_t y_stride, int64_t width, void *workspace,
                              size_t workspace_bytes) LCN_NOEXCEPT;

/* Writes the plan as a relocatable blob: no pointers inside, the same bytes wherever it lies. `*length` gets
 * the bytes needed; `blob` NULL with capacity 0 asks for it. LCN_BUFFER_TOO_SMALL writes nothing but
 * `*length`. `blob` may have any alignment. The blob is little-endian and carries a version, the matrix, the options
 * and the kernel chosen; 8-bit weights as bytes, with their scales and the ranges of activations and results. O(stored). */
lcn_status lcn_plan_serialize(const lcn_plan *plan, void *blob, size_t capacity,
                              size_t *length) LCN_NOEXCEPT;

/* The plan in a blob of `length` bytes, which may be a read-only file mapping at any address. The blob is checked in
 * full, so damage is LCN_BAD_DATA (or the error of the number that is wrong) and never a crash; it is copied and may
 * go once the call returns. LCN_UNSUPPORTED for a blob of a later version (1 of floats, 2 of 8-bit weights). On a processor that lacks the saved
 * kernel's instruction set another kernel is chosen. A blob of a dense plan whose sparse matrix has more than 2²⁴
 * elements and stores fewer than one in 4096 is LCN_BAD_DATA: it would take memory out of proportion to its length.
 * Packs again: as long as lcn_plan_create. O(stored). */
lcn_status lcn_plan_map(const void *blob, size_t length, lcn_plan **result) LCN_NOEXCEPT;

/* Gives a plan back. NULL does nothing; a handle given back before is LCN_INVALID_HANDLE. A run on another
 * thread finishes undisturbed. */
lcn_status lcn_plan_destroy(lcn_plan *plan) LCN_NOEXCEPT;

/* -- Convolutions -------------------------------------------------------------------------------- */

/* Y ← activation(W ∗ X + bias + residual) for packed images:
 *
 *     lcn_conv_options o = LCN_CONV_OPTIONS_INIT;     // 3×3, same, 64 → 128 channels of 56×56
 *     o.channels = 64;  o.height = o.width = 56;  o.filters = 128;
 *     o.kernel_height = o.kernel_width = 3;
 *     o.pad_top = o.pad_left = o.pad_bottom = o.pad_right = 1;
 *     lcn_conv *conv = NULL;
 *     lcn_conv_create(weights, &o, &conv);            // an lcn_matrix of [128, 64·3·3], in any format
 *     lcn_conv_run(conv, x, NULL, y, 1, NULL, 0);
 *     lcn_conv_destroy(conv);
 *
 * Sparse kernels make no patch matrix, whatever stride and dilation are. What is said about plans holds here too:
 * weights that are not stored, NaN, threads, slices, workspaces, equal bits. */
typedef struct lcn_conv lcn_conv;

enum { /* how images lie in memory; results lie likewise */
  LCN_NCHW = 1, /* [images, channels, height, width] */
  LCN_NHWC = 2  /* [images, height, width, channels] */
};
enum { /* the order of the weights' columns; the matrix is [filters, channels / groups · kernel_height · kernel_width] */
  LCN_OIHW = 1, /* a kernel stored OIHW (PyTorch, ONNX), row by row */
  LCN_OHWI = 2  /* one stored OHWI. HWIO (TensorFlow, Keras) is the transposed of this: lcn_matrix_from_dense with
                   row_stride 1 and column_stride `filters` */
};

typedef struct {
  uint32_t struct_size;
  int32_t layout;        /* LCN_NCHW or LCN_NHWC */
  int64_t images;        /* expected images per run, 1 or more */
  int64_t channels;      /* of one image */
  int64_t height;
  int64_t width;
  int64_t filters;       /* output channels: the matrix's rows */
  int64_t kernel_height;
  int64_t kernel_width;
  int64_t stride_y;      /* 1 or more, as dilations */
  int64_t stride_x;
  int64_t dilation_y;
  int64_t dilation_x;
  int64_t pad_top;       /* zeros around an image: less than the dilated kernel, dilation · (kernel − 1) + 1 */
  int64_t pad_left;
  int64_t pad_bottom;
  int64_t pad_right;
  int64_t groups;        /* divides channels and filters; `channels` of them is a depthwise convolution */
  int32_t kernel_order;  /* LCN_OIHW or LCN_OHWI */
  int32_t adds_residual; /* 1: every run adds an array of the result's shape, after the bias and before the activation */
  const void *bias;      /* one value per filter, of the matrix's dtype; NULL for none. Copied. */
  int64_t bias_count;    /* filters, or 0 */
  int32_t activation;    /* LCN_ACTIVATION_…; ReLU6 is a clamp to 0 … 6 */
  int32_t threads;       /* as in lcn_plan_options, and so are the rest */
  double clamp_lower;
  double clamp_upper;
  int32_t deterministic;
  int32_t exclude_dense;
  const char *kernel;
  /* The following members came later and are all 0 for a convolution in the matrix's own type. */
  int32_t weights;       /* LCN_I8: the weights of an LCN_F32 matrix become 8-bit, symmetric, zero exact, with exact sums, as
                            in lcn_plan_options; blocks of 1×4 and more in the order LCN_OHWI gain most. No residual then */
  int32_t activations;   /* what images hold: LCN_U8 or LCN_I8; the bias is f32 */
  double activation_scale; /* what a step of one byte of an image stands for, a normal positive float */
  int32_t zero_point;    /* the byte that stands for 0, also around an image; 0 … 255, of LCN_I8 −128 … 127 */
  int32_t one_scale;     /* this and the rest as in lcn_plan_options */
  int32_t output;
  int32_t output_zero_point;
  double output_scale;
  const float *weight_scales;
  int64_t weight_scale_count;
} lcn_conv_options;
#define LCN_CONV_OPTIONS_INIT                                                                                \
  {(uint32_t)sizeof(lcn_conv_options), LCN_NCHW, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, LCN_OIHW, 0, \
   NULL, 0, LCN_ACTIVATION_NONE, 1, 0.0, 0.0, 1, 0, NULL, 0, 0, 0.0, 0, 0, 0, 0, 0.0, NULL, 0}

typedef struct {
  uint32_t struct_size;
  int32_t dtype;         /* of the weights: LCN_I8 when they became bytes */
  int32_t layout;
  int32_t threads;
  int64_t images;        /* expected per run */
  int64_t filters;       /* of a result */
  int64_t output_height; /* ⌊(height + pads − dilation · (kernel − 1) − 1) / stride⌋ + 1 */
  int64_t output_width;
  int64_t slices;        /* most slices that still have work each in lcn_conv_run_slice, for `images` */
  int64_t stored;        /* stored weights */
  int64_t packed_bytes;  /* memory of the packed weights */
  char kernel[64];       /* the kernel's name */
  int32_t activations;   /* types of x and y in lcn_conv_run */
  int32_t output;
} lcn_conv_info;
#define LCN_CONV_INFO_INIT {(uint32_t)sizeof(lcn_conv_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}, 0, 0}

/* Packs the weights and chooses the kernel. Nothing of the caller's is kept.
 *
 * Errors: those of lcn_plan_create; LCN_INVALID_ARGUMENT for a size below 1 or a padding below 0; LCN_SHAPE_MISMATCH for
 * a matrix of another shape, groups that do not divide, a padding as large as the dilated kernel, a dilated kernel larger
 * than the padded image; LCN_SIZE_OVERFLOW for more elements than can be addressed; LCN_UNSUPPORTED for a kernel of more
 * than 65536 positions, and for a residual or images of floats with 8-bit weights. The text has the numbers. O(stored),
 * allocates. */
lcn_status lcn_conv_create(const lcn_matrix *weights, const lcn_conv_options *options,
                           lcn_conv **result) LCN_NOEXCEPT;

/* Fills `info`. Allocates nothing. */
lcn_status lcn_conv_get_info(const lcn_conv *conv, lcn_conv_info *info) LCN_NOEXCEPT;

/* A text of a few lines; arguments and errors as lcn_plan_describe. */
lcn_status lcn_conv_describe(const lcn_conv *conv, char *text, size_t capacity, size_t *length) LCN_NOEXCEPT;

/* Bytes of scratch memory that one run or slice wants, aligned to 64. Never changes for one convolution. */
lcn_status lcn_conv_workspace_size(const lcn_conv *conv, size_t *bytes) LCN_NOEXCEPT;

/* `images` results at y from as many packed images at x, of the types in lcn_conv_info; 0 does nothing. With 8-bit weights
 * the bits are those of every processor, as in lcn_plan_run. `residual` has the
 * shape of y and is NULL unless the convolution adds one. y overlaps neither. `workspace` and what is allocated: as
 * lcn_plan_run ("im2col" is the kernel that calls OpenBLAS here).
 * Errors: LCN_NULL_POINTER, LCN_MISALIGNED, LCN_SIZE_OVERFLOW, LCN_BUFFER_TOO_SMALL, LCN_INVALID_ARGUMENT for overlapping
 * arrays or a negative number, LCN_SHAPE_MISMATCH for a residual that is not asked for. y is untouched then. */
lcn_status lcn_conv_run(const lcn_conv *conv, const void *x, const void *residual, void *y, int64_t images,
                        void *workspace, size_t workspace_bytes) LCN_NOEXCEPT;

/* Slice number `slice` of `slices` of that run, in the calling thread: see lcn_plan_run_slice. */
lcn_status lcn_conv_run_slice(const lcn_conv *conv, int64_t slice, int64_t slices, const void *x,
                              const void *residual, void *y, int64_t images, void *workspace,
                              size_t workspace_bytes) LCN_NOEXCEPT;

/* Gives a convolution back, as lcn_plan_destroy does a plan. */
lcn_status lcn_conv_destroy(lcn_conv *conv) LCN_NOEXCEPT;

/* -- Recurrent networks --------------------------------------------------------------------------- */

/* LSTMs and GRUs of one or more layers, whole sequences or one step at a time. s = W·x + R·h + both biases, σ the logistic
 * function:
 *
 *     LSTM   c ← σ(s_f)·c + σ(s_i)·tanh(s_c),  h ← σ(s_o)·tanh(c)
 *     GRU    z = σ(s_z),  r = σ(s_r),  h ← (1 − z)·n + z·h,  where n is
 *            tanh(W_h·x + b + R_h·(r·h) + b′), or with LCN_GRU_RESET_AFTER tanh(W_h·x + b + r·(R_h·h + b′))
 *
 *     lcn_recurrent_weights w = LCN_RECURRENT_WEIGHTS_INIT;
 *     w.input = input;  w.recurrent = recurrent;      // lcn_matrix [4·128, 40] and [4·128, 128], in any format
 *     const lcn_recurrent_weights *all[] = {&w};      // one for each direction of each layer
 *     lcn_recurrent_options o = LCN_RECURRENT_OPTIONS_INIT;
 *     o.cell = LCN_LSTM;  o.inputs = 40;  o.hidden = 128;  o.order = LCN_GATES_TORCH;
 *     lcn_recurrent *network = NULL;
 *     lcn_recurrent_create(all, 1, &o, &network);
 *
 *     lcn_recurrent_operands step = LCN_RECURRENT_OPERANDS_INIT;
 *     step.x = x;  step.y = y;  step.first_hidden = step.last_hidden = h;  step.first_cell = step.last_cell = c;
 *     lcn_recurrent_run(network, &step);              // x [40] → y [128]; h and c are ready for the next step
 *     lcn_recurrent_destroy(network);
 *
 * Everything is f32. tanh and σ are within 3 ulp, with the same bits on every processor. What is said about plans holds
 * here too: weights that are not stored, NaN (which stays in its sequence), threads, slices, equal bits. */
typedef struct lcn_recurrent lcn_recurrent;

enum { LCN_LSTM = 1, LCN_GRU = 2, LCN_GRU_RESET_AFTER = 3 };
enum { /* the order of the gates' rows in weights and biases */
  LCN_GATES_ONNX = 1,  /* LSTM i, o, f, c; GRU z, r, h */
  LCN_GATES_KERAS = 2, /* LSTM i, f, c, o; GRU z, r, h. Keras stores the transposed matrices: lcn_matrix_from_dense with
                          row_stride 1 and column_stride gates · hidden */
  LCN_GATES_TORCH = 3  /* LSTM i, f, g, o; GRU r, z, n */
};
enum { LCN_FORWARD = 1, LCN_REVERSE = 2, LCN_BIDIRECTIONAL = 3 };
enum { /* how sequences lie in memory; directions are 2 for LCN_BIDIRECTIONAL, the forward one first, else 1 */
  LCN_TIME_FIRST = 1,     /* x [steps, batch, inputs], y [steps, batch, directions · hidden]: PyTorch */
  LCN_BATCH_FIRST = 2,    /* x [batch, steps, inputs], y [batch, steps, directions · hidden]: Keras */
  LCN_TIME_DIRECTIONS = 3 /* x [steps, batch, inputs], y [steps, directions, batch, hidden]: ONNX */
};

/* One direction of one layer. */
typedef struct {
  uint32_t struct_size;
  int32_t reserved;
  const lcn_matrix *input;     /* W [gates · hidden, features of the layer's input], LCN_F32; an LSTM has 4 gates, a GRU 3 */
  const lcn_matrix *recurrent; /* R [gates · hidden, hidden] */
  const float *input_bias;     /* gates · hidden values added to W·x; NULL for none. Copied. */
  const float *recurrent_bias; /* the same for R·h */
} lcn_recurrent_weights;
#define LCN_RECURRENT_WEIGHTS_INIT {(uint32_t)sizeof(lcn_recurrent_weights), 0, NULL, NULL, NULL, NULL}

typedef struct {
  uint32_t struct_size;
  int32_t cell;          /* LCN_LSTM, LCN_GRU or LCN_GRU_RESET_AFTER */
  int64_t inputs;        /* features of a step of x */
  int64_t hidden;        /* units of each direction */
  int64_t layers;        /* 1 … 1024; each reads the results of the one before */
  int32_t direction;     /* LCN_FORWARD, LCN_REVERSE or LCN_BIDIRECTIONAL */
  int32_t order;         /* LCN_GATES_… */
  int32_t layout;        /* LCN_TIME_FIRST, LCN_BATCH_FIRST or LCN_TIME_DIRECTIONS */
  int32_t threads;       /* as in lcn_plan_options */
  int64_t steps;         /* expected steps and sequences of a run, 1 or more: kernels are chosen and memory is kept for */
  int64_t batch;         /* them. Larger runs without a workspace allocate */
  int32_t deterministic; /* as in lcn_plan_options, and so is the next */
  int32_t exclude_dense;
  int32_t weights;       /* 0 or LCN_F32; LCN_I8: weights become 8-bit, a scale for each row, and so do x and h in each
                            step, with a range for each sequence. The bits are those of every processor then */
  int32_t reserved;
  const char *kernel;    /* forces a kernel for all products; NULL lets Lacuna choose */
} lcn_recurrent_options;
#define LCN_RECURRENT_OPTIONS_INIT                                                                             \
  {(uint32_t)sizeof(lcn_recurrent_options), LCN_LSTM, 1, 1, 1, LCN_FORWARD, LCN_GATES_ONNX, LCN_TIME_FIRST, 1, 1, 1, \
   1, 0, 0, 0, NULL}

typedef struct {
  uint32_t struct_size;
  int32_t threads;
  int64_t inputs;
  int64_t outputs;      /* directions · hidden: features of a step of y */
  int64_t hidden;
  int64_t passes;       /* layers · directions: so many weights, and states */
  int64_t steps;
  int64_t batch;
  int64_t slices;       /* most slices that still have work each in lcn_recurrent_run_slice, for `batch` */
  int64_t stored;       /* stored weights */
  int64_t packed_bytes; /* memory of the packed weights */
  char kernel[64];      /* the kernels of W and of R, cut where there is no more room */
} lcn_recurrent_info;
#define LCN_RECURRENT_INFO_INIT {(uint32_t)sizeof(lcn_recurrent_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}}

/* One run. States are [layers · directions, batch, hidden], layer after layer, the forward direction first. */
typedef struct {
  uint32_t struct_size;
  int32_t reserved;
  int64_t steps;             /* 1 or more, and so is the next; any numbers, not only the expected ones */
  int64_t batch;
  const float *x;            /* steps · batch · inputs values in the layout */
  float *y;                  /* steps · batch · outputs values; NULL when only last states are asked for */
  const int64_t *lengths;    /* steps of each sequence, 0 … steps; NULL when all have `steps`. Behind its end a
                                sequence's results are 0, and its last states are those after its own last step (in
                                reverse its first one) */
  const float *first_hidden; /* h before the run; NULL for zeros */
  const float *first_cell;   /* c of an LSTM, likewise */
  float *last_hidden;        /* h after the run, or NULL; may be first_hidden */
  float *last_cell;          /* c of an LSTM, or NULL; may be first_cell */
  void *workspace;           /* lcn_recurrent_workspace_size bytes, 64-byte aligned, used by no other call at the same
                                time; NULL borrows from the network, as one with threads above 1 does */
  size_t workspace_bytes;
} lcn_recurrent_operands;
#define LCN_RECURRENT_OPERANDS_INIT \
  {(uint32_t)sizeof(lcn_recurrent_operands), 0, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0}

/* Packs `count` weights: layer after layer, the forward direction first. Nothing of the caller's is kept.
 *
 * Errors: those of lcn_plan_create; LCN_INVALID_ARGUMENT for a size below 1; LCN_SHAPE_MISMATCH for another number of
 * weights than layers · directions or matrices of another shape; LCN_UNSUPPORTED for LCN_F64. O(stored), allocates. */
lcn_status lcn_recurrent_create(const lcn_recurrent_weights *const *weights, int64_t count,
                                const lcn_recurrent_options *options, lcn_recurrent **result) LCN_NOEXCEPT;

/* Fills `info`. Allocates nothing that stays. */
lcn_status lcn_recurrent_get_info(const lcn_recurrent *network, lcn_recurrent_info *info) LCN_NOEXCEPT;

/* A text of some lines for each direction of each layer; arguments and errors as lcn_plan_describe. */
lcn_status lcn_recurrent_describe(const lcn_recurrent *network, char *text, size_t capacity, size_t *length) LCN_NOEXCEPT;

/* Bytes of scratch memory that a run or slice of so many steps and sequences wants. */
lcn_status lcn_recurrent_workspace_size(const lcn_recurrent *network, int64_t steps, int64_t batch,
                                        size_t *bytes) LCN_NOEXCEPT;

/* The network on some sequences. Allocates nothing when these are no more than expected or there is a workspace, but for
 * products that run dense (see lcn_plan_run). Outputs overlap neither each other nor inputs, but for last states in the
 * place of first ones.
 * Errors: LCN_NULL_POINTER, also when nothing is asked for; LCN_MISALIGNED; LCN_INVALID_ARGUMENT for runs without
 * steps or sequences, lengths outside of them, overlapping arrays; LCN_SHAPE_MISMATCH for a cell state of a GRU;
 * LCN_SIZE_OVERFLOW; LCN_BUFFER_TOO_SMALL for a workspace that is; LCN_OUT_OF_MEMORY. Nothing is written then. */
lcn_status lcn_recurrent_run(const lcn_recurrent *network, const lcn_recurrent_operands *operands) LCN_NOEXCEPT;

/* Slice number `slice` of `slices` of that run, in the calling thread: some of the sequences through all layers. See
 * lcn_plan_run_slice. */
lcn_status lcn_recurrent_run_slice(const lcn_recurrent *network, int64_t slice, int64_t slices,
                                   const lcn_recurrent_operands *operands) LCN_NOEXCEPT;

/* Gives a network back, as lcn_plan_destroy does a plan. */
lcn_status lcn_recurrent_destroy(lcn_recurrent *network) LCN_NOEXCEPT;

/* -- Pruning on raw buffers ---------------------------------------------------------------------- */

enum {
  LCN_SCHEDULE_CONSTANT = 1,  /* final_sparsity from begin_step on */
  LCN_SCHEDULE_POLYNOMIAL = 2 /* from initial to final between begin_step and end_step */
};

/* A sparsity for every training step. With p = clamp((step − begin) / (end − begin), 0, 1):
 *
 *     polynomial: (initial − final) · (1 − p)^power + final
 *
 * Masks are recomputed every `frequency` steps from begin_step on, and always at end_step; an end_step
 * below 0 (constant schedules only) means never to stop. Steps count from 1 in a training loop. */
typedef struct {
  uint32_t struct_size;
  int32_t kind;            /* LCN_SCHEDULE_… */
  double initial_sparsity; /* 0 ≤ … < 1; polynomial only */
  double final_sparsity;   /* 0 ≤ … < 1 */
  double power;            /* 0 or more; polynomial only */
  int64_t begin_step;
  int64_t end_step;
  int64_t frequency;       /* steps, 1 or more */
} lcn_schedule_desc;
#define LCN_SCHEDULE_DESC_INIT \
  {(uint32_t)sizeof(lcn_schedule_desc), LCN_SCHEDULE_POLYNOMIAL, 0.0, 0.0, 3.0, 0, 0, 100}

/* The sparsity that the schedule asks for at `step`, a fraction of zeros in 0 ≤ … < 1. Any step will do. Keeps no
 * state: from any thread, in any order. LCN_INVALID_ARGUMENT for a schedule with a number outside its range. */
lcn_status lcn_schedule_sparsity(const lcn_schedule_desc *schedule, int64_t step,
                                 double *sparsity) LCN_NOEXCEPT;

/* Whether masks are recomputed at `step`: 1 or 0. Errors as lcn_schedule_sparsity. */
lcn_status lcn_schedule_is_update(const lcn_schedule_desc *schedule, int64_t step,
                                  int32_t *is_update) LCN_NOEXCEPT;

enum {
  LCN_TIES_EXACT = 1, /* exactly k survive; of equal magnitudes the lower index does */
  LCN_TIES_KEEP = 2   /* everything at or above the k-th magnitude survives (TensorFlow's rule) */
};
enum { /* how a cell of several weights is scored */
  LCN_POOL_AVERAGE = 1, /* mean magnitude, over its weights inside the matrix */
  LCN_POOL_MAXIMUM = 2,
  LCN_POOL_L1 = 3, /* sum of magnitudes */
  LCN_POOL_L2 = 4  /* root of the sum of squares */
};
enum { /* what stays or goes as one piece, a cell */
  LCN_GRANULARITY_ELEMENT = 1,
  LCN_GRANULARITY_BLOCK = 2,   /* block_rows × block_columns */
  LCN_GRANULARITY_PATTERN = 3, /* N:M: single weights, but at least group_keep of each group_size in a row stay */
  LCN_GRANULARITY_WINDOW = 4,  /* every group_size inputs of a row keep equally many, at least group_keep */
  LCN_GRANULARITY_ROWS = 5,
  LCN_GRANULARITY_COLUMNS = 6
};

typedef struct {
  uint32_t struct_size;
  int32_t granularity;   /* LCN_GRANULARITY_… */
  double sparsity;       /* fraction of cells to remove, 0 ≤ sparsity < 1 */
  int64_t block_rows;    /* LCN_GRANULARITY_BLOCK */
  int64_t block_columns;
  int32_t pooling;       /* LCN_POOL_…, for blocks, rows and columns */
  int32_t ties;          /* LCN_TIES_… */
  int32_t group_keep;    /* LCN_GRANULARITY_PATTERN, _WINDOW: 1 ≤ group_keep < group_size ≤ 256 */
  int32_t group_size;
} lcn_mask_options;
#define LCN_MASK_OPTIONS_INIT                                                                       \
  {(uint32_t)sizeof(lcn_mask_options), LCN_GRANULARITY_ELEMENT, 0.0, 1, 1, LCN_POOL_AVERAGE, \
   LCN_TIES_EXACT, 0, 0}

/* Writes to `mask` which elements of `weights` stay when the cells of smallest magnitude are removed:
 * k = max(round(N · (1 − sparsity)), 1) of N cells are kept, half to even in single precision. `*kept` (may be
 * NULL) gets the number of kept elements.
 *
 * Weights [rows, columns] that are packed row-major are read in place, others through a copy; they stay as they are.
 * Allocates scores for the time of the call, up to twice the weights. O(rows · columns).
 * f64 weights are ranked and pooled as f64. Norms do not overflow or vanish on their way.
 * Errors: LCN_NOT_A_NUMBER when a weight is NaN or infinite (the text names the index), or when the norm of a block,
 * row or column is beyond the largest number of the type; LCN_SHAPE_MISMATCH when mask and weights disagree,
 * LCN_INVALID_ARGUMENT for a number outside its range. The mask is untouched then. */
lcn_status lcn_mask_compute(const lcn_dense_desc *weights, const lcn_mask_options *options,
                            const lcn_mask_desc *mask, int64_t *kept) LCN_NOEXCEPT;

/* w ← 0 where the mask removes, in place, any type and strides. NaN and Inf become 0 too. Mask and weights have
 * one shape, else LCN_SHAPE_MISMATCH, and must not overlap. Allocates nothing; calls on other weights may run beside.
 * O(rows · columns). */
lcn_status lcn_mask_apply(const lcn_dense_desc *weights, const lcn_mask_desc *mask) LCN_NOEXCEPT;

/* The k-th largest magnitude of `count` packed values of type `dtype`, 1 ≤ k ≤ count (else LCN_INVALID_ARGUMENT):
 * keeping |v| ≥ *threshold keeps at least k. Reads the values in place; allocates at most as much again for the time
 * of the call. O(count). LCN_NOT_A_NUMBER when a value is NaN. */
lcn_status lcn_topk_threshold(int32_t dtype, const void *values, int64_t count, int64_t k,
                              double *threshold) LCN_NOEXCEPT;

/* -- One-shot pruning ---------------------------------------------------------------------------- */

/* A trained layer Y = W·X loses weights at once, without training, and the others move so that Y changes least. What is
 * needed of the inputs is H = X·Xᵀ, added up batch by batch:
 *
 *     lcn_calibration *inputs = NULL;
 *     lcn_calibration_create(in, LCN_MOMENTS_DOUBLE, &inputs);
 *     while (next_batch(x)) lcn_calibration_add(inputs, LCN_ROWS, x, batch, 0);   // x is [batch, in]
 *     lcn_oneshot_options o = LCN_ONESHOT_OPTIONS_INIT;
 *     o.method = LCN_ONESHOT_SPARSEGPT;  o.sparsity = 0.7;
 *     lcn_oneshot_report report = LCN_ONESHOT_REPORT_INIT;
 *     lcn_oneshot_prune(inputs, &weights, &o, &mask, &report);
 *     lcn_calibration_destroy(inputs);
 */

/* What the inputs of one layer were like. Unlike other objects it changes; callers on several threads take turns. */
typedef struct lcn_calibration lcn_calibration;

enum { /* how much is kept of the inputs */
  LCN_MOMENTS_NORMS = 1,  /* Σx² of each input: enough for LCN_ONESHOT_MAGNITUDE and _WANDA */
  LCN_MOMENTS_SINGLE = 2, /* all products, in single precision: half the memory and time of the next */
  LCN_MOMENTS_DOUBLE = 3  /* all products, in double precision */
};

/* An accumulator for a layer of `inputs` inputs, at most 65536, without samples. Allocates inputs² floats or doubles, or
 * as many as there are inputs for LCN_MOMENTS_NORMS. */
lcn_status lcn_calibration_create(int64_t inputs, int32_t moments, lcn_calibration **result) LCN_NOEXCEPT;

/* Adds `samples` samples of packed elements, [samples, inputs] for LCN_ROWS or [inputs, samples] for LCN_COLUMNS. `stride`
 * is the elements from one stored row to the next, 0 for packed rows; LCN_INVALID_STRIDE when it is shorter than a row.
 * LCN_NOT_A_NUMBER, and nothing added, when an element is not finite: the text names the sample, counted over all batches,
 * and the input. Uses all processors. O(inputs² · samples). */
lcn_status lcn_calibration_add(lcn_calibration *calibration, int32_t layout, const float *x, int64_t samples,
                               int64_t stride) LCN_NOEXCEPT;

typedef struct {
  uint32_t struct_size;
  int32_t reserved;
  int64_t inputs;
  int64_t samples;     /* added so far */
  int64_t dead_inputs; /* zero in every sample */
} lcn_calibration_info;
#define LCN_CALIBRATION_INFO_INIT {(uint32_t)sizeof(lcn_calibration_info), 0, 0, 0, 0}

/* Fills `info`. */
lcn_status lcn_calibration_get_info(const lcn_calibration *calibration, lcn_calibration_info *info) LCN_NOEXCEPT;

/* Gives a calibration back, as lcn_matrix_destroy does a matrix. */
lcn_status lcn_calibration_destroy(lcn_calibration *calibration) LCN_NOEXCEPT;

enum {
  LCN_ONESHOT_MAGNITUDE = 1, /* the largest |w| stay */
  LCN_ONESHOT_WANDA = 2,     /* the largest |w|·‖x‖ of each row stay */
  LCN_ONESHOT_SPARSEGPT = 3, /* one pass over the columns, with updates */
  LCN_ONESHOT_OBS = 4,       /* exact greedy removal with updates: for small layers, O(rows · columns³) */
  LCN_ONESHOT_ALPS = 5       /* ADMM for the mask, then a fit: the slowest and best */
};

typedef struct {
  uint32_t struct_size;
  int32_t method;      /* LCN_ONESHOT_… */
  double sparsity;     /* fraction of cells to remove, 0 ≤ sparsity < 1; not read for groups, which imply it */
  int32_t granularity; /* LCN_GRANULARITY_…; _PATTERN and _WINDOW both keep exactly group_keep of each group_size */
  int32_t refit;       /* not 0: fit what is left to the dense outputs again, after methods that do not */
  int64_t block_rows;  /* LCN_GRANULARITY_BLOCK */
  int64_t block_columns;
  int32_t group_keep;
  int32_t group_size;
  double damping;      /* 0…1: what is added to the diagonal of H, as a fraction of its mean */
} lcn_oneshot_options;
#define LCN_ONESHOT_OPTIONS_INIT \
  {(uint32_t)sizeof(lcn_oneshot_options), LCN_ONESHOT_SPARSEGPT, 0.5, LCN_GRANULARITY_ELEMENT, 0, 1, 1, 0, 0, 0.01}

typedef struct {
  uint32_t struct_size;
  int32_t reserved;
  int64_t kept;          /* weights that are left */
  int64_t samples;
  int64_t dead_inputs;
  double error_of_mask;  /* ‖(W − W⊙mask)·X‖² / ‖W·X‖²; −1 when only norms were kept */
  double error;          /* ‖(W − result)·X‖² / ‖W·X‖²; −1 likewise */
  double damping;        /* what was added to the diagonal; it grows where a factor fails. 0 when none was needed */
  double seconds;
} lcn_oneshot_report;
#define LCN_ONESHOT_REPORT_INIT {(uint32_t)sizeof(lcn_oneshot_report), 0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0}

/* Prunes W [out, in] of LCN_F32 in place, in any strides. `mask` and `report` may be NULL; the mask gets which weights
 * stay and has the shape of W (LCN_SHAPE_MISMATCH). What the mask removes is 0.
 *
 * Errors: LCN_SHAPE_MISMATCH when W has another number of columns than the calibration has inputs; LCN_BAD_DATA without
 * samples, or with zeros only; LCN_UNSUPPORTED for LCN_F64, or a method that needs products when norms were kept;
 * LCN_NOT_A_NUMBER for a weight that is not finite; LCN_INVALID_ARGUMENT for numbers out of range. Weights and mask
 * are as they were then. Uses all processors and allocates some copies of W and H for the time of the call. */
lcn_status lcn_oneshot_prune(const lcn_calibration *calibration, const lcn_dense_desc *weights,
                             const lcn_oneshot_options *options, const lcn_mask_desc *mask,
                             lcn_oneshot_report *report) LCN_NOEXCEPT;

/* Fits the weights that `mask` keeps to the outputs of W, which holds all trained weights before the call and the fitted
 * ones, with zeros, after it. `damping` as in lcn_oneshot_options; 0 is plain least squares. Errors and cost as above. */
lcn_status lcn_oneshot_refit(const lcn_calibration *calibration, const lcn_dense_desc *weights,
                             const lcn_mask_desc *mask, double damping, lcn_oneshot_report *report) LCN_NOEXCEPT;

/* Layers of a network that was pruned in part: their inputs are by now others than those of the dense network, but their
 * outputs should be the dense ones T. Such a calibration keeps T·Xᵀ beside X·Xᵀ, in double precision, and with
 * `adapts_bias` (0 or 1) the means of both, so that the bias may change with the weights. lcn_calibration_get_info and
 * _destroy are as for the others; dead inputs are then those that never change. Allocates inputs · (inputs + outputs)
 * doubles. */
lcn_status lcn_calibration_create_aimed(int64_t inputs, int64_t outputs, int32_t adapts_bias,
                                        lcn_calibration **result) LCN_NOEXCEPT;

/* Adds samples of the inputs and of the outputs that the layer should have for them, its bias included: two arrays
 * of the same `layout`, each with its own stride, as lcn_calibration_add has them. LCN_UNSUPPORTED for a calibration without
 * outputs, as that function says for one with them. */
lcn_status lcn_calibration_add_aimed(lcn_calibration *calibration, int32_t layout, const float *x, int64_t stride,
                                     const float *targets, int64_t target_stride, int64_t samples) LCN_NOEXCEPT;

/* As lcn_oneshot_prune, with such a calibration. `bias` has one element for each row of W and gets the layer's new bias;
 * it is NULL when adapts_bias was 0. Errors in `report` are ‖W·X + b − T‖² relative to T's variance. LCN_SHAPE_MISMATCH
 * when W has another number of rows than there are outputs. */
lcn_status lcn_oneshot_prune_aimed(const lcn_calibration *calibration, const lcn_dense_desc *weights, float *bias,
                                   const lcn_oneshot_options *options, const lcn_mask_desc *mask,
                                   lcn_oneshot_report *report) LCN_NOEXCEPT;

enum { /* how the layers of a model share a sparsity; 0: each has the same */
  LCN_BUDGET_GLOBAL = 1,     /* one threshold over all on |w|·‖x‖, relative to the layer's norm */
  LCN_BUDGET_OWL = 2,        /* layers with more outliers stay denser */
  LCN_BUDGET_LEAST_ERROR = 3 /* the least sum of errors, measured at about ten sparsities of each layer */
};

/* The sparsity of each of `layers` layers, such that options->sparsity of all their weights go: `sparsities` gets as many
 * numbers. calibrations[i] holds the inputs of weights[i]; norms are enough but for LCN_BUDGET_LEAST_ERROR, which prunes as
 * `options` say. Nothing is changed. LCN_INVALID_ARGUMENT for groups, which all keep the same. */
lcn_status lcn_oneshot_share(int64_t layers, const lcn_calibration *const *calibrations,
                             const lcn_dense_desc *const *weights, const lcn_oneshot_options *options,
                             int32_t budget, double *sparsities) LCN_NOEXCEPT;

/* Seconds of one product of W, which is LCN_F32, by `width` columns on one thread: of all its weights when `dense` is 1,
 * of those that are not zero when it is 0. Runs for 20 ms or more. */
lcn_status lcn_oneshot_time(const lcn_dense_desc *weights, int64_t width, int32_t dense, double *seconds) LCN_NOEXCEPT;

/* One choice for each layer, so that the sum of seconds is at most `budget` and that of errors the least. Layer i has
 * choices[i] of them, at least one, which follow each other in `seconds` and `errors`; chosen[i] gets the number of the
 * layer's choice, from 0. Anything that adds up may take the place of seconds. LCN_INVALID_ARGUMENT when nothing fits: the
 * text says the least possible sum. */
lcn_status lcn_oneshot_choose(int64_t layers, const int64_t *choices, const double *seconds, const double *errors,
                              double budget, int64_t *chosen) LCN_NOEXCEPT;

enum { /* which outputs the layers of a network keep; 0: LCN_AIM_DENSE for methods that move weights, else LCN_AIM_OWN */
  LCN_AIM_DENSE = 1, /* those of the dense network; biases change too */
  LCN_AIM_OWN = 2    /* their own, for the inputs that they get by now */
};

typedef struct {
  uint32_t struct_size;
  int32_t budget;      /* 0, or LCN_BUDGET_… */
  int32_t aim;         /* 0, or LCN_AIM_… */
  int32_t threads;     /* 0: one for each processor */
  int64_t patches;     /* of each sample, that calibrate a convolution */
  double latency;      /* not 0: sparsities are chosen so that the products of `batch` samples take at most so many
                          seconds on this machine; lcn_oneshot_options' sparsity and granularity are not used then */
  int64_t batch;
  const char *exclude; /* NULL, or kernels that are left alone: names or patterns such as "conv1*", between commas */
} lcn_network_options;
#define LCN_NETWORK_OPTIONS_INIT {(uint32_t)sizeof(lcn_network_options), 0, 0, 0, 32, 0.0, 1, NULL}

typedef struct {
  uint32_t struct_size;
  int32_t layers;      /* that were pruned */
  int64_t weights;     /* of those layers */
  int64_t kept;
  double seconds;      /* of pruning */
  double dense_latency; /* of all products: before, as predicted, and measured afterwards; 0 without a budget */
  double predicted_latency;
  double measured_latency;
} lcn_network_report;
#define LCN_NETWORK_REPORT_INIT {(uint32_t)sizeof(lcn_network_report), 0, 0, 0, 0.0, 0.0, 0.0, 0.0}

/* Prunes the network of a .lacuna file, a checkpoint or a compact model, on `count` samples of `inputs` packed values each
 * (LCN_SHAPE_MISMATCH unless the network reads so many), layer after layer, and writes it to `output` as what it was. `network` and `report` may be NULL. Nothing is written when it fails.
 * Give each layer at least twice as many samples as it has inputs. */
lcn_status lcn_oneshot_network(const char *input, const char *output, const float *samples, int64_t count,
                               int64_t inputs, const lcn_oneshot_options *options,
                               const lcn_network_options *network, lcn_network_report *report) LCN_NOEXCEPT;

/* -- Models -------------------------------------------------------------------------------------- */

/* A network from a .lacuna file, planned for inference. */
typedef struct lcn_model lcn_model;

typedef struct {
  uint32_t struct_size;
  int32_t threads; /* threads that a run may use, 1 … 1024 */
  int64_t batch;   /* expected number of inputs per run, 1 … 65536 */
  int32_t exclude_dense; /* 1: layers that are stored sparse never run dense, as in lcn_plan_options */
  int32_t arithmetic;    /* 0 or LCN_F32: products in single precision; LCN_I8: those of layers whose weights are stored
                            in 8 bits are products of bytes. A file with the ranges of its activations (lacuna calibrate)
                            keeps them in bytes from layer to layer, NaN and infinities becoming the nearest byte; else each
                            product has a range of x for each input (LCN_RANGE_SIDE) */
} lcn_model_options;
#define LCN_MODEL_OPTIONS_INIT {(uint32_t)sizeof(lcn_model_options), 1, 1, 0, 0}

typedef struct {
  uint32_t struct_size;
  int32_t reserved;
  int64_t inputs;      /* f32 values per input */
  int64_t outputs;     /* f32 values per output */
  int64_t parameters;  /* weights and biases, zeros included */
  int64_t stored;      /* those that are stored */
  int64_t weights;     /* weight matrices, for lcn_model_get_weight */
} lcn_model_info;
#define LCN_MODEL_INFO_INIT {(uint32_t)sizeof(lcn_model_info), 0, 0, 0, 0, 0, 0}

/* Loads the network in the file at `path` (UTF-8, at most 4095 bytes). `options` NULL means
 * LCN_MODEL_OPTIONS_INIT. The file is read in full and not needed any more. Errors: LCN_FILE_NOT_FOUND, LCN_IO,
 * LCN_BAD_DATA, LCN_UNSUPPORTED for a valid file without a network, LCN_INVALID_ARGUMENT for an option outside its
 * range, LCN_I8 where no layer is stored in 8 bits, or a path that is not UTF-8. Allocates the weights, packed, and the activations of a batch. */
lcn_status lcn_model_load(const char *path, const lcn_model_options *options,
                          lcn_model **result) LCN_NOEXCEPT;

/* Fills `info`. Allocates nothing. */
lcn_status lcn_model_get_info(const lcn_model *model, lcn_model_info *info) LCN_NOEXCEPT;

/* Writes one line per layer; arguments and errors as lcn_plan_describe. */
lcn_status lcn_model_describe(const lcn_model *model, char *text, size_t capacity,
                              size_t *length) LCN_NOEXCEPT;

/* output[batch, outputs] ← network(input[batch, inputs]), packed row-major f32 arrays that do not overlap. Images
 * are height × width × channels, channels innermost. `batch` may be any number; whole multiples of the planned one
 * are fastest; 0 does nothing. Allocates nothing, except as lcn_plan_run for layers that run dense. Threads may call it on one model at once, but take turns: to run
 * side by side, load a model for each. Errors: LCN_INVALID_ARGUMENT for arrays that overlap; output is untouched. */
lcn_status lcn_model_run(const lcn_model *model, const float *input, float *output,
                         int64_t batch) LCN_NOEXCEPT;

/* Weight matrix number `index`, 0 ≤ index < lcn_model_info.weights (else LCN_INVALID_ARGUMENT), in layer order: f32
 * [out, in], a convolution's as [filters, height · width · channels], in the storage format of the file, 8-bit
 * values expanded. The handle is the caller's and outlives the model. */
lcn_status lcn_model_get_weight(const lcn_model *model, int64_t index, lcn_matrix **result) LCN_NOEXCEPT;

/* Gives a model back. NULL does nothing; a handle given back before is LCN_INVALID_HANDLE. */
lcn_status lcn_model_destroy(lcn_model *model) LCN_NOEXCEPT;

/* -- Graphs -------------------------------------------------------------------------------------- */

/* The network of an ONNX or TFLite file: operators between named values, with any number of inputs and outputs. */
typedef struct lcn_graph lcn_graph;
/* A graph for inputs of given shapes: fused, its weights packed, zeros skipped where that is faster. */
typedef struct lcn_graph_plan lcn_graph_plan;

/* Element types of a graph's values beside LCN_F32. Narrower numbers of a file are f32 and 64-bit integers here. */
enum { LCN_INT64 = 7, LCN_BOOL = 8 /* a byte that is 0 or 1 */ };

typedef struct {
  uint32_t struct_size;
  int32_t dtype;        /* LCN_F32, LCN_INT64 or LCN_BOOL; 0 for a graph's output, whose type a plan knows */
  const char *name;     /* UTF-8; this and `shape` point to memory of the handle that was asked */
  int32_t rank;         /* number of dimensions, 0 for a single number; -1 for a graph's output */
  int32_t reserved;
  const int64_t *shape; /* outermost first; -1 where a dimension is open until a plan is made */
} lcn_graph_value;
#define LCN_GRAPH_VALUE_INIT {(uint32_t)sizeof(lcn_graph_value), 0, NULL, 0, 0, NULL}

typedef struct {
  uint32_t struct_size;
  int32_t reserved;
  int64_t inputs;
  int64_t outputs;
  int64_t nodes;
  int64_t parameters;  /* numbers that the file brings along, zeros included */
} lcn_graph_info;
#define LCN_GRAPH_INFO_INIT {(uint32_t)sizeof(lcn_graph_info), 0, 0, 0, 0, 0}

/* Reads the network in the ONNX or TFLite file at `path` (UTF-8, at most 4095 bytes), with the files that it names beside it. They
 * are not needed any more afterwards. Errors: LCN_FILE_NOT_FOUND, LCN_IO, LCN_BAD_DATA, LCN_UNSUPPORTED for another
 * format, or an operator, version or setting that is not supported: the text names the node. */
lcn_status lcn_graph_load(const char *path, lcn_graph **result) LCN_NOEXCEPT;

/* The same of a model that is in memory, `count` bytes as its file has them; parts of it in other files are not found, which is
 * LCN_BAD_DATA. The bytes are copied, and not needed any more afterwards. Errors: LCN_BAD_DATA, LCN_UNSUPPORTED as
 * above. */
lcn_status lcn_graph_read(const void *model, size_t count, lcn_graph **result) LCN_NOEXCEPT;

/* Fills `info`. Allocates nothing. */
lcn_status lcn_graph_get_info(const lcn_graph *graph, lcn_graph_info *info) LCN_NOEXCEPT;

/* Fills `value` with input or output number `index`, in the file's order; LCN_INVALID_ARGUMENT when there is none. */
lcn_status lcn_graph_get_input(const lcn_graph *graph, int64_t index, lcn_graph_value *value) LCN_NOEXCEPT;
lcn_status lcn_graph_get_output(const lcn_graph *graph, int64_t index, lcn_graph_value *value) LCN_NOEXCEPT;

/* Gives a graph back, as lcn_matrix_destroy does a matrix. */
lcn_status lcn_graph_destroy(lcn_graph *graph) LCN_NOEXCEPT;

typedef struct {
  uint32_t struct_size;
  int32_t threads;       /* threads that a run may use, 1 … 1024 */
  int32_t deterministic; /* 1: kernels are chosen by estimates alone, as in lcn_plan_options */
  int32_t exclude_dense; /* 1: never multiply by a weight that is zero */
  int64_t memory;        /* bytes that constants and activations may take; 0: what the machine has */
} lcn_graph_options;
#define LCN_GRAPH_OPTIONS_INIT {(uint32_t)sizeof(lcn_graph_options), 1, 0, 0, 0}

/* What is known of an input when a plan is made. */
typedef struct {
  uint32_t struct_size;
  int32_t rank;           /* number of dimensions, 0 … 64 */
  const char *name;       /* as lcn_graph_get_input has it */
  const int64_t *shape;   /* `rank` dimensions; may be NULL for 0 */
  const void *constant;   /* NULL, or the elements when they are always the same, such as a sampling rate: what depends
                             on them is computed now, and the plan has no such input */
} lcn_graph_input;
#define LCN_GRAPH_INPUT_INIT {(uint32_t)sizeof(lcn_graph_input), 0, NULL, NULL, NULL}

/* Plans a graph for inputs of those shapes; an input without open dimensions needs none. `options` NULL means
 * LCN_GRAPH_OPTIONS_INIT. Does not keep the graph. Errors: LCN_INVALID_ARGUMENT for a name that is no input's, is given
 * twice, or is missing though its shape is open; LCN_SHAPE_MISMATCH when a shape does not fit its input or an operator;
 * LCN_UNSUPPORTED, LCN_BAD_DATA for a node that cannot be computed. Allocates the weights, packed, and the
 * activations of a run; kernels are timed for some milliseconds each unless `deterministic`. */
lcn_status lcn_graph_plan_create(const lcn_graph *graph, const lcn_graph_input *const *inputs, int64_t count,
                                 const lcn_graph_options *options, lcn_graph_plan **result) LCN_NOEXCEPT;

typedef struct {
  uint32_t struct_size;
  int32_t threads;
  int64_t inputs;      /* that a run is given: constants are none */
  int64_t outputs;
  int64_t steps;
  int64_t arena_bytes; /* activations and scratch memory of one run */
} lcn_graph_plan_info;
#define LCN_GRAPH_PLAN_INFO_INIT {(uint32_t)sizeof(lcn_graph_plan_info), 0, 0, 0, 0, 0}

/* Fills `info`. Allocates nothing. */
lcn_status lcn_graph_plan_get_info(const lcn_graph_plan *plan, lcn_graph_plan_info *info) LCN_NOEXCEPT;

/* Fills `value` with input or output number `index` of a run, whose shape has no open dimension. */
lcn_status lcn_graph_plan_get_input(const lcn_graph_plan *plan, int64_t index, lcn_graph_value *value) LCN_NOEXCEPT;
lcn_status lcn_graph_plan_get_output(const lcn_graph_plan *plan, int64_t index, lcn_graph_value *value) LCN_NOEXCEPT;

/* Writes one line per step: what is computed, with which kernel; arguments and errors as lcn_plan_describe. */
lcn_status lcn_graph_plan_describe(const lcn_graph_plan *plan, char *text, size_t capacity,
                                   size_t *length) LCN_NOEXCEPT;

/* Runs the network: inputs[i] holds all elements of input i, packed row-major, outputs[i] gets those of output i. Threads
 * may run one plan at once, side by side; each of them then has activations of its own, which the first such runs
 * allocate. Allocates nothing else. Positions (of a gather) that are outside take the nearest element. Errors:
 * LCN_INVALID_ARGUMENT for an output that overlaps an input or another output, or a truth value that is not 0 or 1;
 * outputs are untouched. */
lcn_status lcn_graph_plan_run(const lcn_graph_plan *plan, const void *const *inputs,
                              void *const *outputs) LCN_NOEXCEPT;

/* A program's own threads. Calls task(task_context, i) once for each i in 0 ..< tasks, on whatever threads, in any order, and
 * returns when all calls have returned. `context` is what came with it. */
typedef void (*lcn_task)(void *task_context, intptr_t index);
typedef void (*lcn_run_tasks)(void *context, lcn_task task, void *task_context, intptr_t tasks);

/* The same run on the caller's threads instead of the process's pool: what is shared out over options.threads is handed to
 * `run`, in the calling thread. The bits are those of lcn_graph_plan_run. `run` must not be NULL. */
lcn_status lcn_graph_plan_run_on(const lcn_graph_plan *plan, const void *const *inputs, void *const *outputs,
                                 lcn_run_tasks run, void *context) LCN_NOEXCEPT;

/* Gives a plan back, as lcn_matrix_destroy does a matrix. */
lcn_status lcn_graph_plan_destroy(lcn_graph_plan *plan) LCN_NOEXCEPT;

/* -- Tensors of files ------------------------------------------------------------------------------ */

/* The tensor called `name` (UTF-8) of the .lacuna file at `path`, whatever else is in it: f32 [first dimension, all
 * others], in the storage format of the file, 8-bit values expanded. Nothing else of the file is decoded. Errors:
 * LCN_FILE_NOT_FOUND, LCN_IO, LCN_BAD_DATA, also when there is no such tensor, LCN_UNSUPPORTED for masks, bytes and
 * tensors of one dimension. */
lcn_status lcn_tensor_read(const char *path, const char *name, lcn_matrix **result) LCN_NOEXCEPT;

/* Writes an f32 matrix as the tensor called `name` of the .lacuna file at `path`, in the matrix's own storage format, in
 * place of the tensor of that name or behind all others; all else in the file stays. A tensor of more dimensions keeps
 * them when rows and columns are still theirs. A file that does not exist is made. It is replaced in one step: whoever
 * reads meanwhile sees the old one or the new one. Errors: LCN_IO, LCN_BAD_DATA for a file that is no .lacuna file or a
 * name that none can have, LCN_UNSUPPORTED for f64. */
lcn_status lcn_tensor_write(const char *path, const char *name, const lcn_matrix *matrix) LCN_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
