// What an encoder–decoder remembers of some samples between its forward and its backward pass, and both passes.
//
// Recurrent networks want rows step by step (`PackedSequences`), attention wants them sample by sample: states are
// copied from one order to the other, a row at a time. Everything else has a row for each step of a target in the
// second order, and products of all of them at once.

import LacunaFormats
import LacunaOperations

/// Memory and passes of one part of a mini-batch. For one thread at a time.
final class EncoderDecoderTape {
  let sizes: EncoderDecoderSizes
  let targetSteps: Int
  private let encoders: [RecurrentTape]
  private let decoder: RecurrentTape
  private var samples = SamplePairs()

  /// [source rows, units]: the encoder's states, and their gradient.
  private let memory: AlignedBuffer<Float>, memoryGradient: AlignedBuffer<Float>
  /// [target rows, 2 · units]: what attention found, and the decoder's state; and their gradient.
  private let joint: AlignedBuffer<Float>, jointGradient: AlignedBuffer<Float>
  /// [target rows, units]
  private let queries: AlignedBuffer<Float>, queryGradient: AlignedBuffer<Float>
  /// [target rows, source steps], one sample behind the other, and the same for gradients.
  private let weights: AlignedBuffer<Float>, weightGradient: AlignedBuffer<Float>
  /// [target rows, units]: tanh(W_c·[c ; d] + b), and its gradient.
  private let attended: AlignedBuffer<Float>, attendedGradient: AlignedBuffer<Float>
  /// [target rows, symbols]
  private let logits: AlignedBuffer<Float>
  /// Of the tensors that are no recurrent cell's.
  private let tables: [AlignedBuffer<Float>], products: [AlignedBuffer<Float>]

  init(_ sizes: EncoderDecoderSizes, targetSteps: Int, samples: Int) {
    (self.sizes, self.targetSteps) = (sizes, targetSteps)
    let (h, e, v) = (sizes.units, sizes.embedded, sizes.targetSymbols)
    let (sourceRows, rows) = (samples * sizes.sourceSteps, samples * targetSteps)
    encoders = (0..<2).map { _ in
      RecurrentTape(
        unit: sizes.unit, units: sizes.encoderUnits, features: e, cells: sourceRows,
        samples: samples)
    }
    decoder = RecurrentTape(
      unit: sizes.unit, units: h, features: e, cells: rows, samples: samples,
      startsFromZeros: false)
    func buffer(_ count: Int) -> AlignedBuffer<Float> { AlignedBuffer(count: count) }
    (memory, memoryGradient) = (buffer(sourceRows * h), buffer(sourceRows * h))
    (joint, jointGradient) = (buffer(rows * 2 * h), buffer(rows * 2 * h))
    (queries, queryGradient) = (buffer(rows * h), buffer(rows * h))
    weights = buffer(rows * sizes.sourceSteps)
    weightGradient = buffer(targetSteps * sizes.sourceSteps)
    (attended, attendedGradient) = (buffer(rows * h), buffer(rows * h))
    logits = buffer(rows * v)
    tables = [buffer(sizes.sourceSymbols * e), buffer(v * e)]
    products = [buffer(h * h), buffer(h * 2 * h), buffer(h), buffer(v * h), buffer(v)]
  }

  /// In the order of `EncoderDecoderParameters.all`.
  var gradientPointers: [UnsafeMutablePointer<Float>] {
    tables.map(\.pointer) + (encoders + [decoder]).flatMap(\.gradientPointers)
      + products.map(\.pointer)
  }

  // MARK: Forward

