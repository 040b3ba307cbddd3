// Dense weights as a candidate: what every sparse one has to beat.

import LacunaFormats

/// ``DenseProduct`` as a candidate.
struct DenseFormat: ProductFormat {
  func name(_ request: PlanRequest) -> String { "dense" }
  var isDense: Bool { true }

  func suits(_ request: PlanRequest) -> Bool {
    request.weights.floats != nil && (request.weights.isDense || !request.options.excludesDense)
  }
  func isWorthwhile(_ request: PlanRequest) -> Bool { true }

  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost {
    let (m, k) = (Double(request.rows), Double(request.columns))
    return ProductCost(
      operations: 2 * m * k * Double(request.width),
      weightBytes: m * k * Double(request.types.accumulator.size),
      share: Roofline.denseShare(columns: request.width, isa: .detected), peak: roof.densePeak)
  }

  /// Weights of 16 bits are widened once and for all: OpenBLAS multiplies f32.
  func pack(_ request: PlanRequest) -> (any ProductBody)? {
    request.weights.floats.map {
      DenseProduct(
        rows: request.rows, columns: request.columns, dtype: request.types.float,
        layout: request.layout, epilogue: request.epilogue, fill: $0.writeDense)
    }
  }
}
