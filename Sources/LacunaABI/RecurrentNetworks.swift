// lcn_recurrent_create, _get_info, _describe, _workspace_size, _destroy.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats
import LacunaOperations

/// Everything of lcn_recurrent_options, checked.
private struct RecurrentRequest {
  let shape: RecurrentShape
  let order: GateOrder
  let layout: SequenceLayout
  let steps: Int, batch: Int
  let isQuantized: Bool
  let options: PlanOptions

  init(_ o: lcn_recurrent_options) throws(Failure) {
    let cell: RecurrentCell
    switch Int(o.cell) {
    case LCN_LSTM: cell = .lstm
    case LCN_GRU: cell = .gru(resetsAfter: false)
    case LCN_GRU_RESET_AFTER: cell = .gru(resetsAfter: true)
    default:
      throw Failure(
        .invalidArgument, "cell is \(o.cell), must be LCN_LSTM, LCN_GRU or LCN_GRU_RESET_AFTER")
    }
    switch Int(o.order) {
    case LCN_GATES_ONNX: order = .onnx
    case LCN_GATES_KERAS: order = .keras
    case LCN_GATES_TORCH: order = .torch
    default:
      throw Failure(.invalidArgument, "order is \(o.order), must be one of LCN_GATES_…")
    }
    switch Int(o.layout) {
    case LCN_TIME_FIRST: layout = .time
    case LCN_BATCH_FIRST: layout = .batch
    case LCN_TIME_DIRECTIONS: layout = .onnx
    default:
      throw Failure(
        .invalidArgument,
        "layout is \(o.layout), must be LCN_TIME_FIRST, LCN_BATCH_FIRST or LCN_TIME_DIRECTIONS")
    }
    let direction: RecurrentDirection
    switch Int(o.direction) {
    case LCN_FORWARD: direction = .forward
    case LCN_REVERSE: direction = .reverse
    case LCN_BIDIRECTIONAL: direction = .bidirectional
    default:
      throw Failure(
        .invalidArgument,
        "direction is \(o.direction), must be LCN_FORWARD, LCN_REVERSE or LCN_BIDIRECTIONAL")
    }
    switch Int(o.weights) {
    case 0, LCN_F32: isQuantized = false
    case LCN_I8: isQuantized = true
    default:
      throw Failure(.invalidArgument, "weights is \(o.weights), must be 0, LCN_F32 or LCN_I8")
    }
    try zero(o.reserved, "reserved")
    (steps, batch) = (try dimension(o.steps, "steps"), try dimension(o.batch, "batch"))
    let inputs = try dimension(o.inputs, "inputs")
    let hidden = try dimension(o.hidden, "hidden")
    let layers = try dimension(o.layers, "layers")
    shape = try Failure.operation { () throws(OperationError) in
      try RecurrentShape(
        cell, inputs: inputs, hidden: hidden, layers: layers, direction: direction)
    }
    var options = PlanOptions(
      threads: try threadCount(o.threads),
      deterministic: try flag(o.deterministic, "deterministic"),
      excludesDense: try flag(o.exclude_dense, "exclude_dense"))
    if let name = o.kernel { options.kernel = try text(name, limit: 256, "kernel") }
    self.options = options
  }
}

@c @implementation
public func lcn_recurrent_create(
  _ weights: UnsafePointer<UnsafePointer<lcn_recurrent_weights>?>?, _ count: Int64,
  _ options: UnsafePointer<lcn_recurrent_options>?,
  _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    _ = try Failure.operation { () throws(OperationError) in try ISA.validated() }
    let request = try RecurrentRequest(try descriptor(options, "options"))
    guard let weights else { throw Failure(.nullPointer, "weights is NULL") }
    if count != Int64(request.shape.passes) {
      throw Failure(
        .shapeMismatch,
        "there are \(count) weights, expected \(request.shape.passes): one for each direction of "
          + "each layer")
    }
    var all: [RecurrentWeights] = []
    for i in 0..<Int(count) { all.append(try recurrentWeights(weights[i], request)) }
    let (steps, batch) = (request.steps, request.batch)
    let made = all
    let network = try Failure.operation { () throws(OperationError) in
      try Recurrent(
        request.shape, weights: made, order: request.order, layout: request.layout, steps: steps,
        batch: batch, options: request.options)
    }
    try deliver(network.core, .recurrent, to: out)
  }
}

