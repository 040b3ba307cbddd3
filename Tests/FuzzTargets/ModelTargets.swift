// Models, checkpoints, pruner state: containers whose names, texts and numbers have to agree.

import Lacuna

let modelTargets = [
  FuzzTarget("pruner-state", memory: (1 << 18, 512)) { bytes in
    let state = try PrunerState(bytes: bytes)
    let again = try certainly("written, then read") { try PrunerState(bytes: state.bytes) }
    try hold(again.bytes == state.bytes, "another state was read back")
  },
  FuzzTarget("model", memory: (1 << 24, 4096)) { bytes in
    var cursor = InputCursor(bytes)
    let model = try CompressedModel(modelFile(&cursor, kind: "lacuna model"))
    let written = try certainly("written") { try model.file.encoded() }
    let again = try certainly("read again") {
      try CompressedModel(LacunaFile(bytes: written))
    }
    try hold(try again.file.encoded() == written, "another model was read back")
    try run(model)
  },
  FuzzTarget("checkpoint", memory: (1 << 24, 4096)) { bytes in
    var cursor = InputCursor(bytes)
    let checkpoint = try Checkpoint(modelFile(&cursor, kind: "lacuna checkpoint"))
    let written = try certainly("written") { try checkpoint.file.encoded() }
    let again = try certainly("read again") { try Checkpoint(LacunaFile(bytes: written)) }
    try hold(try again.file.encoded() == written, "another checkpoint was read back")
    try resume(checkpoint)
  },
]

/// Inputs per sample of a network that is small enough to be built for every input.
private func samples(of architecture: Architecture) throws -> Int? {
  let shapes = try architecture.shapes()
  let largest = 1 << 10
  if architecture.input.count > largest || shapes.contains(where: { $0.count > largest }) {
    return nil
  }
  return architecture.input.count
}

/// A model that was let in can be built and run.
private func run(_ model: CompressedModel) throws {
  guard let size = try samples(of: model.architecture) else { return }
  let images = (0..<2 * size).map { Float($0 % 5) - 2 }
  // A network may be refused for its shape; once built it runs.
  guard let network = try? SparseNetwork(model, batch: 2) else { return }
  let logits = try certainly("a run") { try network.logits(images) }
  try hold(logits.count % 2 == 0, "\(logits.count) logits of two images")
}

/// A checkpoint that was let in goes on, or says why not.
private func resume(_ checkpoint: Checkpoint) throws {
  guard let size = try samples(of: checkpoint.architecture) else { return }
  let count = checkpoint.progress.samples
  let classes = try checkpoint.architecture.shapes().last?.count ?? 0
  if !(1...16).contains(count) || !(1...256).contains(classes) { return }
  let data = try ImageDataset(
    shape: checkpoint.architecture.input, classes: classes,
    images: (0..<count * size).map { UInt8(truncatingIfNeeded: $0 * 37) },
    labels: (0..<count).map { UInt16($0 % classes) })
  let settings = try checkpoint.pruning.map { _ in
    PruningSettings(
      schedule: try PolynomialDecay(initial: 0.25, final: 0.5, begin: 0, end: 4, frequency: 1))
  }
  let trainer = try checkpoint.resume(data: data, pruning: settings, threads: 1)
  try trainer.run(until: trainer.step &+ 2)
}

/// The keys that files of this package have.
private let keys = ["architecture", "training", "progress", "note"]

/// A container of the texts and tensors that the bytes describe.
private func modelFile(_ cursor: inout InputCursor, kind: String) -> LacunaFile {
  var file = LacunaFile(metadata: ["kind": kind])
  for _ in 0..<cursor.choice(6) {
    let key = cursor.element(of: keys)
    file.metadata[key] = String(decoding: cursor.run(), as: UTF8.self)
  }
  while !cursor.isAtEnd && file.tensors.count < 64 {
    let name = String(decoding: cursor.bytes(cursor.choice(64)), as: UTF8.self)
    if let tensor = try? storedTensor(&cursor) {
      file.tensors.append(NamedTensor(name: name, tensor: tensor))
    }
  }
  return file
}

