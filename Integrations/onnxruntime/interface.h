// What is used of onnxruntime's C interface, declared here: no package ships its headers, and these few places of it are
// stable since 1.23. A place is the number of a function pointer in the table that onnxruntime hands over; the comment
// beside each is the name that its public header onnxruntime_c_api.h gives it.
#pragma once
#include <cstddef>
#include <cstdint>

extern "C" {
struct OrtStatus;
struct OrtGraph;
struct OrtNode;
struct OrtValue;
struct OrtValueInfo;
struct OrtTypeInfo;
struct OrtTensorTypeAndShapeInfo;
struct OrtOpAttr;
struct OrtKernelContext;
struct OrtSessionOptions;
struct OrtHardwareDevice;
struct OrtEpDevice;
struct OrtLogger;
struct OrtKeyValuePairs;
struct OrtEpGraphSupportInfo;
struct OrtNodeComputeContext;
struct OrtMemoryInfo;
struct OrtAllocator;
struct OrtEp;
struct OrtEpFactory;
struct OrtNodeComputeInfo;

struct OrtApiBase {
  const void *(*GetApi)(uint32_t version);
  const char *(*GetVersionString)();
};

struct OrtNodeFusionOptions {
  uint32_t version;
  bool drop_constant_initializers;
};

struct OrtNodeComputeInfo {
  uint32_t version;
  OrtStatus *(*CreateState)(OrtNodeComputeInfo *, OrtNodeComputeContext *, void **);
  OrtStatus *(*Compute)(OrtNodeComputeInfo *, void *, OrtKernelContext *);
  void (*ReleaseState)(OrtNodeComputeInfo *, void *);
};

struct OrtEp {
  uint32_t version;
  const char *(*GetName)(const OrtEp *);
  OrtStatus *(*GetCapability)(OrtEp *, const OrtGraph *, OrtEpGraphSupportInfo *);
  OrtStatus *(*Compile)(OrtEp *, const OrtGraph **, const OrtNode **, size_t, OrtNodeComputeInfo **, OrtNode **);
  void (*ReleaseNodeComputeInfos)(OrtEp *, OrtNodeComputeInfo **, size_t);
  void *optional[10];  // data layout, dynamic options, run callbacks, allocators, streams: none
};

struct OrtEpFactory {
  uint32_t version;
  const char *(*GetName)(const OrtEpFactory *);
  const char *(*GetVendor)(const OrtEpFactory *);
  OrtStatus *(*GetSupportedDevices)(OrtEpFactory *, const OrtHardwareDevice *const *, size_t, OrtEpDevice **, size_t,
                                    size_t *);
  OrtStatus *(*CreateEp)(OrtEpFactory *, const OrtHardwareDevice *const *, const OrtKeyValuePairs *const *, size_t,
                         const OrtSessionOptions *, const OrtLogger *, OrtEp **);
  void (*ReleaseEp)(OrtEpFactory *, OrtEp *);
  uint32_t (*GetVendorId)(const OrtEpFactory *);
  const char *(*GetVersion)(const OrtEpFactory *);
  OrtStatus *(*ValidateCompiledModelCompatibilityInfo)(OrtEpFactory *, const OrtHardwareDevice *const *, size_t,
                                                       const char *, int *);
  // Left out, these crash at registration in 1.23: they say "none".
  OrtStatus *(*CreateAllocator)(OrtEpFactory *, const OrtMemoryInfo *, const OrtKeyValuePairs *, OrtAllocator **);
  void (*ReleaseAllocator)(OrtEpFactory *, OrtAllocator *);
  OrtStatus *(*CreateDataTransfer)(OrtEpFactory *, void **);
  bool (*IsStreamAware)(const OrtEpFactory *);
  void *optional[5];
};
}

// The version of the interface that is asked for: the oldest with plug-in providers that compile nodes.
constexpr uint32_t kOrtVersion = 23;
enum { kOrtFail = 1, kOrtInvalidArgument = 2 };
enum { kOrtFloat = 1, kOrtU8 = 2, kOrtI8 = 3, kOrtI32 = 6, kOrtI64 = 7 };  // ONNX_TENSOR_ELEMENT_DATA_TYPE_…
enum { kAttrInt = 1, kAttrInts = 2, kAttrFloat = 3, kAttrString = 5, kAttrStrings = 6 };
enum { kHardwareCPU = 0 };

// The table, typed where it is called.
class Api {
 public:
  explicit Api(const void *table) : table_(static_cast<void *const *>(table)) {}

