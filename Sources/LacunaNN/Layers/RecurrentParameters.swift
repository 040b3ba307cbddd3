// W, R, b and b′ of one recurrent cell.

import LacunaFormats

/// The tensors of an LSTM or GRU: `[gates · units, features]` and `[gates · units, units]` with the gates in ONNX's
/// order; a GRU has a second bias, which its reset gate reaches.
struct RecurrentParameters {
  let kernel: Parameter, recurrentKernel: Parameter
  let bias: Parameter, recurrentBias: Parameter?
  var all: [Parameter] { [kernel, recurrentKernel, bias] + (recurrentBias.map { [$0] } ?? []) }

  init(
    _ name: String, unit: RecurrentUnit, features: Int, units: Int, random: inout RandomStream
  ) {
    let tensors = Self.shapes(name, unit: unit, features: features, units: units).map {
      Parameter($0.name, $0.role, $0.shape)
    }
    (kernel, recurrentKernel, bias) = (tensors[0], tensors[1], tensors[2])
    recurrentBias = tensors.count > 3 ? tensors[3] : nil
    kernel.initializeUniform(fanIn: features, fanOut: units, from: &random)
    recurrentKernel.initializeUniform(fanIn: units, fanOut: units, from: &random)
    if unit == .lstm {
      // Cells remember at first (Jozefowicz et al., 2015).
      for j in 2 * units..<3 * units { bias.values.pointer[j] = 1 }
    }
  }

  /// Names, shapes and roles in the order of ``all``.
  static func shapes(
    _ name: String, unit: RecurrentUnit, features: Int, units: Int
  ) -> [(name: String, shape: [Int], role: Parameter.Role)] {
    let rows = unit.gates * units
    return [
      ("\(name)/kernel", [rows, features], .kernel),
      ("\(name)/recurrent_kernel", [rows, units], .kernel), ("\(name)/bias", [rows], .bias),
    ] + (unit == .gru ? [("\(name)/recurrent_bias", [rows], .bias)] : [])
  }
}
