// Whether a whole stretch of a convolutional network gains by being taken.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

// What convolutions cost Lacuna and an engine, in dense multiply-adds of the engine's.
struct Cost {
  double lacuna = 0, engine = 0;

  Cost &operator+=(const Cost &other) {
    lacuna += other.lacuna;
    engine += other.engine;
    return *this;
  }
  // Below this share what the borders cost is won back. On several threads the other share: with two XNNPACK takes 0.52 of its
  // time with one, these plans 0.72 to 0.80 (the same processor, mediapipe's two detectors).
  static constexpr double kShare = 0.9, kShareOnThreads = 0.7;
  bool gains(double share = kShare) const { return lacuna <= share * engine; }
  // Whether a product alone saves what its borders cost, some ten microseconds, inside of a stretch that stays the engine's.
  bool is_worth_leaving() const { return engine - lacuna >= 1.2e6; }
  std::string sentence(const std::string &name) const {
    return "as a whole it would take " + std::to_string(std::lround(100 * lacuna / engine)) + " % of " + name +
           "'s time, by the estimate";
  }
};

// Of a convolution: `work` multiply-adds if nothing is left out, the share of zeros among its weights, positions of its kernel.
// Measured on AVX-512, one thread (AMD EPYC, Zen 5, onnxruntime 1.32.0), on the layers of mediapipe's pose detector and of a
// thin ResNet-50: kernels of one tap took 2.0 to 2.7 times as long for each weight that is left as onnxruntime for each
// weight, those of several 3; dense ones 2; depthwise ones as long as onnxruntime's, for each weight three times a dense one.
// For XNNPACK in LiteRT 2.3.0 it is four times: then the whole of mediapipe's pose and face detectors is estimated at 0.69 and
// 0.86 of LiteRT's time, and measured were 0.69 and 0.88; for onnxruntime 0.74 and 0.96, and measured were 0.65 and 0.99.
inline Cost cost(double work, double zeros, int64_t positions, bool depthwise, double engines_depthwise) {
  if (depthwise) return {3 * work, engines_depthwise * work};
  return {std::min(2.0, 0.03 + (positions == 1 ? 2.4 : 3.0) * (1 - zeros)) * work, work};
}
