// lcn_plan_create for 8-bit weights: an f32 matrix quantised, then a plan of the asked-for activations.

import CLacuna
import LacunaFormats
import LacunaOperations

/// A plan for `matrix`, whose weights become 8-bit.
func makeQuantizedPlan(
  _ matrix: StoredMatrix<Float>, _ request: PlanRequestFromC,
  _ quantization: PlanRequestFromC.Quantization, bias: [Float]?
) throws(Failure) -> PlanObject {
  // Weights as bytes and their positions; quads of up to three candidates, each for one weight at worst.
  try reserve(try product(matrix.stored, 64, "bytes") + matrix.rows * 64)
  if request.options.kernel == "dense" {
    try reserve(try product(try product(matrix.rows, matrix.columns, "elements"), 8, "bytes"))
  }
  let source = try quantizedSource(matrix, quantization.weightScales)
  return try makePlan(source, request, quantization, bias: bias)
}

/// The weights as bytes, in blocks where the matrix has them.
func quantizedSource(
  _ matrix: StoredMatrix<Float>, _ scales: WeightScales
) throws(Failure) -> QuantizedMatrix {
  try reserve(try product(matrix.stored, 12, "bytes") + (matrix.rows + 1) * 8)
  return try quantized { () throws(QuantizationError) in
    try QuantizedMatrix(quantizing: matrix, scales: scales)
  }
}

/// A plan of weights that are bytes already.
func makePlan(
  _ weights: QuantizedMatrix, _ request: PlanRequestFromC,
  _ quantization: PlanRequestFromC.Quantization, bias: [Float]?
) throws(Failure) -> PlanObject {
  let epilogue = Epilogue(bias: bias, activation: request.activation)
  let core = try Failure.operation { () throws(OperationError) in
    try PlanCore(
      weights, activations: (quantization.activations, quantization.range),
      output: quantization.output, layout: request.layout, width: request.width,
      epilogue: epilogue, options: request.options)
  }
  return PlanObject(
    core,
    PlanObject.QuantizedWeights(
      weights: weights, quantization: quantization, epilogue: epilogue,
      excludesDense: request.options.excludesDense))
}

extension PlanRequestFromC.Quantization {
  /// Writes it into the members of the options that it was read from.
  func set(_ o: inout lcn_plan_options) {
    o.weights = Int32(LCN_I8)
    o.activations = constant(activations)
    o.one_scale = weightScales == .perTensor ? 1 : 0
    switch range {
    case .fixed(let scale, let zeroPoint):
      o.range = Int32(LCN_RANGE_FIXED)
      (o.activation_scale, o.zero_point) = (Double(scale), Int32(zeroPoint))
    case .perTensor: o.range = Int32(LCN_RANGE_TENSOR)
    case .perSide: o.range = Int32(LCN_RANGE_SIDE)
    }
    if let scale = output.scale {
      o.output = constant(output.type)
      (o.output_scale, o.output_zero_point) = (Double(scale.scale), Int32(scale.zeroPoint))
    }
  }
}

/// Weights that are NaN or infinite have no bytes, nor have those beyond the scales that are given.
func quantized<R>(_ body: () throws(QuantizationError) -> R) throws(Failure) -> R {
  do { return try body() } catch {
    let status: Status =
      switch error {
      case .notFinite: .notANumber
      case .scaleCount: .shapeMismatch
      case .scale, .beyondScale: .invalidArgument
      }
    throw Failure(status, error.description)
  }
}