private func storedTensor(_ cursor: inout InputCursor) throws -> StoredTensor {
  let kind = TensorKind(rawValue: UInt8(cursor.choice(12)))!
  if kind == .bytes { return .bytes(cursor.run()) }
  let shape = (0..<cursor.choice(5)).map { _ in cursor.choice(17) }
  let (rows, columns) = (shape.first ?? 1, shape.dropFirst().reduce(1, *))
  if rows * columns > 4096 { throw Violation("too large a case") }
  let values = (0..<rows * columns).map { _ in Float(cursor.value()) }
  if kind == .dense { return try .dense(shape: shape, values: values) }
  let dense = try DenseMatrix(rows: rows, columns: columns, values: values)
  let sparse = CSRMatrix(dense: dense)
  func weights(_ tensor: SparseTensor) throws -> StoredTensor {
    .weights(try tensor.shaped(shape))
  }
  switch kind {
  case .bytes, .dense, .sparse: return try weights(SparseTensor(sparse))
  case .quantizedSparse: return try weights(SparseTensor(QuantizedCSR(quantizing: sparse)))
  case .blockSparse:
    return try weights(SparseTensor(BSRMatrix(sparse, block: try BlockSize(2, 2))))
  case .quantizedBlockSparse:
    let blocks = BSRMatrix(sparse, block: try BlockSize(2, 1))
    return try weights(SparseTensor(QuantizedBSR(quantizing: blocks)))
  case .codebookSparse:
    guard let codes = CodebookCSR(exactly: sparse) else { throw Violation("too many values") }
    return try weights(SparseTensor(codes))
  case .bf16Sparse: return try weights(SparseTensor(sparse).converted(to: BFloat16.self))
  case .f16Sparse: return try weights(SparseTensor(sparse).converted(to: Float16.self))
  case .bf16BlockSparse:
    let blocks = BSRMatrix(sparse, block: try BlockSize(2, 2))
    return try weights(SparseTensor(blocks).converted(to: BFloat16.self))
  case .f16BlockSparse:
    let blocks = BSRMatrix(sparse, block: try BlockSize(2, 1))
    return try weights(SparseTensor(blocks).converted(to: Float16.self))
  case .bitMask:
    var mask = try BitMask(rows: rows, columns: columns)
    for row in 0..<rows {
      for column in 0..<columns { mask[row, column] = values[row * columns + column] != 0 }
    }
    return .bitMask(mask)
  }
}

/// The bytes from which a file of these texts and tensors is made, values rounded to integers.
private func modelCase(_ file: LacunaFile) -> [UInt8] {
  var output = OutputCursor()
  let texts = file.metadata.filter { keys.contains($0.key) }.sorted { $0.key < $1.key }
  output.byte(texts.count)
  for (key, text) in texts {
    output.byte(keys.firstIndex(of: key)!)
    output.run(text.utf8)
  }
  for named in file.tensors {
    output.byte(named.name.utf8.count)
    output.bytes += named.name.utf8
    output.byte(Int(named.tensor.kind!.rawValue))
    func put(_ shape: [Int], _ values: [Float]) {
      output.byte(shape.count)
      for size in shape { output.byte(size) }
      for value in values { output.byte(Int((value * 16).rounded())) }
    }
    switch named.tensor {
    case .bytes(let bytes): output.run(bytes)
    case .weights(let tensor): put(tensor.shape, tensor.matrix(of: Float.self).dense().values)
    case .bitMask(let mask):
      put(
        [mask.rows, mask.columns],
        (0..<mask.rows * mask.columns).map {
          mask[$0 / mask.columns, $0 % mask.columns] ? 1 : 0
        })
    }
  }
  return output.bytes
}

/// Small networks of every kind of layer, as models and as checkpoints of a started run.
func modelSeeds() throws -> (models: [[UInt8]], checkpoints: [[UInt8]], states: [[UInt8]]) {
  let image = Shape(height: 4, width: 4, channels: 1)
  let architectures = [
    Architecture.perceptron(hidden: 3, input: Shape(height: 2, width: 2, channels: 1), classes: 2),
    Architecture(
      name: "small", input: image,
      layers: [
        .convolution(
          name: "c", filters: 2, window: Window2D(height: 3, width: 3, padding: .same), relu: true),
        .maxPooling(
          name: "p", window: Window2D(height: 2, width: 2, strideY: 2, strideX: 2, padding: .same)),
        .batchNormalization(name: "n", momentum: 0.9, epsilon: 1e-3),
        .averagePooling(
          name: "a", window: Window2D(height: 2, width: 2, padding: .valid)),
        .relu(name: "r"), .flatten(name: "f"), .dropout(name: "d", rate: 0.5),
        .dense(name: "o", units: 2, relu: false),
      ]),
  ]
  var seeds: (models: [[UInt8]], checkpoints: [[UInt8]], states: [[UInt8]]) = ([], [], [])
  for architecture in architectures {
    let model = try SequentialModel(architecture, threads: 1)
    for form in CompressedModel.Form.allCases {
      for block in [BlockSize.element, try BlockSize(2, 1)] {
        seeds.models.append(
          modelCase(try CompressedModel(model, form: form, block: block).file))
      }
    }
    let data = try ImageDataset(
      shape: architecture.input, classes: 2,
      images: (0..<8 * architecture.input.count).map { UInt8(truncatingIfNeeded: $0 * 37) },
      labels: [0, 1, 0, 1, 0, 1, 0, 1])
    for (optimiser, prunes) in [
      (OptimiserSettings.adam, false), (.adam, true), (.sgd(momentum: 0.5), true),
    ] {
      let schedule = try PolynomialDecay(initial: 0.25, final: 0.5, begin: 0, end: 4, frequency: 1)
      let fresh = try SequentialModel(architecture, threads: 1)
      let trainable: any Trainable =
        prunes ? try pruneLowMagnitude(fresh, schedule: schedule) : fresh
      let trainer = try Trainer(
        trainable, data: data,
        settings: TrainingSettings(epochs: 2, batchSize: 3, optimiser: optimiser))
      try trainer.run(until: 2)
      let checkpoint = Checkpoint(trainer)
      seeds.checkpoints.append(modelCase(checkpoint.file))
      if let state = checkpoint.pruning?.state { seeds.states.append(state.bytes) }
    }
  }
  return seeds
}
