// Gaps between weights as a candidate for 8-bit weights and few right-hand sides.

import LacunaFormats

/// ``GapWeights`` as a candidate: the fewest bytes for weights that come from memory.
struct GapFormat: ProductFormat {
  func name(_ request: PlanRequest) -> String { "gaps" }

  func suits(_ request: PlanRequest) -> Bool {
    request.quantized != nil && request.columns <= GapWeights.mostColumns
  }
  func isWorthwhile(_ request: PlanRequest) -> Bool { request.isFew }

  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost {
    guard let weights = request.quantized else { preconditionFailure("not 8-bit weights") }
    let (bits, slots) = GapWeights.fewest(weights)
    let n = Double(request.width)
    let useful = Double(request.stored)
    // Every right-hand side reads the weights anew.
    return ProductCost(
      operations: 2 * useful * n, weightBytes: Double(slots * (8 + bits) / 8) * n,
      share: KernelShares(request.table.isa).gaps, work: Double(slots) / max(useful, 1))
  }

  func pack(_ request: PlanRequest) -> (any ProductBody)? {
    guard let weights = request.quantized else { return nil }
    let (bits, slots) = GapWeights.fewest(weights)
    let kernel = request.table.kernel(.gaps, types: .quantized(.u8))!
    return ByteRowsProduct(
      GapWeights(weights, bits: bits, count: slots, kernel: kernel), weights,
      layout: request.layout, epilogue: request.epilogue, table: request.table)
  }
}
