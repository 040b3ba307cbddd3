// Y = activation(X·Wᵀ + bias) inside OpenVINO: an operation whose second input is the blob of a Lacuna plan.
//
//     LacunaProduct   X [..., in] f32, blob [bytes] u8, constant  →  Y [..., out] f32
//
// The blob is what lcn_plan_serialize wrote, so a model with such operations can be saved, cached and read again. It is mapped
// once, when the operation is made, and copies of the operation share the plan. OpenVINO's C++ interface belongs to one release:
// the library refuses to register with another than the one whose headers it was compiled with.
#include <lacuna.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <memory>
#include <openvino/core/op_extension.hpp>
#include <openvino/core/parallel.hpp>
#include <openvino/core/version.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/op.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace lacuna {

// Multiply-adds for which another thread pays: about 100 µs of work.
constexpr int64_t kWorthAThread = 4'000'000;

class Product : public ov::op::Op {
 public:
  OPENVINO_OP("LacunaProduct", "lacuna");

  Product() = default;

  void validate_and_infer_types() override {
    NODE_VALIDATION_CHECK(this, get_input_size() == 2, "it has ", get_input_size(), " inputs, must be X and a plan");
    NODE_VALIDATION_CHECK(this, get_input_element_type(0) == ov::element::f32, "X is ", get_input_element_type(0),
                          ", must be f32");
    if (plan_ == nullptr) map();
    ov::PartialShape shape = get_input_partial_shape(0);
    // Whether X fits is seen by `evaluate`: what is thrown here in a run, for its shapes, OpenVINO drops, and gives an
    // empty result.
    if (shape.rank().is_static() && shape.size() > 0) shape[shape.size() - 1] = info_.rows;
    set_output_type(0, ov::element::f32, shape);
  }

  std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector &inputs) const override {
    check_new_args_count(this, inputs);
    // The blob of the copy is this one's memory, or another blob.
    const auto *mine = constant(input_value(1)), *its = constant(inputs[1]);
    const bool same = mine != nullptr && its != nullptr && mine->get_data_ptr() == its->get_data_ptr();
    auto copy = std::make_shared<Product>();
    copy->set_arguments(inputs);
    if (same) copy->plan_ = plan_, copy->info_ = info_;
    copy->constructor_validate_and_infer_types();
    return copy;
  }

  bool visit_attributes(ov::AttributeVisitor &) override { return true; }
  bool has_evaluate() const override { return true; }

  // Called by OpenVINO on threads of its own; slices of large products go to the others of the same arena.
  bool evaluate(ov::TensorVector &outputs, const ov::TensorVector &inputs) const override {
    ov::Shape shape = inputs[0].get_shape();
    if (shape.empty() || int64_t(shape.back()) != info_.columns)
      fail(outputs[0], "X has " + std::to_string(shape.empty() ? 1 : shape.back()) + " features where the weights have " +
                           std::to_string(info_.columns));
    const auto width = int64_t(ov::shape_size(shape.begin(), shape.end() - 1));
    shape.back() = info_.rows;
    outputs[0].set_shape(shape);
    if (width == 0) return true;
    const auto *x = inputs[0].data<const float>();
    auto *y = outputs[0].data<float>();
    const int64_t useful = std::max<int64_t>(1, info_.stored * width / kWorthAThread);
    // What a run of the planned width can be cut into, and a wider one as many times more.
    const int64_t most = info_.slices * ((width - 1) / info_.width + 1);
    const int64_t slices = std::min({useful, most, int64_t(parallel_get_max_threads())});
    std::atomic<lcn_status> status{LCN_OK};
    ov::parallel_nt(int(slices), [&](int slice, int) {
      const lcn_status result =
          lcn_plan_run_slice(plan_.get(), slice, slices, x, info_.columns, y, info_.rows, width, nullptr, 0);
      if (result != LCN_OK) status.store(result);
    });
    if (status.load() != LCN_OK) fail(outputs[0], lcn_status_string(status.load()));
    return true;
  }

 private:
  // OpenVINO's `wait` passes exceptions on, its synchronous `infer` does not: what it leaves must not look like a result.
  [[noreturn]] static void fail(ov::Tensor &y, const std::string &why) {
    std::fill_n(y.data<float>(), y.get_size(), std::numeric_limits<float>::quiet_NaN());
    throw std::runtime_error("lacuna: " + why);
  }

  static const ov::op::v0::Constant *constant(const ov::Output<ov::Node> &value) {
    return ov::as_type<const ov::op::v0::Constant>(value.get_node());
  }

  void map() {
    const auto *blob = constant(input_value(1));
    NODE_VALIDATION_CHECK(this, blob != nullptr && blob->get_element_type() == ov::element::u8, "its plan is not constant bytes");
    lcn_plan *mapped = nullptr;
    const bool readable = lcn_plan_map(blob->get_data_ptr(), blob->get_byte_size(), &mapped) == LCN_OK;
    NODE_VALIDATION_CHECK(this, readable, "its plan cannot be read: ", lcn_last_error());
    std::shared_ptr<lcn_plan> plan(mapped, lcn_plan_destroy);
    lcn_plan_get_info(mapped, &info_);
    NODE_VALIDATION_CHECK(this, info_.activations == LCN_F32 && info_.output == LCN_F32 && info_.layout == LCN_ROWS, "its plan is not of f32 rows");
    plan_ = std::move(plan);
  }

  std::shared_ptr<lcn_plan> plan_;
  lcn_plan_info info_ = LCN_PLAN_INFO_INIT;
};

// An extension of the release that the headers belong to, or an exception that names both.
std::vector<ov::Extension::Ptr> extensions() {
  const char *running = ov::get_openvino_version().buildNumber;
  if (std::strcmp(running, LACUNA_OPENVINO_RELEASE) != 0)
    throw std::runtime_error(std::string("lacuna: this extension was built for OpenVINO " LACUNA_OPENVINO_RELEASE ", and ") +
                             running + " is running: build it again");
  if (lcn_abi_version() != LCN_ABI_VERSION) throw std::runtime_error("lacuna: liblacuna has another ABI than lacuna.h");
  return {std::make_shared<ov::OpExtension<Product>>()};
}

}  // namespace lacuna

OPENVINO_CREATE_EXTENSIONS(lacuna::extensions())
