// lcn_model_…: networks from .lacuna files, planned for inference.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats
import LacunaIO
import LacunaNN

/// The object behind an lcn_model.
final class ModelObject: Sendable {
  let model: CompressedModel
  let inputs: Int
  let outputs: Int
  let parameters: Int
  let stored: Int
  /// Places of the weight matrices among the model's tensors.
  let weights: [Int]
  /// The layers, one a line.
  let description: String
  private let network: SparseNetwork

  init(
    _ model: CompressedModel, batch: Int, threads: Int, excludesDense: Bool,
    arithmetic: NetworkArithmetic
  ) throws(ModelError) {
    let network = try SparseNetwork(
      model, batch: batch, threads: threads, excludesDense: excludesDense, arithmetic: arithmetic)
    var (parameters, stored) = (0, 0)
    for tensor in model.tensors {
      let count = tensor.tensor.shape.reduce(1, *)
      parameters += count
      stored += tensor.tensor.weights?.stored ?? count
    }
    self.model = model
    inputs = model.architecture.input.count
    outputs = network.outputs
    (self.parameters, self.stored) = (parameters, stored)
    weights = model.tensors.indices.filter { model.tensors[$0].tensor.shape.count >= 2 }
    description = ([model.architecture.summary] + network.steps.map { "\($0.name): \($0.kernel)" })
      .joined(separator: "\n")
    self.network = network
  }

  func run(_ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, count: Int) {
    network.run(input, count: count, into: output)
  }
}

extension StoredTensor {
  /// The tensor as a matrix [out, all other dimensions].
  func matrix() throws(Failure) -> SparseTensor {
    guard let weights else { throw Failure(.unsupported, "the tensor is no weight matrix") }
    return weights
  }
}

extension Failure {
  init(_ error: ModelError) {
    switch error {
    case .file(let error): self.init(error)
    case .operation(_, let inner): self.init(Failure(inner).status, error.description)
    case .pruning(let inner): self.init(Failure(inner).status, error.description)
    case .oneShot(let inner): self.init(Failure(inner).status, error.description)
    case .invalidSetting: self.init(.invalidArgument, error.description)
    case .metadata(let key, _) where key == "kind": self.init(.unsupported, error.description)
    default: self.init(.badData, error.description)
    }
  }

  /// Runs `body`, whose errors are the networks' own.
  static func model<R>(_ body: () throws(ModelError) -> R) throws(Failure) -> R {
    do { return try body() } catch { throw Failure(error) }
  }

  /// Runs `body`, whose errors are the files' own.
  static func file<R>(_ body: () throws(FileError) -> R) throws(Failure) -> R {
    do { return try body() } catch { throw Failure(error) }
  }

  init(_ error: FileError) {
    switch error {
    case .unreadable: self.init(.fileNotFound, error.description)
    case .system: self.init(.io, error.description)
    case .malformed: self.init(.badData, error.description)
    }
  }
}

@c @implementation
public func lcn_model_load(
  _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<lcn_model_options>?,
  _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    guard let path else { throw Failure(.nullPointer, "path is NULL") }
    let name = try text(path, limit: 4096, "path")
    var (batch, threads, excludesDense, arithmetic) = (1, 1, false, NetworkArithmetic.f32)
    if let options {
      let o = try descriptor(options, "options")
      threads = try threadCount(o.threads)
      batch = try dimension(o.batch, "batch")
      excludesDense = try flag(o.exclude_dense, "exclude_dense")
      switch Int(o.arithmetic) {
      case 0, LCN_F32: break
      case LCN_I8: arithmetic = .i8
      default:
        throw Failure(
          .invalidArgument, "arithmetic is \(o.arithmetic), must be 0, LCN_F32 or LCN_I8")
      }
    }
    let model = try Failure.model { () throws(ModelError) in try CompressedModel.load(from: name) }
    // Packed once more for the plans.
    try reserve(model.tensors.reduce(0) { $0 + $1.tensor.shape.reduce(1, *) } * 12)
    let object = try Failure.model { () throws(ModelError) in
      try ModelObject(
        model, batch: batch, threads: threads, excludesDense: excludesDense,
        arithmetic: arithmetic)
    }
    try deliver(object, .model, to: out)
  }
}

@c @implementation
public func lcn_model_get_info(
  _ model: OpaquePointer?, _ info: UnsafeMutablePointer<lcn_model_info>?
) -> lcn_status {
  call { () throws(Failure) in
    try fill(info, "info") { (info) throws(Failure) in
      try HandleTable.use(model, .model, as: ModelObject.self) { (object) throws(Failure) in
        info.inputs = Int64(object.inputs)
        info.outputs = Int64(object.outputs)
        info.parameters = Int64(object.parameters)
        info.stored = Int64(object.stored)
        info.weights = Int64(object.weights.count)
      }
    }
  }
}

@c @implementation
public func lcn_model_describe(
  _ model: OpaquePointer?, _ text: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ length: UnsafeMutablePointer<Int>?
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(model, .model, as: ModelObject.self) { (object) throws(Failure) in
      try give(object.description, to: text, capacity, length)
    }
  }
}

@c @implementation
public func lcn_model_run(
  _ model: OpaquePointer?, _ input: UnsafePointer<Float>?, _ output: UnsafeMutablePointer<Float>?,
  _ batch: Int64
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(model, .model, as: ModelObject.self) { (object) throws(Failure) in
      let count = try dimension(batch, "batch")
      if count == 0 { return }
      let inputCount = try product(count, object.inputs, "batch · inputs")
      let outputCount = try product(count, object.outputs, "batch · outputs")
      let from = try array(input, count: inputCount, size: 4, "input")
      let into = try mutableArray(output, count: outputCount, size: 4, "output")
      if overlap(from, inputCount * 4, UnsafeRawPointer(into), outputCount * 4) {
        throw Failure(.invalidArgument, "input and output overlap")
      }
      object.run(
        from.assumingMemoryBound(to: Float.self), into.assumingMemoryBound(to: Float.self),
        count: count)
    }
  }
}

@c @implementation
public func lcn_model_get_weight(
  _ model: OpaquePointer?, _ index: Int64, _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    try HandleTable.use(model, .model, as: ModelObject.self) { (object) throws(Failure) in
      if index < 0 || index >= Int64(object.weights.count) {
        throw Failure(
          .invalidArgument, "index is \(index), must be in 0..<\(object.weights.count)")
      }
      let tensor = object.model.tensors[object.weights[Int(index)]].tensor
      try deliver(MatrixObject(try tensor.matrix()), .matrix, to: out)
    }
  }
}

@c @implementation
public func lcn_model_destroy(_ model: OpaquePointer?) -> lcn_status {
  call { () throws(Failure) in try HandleTable.destroy(model, .model) }
}
