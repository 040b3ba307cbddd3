// TFLite's schema, as far as offsets go: which fields of which tables lead to other objects.

import LacunaIO

/// What a field of a table holds.
indirect enum FlatField {
  /// A number: nothing to follow.
  case number
  /// A text, or a vector of numbers of that many bytes.
  case vector(width: Int)
  case table(FlatSchema)
  case tables(FlatSchema)
  /// A table whose kind is the number in the field before it.
  case union([UInt8: FlatSchema])
}

/// The fields of a table, by their numbers.
struct FlatSchema {
  let name: String
  let fields: [FlatField]

  init(_ name: String, _ fields: [FlatField]) { (self.name, self.fields) = (name, fields) }

  static let text = FlatField.vector(width: 1)

  /// Options of an operator, all of whose fields are numbers but for some vectors and texts.
  private static func options(_ vectors: Int...) -> FlatSchema {
    FlatSchema(
      "options",
      (0..<20).map { vectors.contains($0) ? .vector(width: 0) : .number })
  }

  /// Options that lead to vectors, by their number in the union BuiltinOptions; all others up to
  /// ``knownOptions`` are numbers alone.
  private static let optionsWithVectors: [UInt8: FlatSchema] = [
    3: options(1, 2),  // ConcatEmbeddings
    8: options(5),  // FullyConnected
    17: options(0),  // Reshape
    30: options(0),  // Squeeze
    111: options(0, 1),  // VarHandle
    115: options(0),  // Bucketize
  ]
  private static let knownOptions: UInt8 = 126

  /// The same for BuiltinOptions2, the operators of StableHLO.
  private static let options2WithVectors: [UInt8: FlatSchema] = [
    2: options(0), 3: options(0, 1, 2), 4: options(0, 1, 2, 3, 4, 7, 10, 13, 16),
    5: options(0, 2, 4, 5), 6: options(0), 7: options(1, 2, 3), 9: options(0),
    10: options(0, 1, 2), 12: options(0, 1, 2, 3, 4), 13: options(0, 1, 2, 3, 4),
    16: options(0, 1, 2, 4), 17: options(0), 21: options(0, 2), 23: options(0),
  ]
  private static let knownOptions2: UInt8 = 23

  private static func union(_ known: UInt8, _ special: [UInt8: FlatSchema]) -> FlatField {
    let plain = options()
    return .union(
      Dictionary(uniqueKeysWithValues: (1...known).map { ($0, special[$0] ?? plain) }))
  }

  static let quantization = FlatSchema(
    "QuantizationParameters",
    [
      .vector(width: 4), .vector(width: 4), .vector(width: 4), .vector(width: 8), .number,
      .union([
        1: FlatSchema("CustomQuantization", [.vector(width: 1)]),
        2: FlatSchema("BlockwiseQuantization", [.number, .number, .number, .vector(width: 4)]),
      ]), .number,
    ])

  private static let indexVectors: FlatField = .union([
    1: FlatSchema("Int32Vector", [.vector(width: 4)]),
    2: FlatSchema("Uint16Vector", [.vector(width: 2)]),
    3: FlatSchema("Uint8Vector", [.vector(width: 1)]),
  ])

  static let sparsity = FlatSchema(
    "SparsityParameters",
    [
      .vector(width: 4), .vector(width: 4),
      .tables(
        FlatSchema(
          "DimensionMetadata",
          [.number, .number, .number, indexVectors, .number, indexVectors])),
    ])

  static let tensor = FlatSchema(
    "Tensor",
    [
      .vector(width: 4), .number, .number, text, .table(quantization), .number, .table(sparsity),
      .vector(width: 4), .number,
      .tables(FlatSchema("VariantSubType", [.vector(width: 4), .number, .number])), .number,
    ])

  static let operation = FlatSchema(
    "Operator",
    [
      .number, .vector(width: 4), .vector(width: 4), .number,
      union(knownOptions, optionsWithVectors), .vector(width: 1), .number, .vector(width: 1),
      .vector(width: 4), .number, .number, .number, union(knownOptions2, options2WithVectors),
      .number,
    ])

  static let model = FlatSchema(
    "Model",
    [
      .number, .tables(FlatSchema("OperatorCode", [.number, text, .number, .number])),
      .tables(
        FlatSchema(
          "SubGraph",
          [
            .tables(tensor), .vector(width: 4), .vector(width: 4), .tables(operation), text,
            .number,
          ])),
      text, .tables(FlatSchema("Buffer", [.vector(width: 1), .number, .number])),
      .vector(width: 4), .tables(FlatSchema("Metadata", [text, .number])),
      .tables(signature), .tables(FlatSchema("ExternalBufferGroup", [text])),
      .tables(FlatSchema("ExternalBuffer", [.number, .number, .number, .number, text])),
    ])

  private static let tensorMap = FlatSchema("TensorMap", [text, .number])
  private static let signature = FlatSchema(
    "SignatureDef", [.tables(tensorMap), .tables(tensorMap), text, .number, .number])
}

/// A place that says where something is: it changes when bytes between the two are added or taken.
struct FlatReference: Hashable {
  /// Where the four bytes stand.
  let place: Int
  let target: Int
  /// Whether the distance counts backwards, from a table to its vtable.
  let isBackward: Bool
}

extension FlatTable {
  /// All offsets in the table and in what it leads to.
  ///
  /// - Throws: `DataProblem/unsupported(what:found:)` for a field that the schema does not know.
  func references(
    _ schema: FlatSchema, into found: inout Set<FlatReference>
  ) throws(DataProblem) {
    // A shared table is walked once.
    guard
      found.insert(FlatReference(place: position, target: vtable, isBackward: true)).inserted
    else { return }
    for number in 0..<fieldCount {
      guard let place = try place(of: number, width: 1) else { continue }
      guard number < schema.fields.count else {
        throw .unsupported(what: "field \(number) of \(schema.name)", found: "of a newer TFLite")
      }
      let field = schema.fields[number]
      if case .number = field { continue }
      let target = try buffer.target(of: try self.place(of: number, width: 4) ?? place)
      found.insert(FlatReference(place: place, target: target, isBackward: false))
      switch field {
      case .number: break
      case .vector(let width): _ = try buffer.vector(at: target, width: max(width, 1))
      case .table(let inner): try buffer.table(at: target).references(inner, into: &found)
      case .tables(let inner):
        for element in stride(
          from: 0, to: try buffer.vector(at: target, width: 4).count, by: 4)
        {
          let place = target + 4 + element
          let table = try buffer.target(of: place)
          found.insert(FlatReference(place: place, target: table, isBackward: false))
          try buffer.table(at: table).references(inner, into: &found)
        }
      case .union(let kinds):
        let kind = try integer(number - 1, UInt8.self)
        guard let inner = kinds[kind] else {
          throw .unsupported(what: "kind of field \(number) of \(schema.name)", found: "\(kind)")
        }
        try buffer.table(at: target).references(inner, into: &found)
      }
    }
  }
}
