// lcn_plan_create for 8-bit weights: an f32 matrix quantised, then a plan of the asked-for activations.

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
  let scales: WeightScales = quantization.isPerTensor ? .perTensor : .perRow
  let source: QuantizedSource
  if case .bsr(let m) = matrix {
    source = .bsr(
      try quantized { () throws(QuantizationError) in
        try QuantizedBSR(quantizing: m, scales: scales)
      })
  } else {
    let m = try matrix.csr()
    source = .csr(
      try quantized { () throws(QuantizationError) in
        try QuantizedCSR(quantizing: m, scales: scales)
      })
  }
  let core = try Failure.operation { () throws(OperationError) in
    try PlanCore(
      source, activations: (quantization.activations, quantization.range),
      output: quantization.output, layout: request.layout, width: request.width,
      epilogue: Epilogue(bias: bias, activation: request.activation), options: request.options)
  }
  return PlanObject(quantized: core, stored: matrix.stored)
}

/// Weights that are NaN or infinite have no bytes.
func quantized<R>(_ body: () throws(QuantizationError) -> R) throws(Failure) -> R {
  do { return try body() } catch { throw Failure(.notANumber, error.description) }
}
