// y ← activation(x·Wᵀ + b) as a custom call of JAX on the CPU: XLA's buffers and XLA's threads, Lacuna's product.
//
// The plan is an attribute of the call: its handle as a number. Nothing is copied and nothing allocated but the
// closures that XLA's thread pool asks for.
#include <lacuna.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

// Slices are claimed one by one, so that a pool without a free thread still leaves the caller working, and the
// caller waits only for slices that somebody has begun.
struct Work {
  const lcn_plan *plan;
  const float *x;
  float *y;
  int64_t x_stride, y_stride, width, slices;
  std::atomic<int64_t> next{0};
  std::atomic<int64_t> done{0};
  std::atomic<lcn_status> status{LCN_OK};

  void run() {
    for (;;) {
      const int64_t slice = next.fetch_add(1);
      if (slice >= slices) return;
      const lcn_status result =
          lcn_plan_run_slice(plan, slice, slices, x, x_stride, y, y_stride, width, nullptr, 0);
      if (result != LCN_OK) status.store(result);
      done.fetch_add(1);
      done.notify_one();
    }
  }

  void wait() {
    for (int64_t n = done.load(); n < slices; n = done.load()) done.wait(n);
  }
};

// Multiply-adds below which waking a thread costs more than it saves: about 100 µs of work.
constexpr int64_t kWorthAThread = 4'000'000;

ffi::Error Product(ffi::ThreadPool pool, ffi::Buffer<ffi::F32> x, ffi::ResultBuffer<ffi::F32> y,
                   int64_t handle, int64_t stored) {
  const auto xd = x.dimensions(), yd = y->dimensions();
  if (xd.size() == 0 || xd.size() != yd.size()) return ffi::Error::InvalidArgument("x and y differ in rank");
  // Leading dimensions are the batch.
  int64_t batch = 1;
  for (size_t i = 0; i + 1 < xd.size(); i++) {
    if (xd[i] != yd[i]) return ffi::Error::InvalidArgument("x and y differ in batch");
    batch *= xd[i];
  }
  const int64_t in = xd.back(), out = yd.back();
  auto work = std::make_shared<Work>();
  work->plan = reinterpret_cast<const lcn_plan *>(static_cast<uintptr_t>(handle));
  work->x = x.typed_data();
  work->y = y->typed_data();
  work->x_stride = in;
  work->y_stride = out;
  work->width = batch;
  lcn_plan_info info = LCN_PLAN_INFO_INIT;
  lcn_status status = lcn_plan_get_info(work->plan, &info);
  if (status == LCN_OK && (info.layout != LCN_ROWS || info.columns != in || info.rows != out)) {
    return ffi::Error::InvalidArgument("the plan has another shape or layout than x and y");
  }
  if (status == LCN_OK) {
    const int64_t useful = std::max<int64_t>(1, stored * batch / kWorthAThread);
    work->slices = std::min({pool.num_threads(), useful, info.slices});
    for (int64_t i = 1; i < work->slices; i++) pool.Schedule([work] { work->run(); });
    work->run();
    work->wait();
    status = work->status.load();
  }
  if (status != LCN_OK) {
    return ffi::Error::Internal(std::string(lcn_status_string(status)) + ": " + lcn_last_error());
  }
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(LacunaProduct, Product,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<ffi::Buffer<ffi::F32>>()
                                  .Ret<ffi::Buffer<ffi::F32>>()
                                  .Attr<int64_t>("plan")
                                  .Attr<int64_t>("stored"));
