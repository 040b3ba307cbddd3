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
    for first in stride(from: 0, to: samples.count, by: Self.batch) {
      let count = min(Self.batch, samples.count - first)
      let input = model.input(batch: count)
      model.workers.split(count, parts: 8) { range in
        for i in range { samples.write(first + i, to: input + i * samples.valuesPerSample) }
      }
      model.forward(batch: count, training: false, random: RandomStream(seed: 0))
      let x = model.activation(before: index)
      if let convolution = model.layers[index] as? Convolution {
        try withPatches(of: convolution, x, first: first, count: count, body)
      } else {
        try body(
          CalibrationBatch(
            UnsafeBufferPointer(start: x, count: count * inputs), samples: count, inputs: inputs))
      }
    }
  }

  /// Calls `body` with some patches of each of `count` images.
  private func withPatches(
    of layer: Convolution, _ x: UnsafePointer<Float>, first: Int, count: Int,
    _ body: (CalibrationBatch) throws -> Void
  ) throws {
    let (pixels, patch) = (layer.geometry.pixels, layer.geometry.patch)
    let taken = min(patchesPerSample, pixels)
    let all = AlignedBuffer<Float>(uninitialized: pixels * patch + overrun)
    let chosen = AlignedBuffer<Float>(uninitialized: count * taken * patch)
    for i in 0..<count {
      im2col(layer.geometry, x + i * layer.inputShape.count, into: all.pointer)
      var random = RandomStream(seed: seed, UInt64(index), UInt64(first + i))
      for n in 0..<taken {
        // One place of each of `taken` equal stretches.
        let (start, end) = (n * pixels / taken, (n + 1) * pixels / taken)
        let place = Int.random(in: start..<end, using: &random)
        (chosen.pointer + (i * taken + n) * patch).update(
          from: all.pointer + place * patch, count: patch)
      }
    }
    try body(
      CalibrationBatch(
        UnsafeBufferPointer(chosen.elements), samples: count * taken, inputs: patch))
  }
}

extension Layer {
  /// The weights that one-shot pruning may take: of convolutions and dense layers.
  var kernel: Parameter? { parameters.first { $0.role == .kernel } }
}
