// lcn_graph_…: networks of ONNX files, as they were read.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaGraph
import LacunaIO
import LacunaModels

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The object behind an lcn_graph.
final class GraphObject: Sendable {
  let graph: Graph
  let inputs: GraphValueTable
  let outputs: GraphValueTable
  /// Elements of all constants.
  let parameters: Int

  init(_ graph: Graph) {
    self.graph = graph
    inputs = GraphValueTable(
      graph.inputs.map { input in
        let shape = input.dimensions.map { dimension in
          if case .size(let size) = dimension { Int64(size) } else { Int64(-1) }
        }
        return (input.name, constant(input.element), shape)
      })
    outputs = GraphValueTable(graph.outputs.map { ($0, 0, nil) })
    parameters = graph.constants.values.reduce(0) { $0 + $1.type.count }
  }
}

/// Names, types and shapes in memory that C may read as long as the table lives.
// Sound: the memory is written by the initialiser alone.
final class GraphValueTable: @unchecked Sendable {
  private let values: [lcn_graph_value]

  /// - Parameter values: A shape that is nil is not known.
  init(_ values: [(name: String, dtype: Int32, shape: [Int64]?)]) {
    self.values = values.map { name, dtype, shape in
      let sizes = shape.map { shape in
        let memory = UnsafeMutablePointer<Int64>.allocate(capacity: max(shape.count, 1))
        memory.initialize(from: shape, count: shape.count)
        return UnsafePointer(memory)
      }
      return lcn_graph_value(
        struct_size: 0, dtype: dtype, name: UnsafePointer(strdup(name)),
        rank: Int32(shape?.count ?? -1), reserved: 0, shape: sizes)
    }
  }

  deinit {
    for value in values {
      free(UnsafeMutablePointer(mutating: value.name))
      value.shape?.deallocate()
    }
  }

  /// Fills a caller's description of value number `index`.
  func describe(
    _ index: Int64, _ value: UnsafeMutablePointer<lcn_graph_value>?
  ) throws(Failure) {
    try fill(value, "value") { (value) throws(Failure) in
      if index < 0 || index >= Int64(values.count) {
        throw Failure(.invalidArgument, "index is \(index), must be in 0..<\(values.count)")
      }
      value = values[Int(index)]
    }
  }
}

/// The constant of an element type.
func constant(_ element: GraphElement) -> Int32 {
  switch element {
  case .f32: Int32(LCN_F32)
  case .i64: Int32(LCN_INT64)
  case .bool: Int32(LCN_BOOL)
  }
}

extension Failure {
  init(_ error: NetworkError) {
    switch error {
    case .data(let problem):
      self.init(problem.isUnsupported ? .unsupported : .badData, error.description)
    case .graph(let inner): self.init(Failure(inner).status, error.description)
    }
  }

  init(_ error: GraphError) {
    let status: Status =
      switch error {
      case .openShape, .unknownInput, .missingInput: .invalidArgument
      case .inputShape, .symbol, .inputType: .shapeMismatch
      case .memory: .outOfMemory
      case .option(let inner): Failure(inner).status
      case .constant(_, let problem), .node(_, _, let problem): Failure(problem).status
      case .duplicateName, .missingValue, .missingOutput, .cycle, .arity, .empty: .badData
      }
    self.init(status, error.description)
  }

  init(_ problem: GraphProblem) {
    let status: Status =
      switch problem {
      case .memory: .outOfMemory
      case .tooManyElements: .sizeOverflow
      case .shapes, .count: .shapeMismatch
      case .unsupported, .notConstant: .unsupported
      case .operation(let inner): Failure(inner).status
      case .negativeDimension, .outOfRange, .element: .badData
      }
    self.init(status, problem.description)
  }
}

extension Failure {
  /// Runs `body`, whose errors are those of a graph's parts.
  static func graph<R>(_ body: () throws(GraphProblem) -> R) throws(Failure) -> R {
    do { return try body() } catch { throw Failure(error) }
  }
}

extension DataProblem {
  /// Whether the data are valid, and only this library cannot do what they say.
  fileprivate var isUnsupported: Bool {
    switch self {
    case .unsupported: true
    case .inside(_, let problem): problem.isUnsupported
    default: false
    }
  }
}

@c @implementation
public func lcn_graph_load(
  _ path: UnsafePointer<CChar>?, _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    guard let path else { throw Failure(.nullPointer, "path is NULL") }
    let name = try text(path, limit: 4096, "path")
    let file = try Failure.file { () throws(FileError) in try ModelFile(contentsOf: name) }
    try deliver(try network(of: file), .graph, to: out)
  }
}

@c @implementation
public func lcn_graph_read(
  _ model: UnsafeRawPointer?, _ count: Int, _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    guard let model else { throw Failure(.nullPointer, "model is NULL") }
    // size_t arrives as a signed number: a negative one is beyond any address space.
    if count < 0 || count > 1 << 46 {
      throw Failure(.sizeOverflow, "count is \(UInt(bitPattern: count))")
    }
    try reserve(count)
    let bytes = [UInt8](UnsafeRawBufferPointer(start: model, count: count))
    let file: ModelFile
    do throws(DataProblem) { file = try ModelFile(bytes: bytes, path: "the model") } catch {
      throw Failure(FileError.malformed(path: "the model", error))
    }
    try deliver(try network(of: file), .graph, to: out)
  }
}

/// The network of a file that was opened.
private func network(of file: ModelFile) throws(Failure) -> GraphObject {
  // Constants are copied out of the mapped file, bytes as f32.
  try reserve(file.tensors.reduce(0) { min($0 + min($1.byteCount, 1 << 40), 1 << 50) } * 4)
  do throws(NetworkError) { return GraphObject(try file.network()) } catch { throw Failure(error) }
}

@c @implementation
public func lcn_graph_get_info(
  _ graph: OpaquePointer?, _ info: UnsafeMutablePointer<lcn_graph_info>?
) -> lcn_status {
  call { () throws(Failure) in
    try fill(info, "info") { (info) throws(Failure) in
      try HandleTable.use(graph, .graph, as: GraphObject.self) { (object) throws(Failure) in
        info.inputs = Int64(object.graph.inputs.count)
        info.outputs = Int64(object.graph.outputs.count)
        info.nodes = Int64(object.graph.nodes.count)
        info.parameters = Int64(object.parameters)
      }
    }
  }
}

@c @implementation
public func lcn_graph_get_input(
  _ graph: OpaquePointer?, _ index: Int64, _ value: UnsafeMutablePointer<lcn_graph_value>?
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(graph, .graph, as: GraphObject.self) { (object) throws(Failure) in
      try object.inputs.describe(index, value)
    }
  }
}

@c @implementation
public func lcn_graph_get_output(
  _ graph: OpaquePointer?, _ index: Int64, _ value: UnsafeMutablePointer<lcn_graph_value>?
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(graph, .graph, as: GraphObject.self) { (object) throws(Failure) in
      try object.outputs.describe(index, value)
    }
  }
}

@c @implementation
public func lcn_graph_destroy(_ graph: OpaquePointer?) -> lcn_status {
  call { () throws(Failure) in try HandleTable.destroy(graph, .graph) }
}