  /// Results `[samples, target steps, symbols]` of symbols `[samples, source and target steps]`.
  func forward(
    _ parameters: EncoderDecoderParameters, _ x: UnsafePointer<Float>, samples count: Int,
    into y: UnsafeMutablePointer<Float>
  ) {
    samples = SamplePairs(x, count: count, sizes, targetSteps: targetSteps)
    encode(parameters)
    decode(parameters)
    let (h, v, rows) = (sizes.units, sizes.targetSymbols, samples.targets.rows)
    BLAS.gemm(
      m: rows, n: h, k: h, a: joint.pointer + h, lda: 2 * h, b: parameters.query.values.pointer,
      ldb: h, transposeB: true, c: queries.pointer, ldc: h)
    for i in 0..<count {
      attention(i).forward(
        into: joint.pointer + samples.targetStarts[i] * 2 * h, stride: 2 * h)
    }
    BLAS.gemm(
      m: rows, n: h, k: 2 * h, a: joint.pointer, lda: 2 * h,
      b: parameters.attention.values.pointer, ldb: 2 * h, transposeB: true, c: attended.pointer,
      ldc: h)
    addBias(
      attended.pointer, parameters.attentionBias.values.pointer, rows: rows, h, relu: false,
      stride: h)
    PointwiseFunction.tanh.apply(attended.pointer, into: attended.pointer, count: rows * h)
    BLAS.gemm(
      m: rows, n: v, k: h, a: attended.pointer, lda: h, b: parameters.out.values.pointer, ldb: h,
      transposeB: true, c: logits.pointer, ldc: v)
    addBias(
      logits.pointer, parameters.outBias.values.pointer, rows: rows, v, relu: false, stride: v)
    zero(y, count * targetSteps * v)
    for i in 0..<count {
      copy(
        y + i * targetSteps * v, logits.pointer + samples.targetStarts[i] * v,
        samples.targets.lengths[i] * v)
    }
  }

  private func attention(_ i: Int) -> DotProductAttention {
    let h = sizes.units
    return DotProductAttention(
      queries: samples.targets.lengths[i], memory: samples.sources.lengths[i], features: h,
      q: queries.pointer + samples.targetStarts[i] * h,
      m: memory.pointer + samples.sourceStarts[i] * h,
      weights: weights.pointer + samples.targetStarts[i] * sizes.sourceSteps)
  }

  /// Both directions over the sources, and their states in ``memory``.
  private func encode(_ parameters: EncoderDecoderParameters) {
    let (sources, e, h) = (samples.sources, sizes.embedded, sizes.encoderUnits)
    for (direction, tape) in encoders.enumerated() {
      tape.begin(sources)
      samples.forEachSource { i, t in
        let symbol = samples.source(i, direction == 0 ? t : sources.lengths[i] - 1 - t)
        copy(
          tape.x.pointer + sources.row(i, t) * e, parameters.sources.values.pointer + symbol * e,
          e)
      }
      tape.forward(parameters.encoders[direction])
      samples.forEachSource { i, t in
        let step = direction == 0 ? t : sources.lengths[i] - 1 - t
        copy(
          memory.pointer + (samples.sourceStarts[i] + step) * 2 * h + direction * h,
          tape.state(row: sources.row(i, t)), h)
      }
    }
  }

  /// The decoder's states, in the second half of ``joint``.
  private func decode(_ parameters: EncoderDecoderParameters) {
    let (sources, targets, e) = (samples.sources, samples.targets, sizes.embedded)
    let (h, half) = (sizes.units, sizes.encoderUnits)
    decoder.begin(targets)
    for i in 0..<samples.count {
      let first = targets.places[i] * h
      let last = sources.row(i, sources.lengths[i] - 1)
      for (direction, tape) in encoders.enumerated() {
        let place = first + direction * half
        copy(decoder.firstHidden.pointer + place, tape.state(row: last), half)
        if sizes.unit == .lstm {
          copy(decoder.firstCell.pointer + place, tape.cell(row: last), half)
        }
      }
    }
    samples.forEachTarget { i, t in
      copy(
        decoder.x.pointer + targets.row(i, t) * e,
        parameters.targets.values.pointer + samples.target(i, t) * e, e)
    }
    decoder.forward(parameters.decoder)
    samples.forEachTarget { i, t in
      copy(
        joint.pointer + (samples.targetStarts[i] + t) * 2 * h + h,
        decoder.state(row: targets.row(i, t)), h)
    }
  }

  // MARK: Backward

