// Strips of adjacent output rows as a candidate: every pattern, every block, every type.

import LacunaFormats

/// ``PackedProduct`` as a candidate.
struct StripFormat: ProductFormat {
  func name(_ request: PlanRequest) -> String { "spmm-\(request.block)" }

  func suits(_ request: PlanRequest) -> Bool {
    request.weights.dtype != nil && !request.weights.isDense
  }
  func isWorthwhile(_ request: PlanRequest) -> Bool { true }

  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost {
    let (stored, n, rows) = (request.stored, request.width, request.block.rows)
    let size = request.types.weights.size
    let lanes = request.table.isa.vectorBytes / size
    let vectors = (n + lanes - 1) / lanes
    let shares = KernelShares(request.table.isa)
    return ProductCost(
      operations: 2 * Double(stored) * Double(n),
      weightBytes: Double(stored * size + stored / rows * 2),
      share: shares.strip(rows: rows, vectors: vectors, density: request.density)
        * (request.layout == .rows ? shares.transposed : 1),
      work: Double(vectors) * Double(lanes) / Double(max(n, 1)))
  }

  func pack(_ request: PlanRequest) -> (any ProductBody)? {
    switch request.weights {
    case .f32(let w): pack(request, w, .f32) { w.packed($0, scale: request.scale) }
    case .f64(let w): pack(request, w, .f64) { w.packed($0, scale: request.scale) }
    case .i8: nil
    }
  }

  private func pack<Scalar>(
    _ request: PlanRequest, _ weights: WeightSource<Scalar>, _ dtype: DType,
    _ packed: (PackingShape) -> PackedWeights
  ) -> PackedProduct {
    let (shape, vectors) = packingShape(
      request,
      StripSource(
        rows: request.rows, columns: request.columns, stored: request.stored,
        block: request.block, inputs: 1, storedBefore: weights.storedBefore))
    return PackedProduct(
      packed(shape), dtype, name: name(request), layout: request.layout,
      epilogue: request.epilogue, table: request.table, vectors: vectors)
  }
}
