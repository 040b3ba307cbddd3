// See running.h.
#include "running.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "recurrent.h"

std::string written(const std::vector<int64_t> &shape) {
  std::string text;
  for (int64_t d : shape) text += (text.empty() ? "" : "×") + std::to_string(d);
  return text;
}

int64_t elements(const std::vector<int64_t> &shape) {
  int64_t count = 1;
  for (int64_t d : shape) count *= d;
  return count;
}

OrtStatus *take_input(const Api &api, OrtKernelContext *context, size_t place, const OrtValue *&input,
                      std::vector<int64_t> &shape) {
  if (OrtStatus *status = api.KernelContext_GetInput(static_cast<const OrtKernelContext *>(context), place, &input))
    return status;
  if (input == nullptr) return nullptr;
  OrtTensorTypeAndShapeInfo *info = nullptr;
  if (OrtStatus *status = api.GetTensorTypeAndShape(input, &info)) return status;
  size_t rank = 0;
  OrtStatus *status = api.GetDimensionsCount(static_cast<const OrtTensorTypeAndShapeInfo *>(info), &rank);
  shape.resize(rank);
  if (!status) status = api.GetDimensions(static_cast<const OrtTensorTypeAndShapeInfo *>(info), shape.data(), rank);
  api.ReleaseTensorTypeAndShapeInfo(info);
  return status;
}

