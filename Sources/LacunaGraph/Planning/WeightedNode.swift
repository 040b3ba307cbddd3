// Y ← activation(W·X + bias + residual): a node with known weights, and what is folded into it before it is planned.

import LacunaFormats
import LacunaOperations

/// A product or convolution whose weights are known.
struct WeightedNode: Sendable {
  enum Form: Sendable {
    case convolution(ConvolutionShape, images: Int)
    /// Y[width, out] = X[width, in] · Wᵀ
    case rows(width: Int)
    /// Y[out, width] = W · X[in, width], once for each batch.
    case columns(width: Int, batches: Int)
    case transposed(TransposedShape)
  }

  let form: Form
  private(set) var weights: StoredMatrix<Float>
  /// Which operand of the original node is multiplied.
  let input: Int
  /// Of the result.
  let shape: [Int]
  private(set) var bias: [Float]?
  var activation = Activation.none
  var addsResidual = false

  init(form: Form, weights: StoredMatrix<Float>, input: Int, shape: [Int]) {
    (self.form, self.weights, self.input, self.shape) = (form, weights, input, shape)
  }

  /// Numbers that share a bias are those of one index of this axis of the result.
  var channelAxis: Int {
    switch form {
    case .convolution, .transposed: 1
    case .rows: shape.count - 1
    case .columns: shape.count - 2
    }
  }

  var channels: Int { shape.isEmpty || channelAxis < 0 ? weights.rows : shape[channelAxis] }

  /// Whether nothing happens to the sums but the bias: only then can more be folded in.
  var isLinear: Bool { activation == .none && !addsResidual }

  /// Rows of the weights that make one channel.
  private var rowsOfChannel: Int {
    if case .transposed(let shape) = form { shape.taps } else { 1 }
  }

  /// Multiplies the result of each channel.
  mutating func scale(_ factors: [Float]) {
    let rows = rowsOfChannel
    weights.scaleRows { factors[$0 / rows] }
    bias = bias.map { zip($0, factors).map { $0 * $1 } }
  }

  /// Adds to the result of each channel.
  mutating func add(_ summands: [Float]) {
    bias = bias.map { zip($0, summands).map { $0 + $1 } } ?? summands
  }
}

extension WeightedNode: OperatorRule {
  var inputs: ClosedRange<Int> { addsResidual ? 2...2 : 1...1 }
  var folds: Bool { false }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    [GraphType(unchecked: .f32, shape)]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    if !request.skipsZeros && !weights.isDense {
      var node = self
      node.weights = .dense(weights.dense())
      return try node.body(request)
    }
    do throws(OperationError) {
      switch form {
      case .convolution(let shape, let images):
        return ConvolutionBodyOfGraph(
          convolution: try convolution(shape, images, request.options), images: images)
      case .rows(let width):
        return RowProductBody(
          plan: try plan(.rows, width, request.options, epilogue), width: width)
      case .columns(let width, let batches):
        return ColumnProductBody(
          plan: try plan(.columns, width, request.options, epilogue), width: width,
          batches: batches)
      case .transposed(let shape):
        let pixels = shape.window.height * shape.window.width
        return TransposedBody(
          plan: try plan(.columns, pixels, request.options, Epilogue()), shape: shape,
          bias: bias ?? [Float](repeating: 0, count: shape.filters), activation: activation,
          split: request.split)
      }
    } catch { throw .operation(error) }
  }

  private var epilogue: Epilogue<Float> { Epilogue(bias: bias, activation: activation) }

  private func plan(
    _ layout: ProductLayout, _ width: Int, _ options: PlanOptions, _ epilogue: Epilogue<Float>
  ) throws(OperationError) -> Plan<Float> {
    try Plan(source: weights, layout: layout, width: width, epilogue: epilogue, options: options)
  }

  private func convolution(
    _ shape: ConvolutionShape, _ images: Int, _ options: PlanOptions
  ) throws(OperationError) -> Convolution<Float> {
    let epilogue = ConvolutionEpilogue(
      bias: bias, activation: activation, addsResidual: addsResidual)
    return try Convolution(
      source: weights, shape: shape, images: images, epilogue: epilogue, options: options)
  }
}