  /// Gradients of all tensors from ∂loss/∂y, of which the rows of padding are not read.
  func backward(_ parameters: EncoderDecoderParameters, _ dy: UnsafePointer<Float>) {
    let (h, v, rows) = (sizes.units, sizes.targetSymbols, samples.targets.rows)
    for i in 0..<samples.count {
      copy(
        logits.pointer + samples.targetStarts[i] * v, dy + i * targetSteps * v,
        samples.targets.lengths[i] * v)
    }
    product(
      logits, v, of: attended.pointer, h, stride: h, rows: rows, weight: products[3],
      bias: products[4])
    let d = attendedGradient.pointer
    BLAS.gemm(
      m: rows, n: h, k: v, a: logits.pointer, lda: v, b: parameters.out.values.pointer, ldb: h,
      c: d, ldc: h)
    for i in 0..<rows * h { d[i] *= 1 - attended.pointer[i] * attended.pointer[i] }
    product(
      attendedGradient, h, of: joint.pointer, 2 * h, stride: 2 * h, rows: rows,
      weight: products[1], bias: products[2])
    BLAS.gemm(
      m: rows, n: 2 * h, k: h, a: d, lda: h, b: parameters.attention.values.pointer, ldb: 2 * h,
      c: jointGradient.pointer, ldc: 2 * h)
    for i in 0..<samples.count {
      let row = samples.targetStarts[i]
      attention(i).backward(
        jointGradient.pointer + row * 2 * h, stride: 2 * h, dq: queryGradient.pointer + row * h,
        dm: memoryGradient.pointer + samples.sourceStarts[i] * h, scratch: weightGradient.pointer)
    }
    product(
      queryGradient, h, of: joint.pointer + h, h, stride: 2 * h, rows: rows, weight: products[0])
    BLAS.gemm(
      m: rows, n: h, k: h, a: queryGradient.pointer, lda: h, b: parameters.query.values.pointer,
      ldb: h, beta: 1, c: jointGradient.pointer + h, ldc: 2 * h)
    decodeBackward(parameters)
    encodeBackward(parameters)
  }

  /// dW = dYᵀ·X and db of a product of all rows.
  private func product(
    _ dy: AlignedBuffer<Float>, _ outputs: Int, of x: UnsafePointer<Float>, _ inputs: Int,
    stride: Int, rows: Int, weight: AlignedBuffer<Float>, bias: AlignedBuffer<Float>? = nil
  ) {
    BLAS.gemm(
      m: outputs, n: inputs, k: rows, a: dy.pointer, lda: outputs, transposeA: true, b: x,
      ldb: stride, c: weight.pointer, ldc: inputs)
    guard let bias else { return }
    zero(bias.pointer, outputs)
    accumulateRows(bias.pointer, dy.pointer, rows: rows, outputs, stride: outputs)
  }

  private func decodeBackward(_ parameters: EncoderDecoderParameters) {
    let (targets, h, e) = (samples.targets, sizes.units, sizes.embedded)
    zero(decoder.carried.pointer, samples.count * h)
    zero(decoder.carriedCell.pointer, samples.count * h)
    decoder.backward(parameters.decoder, needsInput: true) { t, g in
      for place in 0..<targets.counts[t] {
        let row = samples.targetStarts[targets.order[place]] + t
        accumulate(g + place * h, jointGradient.pointer + row * 2 * h + h, h)
      }
    }
    zero(tables[1].pointer, tables[1].count)
    samples.forEachTarget { i, t in
      accumulate(
        tables[1].pointer + samples.target(i, t) * e, decoder.x.pointer + targets.row(i, t) * e, e)
    }
  }

  private func encodeBackward(_ parameters: EncoderDecoderParameters) {
    let (sources, e, h) = (samples.sources, sizes.embedded, sizes.encoderUnits)
    zero(tables[0].pointer, tables[0].count)
    for (direction, tape) in encoders.enumerated() {
      for i in 0..<samples.count {
        let (from, to) = (samples.targets.places[i] * 2 * h + direction * h, sources.places[i] * h)
        copy(tape.carried.pointer + to, decoder.carried.pointer + from, h)
        copy(tape.carriedCell.pointer + to, decoder.carriedCell.pointer + from, h)
      }
      tape.backward(parameters.encoders[direction], needsInput: true) { t, g in
        for place in 0..<sources.counts[t] {
          let i = sources.order[place]
          let step = direction == 0 ? t : sources.lengths[i] - 1 - t
          let row = samples.sourceStarts[i] + step
          accumulate(g + place * h, memoryGradient.pointer + row * 2 * h + direction * h, h)
        }
      }
      samples.forEachSource { i, t in
        let symbol = samples.source(i, direction == 0 ? t : sources.lengths[i] - 1 - t)
        accumulate(
          tables[0].pointer + symbol * e, tape.x.pointer + sources.row(i, t) * e, e)
      }
    }
  }
}