namespace {

struct Run {
  const lcn_plan *plan;
  const char *x;
  char *y;
  int64_t x_stride, y_stride, width, slices;
  std::atomic<lcn_status> status{LCN_OK};
};

void run_slice(void *context, size_t slice) {
  Run &run = *static_cast<Run *>(context);
  const lcn_status status = lcn_plan_run_slice(run.plan, static_cast<int64_t>(slice), run.slices, run.x, run.x_stride,
                                               run.y, run.y_stride, run.width, nullptr, 0);
  if (status != LCN_OK) run.status.store(status);
}

// Every strides[0]-th row's every strides[1]-th pixel of all channels of one sample.
void gather(const char *x, size_t size, const std::vector<int64_t> &shape, const std::vector<int64_t> &strides,
            char *out) {
  for (int64_t c = 0; c < shape[1]; c++)
    for (int64_t i = 0; i < shape[2]; i += strides[0])
      for (int64_t j = 0; j < shape[3]; j += strides[1], out += size)
        std::memcpy(out, x + ((c * shape[2] + i) * shape[3] + j) * size, size);
}

struct ConvolutionRun {
  const lcn_conv *conv;
  const void *x;
  void *y;
  int64_t images, slices;
  std::atomic<lcn_status> status{LCN_OK};
};

void run_convolution_slice(void *context, size_t slice) {
  ConvolutionRun &run = *static_cast<ConvolutionRun *>(context);
  const lcn_status status = lcn_conv_run_slice(run.conv, static_cast<int64_t>(slice), run.slices, run.x, nullptr, run.y,
                                               run.images, nullptr, 0);
  if (status != LCN_OK) run.status.store(status);
}

// A convolution of windows on [images, channels, height, width].
OrtStatus *convolve(const Kernel &kernel, OrtKernelContext *context, const OrtValue *input,
                    const std::vector<int64_t> &shape) {
  const Api &api = *kernel.api;
  const Stretch &s = kernel.stretch;
  if (shape.size() != 4 || shape[1] != s.columns || shape[2] != s.window->height || shape[3] != s.window->width) {
    return failed(api, "an image of " + written(shape) + " where the convolution was planned for n×" + std::to_string(s.columns) +
                           "×" + std::to_string(s.window->height) + "×" + std::to_string(s.window->width));
  }
  const int64_t result[4] = {shape[0], s.rows, s.out_height, s.out_width};
  OrtValue *output = nullptr;
  void *x = nullptr, *y = nullptr;
  if (OrtStatus *bad = api.KernelContext_GetOutput(context, size_t(0), static_cast<const int64_t *>(result), size_t(4),
                                                   &output))
    return bad;
  if (OrtStatus *bad = api.GetTensorMutableData(const_cast<OrtValue *>(input), &x)) return bad;
  if (OrtStatus *bad = api.GetTensorMutableData(output, &y)) return bad;
  if (shape[0] == 0) return nullptr;
  ConvolutionRun run{s.conv.get(), x, y, shape[0], 1};
  const int64_t useful = threads_worth(double(s.stored) * s.out_height * s.out_width * shape[0], 0);
  run.slices = std::min({useful, s.slices * shape[0], kernel.threads});
  if (run.slices == 1) {
    run_convolution_slice(&run, 0);
  } else if (OrtStatus *bad = api.KernelContext_ParallelFor(
                 static_cast<const OrtKernelContext *>(context), &run_convolution_slice, static_cast<size_t>(run.slices),
                 static_cast<size_t>(run.slices), static_cast<void *>(&run))) {
    return bad;
  }
  const lcn_status status = run.status.load();
  return status == LCN_OK ? nullptr : failed(api, lcn_status_string(status));
}

// Lacuna's tasks on onnxruntime's threads.
struct Threads {
  const Api *api;
  const OrtKernelContext *context;
};

struct Tasks {
  lcn_task task;
  void *context;
};

void run_tasks(void *context, lcn_task task, void *task_context, intptr_t count) {
  const Threads &threads = *static_cast<Threads *>(context);
  Tasks tasks{task, task_context};
  void (*const one)(void *, size_t) = [](void *usr, size_t i) {
    static_cast<Tasks *>(usr)->task(static_cast<Tasks *>(usr)->context, static_cast<intptr_t>(i));
  };
  OrtStatus *bad = threads.api->KernelContext_ParallelFor(threads.context, one, static_cast<size_t>(count),
                                                          static_cast<size_t>(count), static_cast<void *>(&tasks));
  if (bad == nullptr) return;
  threads.api->ReleaseStatus(bad);
  for (intptr_t i = 0; i < count; i++) task(task_context, i);
}

// A whole region: all images at once, or one after the other where the model leaves their number open.
OrtStatus *run_region(const Kernel &kernel, OrtKernelContext *context) {
  const Api &api = *kernel.api;
  const Region &r = kernel.region;
  int64_t runs = 1;
  std::vector<const void *> from;
  for (size_t i = 0; i < r.inputs.size(); i++) {
    const OrtValue *input = nullptr;
    std::vector<int64_t> shape;
    if (OrtStatus *bad = take_input(api, context, kernel.from[i], input, shape)) return bad;
    auto fitting = r.input_shapes[i];
    if (r.one_by_one && !shape.empty()) {
      if (i == 0) runs = shape[0];
      fitting[0] = runs;
    }
    if (shape != fitting)
      return failed(api, "an image of " + written(shape) + " where the region was planned for " + written(fitting));
    void *data = nullptr;
    if (OrtStatus *bad = api.GetTensorMutableData(const_cast<OrtValue *>(input), &data)) return bad;
    from.push_back(data);
  }
  std::vector<void *> to;
  for (size_t i = 0; i < r.outputs.size(); i++) {
    auto shape = r.output_shapes[i];
    if (r.one_by_one) shape[0] = runs;
    OrtValue *output = nullptr;
    if (OrtStatus *bad = api.KernelContext_GetOutput(context, kernel.to[i], static_cast<const int64_t *>(shape.data()),
                                                     shape.size(), &output))
      return bad;
    void *data = nullptr;
    if (OrtStatus *bad = api.GetTensorMutableData(output, &data)) return bad;
    to.push_back(data);
  }
  Threads threads{&api, context};
  for (int64_t run = 0; run < runs; run++) {
    const lcn_status status =
        kernel.threads > 1 ? lcn_graph_plan_run_on(r.plan.get(), from.data(), to.data(), run_tasks, &threads)
                           : lcn_graph_plan_run(r.plan.get(), from.data(), to.data());
    if (status != LCN_OK) return failed(api, std::string(lcn_status_string(status)) + ": " + lcn_last_error());
    for (size_t i = 0; i < from.size(); i++)
      from[i] = static_cast<const float *>(from[i]) + elements(r.input_shapes[i]);
    for (size_t i = 0; i < to.size(); i++) to[i] = static_cast<float *>(to[i]) + elements(r.output_shapes[i]);
  }
  return nullptr;
}

}  // namespace

