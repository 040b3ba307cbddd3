// Bit masks as a candidate for 8-bit weights and few right-hand sides.

import CSIMD
import LacunaFormats

/// ``BitmaskWeights`` as a candidate: as fast at 50 % zeros as at 90.
struct BitmaskFormat: ProductFormat {
  func name(_ request: PlanRequest) -> String { "bitmask" }

  private func kernel(_ request: PlanRequest) -> Kernel? {
    request.table.kernel(.bitmask, types: .quantized(.u8))
  }

  private func masks(_ request: PlanRequest) -> Int {
    request.rows * BitmaskWeights.chunks(columns: request.columns)
  }

  func suits(_ request: PlanRequest) -> Bool {
    // A plain reference is no candidate, and masks of next to nothing would take memory out of proportion.
    request.quantized != nil && kernel(request)?.isa != nil
      && masks(request) <= 64 * (request.stored + 1024)
  }

  /// Masks of weights that are nearly all zeros would be most of what is read.
  func isWorthwhile(_ request: PlanRequest) -> Bool {
    request.isFew && masks(request) * 8 <= 8 * request.stored
  }

  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost {
    let sides = Double(request.width)
    let passes = (sides / Double(LCN_BITMASK_SIDES)).rounded(.up)
    let places = 64 * Double(masks(request))
    return ProductCost(
      operations: 2 * Double(request.stored) * sides,
      weightBytes: (Double(request.stored) + places / 8) * passes,
      share: KernelShares(request.table.isa).bitmask,
      // A mask takes the same time whatever it names, and a further side little more.
      work: places * (passes + 0.2 * (sides - passes)) / max(Double(request.stored) * sides, 1))
  }

  func pack(_ request: PlanRequest) -> (any ProductBody)? {
    guard let weights = request.quantized, let kernel = kernel(request) else { return nil }
    return ByteRowsProduct(
      BitmaskWeights(weights, stored: request.stored, kernel: kernel), weights,
      layout: request.layout, epilogue: request.epilogue, table: request.table)
  }
}
