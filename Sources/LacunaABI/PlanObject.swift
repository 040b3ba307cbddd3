// What a plan handle stands for: a plan of f32 or f64, and what it was made from.

import CLacuna
import LacunaFormats
import LacunaOperations

/// The object behind an lcn_plan.
final class PlanObject: Sendable {
  enum Value: Sendable {
    case f32(Plan<Float>, Source<Float>)
    case f64(Plan<Double>, Source<Double>)
  }

  /// What lcn_plan_serialize writes. Shares memory with the matrix handle it came from.
  struct Source<Scalar: SparseScalar>: Sendable {
    let matrix: StoredMatrix<Scalar>
    let epilogue: Epilogue<Scalar>
    let excludesDense: Bool
  }

  let value: Value
  /// What run checks against, without looking into the generic plan.
  let rows: Int
  let columns: Int
  let layout: ProductLayout
  let dtype: DType
  let workspaceBytes: Int

  var elementSize: Int { dtype.size }

  init(_ plan: Plan<Float>, _ source: Source<Float>) {
    value = .f32(plan, source)
    (rows, columns, layout) = (plan.rows, plan.columns, plan.layout)
    (dtype, workspaceBytes) = (.f32, plan.body.workspaceBytes)
  }

  init(_ plan: Plan<Double>, _ source: Source<Double>) {
    value = .f64(plan, source)
    (rows, columns, layout) = (plan.rows, plan.columns, plan.layout)
    (dtype, workspaceBytes) = (.f64, plan.body.workspaceBytes)
  }

  /// The plan's name of its kernel, and its packed bytes.
  var kernelName: String {
    switch value {
    case .f32(let plan, _): plan.kernelName
    case .f64(let plan, _): plan.kernelName
    }
  }
  var packedBytes: Int {
    switch value {
    case .f32(let plan, _): plan.packedBytes
    case .f64(let plan, _): plan.packedBytes
    }
  }
  var stored: Int {
    switch value {
    case .f32(_, let source): source.matrix.stored
    case .f64(_, let source): source.matrix.stored
    }
  }
  var width: Int {
    switch value {
    case .f32(let plan, _): plan.width
    case .f64(let plan, _): plan.width
    }
  }
  var threads: Int {
    switch value {
    case .f32(let plan, _): plan.threads
    case .f64(let plan, _): plan.threads
    }
  }
  func usefulSlices(width: Int) -> Int {
    switch value {
    case .f32(let plan, _): plan.usefulSlices(width: width)
    case .f64(let plan, _): plan.usefulSlices(width: width)
    }
  }
  var description: String {
    switch value {
    case .f32(let plan, _): "\(plan)\n\(plan.explanation)"
    case .f64(let plan, _): "\(plan)\n\(plan.explanation)"
    }
  }
}

/// Everything of lcn_plan_options but the bias values, checked.
struct PlanRequestFromC {
  var layout = ProductLayout.columns
  var width = 1
  var activation = Activation.none
  var options = PlanOptions(threads: 1, deterministic: true)
}

/// Most threads and slices accepted.
let mostThreads = 1024
let mostSlices = 1 << 16

/// A plan for `matrix`.
func makePlan<Scalar: SparseScalar>(
  _ matrix: StoredMatrix<Scalar>, _ request: PlanRequestFromC, bias: [Scalar]?
) throws(Failure) -> (Plan<Scalar>, PlanObject.Source<Scalar>) {
  // Packing holds values and indices, three more for each where every strip is short, and a copy of both.
  let size = MemoryLayout<Scalar>.size
  try reserve(try product(matrix.stored, 5 * size + 16, "bytes") + matrix.rows * 64)
  if request.options.kernel == "dense" {
    try reserve(try product(try product(matrix.rows, matrix.columns, "elements"), size, "bytes"))
  }
  let epilogue = Epilogue<Scalar>(bias: bias, activation: request.activation)
  let plan: Plan<Scalar> = try Failure.operation { () throws(OperationError) in
    switch matrix {
    case .dense(let m):
      try Plan(
        dense: m, layout: request.layout, width: request.width, epilogue: epilogue,
        options: request.options)
    case .csr(let m):
      try Plan(
        m, layout: request.layout, width: request.width, epilogue: epilogue,
        options: request.options)
    case .bsr(let m):
      try Plan(
        m, layout: request.layout, width: request.width, epilogue: epilogue,
        options: request.options)
    }
  }
  return (
    plan,
    PlanObject.Source(
      matrix: matrix, epilogue: epilogue, excludesDense: request.options.excludesDense)
  )
}
