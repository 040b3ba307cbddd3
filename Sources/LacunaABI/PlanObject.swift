// What a plan handle stands for: a chosen body, and what it was made from.

import CLacuna
import LacunaFormats
import LacunaOperations

/// The object behind an lcn_plan.
final class PlanObject: Sendable {
  /// What only some functions need, by the kind of the weights.
  enum Value: Sendable {
    case floats(any AnyFloatPlan)
    case i8(QuantizedWeights)
  }

  /// What lcn_plan_serialize writes of 8-bit weights.
  struct QuantizedWeights: Sendable {
    let weights: QuantizedMatrix
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

  convenience init<Weight: StoredScalar, Scalar: SparseScalar>(_ plan: FloatPlan<Weight, Scalar>) {
    self.init(.floats(plan), plan.plan.core)
  }

  convenience init(_ core: PlanCore, _ source: QuantizedWeights) { self.init(.i8(source), core) }

  /// Stored elements of the matrix that it was made from.
  var stored: Int {
    switch value {
    case .floats(let plan): plan.stored
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
    let weightScales: WeightScales
    /// The type of y, and what its bytes stand for.
    let output: (type: NumberType, scale: OutputScale?)
  }
}

/// Most threads and slices accepted.
let mostThreads = 1024
let mostSlices = 1 << 16
