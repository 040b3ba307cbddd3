// What is used of LiteRT's (TensorFlow Lite's) C interface, declared here: no package ships its headers. The names are those
// of its public headers core/c/common.h, c_api_types.h and builtin_op_data.h; there, members are only ever added at the end.
#pragma once
#include <cstddef>
#include <cstdint>

extern "C" {
struct TfLiteContext;
struct TfLiteDelegate;

typedef int TfLiteStatus;
enum { kTfLiteOk = 0, kTfLiteError = 1, kTfLiteDelegateError = 2 };
enum { kTfLiteFloat32 = 1, kTfLiteInt32 = 2, kTfLiteInt8 = 9, kTfLiteFloat16 = 10 };  // TfLiteType
enum { kTfLiteAffineQuantization = 1 };                             // TfLiteQuantizationType
enum { kTfLiteMmapRo = 1 };                                         // TfLiteAllocationType: a constant of the model
enum { kTfLiteBuiltinConv2d = 3, kTfLiteBuiltinDepthwiseConv2d = 4, kTfLiteBuiltinDequantize = 6 };
enum { kTfLiteBuiltinFullyConnected = 9, kTfLiteBuiltinDelegate = 51, kTfLiteBuiltinDensify = 124 };
// Others that a whole stretch may have inside.
enum { kTfLiteBuiltinAdd = 0, kTfLiteBuiltinAveragePool2d = 1, kTfLiteBuiltinDepthToSpace = 5, kTfLiteBuiltinLogistic = 14 };
enum { kTfLiteBuiltinMaxPool2d = 17, kTfLiteBuiltinMul = 18, kTfLiteBuiltinRelu = 19, kTfLiteBuiltinRelu6 = 21 };
enum { kTfLiteBuiltinResizeBilinear = 23, kTfLiteBuiltinPad = 34, kTfLiteBuiltinHardSwish = 117 };
enum { kTfLitePaddingSame = 1, kTfLitePaddingValid = 2 };
enum { kTfLiteActNone = 0, kTfLiteActRelu = 1, kTfLiteActReluN1To1 = 2, kTfLiteActRelu6 = 3 };
enum { kTfLiteDimDense = 0, kTfLiteDimSparseCSR = 1 };
enum { kTfLiteDelegateFlagsAllowDynamicTensors = 1 };

struct TfLiteIntArray {
  int size;
  int data[];
};

struct TfLiteFloatArray {
  int size;
  float data[];
};

// What TfLiteTensor.quantization.params points to for kTfLiteAffineQuantization.
struct TfLiteAffineQuantization {
  TfLiteFloatArray *scale;
  TfLiteIntArray *zero_point;
  int32_t quantized_dimension;
};

struct TfLiteDimensionMetadata {
  int format;
  int dense_size;
  TfLiteIntArray *array_segments;
  TfLiteIntArray *array_indices;
};

struct TfLiteSparsity {
  TfLiteIntArray *traversal_order;
  TfLiteIntArray *block_map;
  TfLiteDimensionMetadata *dim_metadata;
  int dim_metadata_size;
};

struct TfLiteTensor {
  int type;
  void *data;
  TfLiteIntArray *dims;
  struct {
    float scale;
    int32_t zero_point;
  } params;
  int allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  TfLiteDelegate *delegate;
  int buffer_handle;
  bool data_is_stale;
  bool is_variable;
  struct {
    int type;
    void *params;
  } quantization;
  TfLiteSparsity *sparsity;              // NULL when the tensor is dense
  const TfLiteIntArray *dims_signature;  // −1 where dims has a 1 that is known only at run time; may be NULL or empty
};

struct TfLiteNode {
  TfLiteIntArray *inputs;
  TfLiteIntArray *outputs;
  TfLiteIntArray *intermediates;
  TfLiteIntArray *temporaries;
  void *user_data;     // what TfLiteRegistration.init returned
  void *builtin_data;  // TfLiteConvParams, TfLiteFullyConnectedParams, TfLiteDelegateParams
};

struct TfLiteConvParams {
  int padding;
  int stride_width;
  int stride_height;
  int activation;
  int dilation_width_factor;
  int dilation_height_factor;
};

struct TfLiteDepthwiseConvParams {
  int padding;
  int stride_width;
  int stride_height;
  int depth_multiplier;
  int activation;
  int dilation_width_factor;
  int dilation_height_factor;
};

// Of ADD and MUL.
struct TfLiteArithmeticParams {
  int activation;
};

struct TfLitePoolParams {
  int padding;
  int stride_width;
  int stride_height;
  int filter_width;
  int filter_height;
  int activation;
};

struct TfLiteResizeBilinearParams {
  bool align_corners;
  bool half_pixel_centers;
};

struct TfLiteDepthToSpaceParams {
  int block_size;
};

struct TfLiteFullyConnectedParams {
  int activation;
  int weights_format;
  bool keep_num_dims;
};

struct TfLiteDelegateParams {
  TfLiteDelegate *delegate;
  TfLiteIntArray *nodes_to_replace;
  TfLiteIntArray *input_tensors;
  TfLiteIntArray *output_tensors;
};

struct TfLiteRegistration {
  void *(*init)(TfLiteContext *, const char *, size_t);
  void (*free)(TfLiteContext *, void *);
  TfLiteStatus (*prepare)(TfLiteContext *, TfLiteNode *);
  TfLiteStatus (*invoke)(TfLiteContext *, TfLiteNode *);
  const char *(*profiling_string)(const TfLiteContext *, const TfLiteNode *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
  // registration_external, async_kernel, inplace_operator, and room for what may follow: it is handed over by value, and
  // an engine that knows more members than this would read what lies behind.
  void *none[10];
};

struct TfLiteContext {
  size_t tensors_size;
  TfLiteStatus (*GetExecutionPlan)(TfLiteContext *, TfLiteIntArray **);
  TfLiteTensor *tensors;
  void *impl_;
  TfLiteStatus (*ResizeTensor)(TfLiteContext *, TfLiteTensor *, TfLiteIntArray *);  // frees the shape, with free
  void (*ReportError)(TfLiteContext *, const char *, ...);
  TfLiteStatus (*AddTensors)(TfLiteContext *, int, int *);
  TfLiteStatus (*GetNodeAndRegistration)(TfLiteContext *, int, TfLiteNode **, TfLiteRegistration **);
  TfLiteStatus (*ReplaceNodeSubsetsWithDelegateKernels)(TfLiteContext *, TfLiteRegistration, const TfLiteIntArray *,
                                                        TfLiteDelegate *);
  int recommended_num_threads;
  void *(*GetExternalContext)(TfLiteContext *, int);
  void (*SetExternalContext)(TfLiteContext *, int, void *);
  bool allow_fp32_relax_to_fp16;
  void *profiler;
  void *(*AllocatePersistentBuffer)(TfLiteContext *, size_t);
  TfLiteStatus (*AllocateBufferForEval)(TfLiteContext *, size_t, void **);
  TfLiteStatus (*RequestScratchBufferInArena)(TfLiteContext *, size_t, int *);
  void *(*GetScratchBuffer)(TfLiteContext *, int);
  TfLiteStatus (*ResizeTensorExplicit)(TfLiteContext *, TfLiteTensor *, int, const int *);  // NULL in LiteRT
  TfLiteStatus (*PreviewDelegatePartitioning)(TfLiteContext *, const TfLiteIntArray *, TfLiteDelegateParams **, int *);
};

struct TfLiteDelegate {
  void *data_;
  TfLiteStatus (*Prepare)(TfLiteContext *, TfLiteDelegate *);
  TfLiteStatus (*CopyFromBufferHandle)(TfLiteContext *, TfLiteDelegate *, int, TfLiteTensor *);
  TfLiteStatus (*CopyToBufferHandle)(TfLiteContext *, TfLiteDelegate *, int, TfLiteTensor *);
  void (*FreeBufferHandle)(TfLiteContext *, TfLiteDelegate *, int *);
  int64_t flags;
  void *opaque_delegate_builder;
};
}
