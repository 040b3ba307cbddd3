// From W, a bias and an activation to a plan.
#pragma once
#include "product.h"

// What examining a node finds out of it, until it becomes a plan.
struct Layer {
  Constant weights, bias;
  // Of a product of bytes: a scale for each row of the weights, and what the bytes of X and Y stand for.
  std::vector<float> scales;
  float x_scale = 0, y_scale = 0;
  int64_t x_zero = 0, y_zero = 0;
  int activation = kTfLiteActNone;
  int64_t inputs = 0;                                // neighbours in W that one tap multiplies
  int64_t width = 0;                                 // rows of X, or pixels of Y
  bool windows = false;                              // a convolution that is more than a product of pixels
  int64_t images = 1, height = 1, image_width = 1;   // of its X
  int64_t threads = 1;                               // that it is worth
};

// Fails, with the reason, when there are too few weights or zeros, or the activation is not fused; else `product` has a
// plan, or a convolution.
void make_product(Layer &layer, const Options &options, int64_t threads, Product &product, Decision &decision);