OrtStatus *failed(const Api &api, const std::string &why) {
  return api.CreateStatus(kOrtFail, ("lacuna: " + why).c_str());
}

OrtStatus *compute(OrtNodeComputeInfo *self, void *, OrtKernelContext *context) {
  const auto &kernel = *static_cast<Kernel *>(self);
  const Api &api = *kernel.api;
  const Stretch &s = kernel.stretch;
  try {
    if (kernel.region.plan) return run_region(kernel, context);
    if (s.recurrence) return run_recurrent(kernel, context);
    const OrtValue *input = nullptr;
    std::vector<int64_t> shape;
    if (OrtStatus *bad = take_input(api, context, 0, input, shape)) return bad;
    const size_t rank = shape.size();
    if (s.conv) return convolve(kernel, context, input, shape);
    const size_t axis = s.convolution ? 1 : rank - 1;
    if (rank < (s.convolution ? 2u : 1u) || shape[axis] != s.columns)
      return failed(api, "an input has " + std::to_string(rank ? shape[axis] : 0) + " features where the weights have " +
                             std::to_string(s.columns));
    const std::vector<int64_t> given = shape;
    if (!s.strides.empty()) {
      if (rank != 4) return failed(api, "a convolution with strides has an input of " + std::to_string(rank) + " dimensions");
      for (size_t i = 0; i < 2; i++) shape[2 + i] = shape[2 + i] == 0 ? 0 : (shape[2 + i] - 1) / s.strides[i] + 1;
    }
    int64_t samples = 1, width = 1;
    for (size_t i = 0; i < rank; i++) {
      if (i < axis && s.convolution) samples *= shape[i];
      if (s.convolution ? i > axis : i < axis) width *= shape[i];
    }
    shape[axis] = s.rows;
    OrtValue *output = nullptr;
    void *x = nullptr, *y = nullptr;
    if (OrtStatus *bad = api.KernelContext_GetOutput(context, size_t(0), static_cast<const int64_t *>(shape.data()), rank,
                                                     &output))
      return bad;
    if (OrtStatus *bad = api.GetTensorMutableData(const_cast<OrtValue *>(input), &x)) return bad;
    if (OrtStatus *bad = api.GetTensorMutableData(output, &y)) return bad;
    if (width == 0 || samples == 0) return nullptr;

    Run run{s.plan.get(), static_cast<const char *>(x), static_cast<char *>(y), s.convolution ? width : s.columns,
            s.convolution ? width : s.rows, width, 1};
    const int64_t useful = threads_worth(double(s.stored) * width, double(s.packed_bytes));
    // What a run of the planned width can be cut into, and a wider one as many times more.
    run.slices = std::min({useful, s.slices * ((width - 1) / s.width + 1), kernel.threads});
    // The pixels that count, one sample at a time.
    std::vector<float> pixels(s.strides.empty() ? 0 : static_cast<size_t>(s.columns * width) * s.x_size() / 4 + 1);
    char *const gathered = reinterpret_cast<char *>(pixels.data());
    for (int64_t sample = 0; sample < samples; sample++) {
      if (!s.strides.empty()) {
        gather(static_cast<const char *>(x) + sample * s.columns * given[2] * given[3] * s.x_size(), s.x_size(), given,
               s.strides, gathered);
        run.x = gathered;
      }
      if (run.slices == 1) {
        run_slice(&run, 0);
      } else if (OrtStatus *bad = api.KernelContext_ParallelFor(
                     static_cast<const OrtKernelContext *>(context), &run_slice, static_cast<size_t>(run.slices),
                     static_cast<size_t>(run.slices), static_cast<void *>(&run))) {
        return bad;
      }
      run.x += s.columns * width * s.x_size();
      run.y += s.rows * width * s.y_size();
    }
    const lcn_status result = run.status.load();
    return result == LCN_OK ? nullptr : failed(api, lcn_status_string(result));
  } catch (const std::exception &why) {
    return failed(api, why.what());
  }
}
