// Strips of adjacent output rows as a candidate: every pattern, every block, every type.

import LacunaFormats

/// ``PackedProduct`` as a candidate.
struct StripFormat: ProductFormat {
  func name(_ request: PlanRequest) -> String { "spmm-\(request.block)" }

  func suits(_ request: PlanRequest) -> Bool {
    request.weights.floats != nil && !request.weights.isDense
  }
  func isWorthwhile(_ request: PlanRequest) -> Bool { true }

  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost {
    let (stored, n, rows) = (request.stored, request.width, request.block.rows)
    let size = request.types.weights.size
    let lanes = request.table.isa.vectorBytes / request.types.accumulator.size
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
    guard let weights = request.weights.floats else { return nil }
    let (shape, vectors) = packingShape(
      request,
      StripSource(
        rows: request.rows, columns: request.columns, stored: request.stored,
        block: request.block, inputs: 1, storedBefore: weights.storedBefore))
    return PackedProduct(
      weights.packed(shape), request.types, inputs: request.columns, name: name(request),
      layout: request.layout,
      epilogue: request.epilogue, table: request.table, vectors: vectors)
  }
}
