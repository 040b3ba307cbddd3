// A run of products that LiteRT handed over as one node: what it calls to prepare and to run them.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "product.h"

// Gives a tensor of LiteRT's a shape.
void resize(TfLiteContext *context, int tensor, const std::vector<int> &shape);
// What LiteRT holds of a tensor; fails when that is less than elements of `size` bytes for a shape.
char *memory(TfLiteContext *context, int tensor, const std::vector<int> &shape, size_t size);

class Partition {
 public:
  // `products` are by number of node, for all nodes that were taken.
  Partition(const TfLiteDelegateParams &parameters, const std::map<int, std::shared_ptr<Product>> &products);

  // Shapes of what comes out, and room for what stays inside.
  void prepare(TfLiteContext *context);
  void run(TfLiteContext *context);

 private:
  // One product, and where it reads and writes: a tensor of LiteRT's, or a place of `rooms_`.
  struct Step {
    std::shared_ptr<Product> product;
    int from = -1, to = -1;            // places, −1 for LiteRT's tensor
    std::vector<int> x_shape, y_shape;  // as prepared
  };

  std::vector<Step> steps_;
  std::vector<int> unused_;  // outputs that only other products of ours would read: weights
  std::vector<std::vector<float>> rooms_;  // of floats or bytes
  std::vector<float> pixels_;              // those that count, for strides
};
