// ModelProto → graphs, nodes and the tensors in them, those of inner graphs too.

import LacunaIO

/// A NodeProto, as far as roles depend on it.
struct ONNXNode {
  var operation = ""
  var domain = ""
  var name = ""
  var inputs: [ByteName] = []
  var outputs: [ByteName] = []
  /// Attributes that are an integer or a list of integers.
  var integers: [String: [Int64]] = [:]
}

/// A tensor in a graph: an initialiser, dense or sparse, or the value of a Constant node.
struct ONNXEntry {
  enum Content {
    case dense(ONNXTensor)
    case sparse(ONNXSparseTensor)
  }

  /// The name that nodes know it by.
  let name: ByteName
  let graph: Int
  let content: Content
  /// The field from its tag on, and its number.
  let record: Range<Int>
  let field: Int
  /// The innermost message around the field.
  let scope: Int
  /// Whether it is a Constant node's, which cannot become a sparse initialiser.
  let isConstant: Bool

  var type: TensorType {
    switch content {
    case .dense(let tensor): tensor.type
    case .sparse(let tensor): tensor.values.type
    }
  }

  var shape: [Int] {
    switch content {
    case .dense(let tensor): tensor.shape
    case .sparse(let tensor): tensor.shape
    }
  }
}

/// Everything that is read of a model's graphs.
struct ONNXGraphs {
  struct Graph {
    /// The graph whose names it sees as well.
    let parent: Int?
    /// What distinguishes its tensors from those of other graphs: empty for the outermost.
    let prefix: String
    var nodes: [ONNXNode] = []
  }

  private(set) var graphs: [Graph] = []
  private(set) var entries: [ONNXEntry] = []
  private(set) var scopes: [WireScope] = []
  /// The entry of each name in each graph.
  private var entryOf: [ByteName: [Int: Int]] = [:]
  private let bytes: ByteSlice

  /// Graphs in attributes in graphs: protobuf's own readers stop at a depth of 100 messages, which are
  /// three for each graph.
  private static let deepest = 33

  /// - Throws: `DataProblem` when the bytes are no model, or two tensors of a graph have one name.
  init(_ bytes: ByteSlice) throws(DataProblem) {
    self.bytes = bytes
    var reader = WireReader(bytes, 0..<bytes.count)
    while let field = try reader.next("ModelProto") {
      guard field.number == 7 else { continue }
      try WireReader.expect(.bytes, field, "ModelProto")
      if !graphs.isEmpty { throw .duplicateName("graph") }
      try graph(field, scope: nil, parent: nil, prefix: "", depth: 1)
    }
    if graphs.isEmpty { throw .absent(what: "the graph of the ONNX model") }
    for (index, entry) in entries.enumerated() {
      if entryOf[entry.name, default: [:]].updateValue(index, forKey: entry.graph) != nil {
        throw .duplicateName(entry.name.text)
      }
    }
  }

  /// The entry that is called `name` in that very graph.
  func entry(_ name: ByteName, of graph: Int) -> Int? { entryOf[name]?[graph] }

  /// The entry that `name` means in `graph`: its own, or that of a graph around it.
  func entry(_ name: ByteName, seenFrom graph: Int) -> Int? {
    var place: Int? = graph
    while let current = place {
      if let index = entry(name, of: current) { return index }
      place = graphs[current].parent
    }
    return nil
  }

  private mutating func open(_ field: WireField, in parent: Int?) -> Int {
    scopes.append(WireScope(parent: parent, length: field.length, payload: field.payload))
    return scopes.count - 1
  }

