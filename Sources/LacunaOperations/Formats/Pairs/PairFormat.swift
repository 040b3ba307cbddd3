// Strips of pairs of bf16 as candidates: of one row, of two, of four, and all of them.

import LacunaFormats

/// Products of bf16 by bf16: ``PackedProduct`` with X rounded while it is packed.
///
/// Only for plans that allow it, where the instruction set has the kernels. Any pattern fits any height; blocks of
/// R×2 with R a multiple of the height fill their pairs.
struct PairFormat: ProductFormat {
  /// Output rows of a strip.
  let height: Int
  /// Whether every pair is stored: the dense product in bf16.
  let isDense: Bool

  static let strips = [4, 2, 1].map { PairFormat(height: $0, isDense: false) }
  static let dense = PairFormat(height: 4, isDense: true)

  func name(_ request: PlanRequest) -> String { isDense ? "pairs-dense" : "pairs-\(height)x2" }

  func suits(_ request: PlanRequest) -> Bool {
    let options = request.options
    guard options.allowsBF16Activations && !options.updatable, request.types.weights == .bf16,
      let kernel = request.table.kernel(.spmm, variant: "\(height)x2", types: .pairs)
    else { return false }
    // The plain twin is no candidate.
    if kernel.isa == nil { return false }
    return isDense ? request.weights.isDense || !options.excludesDense : !request.weights.isDense
  }
  func isWorthwhile(_ request: PlanRequest) -> Bool { !request.isFew }

  private func blocks(_ request: PlanRequest) -> Int {
    let gridRows = (request.rows + height - 1) / height
    return isDense
      ? gridRows * ((request.columns + 1) / 2)
      : request.weights.floats?.pairBlocks(height: height) ?? 0
  }

  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost {
    let pairs = Double(blocks(request) * height)
    let n = Double(request.width)
    let lanes = request.table.isa.vectorBytes / 4
    let vectors = (request.width + lanes - 1) / lanes
    let useful =
      isDense ? Double(request.rows) * Double(request.columns) : Double(request.stored)
    let shares = KernelShares(request.table.isa)
    return ProductCost(
      operations: 2 * useful * n, weightBytes: pairs * 4 + pairs / Double(height) * 2,
      share: shares.pairs
        * shares.strip(
          rows: height, vectors: vectors, density: isDense ? 1 : request.density)
        * (request.layout == .rows ? shares.transposed : 1),
      work: 2 * pairs / max(useful, 1) * Double(vectors * lanes) / max(n, 1))
  }

  func pack(_ request: PlanRequest) -> (any ProductBody)? {
    guard let blocks = request.weights.floats?.pairs(height: height, isFull: isDense) else {
      return nil
    }
    let (shape, vectors) = packingShape(request, blocks.stripSource)
    return PackedProduct(
      blocks.packed(shape), .pairs, inputs: request.columns, name: name(request),
      layout: request.layout, epilogue: request.epilogue, table: request.table, vectors: vectors)
  }
}
