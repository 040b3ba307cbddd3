// CSR as it is, as a candidate: for few columns where no register permute exists.

/// Right-hand sides up to which CSR beats panels of X that are mostly padding.
private let mostColumns = 3

/// ``CSRProduct`` as a candidate.
struct CSRFormat: ProductFormat {
  func name(_ request: PlanRequest) -> String { "csr" }

  func suits(_ request: PlanRequest) -> Bool { request.weights.floats?.pattern != nil }
  func isWorthwhile(_ request: PlanRequest) -> Bool { (1...mostColumns).contains(request.width) }

  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost {
    ProductCost(
      operations: 2 * Double(request.stored) * Double(request.width),
      weightBytes: Double(request.stored * (request.types.weights.size + 4)),
      share: KernelShares(request.table.isa).csr)
  }

  func pack(_ request: PlanRequest) -> (any ProductBody)? {
    guard let weights = request.weights.floats, let pattern = weights.pattern else { return nil }
    return CSRProduct(
      weights, pattern, layout: request.layout, epilogue: request.epilogue, table: request.table)
  }
}
