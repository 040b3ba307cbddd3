// The plans and the memory of a Translator.

import LacunaFormats
import LacunaIO
import LacunaOperations

/// Makes plans over the tensors of a model.
struct TranslatorParts {
  let model: CompressedModel
  let storage: WeightStorage
  let options: PlanOptions

  /// A plan of X·Wᵀ + b for rows of X.
  func product(_ name: String, bias: String?, width: Int) throws(ModelError) -> PlanCore {
    var epilogue = Epilogue<Float>()
    if let bias { epilogue.bias = try values(bias) }
    return try tensor(name).plan(
      storage: storage, layout: .rows, width: width, epilogue: epilogue, options: options,
      name: name)
  }

  /// One layer of a recurrent network, with the cells of its directions.
  func network(
    _ cells: ArraySlice<String>, _ sizes: EncoderDecoderSizes, units: Int,
    direction: RecurrentDirection, steps: Int, batch: Int
  ) throws(ModelError) -> Recurrent {
    var weights: [RecurrentWeights] = []
    for cell in cells {
      weights.append(
        RecurrentWeights(
          input: try gates("\(cell)/kernel"), recurrent: try gates("\(cell)/recurrent_kernel"),
          inputBias: try values("\(cell)/bias"),
          recurrentBias: sizes.unit == .gru ? try values("\(cell)/recurrent_bias") : nil))
    }
    do throws(OperationError) {
      return try Recurrent(
        RecurrentShape(
          sizes.unit.cell, inputs: sizes.embedded, hidden: units, direction: direction),
        weights: weights, order: .onnx, layout: .batch, steps: steps, batch: batch,
        options: options)
    } catch { throw .operation(layer: cells[cells.startIndex], error) }
  }

  func values(_ name: String) throws(ModelError) -> [Float] {
    try tensor(name).denseValues(name: name)
  }

  private func tensor(_ name: String) throws(ModelError) -> StoredTensor {
    guard let tensor = model[name] else { throw .missingTensor(name) }
    return tensor
  }

  private func gates(_ name: String) throws(ModelError) -> SparseTensor {
    let stored = try tensor(name)
    guard let weights = stored.weights else {
      throw .tensorKind(name: name, expected: "numbers", found: stored.kindName)
    }
    // Bytes would multiply bytes: a translator computes in f32.
    let matrix = weights.matrix(of: Float.self)
    return SparseTensor(storage == .dense ? .dense(matrix.dense()) : matrix)
  }
}

/// Memory of one run.
struct TranslatorBuffers {
  /// [sequences, source steps, embedded]; of a step of the decoder [sequences, embedded].
  let embedded: AlignedBuffer<Float>
  /// [sequences, source steps, units]
  let memory: AlignedBuffer<Float>
  /// [directions, sequences, encoder units]: the encoder's last states; of cells only those of an LSTM.
  let encoderHidden: AlignedBuffer<Float>, encoderCell: AlignedBuffer<Float>
  /// [sequences, units]: the decoder's states.
  let hidden: AlignedBuffer<Float>, cell: AlignedBuffer<Float>
  /// [sequences, units]: what attention is asked for; then what comes of it.
  let queries: AlignedBuffer<Float>
  /// [source steps]
  let weights: AlignedBuffer<Float>
  /// [sequences, 2 · units]: what attention found, and the decoder's state.
  let joint: AlignedBuffer<Float>
  /// [sequences, symbols]
  let logits: AlignedBuffer<Float>

  init(_ sizes: EncoderDecoderSizes, batch: Int) throws(ModelError) {
    let (h, s) = (sizes.units, sizes.sourceSteps)
    // Steps and features of one sequence can be addressed; of a batch of them perhaps not.
    let each = s * (sizes.embedded + h + 1) + 7 * h + sizes.targetSymbols
    let (bytes, overflow) = each.multipliedReportingOverflow(by: batch * MemoryLayout<Float>.size)
    if overflow || !AvailableMemory.has(bytes) {
      throw .operation(
        layer: "a batch of \(batch)", .outOfMemory(bytes: overflow ? .max : bytes))
    }
    let cells = sizes.unit == .lstm ? batch * h : 0
    embedded = AlignedBuffer(count: batch * s * sizes.embedded)
    memory = AlignedBuffer(count: batch * s * h)
    (encoderHidden, encoderCell) = (AlignedBuffer(count: batch * h), AlignedBuffer(count: cells))
    (hidden, cell) = (AlignedBuffer(count: batch * h), AlignedBuffer(count: cells))
    queries = AlignedBuffer(count: batch * h)
    weights = AlignedBuffer(count: s)
    joint = AlignedBuffer(count: batch * 2 * h)
    logits = AlignedBuffer(count: batch * sizes.targetSymbols)
  }
}
