// The numbers of a constant tensor: float32, float16 or integers, stored dense or in TensorFlow's sparse encoding.
//
// The encoding is a tree: a level for each dimension in `traversal_order`, then one for each dimension that is cut into blocks.
// A dense level has `dense_size` children everywhere; a sparse one lists them, those of parent p at
// array_indices[array_segments[p] ..< array_segments[p + 1]]. The leaves are the values, in order. A model may come from
// anywhere: whatever does not fit is refused.
#include <cstring>

#include "graph.h"

namespace {

float half(uint16_t bits) {
  const uint32_t sign = uint32_t(bits & 0x8000u) << 16, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  uint32_t result;
  if (exponent == 31) {
    result = sign | 0x7f800000u | fraction << 13;
  } else if (exponent != 0) {
    result = sign | (exponent + 112) << 23 | fraction << 13;
  } else {
    const float tiny = float(fraction) * 0x1p-24f;
    return sign != 0 ? -tiny : tiny;
  }
  float value;
  std::memcpy(&value, &result, sizeof value);
  return value;
}

std::vector<float> values(const TfLiteTensor &tensor) {
  if (tensor.type == kTfLiteFloat32) {
    std::vector<float> result(tensor.bytes / sizeof(float));
    if (!result.empty()) std::memcpy(result.data(), tensor.data, result.size() * sizeof(float));
    return result;
  }
  if (tensor.type == kTfLiteInt8) {
    const auto *data = static_cast<const int8_t *>(tensor.data);
    return std::vector<float>(data, data + tensor.bytes);
  }
  if (tensor.type == kTfLiteInt32) {
    std::vector<float> result(tensor.bytes / sizeof(int32_t));
    for (size_t i = 0; i < result.size(); i++) {
      int32_t value;
      std::memcpy(&value, static_cast<const char *>(tensor.data) + i * sizeof value, sizeof value);
      result[i] = static_cast<float>(value);
    }
    return result;
  }
  std::vector<float> result(tensor.bytes / sizeof(uint16_t));
  for (size_t i = 0; i < result.size(); i++) {
    uint16_t bits;
    std::memcpy(&bits, static_cast<const char *>(tensor.data) + i * sizeof bits, sizeof bits);
    result[i] = half(bits);
  }
  return result;
}

// One tensor's tree, walked from the root.
class Tree {
 public:
  Tree(const TfLiteTensor &tensor, std::vector<float> stored) : values_(std::move(stored)), encoding_(*tensor.sparsity) {
    const auto *order = encoding_.traversal_order, *map = encoding_.block_map;
    const int rank = tensor.dims->size, blocked = map == nullptr ? 0 : map->size;
    must(order != nullptr && order->size == rank + blocked && encoding_.dim_metadata_size == order->size && rank > 0);
    must(encoding_.dim_metadata != nullptr && order->size <= 16);
    std::vector<int64_t> blocks(rank, 1);
    std::vector<bool> seen(order->size, false), cut(rank, false);
    int64_t stride = 1;
    std::vector<int64_t> strides(rank);
    for (int d = rank - 1; d >= 0; d--) {
      strides[d] = stride;
      stride *= tensor.dims->data[d];
    }
    for (int level = 0; level < order->size; level++) {
      const int which = order->data[level];
      must(which >= 0 && which < order->size && !seen[which] && (level < rank) == (which < rank));
      seen[which] = true;
      if (which < rank) continue;
      const int axis = map->data[which - rank];
      must(axis >= 0 && axis < rank && !cut[axis]);
      cut[axis] = true;
      blocks[axis] = encoding_.dim_metadata[level].dense_size;
      must(encoding_.dim_metadata[level].format == kTfLiteDimDense && blocks[axis] > 0 &&
           tensor.dims->data[axis] % blocks[axis] == 0);
    }
    for (int level = 0; level < order->size; level++) {
      const int which = order->data[level];
      const int axis = which < rank ? which : map->data[which - rank];
      const TfLiteDimensionMetadata &d = encoding_.dim_metadata[level];
      sizes_.push_back(which < rank ? tensor.dims->data[axis] / blocks[axis] : blocks[axis]);
      steps_.push_back(which < rank ? strides[axis] * blocks[axis] : strides[axis]);
      must(d.format == kTfLiteDimDense ? d.dense_size == sizes_.back()
                                       : d.format == kTfLiteDimSparseCSR && d.array_segments && d.array_indices);
    }
    result_.assign(stride, 0);
    walk(0, 0, 0);
  }

  std::vector<float> result() { return std::move(result_); }

 private:
  static void must(bool holds) {
    if (!holds) throw Refusal("its sparse encoding is damaged");
  }

  void walk(size_t level, int64_t position, int64_t place) {
    if (level == sizes_.size()) {
      must(position < static_cast<int64_t>(values_.size()));
      result_[place] = values_[position];
      return;
    }
    const TfLiteDimensionMetadata &d = encoding_.dim_metadata[level];
    if (d.format == kTfLiteDimDense) {
      for (int64_t i = 0; i < sizes_[level]; i++)
        walk(level + 1, position * sizes_[level] + i, place + i * steps_[level]);
      return;
    }
    must(position + 1 < d.array_segments->size);
    const int first = d.array_segments->data[position], last = d.array_segments->data[position + 1];
    must(first >= 0 && first <= last && last <= d.array_indices->size);
    for (int i = first; i < last; i++) {
      must(d.array_indices->data[i] >= 0 && d.array_indices->data[i] < sizes_[level]);
      walk(level + 1, i, place + d.array_indices->data[i] * steps_[level]);
    }
  }

  std::vector<float> values_;
  const TfLiteSparsity &encoding_;
  std::vector<int64_t> sizes_, steps_;  // of each level: children, and how far apart they lie in the dense tensor
  std::vector<float> result_;
};

}  // namespace

std::vector<float> decode(const TfLiteTensor &tensor) {
  std::vector<float> stored = values(tensor);
  if (tensor.sparsity != nullptr) return Tree(tensor, std::move(stored)).result();
  if (static_cast<int64_t>(stored.size()) != count(tensor.dims)) throw Refusal("a constant has another size than its shape");
  return stored;
}
