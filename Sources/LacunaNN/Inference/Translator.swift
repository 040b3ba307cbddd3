// source symbols → target symbols by an encoder–decoder: the encoder once, then the decoder until the target's end.

import LacunaFormats
import LacunaOperations

/// A trained encoder–decoder prepared for inference: it writes the likeliest symbol at each step (greedy decoding) and
/// reads it in the next one.
///
///     let translator = try Translator(CompressedModel.load(from: "g2p.lacuna"), batch: 16)
///     let sounds = try translator(words)
///
/// The two directions of the encoder and the decoder are recurrent networks of `LacunaOperations`, the products behind
/// them plans, all over the tensors as they are stored. Sequences of a mini-batch that have ended make room: a step is
/// computed for those alone that still write.
///
/// Threads that use one at once take turns: its buffers are for one run. To run side by side, make one each.
public final class Translator: @unchecked Sendable {
  // Sound to share: buffers are used under `lock` alone, the rest never changes.
  /// Sizes of the network.
  public let sizes: EncoderDecoderSizes
  /// The most symbols of a target, its end counted: a target that has not ended by then is cut off.
  public let targetSteps: Int
  /// Sequences at once.
  public let batch: Int
  /// Each product and recurrent network, and its kernel.
  public let steps: [(name: String, kernel: String)]

  private let encoder: Recurrent, decoder: Recurrent
  private let query: PlanCore, attention: PlanCore, out: PlanCore
  private let sources: [Float], targets: [Float]
  private let buffers: TranslatorBuffers
  private let lock = ForkSafeLock()

  /// Plans every product for mini-batches of `batch` sequences.
  ///
  /// - Parameters:
  ///   - threads: threads to use; results do not depend on it.
  ///   - excludesDense: no tensor that is stored sparse is made dense: `PlanOptions.excludesDense`.
  ///   - isDense: every weight dense, zeros included, on OpenBLAS: what sparse inference is compared with.
  /// - Throws: ``ModelError`` when the network is no encoder–decoder, a tensor does not fit, a product cannot be
  ///   planned, or a setting is out of range.
  public init(
    _ model: CompressedModel, batch: Int = 1, threads: Int = 1, excludesDense: Bool = false,
    isDense: Bool = false
  ) throws(ModelError) {
    try TrainingSettings.check(batch, "batch", in: 1...65536)
    try TrainingSettings.check(threads, "threads", in: 1...1024)
    _ = try model.architecture.shapes()
    guard case .encoderDecoder(let name, let sizes) = model.architecture.layers[0] else {
      throw .invalidLayer(
        name: model.architecture.layers[0].name, reason: "is no encoder–decoder to translate with")
    }
    (self.sizes, self.batch) = (sizes, batch)
    targetSteps = model.architecture.input.height - sizes.sourceSteps
    buffers = try TranslatorBuffers(sizes, batch: batch)
    let parts = TranslatorParts(
      model: model, storage: isDense ? .dense : .sparse(.f32),
      options: PlanOptions(
        threads: threads, deterministic: true, excludesDense: excludesDense && !isDense))
    let cells = EncoderDecoderSizes.cells(name, units: sizes.units).map(\.name)
    encoder = try parts.network(
      cells[..<2], sizes, units: sizes.encoderUnits, direction: .bidirectional,
      steps: sizes.sourceSteps, batch: batch)
    decoder = try parts.network(
      cells[2...], sizes, units: sizes.units, direction: .forward, steps: 1, batch: batch)
    query = try parts.product("\(name)/attention/query_kernel", bias: nil, width: batch)
    attention = try parts.product(
      "\(name)/attention/kernel", bias: "\(name)/attention/bias", width: batch)
    out = try parts.product("\(name)/out/kernel", bias: "\(name)/out/bias", width: batch)
    sources = try parts.values("\(name)/source/table")
    targets = try parts.values("\(name)/target/table")
    steps = [
      (cells[0], encoder.kernelName), (cells[2], decoder.kernelName),
      ("\(name)/attention/query", query.body.name), ("\(name)/attention", attention.body.name),
      ("\(name)/out", out.body.name),
    ]
  }

  /// The target of each source, without its end.
  ///
  /// - Parameter sources: of symbols from 1 on, at most ``EncoderDecoderSizes/sourceSteps`` of them.
  /// - Throws: ``ModelError/dataMismatch(what:expected:found:)`` for a source that is too long,
  ///   ``ModelError/invalidSetting(name:reason:)`` for a symbol out of range.
  public func callAsFunction(_ sources: [[UInt8]]) throws(ModelError) -> [[UInt8]] {
    for (index, source) in sources.enumerated() {
      try sizes.check(source: source, index: index)
    }
    var result = [[UInt8]](repeating: [], count: sources.count)
    lock.withLock {
      for first in stride(from: 0, to: sources.count, by: batch) {
        let end = min(first + batch, sources.count)
        BLAS.onOneThread { translate(sources[first..<end], into: &result[first..<end]) }
      }
    }
    return result
  }

