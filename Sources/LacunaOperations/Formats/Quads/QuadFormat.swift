// Strips of quads as candidates for 8-bit weights: of one row, of two, of four, and all of them.

import LacunaFormats

/// ``QuadProduct`` as a candidate.
///
/// Any pattern fits any height. Blocks of R×4 with R a multiple of the height fill their quads; of
/// unstructured weights most of a quad is zeros, and taller strips hold more of them.
struct QuadFormat: ProductFormat {
  /// Output rows of a strip.
  let height: Int
  /// Whether every quad is stored: the dense product in 8 bits.
  let isDense: Bool

  static let strips = [4, 2, 1].map { QuadFormat(height: $0, isDense: false) }
  static let dense = QuadFormat(height: 4, isDense: true)

  func name(_ request: PlanRequest) -> String { isDense ? "dense" : "spmm-\(height)x4" }

  func suits(_ request: PlanRequest) -> Bool {
    request.quantized != nil && !(isDense && request.options.excludesDense)
  }
  func isWorthwhile(_ request: PlanRequest) -> Bool { true }

  /// Blocks that are stored.
  private func blocks(_ weights: QuantizedWeights) -> Int {
    isDense
      ? (weights.rows + height - 1) / height
        * GroupBlocks.columns(of: QuantizedMatrix.self, weights.columns)
      : GroupBlocks.count(weights.source, height: height)
  }

  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost {
    guard let weights = request.quantized else { preconditionFailure("not 8-bit weights") }
    let quads = Double(blocks(weights) * height)
    let n = Double(request.width)
    let lanes = Double(request.table.isa.vectorBytes / 4)
    let useful =
      isDense ? Double(request.rows) * Double(request.columns) : Double(request.stored)
    return ProductCost(
      operations: 2 * useful * n, weightBytes: quads * 4 + quads / Double(height) * 2,
      share: KernelShares(request.table.isa).quads(
        rows: height, vectors: Int((n / lanes).rounded(.up)),
        density: isDense ? 1 : request.density),
      work: 4 * quads / max(useful, 1) * (n / lanes).rounded(.up) * lanes / max(n, 1))
  }

  func pack(_ request: PlanRequest) -> (any ProductBody)? {
    guard let weights = request.quantized else { return nil }
    let blocks = GroupBlocks(weights.source, height: height, isFull: isDense)
    let (shape, vectors) = packingShape(request, blocks.stripSource)
    return QuadProduct(
      blocks.packed(shape), weights, name: name(request), layout: request.layout,
      epilogue: request.epilogue, table: request.table, vectors: vectors)
  }
}
