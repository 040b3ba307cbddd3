// Blocks whose parts fill a register as a candidate for few columns.

import LacunaFormats

/// ``BlockVectorProduct`` as a candidate.
struct BlockVectorFormat: ProductFormat {
  func name(_ request: PlanRequest) -> String { BlockVectorProduct.candidateName }

  /// The blocks, where the instruction set has the kernel for them.
  private func blocks(_ request: PlanRequest) -> BSRMatrix<Float>? {
    guard case .f32(.bsr(let matrix)) = request.weights,
      BlockVectorProduct.suits(matrix.block, columns: matrix.columns, table: request.table)
    else { return nil }
    return matrix
  }

  func suits(_ request: PlanRequest) -> Bool { blocks(request) != nil }
  func isWorthwhile(_ request: PlanRequest) -> Bool { request.isFew }

  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost {
    let (stored, n) = (request.stored, request.width)
    return ProductCost(
      operations: 2 * Double(stored) * Double(n),
      weightBytes: Double(stored * request.types.weights.size + stored / 8) * Double((n + 5) / 6),
      share: KernelShares(request.table.isa).blockVector)
  }

  func pack(_ request: PlanRequest) -> (any ProductBody)? {
    blocks(request).map {
      BlockVectorProduct(
        $0, scale: Float(request.scale), layout: request.layout, epilogue: request.epilogue,
        table: request.table)
    }
  }
}
