// Whether a whole stretch of a convolutional network gains by being taken.
#pragma once
#include <lacuna.h>

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

// What a multiply-add of a depthwise convolution costs Lacuna, in dense ones of the engine's: 3×3 and 5×5 kernels have one of
// their own on AVX-512, which takes two thirds of the time of the others.
inline double depthwise_cost() {
  static const double cost = [] {
    lcn_cpu_info info = LCN_CPU_INFO_INIT;
    if (lcn_get_cpu_info(&info) != LCN_OK) return 3.0;
    switch (info.isa) {
      case LCN_ISA_V4:
      case LCN_ISA_V4_VNNI:
      case LCN_ISA_V4_VBMI2:
      case LCN_ISA_V4_BF16: return 2.0;
      default: return 3.0;
    }
  }();
  return cost;
}

// Of a convolution: `work` multiply-adds if nothing is left out, the share of zeros among its weights, positions of its kernel.
// Measured on AVX-512, one thread (AMD EPYC, Zen 5, onnxruntime 1.32.0), on the layers of mediapipe's pose detector and of a
// thin ResNet-50: kernels of one tap took 2.0 to 2.7 times as long for each weight that is left as onnxruntime for each
// weight, those of several 3; dense ones 2; depthwise ones as long as onnxruntime's, for each weight three times a dense one,
// before AVX-512 had a kernel for them. For XNNPACK in LiteRT 2.3.0 it is four times: then the whole of mediapipe's pose and face
// detectors was estimated at 0.69 and 0.86 of LiteRT's time, and measured were 0.69 and 0.88; for onnxruntime 0.74 and 0.96, and
// measured were 0.65 and 0.99. With that kernel it is about 0.62 and 0.76, and 0.67 and 0.84; measured are 0.57 and 0.64, and 0.58
// and 0.72: sums, resizing and changes of layout, which are not in the estimate, became faster, too.
inline Cost cost(double work, double zeros, int64_t positions, bool depthwise, double engines_depthwise) {
  if (depthwise) return {depthwise_cost() * work, engines_depthwise * work};
  return {std::min(2.0, 0.03 + (positions == 1 ? 2.4 : 3.0) * (1 - zeros)) * work, work};
}
