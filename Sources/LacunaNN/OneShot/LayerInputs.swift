// X of one layer of a running network: its activations, or the patches of its images

import LacunaFormats
import LacunaOperations
import LacunaPruning

/// The inputs of one convolution or dense layer, computed by running the network as it is now.
struct LayerInputs: CalibrationSource {
  let model: SequentialModel
  /// The layer's place.
  let index: Int
  let samples: NetworkSamples
  /// Patches taken of each image of a convolution, spread over it.
  let patchesPerSample: Int
  let seed: UInt64

  /// Samples that go through the network at a time.
  private static let batch = 64

  var inputs: Int { model.layers[index].kernel!.columns }

  func forEachBatch(_ body: (CalibrationBatch) throws -> Void) throws {
    for range in Self.batches(of: samples.count) { try withBatch(range, body) }
  }

  static func batches(of count: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: batch).map { $0..<min($0 + batch, count) }
  }

  /// Calls `body` with what the layer sees of some samples.
  func withBatch(_ range: Range<Int>, _ body: (CalibrationBatch) throws -> Void) throws {
    let count = range.count
    let input = model.input(batch: count)
    model.workers.split(count, parts: 8) { part in
      for i in part {
        samples.write(range.lowerBound + i, to: input + i * samples.valuesPerSample)
      }
    }
    model.forward(batch: count, training: false, random: RandomStream(seed: 0))
    let x = model.activation(before: index)
    if let convolution = model.layers[index] as? Convolution {
      return try withPatches(of: convolution, x, range, body)
    }
    try body(
      CalibrationBatch(
        UnsafeBufferPointer(start: x, count: count * inputs), samples: count, inputs: inputs))
  }

  /// Calls `body` with some patches of each image.
  private func withPatches(
    of layer: Convolution, _ x: UnsafePointer<Float>, _ range: Range<Int>,
    _ body: (CalibrationBatch) throws -> Void
  ) throws {
    let (pixels, patch) = (layer.geometry.pixels, layer.geometry.patch)
    let taken = min(patchesPerSample, pixels)
    let all = AlignedBuffer<Float>(uninitialized: pixels * patch + overrun)
    let chosen = AlignedBuffer<Float>(uninitialized: range.count * taken * patch)
    for i in 0..<range.count {
      im2col(layer.geometry, x + i * layer.inputShape.count, into: all.pointer)
      var random = RandomStream(seed: seed, UInt64(index), UInt64(range.lowerBound + i))
      for n in 0..<taken {
        // One place of each of `taken` equal stretches.
        let (start, end) = (n * pixels / taken, (n + 1) * pixels / taken)
        let place = Int.random(in: start..<end, using: &random)
        (chosen.pointer + (i * taken + n) * patch).update(
          from: all.pointer + place * patch, count: patch)
      }
    }
    // Their memory would go with the last use of the buffer, not of its pointer.
    try withExtendedLifetime(chosen) {
      try body(
        CalibrationBatch(
          UnsafeBufferPointer(chosen.elements), samples: range.count * taken, inputs: patch))
    }
  }
}

extension AimedCalibration {
  /// A layer's inputs in a pruned network, and the outputs that it has in the dense one, before its
  /// activation, for the same samples and patches.
  convenience init(of pruned: LayerInputs, aimingAt dense: LayerInputs) throws {
    let layer = dense.model.layers[dense.index]
    let (kernel, bias) = (layer.kernel!, layer.bias)
    try self.init(
      name: kernel.name, inputs: kernel.columns, outputs: kernel.rows, adaptsBias: bias != nil)
    for range in LayerInputs.batches(of: dense.samples.count) {
      try dense.withBatch(range) { x in
        let (count, rows) = (x.samples, kernel.rows)
        let t = AlignedBuffer<Float>(uninitialized: count * rows)
        for i in 0..<count {
          for j in 0..<rows { t.pointer[i * rows + j] = bias?.values.pointer[j] ?? 0 }
        }
        TiledAlgebra.product(
          m: count, n: rows, k: kernel.columns, a: x.elements.baseAddress!, lda: x.stride,
          b: kernel.values.pointer, ldb: kernel.columns, transposeB: true, beta: 1,
          c: t.pointer, ldc: rows)
        try withExtendedLifetime(t) {
          try pruned.withBatch(range) {
            try add(
              $0,
              targets: CalibrationBatch(
                UnsafeBufferPointer(t.elements), samples: count, inputs: rows))
          }
        }
      }
    }
  }
}

extension Layer {
  /// The weights that one-shot pruning may take: of convolutions and dense layers.
  var kernel: Parameter? { parameters.first { $0.role == .kernel } }

  /// The bias of the same outputs, where there is one.
  var bias: Parameter? { parameters.first { $0.role == .bias } }
}