  OrtStatus *CreateStatus(int code, const char *text) const { return at<OrtStatus *(*)(int, const char *)>(0)(code, text); }
  template <class... A> OrtStatus *GetTensorMutableData(A... a) const { return call(51, a...); }
  template <class... A> OrtStatus *CastTypeInfoToTensorInfo(A... a) const { return call(55, a...); }
  template <class... A> OrtStatus *GetTensorElementType(A... a) const { return call(60, a...); }
  template <class... A> OrtStatus *GetDimensionsCount(A... a) const { return call(61, a...); }
  template <class... A> OrtStatus *GetDimensions(A... a) const { return call(62, a...); }
  template <class... A> OrtStatus *GetTensorTypeAndShape(A... a) const { return call(65, a...); }
  template <class... A> OrtStatus *KernelContext_GetInput(A... a) const { return call(90, a...); }
  template <class... A> OrtStatus *KernelContext_GetOutput(A... a) const { return call(91, a...); }
  void ReleaseStatus(OrtStatus *s) const { at<void (*)(OrtStatus *)>(93)(s); }
  void ReleaseTensorTypeAndShapeInfo(OrtTensorTypeAndShapeInfo *i) const {
    at<void (*)(OrtTensorTypeAndShapeInfo *)>(99)(i);
  }
  template <class... A> OrtStatus *GetSessionConfigEntry(A... a) const { return call(238, a...); }
  template <class... A> OrtStatus *ReadOpAttr(A... a) const { return call(272, a...); }
  template <class... A> OrtStatus *KernelContext_ParallelFor(A... a) const { return call(274, a...); }
  template <class... A> OrtStatus *GetValueInfoName(A... a) const { return call(289, a...); }
  template <class... A> OrtStatus *GetValueInfoTypeInfo(A... a) const { return call(290, a...); }
  int HardwareDevice_Type(const OrtHardwareDevice *d) const { return at<int (*)(const OrtHardwareDevice *)>(307)(d); }
  const void *GetEpApi() const { return at<const void *(*)()>(317)(); }
  template <class... A> OrtStatus *ValueInfo_GetValueProducer(A... a) const { return call(323, a...); }
  template <class... A> OrtStatus *ValueInfo_GetValueNumConsumers(A... a) const { return call(324, a...); }
  template <class... A> OrtStatus *ValueInfo_GetValueConsumers(A... a) const { return call(325, a...); }
  template <class... A> OrtStatus *ValueInfo_GetInitializerValue(A... a) const { return call(326, a...); }
  template <class... A> OrtStatus *ValueInfo_IsGraphOutput(A... a) const { return call(330, a...); }
  template <class... A> OrtStatus *ValueInfo_IsConstantInitializer(A... a) const { return call(331, a...); }
  template <class... A> OrtStatus *ValueInfo_IsFromOuterScope(A... a) const { return call(332, a...); }
  template <class... A> OrtStatus *Graph_GetNumOperatorSets(A... a) const { return call(336, a...); }
  template <class... A> OrtStatus *Graph_GetOperatorSets(A... a) const { return call(337, a...); }
  template <class... A> OrtStatus *Graph_GetNumInputs(A... a) const { return call(338, a...); }
  template <class... A> OrtStatus *Graph_GetInputs(A... a) const { return call(339, a...); }
  template <class... A> OrtStatus *Graph_GetNumOutputs(A... a) const { return call(340, a...); }
  template <class... A> OrtStatus *Graph_GetOutputs(A... a) const { return call(341, a...); }
  template <class... A> OrtStatus *Graph_GetNumNodes(A... a) const { return call(344, a...); }
  template <class... A> OrtStatus *Graph_GetNodes(A... a) const { return call(345, a...); }
  template <class... A> OrtStatus *Node_GetName(A... a) const { return call(349, a...); }
  template <class... A> OrtStatus *Node_GetOperatorType(A... a) const { return call(350, a...); }
  template <class... A> OrtStatus *Node_GetDomain(A... a) const { return call(351, a...); }
  template <class... A> OrtStatus *Node_GetNumInputs(A... a) const { return call(353, a...); }
  template <class... A> OrtStatus *Node_GetInputs(A... a) const { return call(354, a...); }
  template <class... A> OrtStatus *Node_GetNumOutputs(A... a) const { return call(355, a...); }
  template <class... A> OrtStatus *Node_GetOutputs(A... a) const { return call(356, a...); }
  template <class... A> OrtStatus *Node_GetAttributeByName(A... a) const { return call(361, a...); }

 private:
  template <class F> F at(size_t place) const { return reinterpret_cast<F>(table_[place]); }
  template <class... A> OrtStatus *call(size_t place, A... a) const { return at<OrtStatus *(*)(A...)>(place)(a...); }
  void *const *table_;
};
