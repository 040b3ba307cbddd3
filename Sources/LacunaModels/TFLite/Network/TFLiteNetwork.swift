// The operators of a TFLite model's one subgraph, with the tensors that they read and make.

import LacunaIO

/// What a network is made of, every number of a tensor checked.
// A class: large structs do not come back from functions with typed errors.
final class TFLiteNetwork {
  struct Tensor {
    /// Unique; tensors without a name have their number.
    let name: String
    /// A dimension that is known only at run time is −1.
    let shape: [Int]
    let type: TensorType
    /// Place among the model's tensors, of one that has elements in the file.
    let constant: Int?
  }

  struct Operation {
    let code: Int
    /// −1 for one that is left out.
    let inputs: [Int]
    let outputs: [Int]
    let options: FlatTable?
  }

  let tensors: [Tensor]
  let operations: [Operation]
  let inputs: [Int]
  let outputs: [Int]
  /// The operations that read each tensor.
  let readers: [[Int]]

  init(_ model: TFLiteModel) throws(DataProblem) {
    let root = try FlatBuffer(model.bytes).root(TFLiteModel.identifier)
    let codes = try TFLiteModel.codes(root)
    let graphs = try root.tables(2)
    guard graphs.count == 1, let graph = graphs.first else {
      throw .unsupported(what: "a network of", found: "\(graphs.count) subgraphs")
    }
    var constants: [Int: Int] = [:]
    for (place, entry) in model.entries.enumerated() { constants[entry.index] = place }
    var (tensors, names): ([Tensor], Set<String>) = ([], [])
    for (index, table) in try graph.tables(0).enumerated() {
      var name = try table.text(3)
      if name.isEmpty || !names.insert(name).inserted { name += "#\(index)" }
      names.insert(name)
      let signature = try table.integers(7, Int32.self)
      let shape = try table.integers(0, Int32.self)
      tensors.append(
        Tensor(
          name: name, shape: signature.count == shape.count ? signature : shape,
          type: try TFLiteModel.type(Int(try table.integer(1, Int8.self)), name),
          constant: constants[index]))
    }
    func checked(_ list: [Int], _ what: String, from lowest: Int) throws(DataProblem) -> [Int] {
      for number in list where number < lowest || number >= tensors.count {
        throw .outOfRange(what: what, value: number, lowest: lowest, highest: tensors.count - 1)
      }
      return list
    }
    var (operations, readers) = ([Operation](), [[Int]](repeating: [], count: tensors.count))
    for table in try graph.tables(3) {
      let number = Int(try table.integer(0, UInt32.self))
      guard number < codes.count else {
        throw .outOfRange(
          what: "operator code", value: number, lowest: 0, highest: codes.count - 1)
      }
      let inputs = try checked(try table.integers(1, Int32.self), "an operator's input", from: -1)
      for input in inputs where input >= 0 { readers[input].append(operations.count) }
      operations.append(
        Operation(
          code: codes[number], inputs: inputs,
          outputs: try checked(try table.integers(2, Int32.self), "an operator's output", from: 0),
          options: try table.table(4)))
    }
    inputs = try checked(try graph.integers(1, Int32.self), "an input of the network", from: 0)
    outputs = try checked(try graph.integers(2, Int32.self), "an output of the network", from: 0)
    (self.tensors, self.operations, self.readers) = (tensors, operations, readers)
  }
}

extension TFLiteNetwork.Operation {
  /// A number among the options.
  func option<T: FixedWidthInteger & BitwiseCopyable>(
    _ field: Int, _: T.Type, default value: T = 0
  ) throws(DataProblem) -> Int {
    Int(try options?.integer(field, T.self, default: value) ?? value)
  }

  /// A real number among the options.
  func real(_ field: Int) throws(DataProblem) -> Float {
    Float(bitPattern: try options?.integer(field, UInt32.self) ?? 0)
  }
}
