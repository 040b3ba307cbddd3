// layers → nodes: the network that was trained as a graph, for plans with branches and recurrence.

import LacunaFormats
import LacunaGraph
import LacunaIO

extension CompressedModel {
  /// The network as a graph for mini-batches of `batch` samples: input `x` `[batch, height, width, channels]`, output
  /// `y` `[batch, values]`, where a sequence's values lie step by step.
  ///
  /// Images become `[batch, channels, height, width]` behind the input and sequences `[steps, batch, features]`;
  /// dropout is left out. Weights are constants, sparse where the model stores them so.
  ///
  /// - Throws: ``ModelError`` when a tensor does not fit or the graph is refused.
  public func graph(batch: Int) throws(ModelError) -> Graph {
    if batch < 1 || batch > 1 << 16 {
      throw .invalidSetting(name: "batch", reason: "is \(batch), must be in 1...65536")
    }
    _ = try architecture.shapes()
    var export = GraphExport(model: self, batch: batch)
    let input = architecture.input
    var value = GraphExport.Value(name: "x", form: .rows, shape: input)
    for layer in architecture.layers { value = try export.add(layer, to: value) }
    export.finish(value)
    do throws(GraphError) {
      return try Graph(
        inputs: [GraphInput("x", [batch, input.height, input.width, input.channels])],
        constants: export.constants, nodes: export.nodes, outputs: ["y"])
    } catch { throw .graph(error) }
  }
}

/// Nodes and constants so far.
struct GraphExport {
  /// A value on its way through the layers.
  struct Value {
    enum Form {
      /// [batch, height, width, channels]
      case rows
      /// [batch, channels, height, width]
      case planes
      /// [height, batch, channels], where the width is 1.
      case steps
      /// [batch, count]
      case vector
    }
    var name: String
    var form: Form
    var shape: Shape
  }

  let model: CompressedModel
  let batch: Int
  private(set) var constants: [String: GraphConstant] = [:]
  var nodes: [GraphNode] = []

  init(model: CompressedModel, batch: Int) { (self.model, self.batch) = (model, batch) }

  // MARK: Values

  /// A node whose name begins with that of its layer, and its result.
  mutating func emit(_ name: String, _ operation: GraphOperator, _ inputs: [String]) -> String {
    // Tensors are called layer/kind; colons keep values apart from them.
    let result = "\(name):\(nodes.count)"
    nodes.append(GraphNode(name: name, operation, inputs, [result]))
    return result
  }

  mutating func constant(_ name: String, _ array: GraphArray) -> String {
    constants[name] = .array(array)
    return name
  }

  private mutating func reshaped(_ name: String, _ value: String, _ shape: [Int]) -> String {
    let list = constant("\(name):shape\(nodes.count)", GraphArray(shape))
    return emit(name, .reshape(), [value, list])
  }

  /// The value in another form.
  mutating func converted(_ value: Value, to form: Value.Form, _ name: String) -> Value {
    if value.form == form { return value }
    var result = value
    result.form = form
    let shape = value.shape
    let (b, h, w, c) = (batch, shape.height, shape.width, shape.channels)
    // Through [batch, height, width, channels].
    var rows = value.name
    switch value.form {
    case .rows: break
    case .planes:
      rows =
        h * w == 1 || c == 1
        ? reshaped(name, rows, [b, h, w, c]) : emit(name, .transpose([0, 2, 3, 1]), [rows])
    case .steps: rows = reshaped(name, emit(name, .transpose([1, 0, 2]), [rows]), [b, h, w, c])
    case .vector: rows = reshaped(name, rows, [b, h, w, c])
    }
    switch form {
    case .rows: result.name = rows
    case .planes:
      result.name =
        h * w == 1 || c == 1
        ? reshaped(name, rows, [b, c, h, w]) : emit(name, .transpose([0, 3, 1, 2]), [rows])
    case .steps:
      result.name = emit(name, .transpose([1, 0, 2]), [reshaped(name, rows, [b, h, c])])
    case .vector: result.name = reshaped(name, rows, [b, shape.count])
    }
    return result
  }

  mutating func finish(_ value: Value) {
    let last = converted(value, to: .vector, "output")
    nodes.append(GraphNode("y", .identity, [last.name]))
  }

  // MARK: Tensors

  func tensor(_ name: String) throws(ModelError) -> StoredTensor {
    guard let tensor = model[name] else { throw .missingTensor(name) }
    return tensor
  }

  /// A bias or a statistic.
  mutating func vector(_ name: String) throws(ModelError) -> String {
    constant(name, array([], try tensor(name).denseValues(name: name)))
  }

  /// An array of a shape, or of the values' own where it is empty.
  func array(_ shape: [Int], _ values: [Float]) -> GraphArray {
    // The counts are those of the tensor.
    try! GraphArray(shape.isEmpty ? [values.count] : shape, values)
  }

  /// A kernel `[out, taps, in]` as a constant `[out, in, height, width]`, sparse where it is stored so.
  mutating func kernel(
    _ name: String, height: Int = 1, width: Int = 1, isMatrix: Bool = false
  ) throws(ModelError) -> String {
    let stored = try tensor(name)
    let values = try stored.allValues(name: name)
    let rows = stored.shape.first ?? 1
    let taps = height * width
    let channels = values.count / max(rows * taps, 1)
    var turned = values
    if taps > 1 && channels > 1 {
      for row in 0..<rows {
        let first = row * taps * channels
        for tap in 0..<taps {
          for c in 0..<channels {
            turned[first + c * taps + tap] = values[first + tap * channels + c]
          }
        }
      }
    }
    let shape = isMatrix ? [rows, channels] : [rows, channels, height, width]
    constants[name] = stored.constant(turned, rows: rows, shape: shape)
    return name
  }

  /// The matrix of all gates as a constant `[1, gates · units, columns]`.
  mutating func gates(_ name: String, rows: Int, columns: Int) throws(ModelError) -> String {
    let stored = try tensor(name)
    let (values, shape) = (try stored.allValues(name: name), [1, rows, columns])
    // Of single weights the operator looks for zeros itself.
    constants[name] =
      stored.weights?.block != .element
      ? stored.constant(values, rows: rows, shape: shape) : .array(array(shape, values))
    return name
  }
}

extension StoredTensor {
  /// Values of the tensor, perhaps in another order within its rows, in the form that it is stored in.
  func constant(_ values: [Float], rows: Int, shape: [Int]) -> GraphConstant {
    guard let weights, !weights.isDense else { return .array(try! GraphArray(shape, values)) }
    // The counts are those of the tensor.
    let dense = try! DenseMatrix(rows: rows, columns: values.count / rows, values: values)
    let matrix =
      weights.block == .element
      ? StoredMatrix.csr(CSRMatrix(dense: dense))
      : .bsr(BSRMatrix(dense: dense, block: weights.block))
    return .weights(try! SparseTensor(matrix).shaped(shape))
  }

  /// Every value of the tensor, zeros too.
  func allValues(name: String) throws(ModelError) -> [Float] {
    guard let weights else {
      throw .tensorKind(name: name, expected: "numbers", found: kindName)
    }
    return weights.matrix(of: Float.self).dense().values
  }
}
