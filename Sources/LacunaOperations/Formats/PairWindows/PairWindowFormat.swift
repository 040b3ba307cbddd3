// Windows of bf16 as a candidate for few right-hand sides that may be rounded.

import LacunaFormats

/// ``PairWindowProduct`` as a candidate: only for plans that allow X to be rounded, where the instruction set has the kernel.
struct PairWindowFormat: ProductFormat {
  func name(_ request: PlanRequest) -> String { "pairs-window" }

  private func windows(_ request: PlanRequest) -> Int {
    (request.rows + 15) / 16 * PairWindowWeights.windows(columns: request.columns)
  }

  func suits(_ request: PlanRequest) -> Bool {
    // A plain reference is no candidate, and windows of next to nothing would take memory out of proportion.
    request.options.allowsBF16Activations && !request.options.updatable
      && request.types.weights == .bf16 && !request.weights.isDense
      && request.table.kernel(.pairWindow, types: .pairs)?.isa != nil
      && windows(request) <= 64 * (request.stored + 1024)
  }

  /// Windows of weights that are nearly all zeros would be most of what is walked.
  func isWorthwhile(_ request: PlanRequest) -> Bool {
    request.isFew && windows(request) <= request.stored
  }

  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost {
    let sides = Double(request.width)
    let passes = (sides / 4).rounded(.up)
    let windows = Double(windows(request))
    // The longest of 16 lanes, whose counts are about those of a binomial distribution, in steps of two.
    let mean = 64 * request.density
    let longest = mean + 1.8 * (mean * (1 - min(request.density, 1))).squareRoot()
    let steps = windows * (longest / 2 + 0.5)
    return ProductCost(
      operations: 2 * Double(request.stored) * sides,
      weightBytes: (3 * Double(request.stored) + 4 * steps + windows) * passes,
      share: KernelShares(request.table.isa).pairWindow,
      work: 32 * (steps + windows) * (passes + 0.3 * (sides - passes))
        / max(Double(request.stored) * sides, 1))
  }

  func pack(_ request: PlanRequest) -> (any ProductBody)? {
    request.weights.floats?.pairWindows().map {
      PairWindowProduct(
        $0, name: name(request), inputs: request.columns, layout: request.layout,
        epilogue: request.epilogue, table: request.table)
    }
  }
}