  private func translate(_ sources: ArraySlice<[UInt8]>, into results: inout ArraySlice<[UInt8]>) {
    let h = sizes.units
    let (lengths, longest) = encode(sources)
    /// The sequences that still write, by the row that their state lies in.
    var active = Array(0..<sources.count)
    var last = [UInt8](repeating: 0, count: sources.count)
    for _ in 0..<targetSteps {
      step(active, last: last, lengths: lengths, longest: longest)
      for row in active.indices.reversed() {
        let symbol = bestSymbol(buffers.logits.pointer + row * sizes.targetSymbols)
        if symbol != EncoderDecoderSizes.end {
          results[results.startIndex + active[row]].append(symbol)
          last[row] = symbol
          continue
        }
        // The last row takes the place of one that has ended.
        let end = active.count - 1
        (active[row], last[row]) = (active[end], last[end])
        active.removeLast()
        if row == end { continue }
        for state in [buffers.hidden, buffers.cell] where state.count > 0 {
          copy(state.pointer + row * h, state.pointer + end * h, h)
        }
      }
      if active.isEmpty { return }
    }
  }

  /// The encoder's states in `memory` `[sources, longest, units]`, and the decoder's first ones.
  private func encode(_ sources: ArraySlice<[UInt8]>) -> (lengths: [Int], longest: Int) {
    let (e, h, half, n) = (sizes.embedded, sizes.units, sizes.encoderUnits, sources.count)
    // A source without symbols is one step of padding, as in training.
    let lengths = sources.map { max($0.count, 1) }
    let longest = lengths.max()!
    for (i, source) in sources.enumerated() {
      for t in 0..<longest {
        let symbol = t < source.count ? Int(source[t]) : 0
        self.sources.withUnsafeBufferPointer {
          copy(
            buffers.embedded.pointer + (i * longest + t) * e, $0.baseAddress! + symbol * e, e)
        }
      }
    }
    lengths.withUnsafeBufferPointer { lengths in
      var call = RecurrentCall(
        x: buffers.embedded.pointer, y: buffers.memory.pointer, steps: longest, batch: n)
      call.lengths = lengths.baseAddress
      call.lastHidden = buffers.encoderHidden.pointer
      if sizes.unit == .lstm { call.lastCell = buffers.encoderCell.pointer }
      encoder.run(call)
    }
    for (last, first) in [
      (buffers.encoderHidden, buffers.hidden), (buffers.encoderCell, buffers.cell),
    ] where last.count > 0 {
      for i in 0..<n {
        for direction in 0..<2 {
          copy(
            first.pointer + i * h + direction * half, last.pointer + (direction * n + i) * half,
            half)
        }
      }
    }
    return (lengths, longest)
  }

  /// Logits of the next symbol of each active sequence.
  private func step(_ active: [Int], last: [UInt8], lengths: [Int], longest: Int) {
    let (e, h, n) = (sizes.embedded, sizes.units, active.count)
    for row in 0..<n {
      targets.withUnsafeBufferPointer {
        copy(
          buffers.embedded.pointer + row * e, $0.baseAddress! + Int(last[row]) * e, e)
      }
    }
    let (hidden, joint) = (buffers.hidden.pointer, buffers.joint.pointer)
    var call = RecurrentCall(x: buffers.embedded.pointer, y: nil, steps: 1, batch: n)
    (call.firstHidden, call.lastHidden) = (UnsafePointer(hidden), hidden)
    if sizes.unit == .lstm {
      let cell = buffers.cell.pointer
      (call.firstCell, call.lastCell) = (UnsafePointer(cell), cell)
    }
    decoder.run(call)
    run(query, hidden, h, into: buffers.queries.pointer, h, n)
    for (row, i) in active.enumerated() {
      let (m, length) = (buffers.memory.pointer + i * longest * h, lengths[i])
      let weights = buffers.weights.pointer
      BLAS.gemv(
        m: length, n: h, a: m, lda: h, x: buffers.queries.pointer + row * h, y: weights)
      softmax(weights, length)
      BLAS.gemv(
        m: length, n: h, a: m, lda: h, transposeA: true, x: weights, y: joint + row * 2 * h)
      copy(joint + row * 2 * h + h, hidden + row * h, h)
    }
    let attended = buffers.queries.pointer
    run(attention, joint, 2 * h, into: attended, h, n)
    PointwiseFunction.tanh.apply(attended, into: attended, count: n * h)
    run(out, attended, h, into: buffers.logits.pointer, sizes.targetSymbols, n)
  }

  private func run(
    _ product: PlanCore, _ x: UnsafePointer<Float>, _ inputs: Int,
    into y: UnsafeMutablePointer<Float>, _ outputs: Int, _ width: Int
  ) {
    product.run(ProductCall(x: x, xStride: inputs, y: y, yStride: outputs, width: width))
  }

  /// The likeliest symbol. Padding is none.
  private func bestSymbol(_ logits: UnsafePointer<Float>) -> UInt8 {
    var best = 1
    for j in 2..<sizes.targetSymbols where logits[j] > logits[best] { best = j }
    return UInt8(best)
  }
}
