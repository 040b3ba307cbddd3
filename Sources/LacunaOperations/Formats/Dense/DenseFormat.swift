// Dense weights as a candidate: what every sparse one has to beat.

import LacunaFormats

/// ``DenseProduct`` as a candidate.
struct DenseFormat: ProductFormat {
  func name(_ request: PlanRequest) -> String { "dense" }
  var isDense: Bool { true }

  func suits(_ request: PlanRequest) -> Bool {
    request.weights.dtype != nil && (request.weights.isDense || !request.options.excludesDense)
  }
  func isWorthwhile(_ request: PlanRequest) -> Bool { true }

  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost {
    let (m, k) = (Double(request.rows), Double(request.columns))
    return ProductCost(
      operations: 2 * m * k * Double(request.width),
      weightBytes: m * k * Double(request.types.weights.size),
      share: Roofline.denseShare(columns: request.width, isa: .detected), peak: roof.densePeak)
  }

  func pack(_ request: PlanRequest) -> (any ProductBody)? {
    switch request.weights {
    case .f32(let w): product(request, .f32) { w.writeDense(to: $0, scale: request.scale) }
    case .f64(let w): product(request, .f64) { w.writeDense(to: $0, scale: request.scale) }
    case .i8: nil
    }
  }

  private func product(
    _ request: PlanRequest, _ dtype: DType, _ fill: (UnsafeMutableRawPointer) -> Void
  ) -> DenseProduct {
    DenseProduct(
      rows: request.rows, columns: request.columns, dtype: dtype, layout: request.layout,
      epilogue: request.epilogue, fill: fill)
  }
}
