// Windows of bytes as a candidate for 8-bit weights and few right-hand sides.

import CSIMD
import LacunaFormats

/// ``ByteWindowWeights`` as a candidate: the sparser the faster, where bit masks always take the same.
struct ByteWindowFormat: ProductFormat {
  func name(_ request: PlanRequest) -> String { "window" }

  private func kernel(_ request: PlanRequest) -> Kernel? {
    request.table.kernel(.byteWindow, types: .quantized(.u8))
  }

  private func windows(_ request: PlanRequest) -> Int {
    (request.rows + 15) / 16 * ByteWindowWeights.windows(columns: request.columns)
  }

  func suits(_ request: PlanRequest) -> Bool {
    // A plain reference is no candidate, and windows of next to nothing would take memory out of proportion.
    request.quantized != nil && kernel(request)?.isa != nil
      && windows(request) <= 64 * (request.stored + 1024)
  }

  /// Windows of weights that are nearly all zeros would be most of what is walked.
  func isWorthwhile(_ request: PlanRequest) -> Bool {
    request.isFew && windows(request) <= request.stored
  }

  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost {
    let sides = Double(request.width)
    let passes = (sides / Double(LCN_BYTE_WINDOW_SIDES)).rounded(.up)
    let windows = Double(windows(request))
    // The longest of 16 lanes, whose counts are about those of a binomial distribution, in steps of four.
    let mean = 64 * request.density
    let longest = mean + 1.8 * (mean * (1 - min(request.density, 1))).squareRoot()
    let steps = windows * (longest / 4 + 0.5)
    return ProductCost(
      operations: 2 * Double(request.stored) * sides,
      weightBytes: (2 * Double(request.stored) + 8 * steps + windows) * passes,
      share: KernelShares(request.table.isa).byteWindow,
      work: 64 * (steps + windows) * (passes + 0.3 * (sides - passes))
        / max(Double(request.stored) * sides, 1))
  }

  func pack(_ request: PlanRequest) -> (any ProductBody)? {
    guard let weights = request.quantized, let kernel = kernel(request) else { return nil }
    return ByteRowsProduct(
      ByteWindowWeights(weights, stored: request.stored, kernel: kernel), weights,
      layout: request.layout, epilogue: request.epilogue, table: request.table)
  }
}
