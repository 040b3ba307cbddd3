// CSR as it is, as a candidate: for few columns where no register permute exists.

/// Right-hand sides up to which CSR beats panels of X that are mostly padding.
private let mostColumns = 3

/// ``CSRProduct`` as a candidate.
struct CSRFormat: ProductFormat {
  func name(_ request: PlanRequest) -> String { "csr" }

  func suits(_ request: PlanRequest) -> Bool {
    switch request.weights {
    case .f32(.csr), .f64(.csr): true
    case .f32(.bsr), .f32(.dense), .f64(.bsr), .f64(.dense), .i8: false
    }
  }
  func isWorthwhile(_ request: PlanRequest) -> Bool { (1...mostColumns).contains(request.width) }

  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost {
    ProductCost(
      operations: 2 * Double(request.stored) * Double(request.width),
      weightBytes: Double(request.stored * (request.types.weights.size + 4)),
      share: KernelShares(request.table.isa).csr)
  }

  func pack(_ request: PlanRequest) -> (any ProductBody)? {
    switch request.weights {
    case .f32(.csr(let w)):
      CSRProduct(
        w, scale: request.scale, layout: request.layout, epilogue: request.epilogue,
        table: request.table)
    case .f64(.csr(let w)):
      CSRProduct(
        w, scale: request.scale, layout: request.layout, epilogue: request.epilogue,
        table: request.table)
    case .f32(.bsr), .f32(.dense), .f64(.bsr), .f64(.dense), .i8: nil
    }
  }
}
