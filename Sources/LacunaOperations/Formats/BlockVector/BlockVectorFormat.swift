// Blocks whose parts fill a register as a candidate for few columns.

import LacunaFormats

/// ``BlockVectorProduct`` as a candidate.
struct BlockVectorFormat: ProductFormat {
  func name(_ request: PlanRequest) -> String { BlockVectorProduct.candidateName }

  /// The weights, where the instruction set has the kernel for their blocks.
  private func weights(_ request: PlanRequest) -> (any FloatWeights)? {
    guard let weights = request.weights.floats, let (block, _) = weights.blocks,
      BlockVectorProduct.suits(
        block, columns: weights.columns, weights.types, table: request.table)
    else { return nil }
    return weights
  }

  func suits(_ request: PlanRequest) -> Bool { weights(request) != nil }
  func isWorthwhile(_ request: PlanRequest) -> Bool { request.isFew }

  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost {
    let (stored, n) = (request.stored, request.width)
    return ProductCost(
      operations: 2 * Double(stored) * Double(n),
      weightBytes: Double(stored * request.types.weights.size + stored / 8) * Double((n + 5) / 6),
      share: KernelShares(request.table.isa).blockVector)
  }

  func pack(_ request: PlanRequest) -> (any ProductBody)? {
    weights(request).map {
      BlockVectorProduct(
        $0, layout: request.layout, epilogue: request.epilogue, table: request.table)
    }
  }
}
