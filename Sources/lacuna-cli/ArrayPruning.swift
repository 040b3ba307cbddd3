// `lacuna prune` on .npy and .npz files: the small weights of each array become zero, once.

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
    var file = try ArrayFile(contentsOf: input)
    // Floating-point arrays take part; labels and indices are nobody's weights.
    let numbers = try file.arrays.indices.filter { file.arrays[$0].array.isFloatingPoint }
      .map { (place: $0, values: try file.arrays[$0].array.floats()) }
    let copies = numbers.map {
      UnsafeMutableBufferPointer<Float>.allocate(capacity: $0.values.count)
    }
    defer { for copy in copies { copy.deallocate() } }
    var tensors: [PrunableTensor] = []
    for (number, copy) in zip(numbers, copies) {
      _ = copy.initialize(from: number.values)
      let named = file.arrays[number.place]
      tensors.append(
        try PrunableTensor(name: named.name, weights: copy, shape: named.array.shape))
    }
    if !tensors.contains(where: { $0.shape.count >= 2 && !$0.weights.isEmpty }) {
      throw Failure(
        .badData, "\(input) holds no floating-point array of rank 2 or more: nothing to prune")
    }
    let pruner = try Pruner(
      settings: PruningSettings(
        schedule: try OneShot(sparsity), granularity: granularity.granularity, budget: budget,
        parameterLimit: limit, rules: granularity.rules))
    try pruner.step(tensors)
    for number in numbers {
      let named = file.arrays[number.place]
      if let mask = pruner.masks[named.name] {
        file.arrays[number.place].array = try named.array.masked(mask)
      }
    }
    try file.write(to: output)
    return ArrayPruningFacts(output: output, report: pruner.strip(tensors))
  }
}

/// What `lacuna prune` reports of arrays.
struct ArrayPruningFacts: Encodable {
  var output: String
  var sparsity: Double
  var tensors: [TensorReport]

  init(output: String, report: PruningReport) {
    (self.output, sparsity, tensors) = (output, report.sparsity, report.tensors)
  }

  var text: String {
    var table = TextTable(
      ["array", "weights", "kept", "target", "sparsity", "note"], leading: [0, 5])
    for tensor in tensors {
      table.append([
        tensor.name, Numeral.grouped(tensor.weights), Numeral.grouped(tensor.kept),
        tensor.target.map { Numeral.percent($0, digits: 2) } ?? "",
        Numeral.percent(tensor.sparsity, digits: 2), tensor.skipped?.rawValue ?? "",
      ])
    }
    return table.rendered()
      + "\n\n\(output): \(Numeral.percent(sparsity, digits: 2)) of all weights "
      + "are zero"
  }
}

extension NumericArray {
  /// Whether the elements are floating-point numbers.
  var isFloatingPoint: Bool {
    switch values {
    case .f16, .bf16, .f32, .f64: true
    case .bool, .i8, .u8, .i16, .u16, .i32, .u32, .i64, .u64, .text: false
    }
  }

  /// The same elements in the same type, +0 where the mask drops them.
  func masked(_ mask: BitMask) throws -> NumericArray {
    let keep = mask.bytes
    func zeroed<T: AdditiveArithmetic>(_ values: [T]) -> [T] {
      zip(values, keep).map { $1 == 1 ? $0 : .zero }
    }
    let masked: NumericValues =
      switch values {
      case .f16(let bits): .f16(zeroed(bits))
      case .bf16(let bits): .bf16(zeroed(bits))
      case .f32(let numbers): .f32(zeroed(numbers))
      case .f64(let numbers): .f64(zeroed(numbers))
      case .bool, .i8, .u8, .i16, .u16, .i32, .u32, .i64, .u64, .text: values
      }
    return try NumericArray(shape: shape, values: masked)
  }
}
