// ModelProto → inputs, nodes with their attributes, and constants: all that a network is made of.

import LacunaGraph
import LacunaIO

/// A NodeProto with everything that it says.
struct ONNXOperator {
  var operation = ""
  var domain = ""
  var name = ""
  var inputs: [String] = []
  var outputs: [String] = []
  var attributes: [String: ONNXAttribute] = [:]

  init(_ bytes: ByteSlice, _ message: Range<Int>) throws(DataProblem) {
    var reader = WireReader(bytes, message)
    while let field = try reader.next("NodeProto") {
      guard (1...5).contains(field.number) || field.number == 7 else { continue }
      try WireReader.expect(.bytes, field, "NodeProto")
      switch field.number {
      case 1: inputs.append(bytes.text(field.payload))
      case 2: outputs.append(bytes.text(field.payload))
      case 3: name = bytes.text(field.payload)
      case 4: operation = bytes.text(field.payload)
      case 7: domain = bytes.text(field.payload)
      default:
        let (name, value) = try ONNXAttribute.read(bytes, field.payload)
        if attributes.updateValue(value, forKey: name) != nil { throw .duplicateName(name) }
      }
    }
  }
}

/// A ValueInfoProto: a name, a type and dimensions.
struct ONNXValue {
  var name = ""
  /// `TensorProto.DataType`; 0 for what is no tensor.
  var code: Int64 = 0
  var dimensions: [GraphDimension] = []

  init(_ bytes: ByteSlice, _ message: Range<Int>) throws(DataProblem) {
    var reader = WireReader(bytes, message)
    while let field = try reader.next("ValueInfoProto") {
      if field.number == 1 {
        try WireReader.expect(.bytes, field, "ValueInfoProto")
        name = bytes.text(field.payload)
      } else if field.number == 2 {
        try WireReader.expect(.bytes, field, "ValueInfoProto")
        try type(bytes, field.payload)
      }
    }
  }

  private mutating func type(_ bytes: ByteSlice, _ message: Range<Int>) throws(DataProblem) {
    var reader = WireReader(bytes, message)
    while let field = try reader.next("TypeProto") {
      guard field.number == 1 else { continue }
      try WireReader.expect(.bytes, field, "TypeProto")
      var tensor = WireReader(bytes, field.payload)
      while let field = try tensor.next("TypeProto.Tensor") {
        if field.number == 1 {
          try WireReader.expect(.varint, field, "TypeProto.Tensor")
          code = field.integer
        } else if field.number == 2 {
          try WireReader.expect(.bytes, field, "TypeProto.Tensor")
          var shape = WireReader(bytes, field.payload)
          while let field = try shape.next("TensorShapeProto") {
            guard field.number == 1 else { continue }
            try WireReader.expect(.bytes, field, "TensorShapeProto")
            dimensions.append(try dimension(bytes, field.payload))
          }
        }
      }
    }
  }

  private func dimension(
    _ bytes: ByteSlice, _ message: Range<Int>
  ) throws(DataProblem) -> GraphDimension {
    var reader = WireReader(bytes, message)
    var result = GraphDimension.any
    while let field = try reader.next("TensorShapeProto.Dimension") {
      if field.number == 1 {
        try WireReader.expect(.varint, field, "TensorShapeProto.Dimension")
        // Some exporters write −1 or 0 for a dimension that is open.
        result = field.integer > 0 ? .size(Int(field.integer)) : .any
      } else if field.number == 2 {
        try WireReader.expect(.bytes, field, "TensorShapeProto.Dimension")
        let name = bytes.text(field.payload)
        // The same, with a mark that stands for nothing.
        result = name.isEmpty || name == "?" ? .any : .symbol(name)
      }
    }
    return result
  }
}

/// A ModelProto as a network: the outermost graph. Or an inner graph of it.
struct ONNXNetwork {
  private(set) var nodes: [ONNXOperator] = []
  private(set) var inputs: [ONNXValue] = []
  private(set) var outputs: [String] = []
  private(set) var dense: [ONNXTensor] = []
  private(set) var sparse: [ONNXSparseTensor] = []
  /// Version of each operator set, by domain.
  private(set) var versions: [String: Int] = [:]

  init(_ bytes: ByteSlice) throws(DataProblem) {
    var reader = WireReader(bytes, 0..<bytes.count)
    while let field = try reader.next("ModelProto") {
      switch field.number {
      case 7:
        try WireReader.expect(.bytes, field, "ModelProto")
        try graph(bytes, field.payload)
      case 8:
        try WireReader.expect(.bytes, field, "ModelProto")
        try operatorSet(bytes, field.payload)
      default: break
      }
    }
  }

  /// A graph in an attribute of a node of `network`.
  init(inside network: ONNXNetwork, _ bytes: ByteSlice, _ message: Range<Int>) throws(DataProblem) {
    versions = network.versions
    try graph(bytes, message)
  }

  private mutating func operatorSet(
    _ bytes: ByteSlice, _ message: Range<Int>
  ) throws(DataProblem) {
    var (domain, version) = ("", 0)
    var reader = WireReader(bytes, message)
    while let field = try reader.next("OperatorSetIdProto") {
      if field.number == 1 {
        try WireReader.expect(.bytes, field, "OperatorSetIdProto")
        domain = bytes.text(field.payload)
      } else if field.number == 2 {
        try WireReader.expect(.varint, field, "OperatorSetIdProto")
        version = Int(field.integer)
      }
    }
    versions[domain == "ai.onnx" ? "" : domain] = version
  }

  private mutating func graph(_ bytes: ByteSlice, _ message: Range<Int>) throws(DataProblem) {
    var reader = WireReader(bytes, message)
    while let field = try reader.next("GraphProto") {
      guard [1, 5, 11, 12, 15].contains(field.number) else { continue }
      try WireReader.expect(.bytes, field, "GraphProto")
      switch field.number {
      case 1: nodes.append(try ONNXOperator(bytes, field.payload))
      case 5: dense.append(try ONNXTensor(bytes, field.payload))
      case 11: inputs.append(try ONNXValue(bytes, field.payload))
      case 12: outputs.append(try ONNXValue(bytes, field.payload).name)
      default: sparse.append(try ONNXSparseTensor(bytes, field.payload))
      }
    }
  }
}
