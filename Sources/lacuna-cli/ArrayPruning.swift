// `lacuna prune` on .npy, .npz and safetensors files: the small weights of each array become zero, once.

import ArgumentParser
import Lacuna

/// Prunes the arrays of one file as the tensors of one model.
struct ArrayPruning {
  var input: String
  var output: String
  /// What the schedule asks for at the position that was chosen.
  var sparsity: Double
  var granularity: GranularityOptions
  var budget: Budget
  var limit: Int?

  func run() throws -> ArrayPruningFacts {
    let file = try ArrayFile(contentsOf: input)
    let names = TensorName.distinctTexts(file.arrays.map(\.name))
    // Floating-point arrays take part; labels and indices are nobody's weights.
    let numbers = file.arrays.indices.filter { file.arrays[$0].type.isFloatingPoint }
    var copies: [WeightCopy] = []
    defer { for copy in copies { copy.deallocate() } }
    var tensors: [PrunableTensor] = []
    for place in numbers {
      let copy = try WeightCopy(file.read(place))
      copies.append(copy)
      tensors.append(try copy.tensor(name: names[place], shape: file.arrays[place].shape))
    }
    if !tensors.contains(where: { $0.shape.count >= 2 && !$0.weights.isEmpty }) {
      throw Failure(
        .badData, "\(input) holds no floating-point array of rank 2 or more: nothing to prune")
    }
    let pruner = try Pruner(
      settings: PruningSettings(
        schedule: try OneShot(sparsity), granularity: granularity.granularity, budget: budget,
        parameterLimit: limit, rules: granularity.rules))
    try namingOptions(["parameterLimit": "--max-weights"]) { try pruner.step(tensors) }
    var replaced: [Int: [UInt8]] = [:]
    for place in numbers {
      if let mask = pruner.masks[names[place]] {
        replaced[place] = try file.arrays[place].bytes(keeping: mask.bytes)
      }
    }
    try file.write(replaced, toOutput: output)
    return ArrayPruningFacts(output: output, report: pruner.strip(tensors))
  }
}

/// The weights of an array as a pruner takes them: f64 as f64, all else exact in f32.
private enum WeightCopy {
  case f32(UnsafeMutableBufferPointer<Float>)
  case f64(UnsafeMutableBufferPointer<Double>)

  init(_ array: NumericArray) throws {
    func copy<T>(_ values: [T]) -> UnsafeMutableBufferPointer<T> {
      let memory = UnsafeMutableBufferPointer<T>.allocate(capacity: values.count)
      _ = memory.initialize(from: values)
      return memory
    }
    if case .f64(let values) = array.values {
      self = .f64(copy(values))
    } else {
      self = .f32(copy(try array.floats()))
    }
  }

  func tensor(name: String, shape: [Int]) throws(PruningError) -> PrunableTensor {
    switch self {
    case .f32(let weights): try PrunableTensor(name: name, weights: weights, shape: shape)
    case .f64(let weights): try PrunableTensor(name: name, weights: weights, shape: shape)
    }
  }

  func deallocate() {
    switch self {
    case .f32(let weights): weights.deallocate()
    case .f64(let weights): weights.deallocate()
    }
  }
}

/// What `lacuna prune` reports of arrays.
struct ArrayPruningFacts: Encodable {
  var output: String
  /// Zeros over all weights, those that were zero before among them.
  var sparsity: Double
  /// What masks drop, over all weights.
  var masked: Double
  var weights: Int
  var zeros: Int
  var tensors: [TensorReport]

  init(output: String, report: PruningReport) {
    (self.output, masked, tensors) = (output, report.sparsity, report.tensors)
    (weights, zeros) = (report.weights, report.zeros ?? 0)
    sparsity = weights == 0 ? 0 : Double(zeros) / Double(weights)
  }

  var text: String {
    var table = TextTable(
      ["array", "weights", "kept", "target", "masked", "zeros", "note"], leading: [0, 6])
    for tensor in tensors {
      table.append([
        tensor.name, Numeral.grouped(tensor.weights), Numeral.grouped(tensor.kept),
        tensor.target.map { Numeral.percent($0, digits: 2) } ?? "",
        Numeral.percent(tensor.sparsity, digits: 2),
        Numeral.percent(tensor.zeroShare, digits: 2), tensor.skipped?.rawValue ?? "",
      ])
    }
    return table.rendered()
      + "\n\n\(output.printable()): \(Numeral.percent(sparsity, digits: 2)) of all weights are zero; "
      + "masks dropped \(Numeral.percent(masked, digits: 2))"
  }
}
