// DENSIFY in front of weights that become sparse: a tensor, an operator and perhaps its code, each more.

import LacunaIO

/// What is added to a model for each weight that becomes sparse.
///
///     before   weights (elements) ─▶ CONV_2D
///     after    weights′ (sparse) ─▶ DENSIFY ─▶ weights (no elements) ─▶ CONV_2D
///
/// The tensor that operators read keeps its number; the sparse one gets the next free number, and its name.
/// DENSIFY comes before all other operators.
struct TFLiteInsertions {
  private struct Graph {
    let tensors: Range<Int>
    let operators: Range<Int>
    let count: Int
    /// Offsets of the new elements, with the position of the target.
    var added: [(tensor: Int, operation: Int)] = []
  }

  private let root: FlatTable
  private var graphs: [Int: Graph] = [:]
  private let codes: Range<Int>
  private let code: Int
  private let needsCode: Bool

  /// Makes room in the vectors of tensors, operators and codes.
  ///
  /// - Parameter indices: The tensors that become sparse.
  init(
    _ root: FlatTable, _ indices: [Int], _ entries: [TFLiteModel.Entry], _ edit: inout FlatEdit
  ) throws(DataProblem) {
    self.root = root
    let buffer = root.buffer
    func vector(_ table: FlatTable, _ field: Int) throws(DataProblem) -> Range<Int> {
      guard let target = try table.target(field) else {
        throw .absent(what: "field \(field) of the table at byte \(table.position)")
      }
      return try buffer.vector(at: target, width: 4)
    }
    let known = try root.tables(1)
    var densify: Int?
    for (number, table) in known.enumerated()
    where max(Int(try table.integer(0, Int8.self)), Int(try table.integer(3, Int32.self)))
      == TFLiteGraph.Code.densify
    {
      densify = densify ?? number
    }
    (code, needsCode) = (densify ?? known.count, densify == nil && !indices.isEmpty)
    codes = indices.isEmpty ? 0..<0 : try vector(root, 1)
    if indices.isEmpty { return }
    if needsCode { edit.insert(16, at: codes.upperBound) }
    // The buffer of tensors without elements.
    guard let empty = try root.tables(4).first, try empty.target(0) == nil else {
      throw .unsupported(what: "a sparse encoding", found: "without an empty first buffer")
    }
    let subgraphs = try root.tables(2)
    var taken: Set<Int> = []
    for (number, group) in Dictionary(grouping: indices, by: { entries[$0].graph }) {
      let (tensors, operators) = (
        try vector(subgraphs[number], 0), try vector(subgraphs[number], 3)
      )
      if operators.isEmpty || !taken.insert(tensors.lowerBound).inserted
        || !taken.insert(operators.lowerBound).inserted
      {
        throw .unsupported(what: "a sparse encoding", found: "in subgraphs that share their parts")
      }
      let bytes = 4 * group.count
      let rest = (16 - bytes % 16) % 16
      edit.insert(bytes + rest, at: tensors.upperBound)
      edit.insert(bytes, at: operators.lowerBound)
      edit.insert(rest, at: operators.upperBound)
      graphs[number] = Graph(tensors: tensors, operators: operators, count: group.count)
    }
  }

  /// Adds the operator for a tensor whose sparse copy is at `copy`.
  mutating func add(
    _ copy: Int, of old: FlatTable, number: Int, _ graph: Int, _ writer: inout FlatWriter,
    _ patches: inout [Int: UInt32]
  ) throws(DataProblem) {
    guard let place = try old.place(of: 2, width: 4) else {
      throw .absent(what: "the buffer of a tensor")
    }
    patches[place] = 0
    let sparse = graphs[graph]!.tensors.count / 4 + graphs[graph]!.added.count
    let operation = writer.table([0: .int(code), 1: .offset, 2: .offset])
    writer.link(operation.places[1]!, to: writer.integers([sparse], width: 4))
    writer.link(operation.places[2]!, to: writer.integers([number], width: 4))
    graphs[graph]!.added.append((copy, operation.position))
  }

  /// Fills the room that was made, once all objects have their places.
  func finish(
    _ writer: inout FlatWriter, _ edit: inout FlatEdit, _ patches: inout [Int: UInt32]
  ) {
    func bytes(_ value: Int) -> [UInt8] {
      withUnsafeBytes(of: UInt32(value).littleEndian) { [UInt8]($0) }
    }
    for graph in graphs.values {
      patches[graph.tensors.lowerBound - 4] = UInt32(graph.tensors.count / 4 + graph.count)
      patches[graph.operators.lowerBound - 4] = UInt32(graph.operators.count / 4 + graph.count)
      let tensors = edit.moved(graph.tensors.lowerBound - 4) + 4 + graph.tensors.count
      let operators = edit.moved(graph.operators.lowerBound - 4) + 4
      let added = graph.added.enumerated()
      edit.fill(
        graph.tensors.upperBound,
        added.flatMap { bytes($1.tensor - tensors - 4 * $0) })
      edit.fill(
        graph.operators.lowerBound, added.flatMap { bytes($1.operation - operators - 4 * $0) })
    }
    if needsCode {
      let table = writer.table([
        0: .byte(UInt8(TFLiteGraph.Code.densify)), 2: .int(1), 3: .int(TFLiteGraph.Code.densify),
      ])
      patches[codes.lowerBound - 4] = UInt32(codes.count / 4 + 1)
      let place = edit.moved(codes.lowerBound - 4) + 4 + codes.count
      edit.fill(codes.upperBound, bytes(table.position - place))
    }
  }
}