/// A convolution of a step.
private struct ConvolutionBodyOfGraph: GraphBody {
  let convolution: Convolution<Float>
  let images: Int
  var kernel: String { convolution.kernelName }
  var operations: Int { 2 * convolution.stored * convolution.shape.pixels * images }
  var weightBytes: Int { convolution.packedBytes }

  func run(_ call: StepCall) {
    convolution.run(
      call.floats(0), residual: convolution.addsResidual ? call.floats(1) : nil, into: call.result,
      images: images)
  }
}

private struct RowProductBody: GraphBody {
  let plan: Plan<Float>
  let width: Int
  var kernel: String { plan.kernelName }
  var operations: Int { 2 * plan.stored * width }
  var weightBytes: Int { plan.packedBytes }

  func run(_ call: StepCall) {
    plan.run(
      call.floats(0), stride: plan.columns, into: call.result, stride: plan.rows, width: width)
  }
}

private struct ColumnProductBody: GraphBody {
  let plan: Plan<Float>
  let width: Int, batches: Int
  var kernel: String { plan.kernelName }
  var operations: Int { 2 * plan.stored * width * batches }
  var weightBytes: Int { plan.packedBytes }

  func run(_ call: StepCall) {
    for batch in 0..<batches {
      plan.run(
        call.floats(0) + batch * plan.columns * width, stride: width,
        into: call.result + batch * plan.rows * width, stride: width, width: width)
    }
  }
}

/// W·X for every pixel of an image, each sum added to its place in the result.
private struct TransposedBody: GraphBody {
  let plan: Plan<Float>
  let shape: TransposedShape
  let bias: [Float]
  let activation: Activation
  let split: WorkSplit

  var kernel: String { plan.kernelName }
  private var pixels: Int { shape.window.height * shape.window.width }
  var workspaceBytes: Int { plan.rows * pixels * 4 }
  var operations: Int { 2 * plan.stored * pixels * shape.window.images }
  var weightBytes: Int { plan.packedBytes }

  func run(_ call: StepCall) {
    let w = shape.window
    let sums = call.workspace.assumingMemoryBound(to: Float.self)
    let (lower, upper) = activation.bounds
    let function: UnaryFunction =
      switch activation {
      case .none, .relu, .clamp: .clip(Float(lower), Float(upper))
      case .hardSwish: .hardSwish
      case .silu: .swish(1)
      }
    for image in 0..<w.images {
      plan.run(
        call.floats(0) + image * w.channels * pixels, stride: pixels, into: sums, stride: pixels,
        width: pixels)
      let result = call.result + image * shape.filters * shape.height * shape.width
      split(shape.filters, weight: shape.taps * pixels) { filters, _ in
        for filter in filters {
          let plane = result + filter * shape.height * shape.width
          plane.update(repeating: bias[filter], count: shape.height * shape.width)
          for tap in 0..<shape.taps {
            add(sums + (filter * shape.taps + tap) * pixels, tap: tap, to: plane)
          }
          if activation != .none { function.apply(plane, plane, shape.height * shape.width) }
        }
      }
    }
  }

  /// The sums of one tap, those that fall outside of the result left out.
  private func add(
    _ sums: UnsafePointer<Float>, tap: Int, to plane: UnsafeMutablePointer<Float>
  ) {
    let w = shape.window
    let y = tap / w.kernel.x * w.dilation.y - w.padding.top
    let x = tap % w.kernel.x * w.dilation.x - w.padding.left
    for i in 0..<w.height {
      let row = y + i * w.stride.y
      if row < 0 || row >= shape.height { continue }
      for j in 0..<w.width {
        let column = x + j * w.stride.x
        if column < 0 || column >= shape.width { continue }
        plane[row * shape.width + column] += sums[i * w.width + j]
      }
    }
  }
}
