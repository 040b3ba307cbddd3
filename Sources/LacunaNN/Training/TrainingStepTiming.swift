// Seconds per training step, beside the seconds that the step's dense products alone take.

import LacunaFormats
import LacunaOperations

/// What a training step costs over the matrix products in it.
public struct TrainingStepTiming: Sendable, Codable, Equatable {
  /// Samples per mini-batch.
  public let batch: Int
  /// Threads of the network.
  public let threads: Int
  /// Median seconds of a whole step: batch, forward, loss, backward, optimiser.
  public let stepSeconds: Double
  /// Median seconds of the same calls of OpenBLAS alone, on the same threads.
  public let productSeconds: Double
  /// Floating point operations of the products of one step.
  public let flops: Double
  /// What a step costs over its products.
  public var ratio: Double { stepSeconds / productSeconds }

  /// Trains `network` on `data` for `steps` steps, taking turns with the products alone.
  ///
  /// - Throws: ``ModelError`` when data and network disagree, or `steps` is not in `1...10_000`.
  public static func measure(
    _ network: SequentialModel, data: ImageDataset, batch: Int = 128, steps: Int = 20
  ) throws -> TrainingStepTiming {
    try measure([network], data: data, batch: batch, steps: steps)[0]
  }

  /// Trains each of `models` for `steps` steps, a step of each in turn, and behind it the dense products of its network
  /// alone, zeros and all. A ``PrunedModel`` whose schedule ends at step 1 takes steps of fine-tuning.
  ///
  /// - Throws: ``ModelError`` when data and a network disagree, or `steps` is not in `1...10_000`; what a pruner throws.
  public static func measure(
    _ models: [any Trainable], data: ImageDataset, batch: Int = 128, steps: Int = 20
  ) throws -> [TrainingStepTiming] {
    try TrainingSettings.check(steps, "steps", in: 1...10_000)
    let trainers = try models.map {
      try Trainer($0, data: data, settings: TrainingSettings(epochs: 1 << 10, batchSize: batch))
    }
    let products = models.map { StepProducts($0.network, batch: batch) }
    let clock = ContinuousClock()
    var (whole, alone) = (
      [[Double]](repeating: [], count: models.count), [[Double]](repeating: [], count: models.count)
    )
    // The first steps allocate, fix masks, and are not counted.
    for step in 0..<steps + 3 {
      for (i, trainer) in trainers.enumerated() {
        let wholeTime = try clock.measure { _ = try trainer.run(until: trainer.step + 1) }
        let productTime = clock.measure { products[i].run(models[i].network.workers) }
        if step >= 3 {
          whole[i].append(wholeTime.seconds)
          alone[i].append(productTime.seconds)
        }
      }
    }
    return models.indices.map { i in
      TrainingStepTiming(
        batch: batch, threads: models[i].network.workers.count,
        stepSeconds: whole[i].sorted()[steps / 2], productSeconds: alone[i].sorted()[steps / 2],
        flops: products[i].flops)
    }
  }
}

/// The products of one training step, cut into the same calls, on memory of the same sizes: operands that
/// are new in each call of a step (activations, gradients, tiles of weights) are new here, patches are not.
private struct StepProducts {
  /// One call for each of `count` tasks: C[m, n] = A[m, k] · B[k, n].
  struct Product {
    let m: Int, n: Int, k: Int
    var transposeA = false, transposeB = false
    let count: Int
    /// Whether A, B, C are other memory in each task.
    let moves: (a: Bool, b: Bool, c: Bool)
  }

  /// Products that follow each other in a task.
  private var groups: [[Product]] = []
  private let memory: [[AlignedBuffer<Float>]]
  private(set) var flops = 0.0

  init(_ network: SequentialModel, batch: Int) {
    for (i, layer) in network.layers.enumerated() {
      if let layer = layer as? Convolution { groups += layer.products(batch, isFirst: i == 0) }
      if let layer = layer as? DenseLayer { groups += layer.products(batch, isFirst: i == 0) }
    }
    let all = groups.flatMap { $0 }
    for p in all { flops += 2 * Double(p.m * p.n) * Double(p.k * p.count) }
    var sizes = [0, 0, 0]
    for p in all {
      sizes[0] = max(sizes[0], p.m * p.k * (p.moves.a ? p.count : 1))
      sizes[1] = max(sizes[1], p.k * p.n * (p.moves.b ? p.count : 1))
      sizes[2] = max(sizes[2], p.m * p.n * (p.moves.c ? p.count : 1))
    }
    memory = (0..<network.workers.count).map { _ in
      sizes.map { size in
        let buffer = AlignedBuffer<Float>(count: size)
        buffer.elements.update(repeating: 0.01)
        return buffer
      }
    }
  }

  func run(_ workers: Workers) {
    for group in groups {
      workers.run(tasks: group[0].count) { task, worker in
        let own = memory[worker]
        for p in group {
          BLAS.gemm(
            m: p.m, n: p.n, k: p.k, a: own[0].pointer + (p.moves.a ? task * p.m * p.k : 0),
            lda: p.transposeA ? p.m : p.k, transposeA: p.transposeA,
            b: own[1].pointer + (p.moves.b ? task * p.k * p.n : 0),
            ldb: p.transposeB ? p.k : p.n, transposeB: p.transposeB,
            c: own[2].pointer + (p.moves.c ? task * p.m * p.n : 0), ldc: p.n)
        }
      }
    }
  }
}

extension Convolution {
  fileprivate func products(_ batch: Int, isFirst: Bool) -> [[StepProducts.Product]] {
    let group = min(samplesPerProduct, batch)
    let (rows, patch, filters) = (group * geometry.pixels, geometry.patch, outputShape.channels)
    let count = (batch + group - 1) / group
    let forward = StepProducts.Product(
      m: rows, n: filters, k: patch, transposeB: true, count: count, moves: (false, false, true))
    let weights = StepProducts.Product(
      m: filters, n: patch, k: rows, transposeA: true, count: count, moves: (true, false, false))
    let patches = StepProducts.Product(
      m: rows, n: patch, k: filters, count: count, moves: (true, false, false))
    return [[forward], isFirst ? [weights] : [weights, patches]]
  }
}

extension DenseLayer {
  fileprivate func products(_ batch: Int, isFirst: Bool) -> [[StepProducts.Product]] {
    let (inputs, outputs) = (inputShape.count, outputShape.count)
    let (outTiles, inTiles) = (tiles(outputs), tiles(inputs))
    let forward = StepProducts.Product(
      m: batch, n: outputs / outTiles, k: inputs, transposeB: true, count: outTiles,
      moves: (false, true, true))
    let weights = StepProducts.Product(
      m: outputs / outTiles, n: inputs, k: batch, transposeA: true, count: outTiles,
      moves: (true, false, true))
    let gradient = StepProducts.Product(
      m: batch, n: inputs / inTiles, k: outputs, count: inTiles, moves: (false, true, true))
    return isFirst ? [[forward], [weights]] : [[forward], [weights], [gradient]]
  }
}