  private mutating func graph(
    _ message: WireField, scope parentScope: Int?, parent: Int?, prefix: String, depth: Int
  ) throws(DataProblem) {
    if depth > Self.deepest {
      throw .outOfRange(
        what: "depth of inner graphs", value: depth, lowest: 1, highest: Self.deepest)
    }
    let scope = open(message, in: parentScope)
    let index = graphs.count
    graphs.append(Graph(parent: parent, prefix: prefix))
    var reader = WireReader(bytes, message.payload)
    while let field = try reader.next("GraphProto") {
      switch field.number {
      case 1:
        try WireReader.expect(.bytes, field, "GraphProto")
        try node(field, scope: scope, graph: index, depth: depth)
      case 5:
        try WireReader.expect(.bytes, field, "GraphProto")
        let tensor = try ONNXTensor(bytes, field.payload)
        entries.append(
          ONNXEntry(
            name: tensor.name, graph: index, content: .dense(tensor), record: field.record,
            field: 5, scope: scope, isConstant: false))
      case 15:
        try WireReader.expect(.bytes, field, "GraphProto")
        let tensor = try ONNXSparseTensor(bytes, field.payload)
        entries.append(
          ONNXEntry(
            name: tensor.values.name, graph: index, content: .sparse(tensor), record: field.record,
            field: 15, scope: scope, isConstant: false))
      default: break
      }
    }
  }

  private mutating func node(
    _ message: WireField, scope parent: Int, graph: Int, depth: Int
  ) throws(DataProblem) {
    var node = ONNXNode()
    var attributes: [WireField] = []
    var reader = WireReader(bytes, message.payload)
    while let field = try reader.next("NodeProto") {
      guard (1...5).contains(field.number) || field.number == 7 else { continue }
      try WireReader.expect(.bytes, field, "NodeProto")
      switch field.number {
      case 1: node.inputs.append(bytes.name(field.payload))
      case 2: node.outputs.append(bytes.name(field.payload))
      case 3: node.name = bytes.text(field.payload)
      case 4: node.operation = bytes.text(field.payload)
      case 7: node.domain = bytes.text(field.payload)
      default: attributes.append(field)
      }
    }
    // Whether a node is a constant is known only now: fields may come in any order.
    let scope = open(message, in: parent)
    let place = graphs[graph].nodes.count
    graphs[graph].nodes.append(node)
    for field in attributes {
      try attribute(field, scope: scope, graph: graph, node: place, depth: depth)
    }
  }

  private mutating func attribute(
    _ message: WireField, scope parent: Int, graph index: Int, node place: Int, depth: Int
  ) throws(DataProblem) {
    var (name, integers): (String, [Int64]) = ("", [])
    var (inner, tensor): ([WireField], WireField?) = ([], nil)
    var reader = WireReader(bytes, message.payload)
    while let field = try reader.next("AttributeProto") {
      switch field.number {
      case 1, 5, 6, 11, 22:
        try WireReader.expect(.bytes, field, "AttributeProto")
        if field.number == 1 {
          name = bytes.text(field.payload)
        } else if field.number == 6 || field.number == 11 {
          inner.append(field)
        } else {
          tensor = field
        }
      case 3, 8: try reader.integers(of: field, "AttributeProto", into: &integers)
      default: break
      }
    }
    let node = graphs[index].nodes[place]
    if !integers.isEmpty { graphs[index].nodes[place].integers[name] = integers }
    if inner.isEmpty && tensor == nil { return }
    let scope = open(message, in: parent)
    for graph in inner {
      // Every tensor inside repeats the name: a long one would be spelled out again and again.
      let own = (node.name.isEmpty ? "\(node.operation)\(place)" : node.name).prefix(100)
      try self.graph(
        graph, scope: scope, parent: index,
        prefix: graphs[index].prefix + "\(own).\(name.prefix(100))/",
        depth: depth + 1)
    }
    if let tensor, node.operation == "Constant", let output = node.outputs.first {
      let content: ONNXEntry.Content =
        tensor.number == 5
        ? .dense(try ONNXTensor(bytes, tensor.payload))
        : .sparse(try ONNXSparseTensor(bytes, tensor.payload))
      entries.append(
        ONNXEntry(
          name: output, graph: index, content: content, record: tensor.record,
          field: tensor.number, scope: scope, isConstant: true))
    }
  }
}
