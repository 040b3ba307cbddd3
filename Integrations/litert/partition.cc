// See partition.h.
#include "partition.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <set>

namespace {

int64_t product_of(const std::vector<int> &shape) {
  int64_t result = 1;
  for (int d : shape) result *= d;
  return result;
}

// Every pixel that counts of [n, height, width, channels], one after the other.
void gather(const char *x, const std::vector<int> &shape, const Product &product, char *out) {
  const int64_t bytes = shape[3] * static_cast<int64_t>(product.size());
  for (int64_t n = 0; n < shape[0]; n++)
    for (int64_t i = 0; i < shape[1]; i += product.axes[0].stride)
      for (int64_t j = 0; j < shape[2]; j += product.axes[1].stride)
        out = std::copy_n(x + ((n * shape[1] + i) * shape[2] + j) * bytes, bytes, out);
}

}  // namespace

void resize(TfLiteContext *context, int tensor, const std::vector<int> &shape) {
  auto *array = static_cast<TfLiteIntArray *>(std::malloc(sizeof(TfLiteIntArray) + shape.size() * sizeof(int)));
  if (array == nullptr) throw std::bad_alloc();
  array->size = static_cast<int>(shape.size());
  std::copy(shape.begin(), shape.end(), array->data);
  if (context->ResizeTensor(context, &context->tensors[tensor], array) != kTfLiteOk)
    throw Refusal("LiteRT cannot resize a tensor");
}

char *memory(TfLiteContext *context, int tensor, const std::vector<int> &shape, size_t size) {
  const TfLiteTensor &t = context->tensors[tensor];
  const size_t bytes = static_cast<size_t>(product_of(shape)) * size;
  if (bytes > 0 && (t.data == nullptr || t.bytes < bytes)) throw Refusal("a tensor has less memory than its shape says");
  return static_cast<char *>(t.data);
}

Partition::Partition(const TfLiteDelegateParams &parameters, const std::map<int, std::shared_ptr<Product>> &products) {
  const auto &taken = *parameters.nodes_to_replace, &handed = *parameters.output_tensors;
  std::set<int> outside(handed.data, handed.data + handed.size), made;
  std::map<int, size_t> last;  // the step that reads a tensor last
  for (int i = 0; i < taken.size; i++) {
    const auto found = products.find(taken.data[i]);
    if (found == products.end()) continue;  // it makes weights, and those are in the plans
    last[found->second->x] = steps_.size();
    made.insert(found->second->y);
    steps_.push_back({found->second, -1, -1, {}, {}});
  }
  for (int tensor : outside)
    if (made.count(tensor) == 0) unused_.push_back(tensor);
  // A tensor that stays inside lives from the step that writes it to the last that reads it; then its room is free.
  std::map<int, int> places;
  std::vector<int> idle;
  for (size_t i = 0; i < steps_.size(); i++) {
    Step &step = steps_[i];
    const auto source = places.find(step.product->x);
    if (source != places.end()) step.from = source->second;
    if (outside.count(step.product->y) == 0) {
      if (idle.empty()) {
        idle.push_back(static_cast<int>(rooms_.size()));
        rooms_.emplace_back();
      }
      places[step.product->y] = step.to = idle.back();
      idle.pop_back();
    }
    if (step.from >= 0 && last[step.product->x] == i) idle.push_back(step.from);
  }
}

void Partition::prepare(TfLiteContext *context) {
  std::map<int, std::vector<int>> shapes;
  std::vector<int64_t> sizes(rooms_.size(), 0);  // in bytes, as `pixels`
  int64_t pixels = 0;
  for (Step &step : steps_) {
    const auto inside = shapes.find(step.product->x);
    if (step.from >= 0 && inside != shapes.end()) {
      step.x_shape = inside->second;
    } else {
      const TfLiteIntArray &dims = *context->tensors[step.product->x].dims;
      step.x_shape.assign(dims.data, dims.data + dims.size);
    }
    step.y_shape = step.product->shape(step.x_shape);
    shapes[step.product->y] = step.y_shape;
    const int64_t size = product_of(step.y_shape);
    if (step.product->conv && size > 0) step.product->plan_images(step.x_shape[1], step.x_shape[2]);
    if (step.to >= 0) {
      sizes[step.to] = std::max<int64_t>(sizes[step.to], size * step.product->size());
    } else {
      resize(context, step.product->y, step.y_shape);
    }
    if (step.product->is_strided())
      pixels = std::max<int64_t>(pixels, size / step.product->rows * step.product->columns * step.product->size());
  }
  for (int tensor : unused_) resize(context, tensor, {0});
  for (size_t i = 0; i < rooms_.size(); i++) std::vector<float>((sizes[i] + 3) / 4).swap(rooms_[i]);
  std::vector<float>((pixels + 3) / 4).swap(pixels_);
}

void Partition::run(TfLiteContext *context) {
  for (Step &step : steps_) {
    const Product &p = *step.product;
    const int64_t width = product_of(step.y_shape) / p.rows;
    if (width == 0) continue;
    const auto room = [&](int place) { return reinterpret_cast<char *>(rooms_[place].data()); };
    const char *x = step.from >= 0 ? room(step.from) : memory(context, p.x, step.x_shape, p.size());
    char *y = step.to >= 0 ? room(step.to) : memory(context, p.y, step.y_shape, p.size());
    if (p.is_strided()) {
      char *const pixels = reinterpret_cast<char *>(pixels_.data());
      gather(x, step.x_shape, p, pixels);
      x = pixels;
    }
    const lcn_status status = p.conv ? lcn_conv_run(p.conv.get(), x, nullptr, y, step.x_shape[0], nullptr, 0)
                                     : lcn_plan_run(p.plan.get(), x, p.columns, y, p.rows, width, nullptr, 0);
    if (status != LCN_OK) throw Refusal(std::string(lcn_status_string(status)) + ": " + lcn_last_error());
  }
}