/// The matrices and biases of one direction of one layer.
private func recurrentWeights(
  _ pointer: UnsafePointer<lcn_recurrent_weights>?, _ request: RecurrentRequest
) throws(Failure) -> RecurrentWeights {
  let w = try descriptor(pointer, "weights")
  try zero(w.reserved, "reserved")
  let rows = request.shape.cell.gates * request.shape.hidden
  let input = try gateMatrix(w.input, request)
  let recurrent = try gateMatrix(w.recurrent, request)
  // Before so many values of the biases are read.
  for (name, matrix) in [("input", input), ("recurrent", recurrent)] where matrix.rows != rows {
    throw Failure(
      .shapeMismatch, "the \(name) matrix has \(matrix.rows) rows, expected \(rows)")
  }
  func biases(_ values: UnsafePointer<Float>?) throws(Failure) -> [Float]? {
    try bias(values, values == nil ? 0 : Int64(rows), rows: rows, Float.self)
  }
  return RecurrentWeights(
    input: input, recurrent: recurrent, inputBias: try biases(w.input_bias),
    recurrentBias: try biases(w.recurrent_bias))
}

private func gateMatrix(
  _ matrix: OpaquePointer?, _ request: RecurrentRequest
) throws(Failure) -> SparseTensor {
  try HandleTable.use(matrix, .matrix, as: MatrixObject.self) {
    (object) throws(Failure) -> SparseTensor in
    guard case .f32(let matrix) = object.tensor.storage else {
      throw Failure(
        .unsupported,
        "the weights are \(name(object.tensor.type)), recurrent networks take LCN_F32")
    }
    // Rows taken apart, packed, and a copy of both; two dense copies where dense may be faster.
    try reserve(try product(matrix.stored, 64, "bytes") + matrix.rows * 64)
    if !request.options.excludesDense {
      try reserve(try product(try product(matrix.rows, matrix.columns, "elements"), 8, "bytes"))
    }
    return request.isQuantized
      ? SparseTensor(try quantizedSource(matrix, .perRow)) : object.tensor
  }
}

@c @implementation
public func lcn_recurrent_get_info(
  _ network: OpaquePointer?, _ info: UnsafeMutablePointer<lcn_recurrent_info>?
) -> lcn_status {
  call { () throws(Failure) in
    try fill(info, "info") { (info) throws(Failure) in
      try HandleTable.use(network, .recurrent, as: RecurrentCore.self) { (core) throws(Failure) in
        let shape = core.shape
        info.threads = Int32(core.threads)
        (info.inputs, info.outputs) = (Int64(shape.inputs), Int64(shape.outputs))
        (info.hidden, info.passes) = (Int64(shape.hidden), Int64(shape.passes))
        (info.steps, info.batch) = (Int64(core.steps), Int64(core.batch))
        info.slices = Int64(core.usefulSlices(batch: core.batch))
        (info.stored, info.packed_bytes) = (Int64(core.stored), Int64(core.packedBytes))
        copyText(core.kernelName, to: &info.kernel)
      }
    }
  }
}

@c @implementation
public func lcn_recurrent_describe(
  _ network: OpaquePointer?, _ text: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ length: UnsafeMutablePointer<Int>?
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(network, .recurrent, as: RecurrentCore.self) { (core) throws(Failure) in
      try give("\(core.summary)\n\(core.explanation)", to: text, capacity, length)
    }
  }
}

@c @implementation
public func lcn_recurrent_workspace_size(
  _ network: OpaquePointer?, _ steps: Int64, _ batch: Int64, _ bytes: UnsafeMutablePointer<Int>?
) -> lcn_status {
  call { () throws(Failure) in
    guard let bytes else { throw Failure(.nullPointer, "bytes is NULL") }
    try HandleTable.use(network, .recurrent, as: RecurrentCore.self) { (core) throws(Failure) in
      let (steps, batch) = (try dimension(steps, "steps"), try dimension(batch, "batch"))
      try Failure.operation { () throws(OperationError) in
        try Recurrent.checkSizes(core.shape, steps: steps, batch: batch)
      }
      bytes.pointee = core.workspaceBytes(steps: steps, batch: batch)
    }
  }
}

@c @implementation
public func lcn_recurrent_destroy(_ network: OpaquePointer?) -> lcn_status {
  call { () throws(Failure) in try HandleTable.destroy(network, .recurrent) }
}
