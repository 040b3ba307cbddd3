// What a plan handle stands for: a chosen body, and what it was made from.

import CLacuna
import LacunaFormats
import LacunaOperations

/// The object behind an lcn_plan.
final class PlanObject: Sendable {
  /// What only some functions need, by the type of the weights.
  enum Value: Sendable {
    case f32(Plan<Float>, Source<Float>)
    case f64(Plan<Double>, Source<Double>)
    case i8(QuantizedWeights)
  }

  /// What lcn_plan_serialize writes. Shares memory with the matrix handle it came from.
  struct Source<Scalar: SparseScalar>: Sendable {
    let matrix: StoredMatrix<Scalar>
    let epilogue: Epilogue<Scalar>
    let excludesDense: Bool
  }

  /// The same of 8-bit weights.
  struct QuantizedWeights: Sendable {
    let weights: QuantizedSource
    let quantization: PlanRequestFromC.Quantization
    let epilogue: Epilogue<Float>
    let excludesDense: Bool
  }

  let value: Value
  /// What runs, whatever its types.
  let core: PlanCore
  /// What run checks against: kept, not asked for.
  let rows: Int, columns: Int
  let layout: ProductLayout
  let xSize: Int, ySize: Int
  let workspaceBytes: Int

  private init(_ value: Value, _ core: PlanCore) {
    (self.value, self.core) = (value, core)
    (rows, columns, layout) = (core.rows, core.columns, core.layout)
    (xSize, ySize) = (core.types.activations.size, core.types.output.size)
    workspaceBytes = core.body.workspaceBytes
  }

  convenience init(_ plan: Plan<Float>, _ source: Source<Float>) {
    self.init(.f32(plan, source), plan.core)
  }

  convenience init(_ plan: Plan<Double>, _ source: Source<Double>) {
    self.init(.f64(plan, source), plan.core)
  }

  convenience init(_ core: PlanCore, _ source: QuantizedWeights) { self.init(.i8(source), core) }

  /// Stored elements of the matrix that it was made from.
  var stored: Int {
    switch value {
    case .f32(_, let source): source.matrix.stored
    case .f64(_, let source): source.matrix.stored
    case .i8(let source): source.weights.stored
    }
  }

  var kernelName: String { core.body.name }
  var packedBytes: Int { core.body.packedBytes }
  var width: Int { core.width }
  var threads: Int { core.threads }
  func usefulSlices(width: Int) -> Int { core.body.usefulSlices(width: width) }
  var description: String { "\(core.summary)\n\(core.explanation)" }
}

/// Everything of lcn_plan_options but the bias values, checked.
struct PlanRequestFromC {
  var layout = ProductLayout.columns
  var width = 1
  var activation = Activation.none
  var options = PlanOptions(threads: 1, deterministic: true)
  /// 8-bit weights, and what X is given as; nil for a product in the matrix's type.
  var quantization: Quantization?

  struct Quantization: Sendable {
    let activations: NumberType
    let range: ActivationRange
    let isPerTensor: Bool
    /// The type of y, and what its bytes stand for.
    let output: (type: NumberType, scale: OutputScale?)
  }
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
