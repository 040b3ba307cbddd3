// One layer → the nodes that compute it.

import LacunaGraph

extension GraphExport {
  /// The result of a layer.
  mutating func add(_ layer: LayerDescription, to value: Value) throws(ModelError) -> Value {
    let output = try layer.output(of: value.shape)
    let name = layer.name
    switch layer {
    case .convolution(_, _, let window, let relu):
      if value.form == .steps && window.height * window.width == 1 && window.strideY == 1 {
        return try product(name, value, output, relu: relu)
      }
      return try convolution(name, window, value, output, groups: 1, relu: relu)
    case .depthwiseConvolution(_, let window):
      return try convolution(
        name, window, value, output, groups: value.shape.channels, relu: false)
    case .dense(_, _, let relu):
      return try product(name, converted(value, to: .vector, name), output, relu: relu)
    case .maxPooling(_, let window):
      let x = converted(value, to: .planes, name)
      let y = emit(
        name,
        .maxPool(
          kernel: [window.height, window.width], strides: [window.strideY, window.strideX],
          padding: window.graphPadding), [x.name])
      return Value(name: y, form: .planes, shape: output)
    case .averagePooling(_, let window):
      let x = converted(value, to: .planes, name)
      let y = emit(
        name,
        .averagePool(
          kernel: [window.height, window.width], strides: [window.strideY, window.strideX],
          padding: window.graphPadding), [x.name])
      return Value(name: y, form: .planes, shape: output)
    case .globalAveragePooling:
      let x = converted(value, to: .planes, name)
      return Value(
        name: emit(name, .globalAveragePool, [x.name]), form: .planes, shape: output)
    case .batchNormalization(_, _, let epsilon):
      let x = converted(value, to: .planes, name)
      var inputs = [x.name]
      for kind in ["gamma", "beta", "moving_mean", "moving_variance"] {
        inputs.append(try vector("\(name)/\(kind)"))
      }
      let y = emit(name, .batchNormalization(epsilon: epsilon), inputs)
      return Value(name: y, form: .planes, shape: output)
    case .relu:
      return Value(name: emit(name, .relu, [value.name]), form: value.form, shape: output)
    case .flatten:
      var flat = converted(value, to: .vector, name)
      flat.shape = output
      return flat
    case .dropout: return value
    case .residual(_, let body, let shortcut, let relu):
      // Both branches read one value in one form.
      let x = value.form == .rows ? converted(value, to: .planes, name) : value
      var (first, second) = (x, x)
      for layer in body { first = try add(layer, to: first) }
      for layer in shortcut { second = try add(layer, to: second) }
      second = converted(second, to: first.form, name)
      var sum = emit(name, .add, [first.name, second.name])
      if relu { sum = emit(name, .relu, [sum]) }
      return Value(name: sum, form: first.form, shape: output)
    case .embedding(_, let vocabulary, let features):
      let x = converted(value, to: .steps, name)
      let table = constant(
        "\(name)/table",
        array(
          [vocabulary, features], try tensor("\(name)/table").denseValues(name: "\(name)/table")))
      let bounds = [
        constant("\(name):first", GraphArray(0 as Float)),
        constant("\(name):last", GraphArray(Float(vocabulary - 1))),
      ]
      let symbols = emit(name, .clip, [x.name] + bounds)
      let flat = emit(
        name, .reshape(),
        [
          emit(name, .cast(to: .i64), [symbols]),
          constant("\(name):shape", GraphArray([value.shape.height, batch])),
        ])
      let y = emit(name, .gather(axis: 0), [table, flat])
      return Value(name: y, form: .steps, shape: output)
    case .recurrent(_, let unit, let units, let last):
      return try recurrent(name, unit, units, last, converted(value, to: .steps, name), output)
    case .encoderDecoder:
      throw .invalidLayer(
        name: name, reason: "has no graph: a Translator runs an encoder–decoder, step by step")
    }
  }

  private mutating func convolution(
    _ name: String, _ window: Window2D, _ value: Value, _ output: Shape, groups: Int, relu: Bool
  ) throws(ModelError) -> Value {
    let x = converted(value, to: .planes, name)
    let weights = try kernel("\(name)/kernel", height: window.height, width: window.width)
    var y = emit(
      name,
      .convolution(
        strides: [window.strideY, window.strideX], padding: window.graphPadding, groups: groups),
      [x.name, weights, try vector("\(name)/bias")])
    if relu { y = emit(name, .relu, [y]) }
    return Value(name: y, form: .planes, shape: output)
  }

  /// Rows times the kernel: of vectors, or of all steps of sequences.
  private mutating func product(
    _ name: String, _ value: Value, _ output: Shape, relu: Bool
  ) throws(ModelError) -> Value {
    var x = value.name
    let isSequence = value.form == .steps
    if isSequence {
      let rows = [value.shape.height * batch, value.shape.channels]
      x = emit(name, .reshape(), [x, constant("\(name):rows", GraphArray(rows))])
    }
    let weights = try kernel("\(name)/kernel", isMatrix: true)
    var y = emit(name, .gemm(transposesB: true), [x, weights, try vector("\(name)/bias")])
    if relu { y = emit(name, .relu, [y]) }
    if isSequence {
      let shape = [output.height, batch, output.channels]
      y = emit(name, .reshape(), [y, constant("\(name):steps", GraphArray(shape))])
    }
    return Value(name: y, form: isSequence ? .steps : .vector, shape: output)
  }

  private mutating func recurrent(
    _ name: String, _ unit: RecurrentUnit, _ units: Int, _ kept: RecurrentOutput, _ x: Value,
    _ output: Shape
  ) throws(ModelError) -> Value {
    let rows = unit.gates * units
    var inputs = [x.name]
    for (kind, columns) in [("kernel", x.shape.channels), ("recurrent_kernel", units)] {
      let tensor = "\(name)/\(kind)"
      inputs.append(try gates(tensor, rows: rows, columns: columns))
    }
    let bias = try tensor("\(name)/bias").denseValues(name: "\(name)/bias")
    let second =
      unit == .gru
      ? try tensor("\(name)/recurrent_bias").denseValues(name: "\(name)/recurrent_bias")
      : [Float](repeating: 0, count: rows)
    inputs.append(constant("\(name)/bias", array([1, 2 * rows], bias + second)))
    let (all, last) = ("\(name):all", "\(name):last")
    nodes.append(
      GraphNode(
        name: name, .recurrent(unit.cell), inputs, kept == .all ? [all] : ["", last]))
    let shape = kept == .all ? [x.shape.height, batch, units] : [batch, units]
    let y = emit(
      name, .reshape(),
      [kept == .all ? all : last, constant("\(name):shape", GraphArray(shape))])
    return Value(name: y, form: kept == .all ? .steps : .vector, shape: output)
  }
}

extension Window2D {
  fileprivate var graphPadding: GraphPadding { padding == .same ? .sameUpper : .explicit([]) }
}
