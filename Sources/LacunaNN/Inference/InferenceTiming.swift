// Median time of each layer and of the whole network, sparse and dense taking turns.

/// How long one layer takes for a mini-batch, sparse and dense.
public struct LayerTiming: Sendable, Codable, Equatable {
  /// The layer's name.
  public let name: String
  /// The kernel of the sparse network's plan, empty for a layer without weights.
  public let kernel: String
  /// Median seconds per mini-batch.
  public let sparseSeconds: Double
  /// Median seconds per mini-batch with every weight dense.
  public let denseSeconds: Double
  /// Dense seconds over sparse seconds.
  public var speedup: Double { denseSeconds / sparseSeconds }
}

/// How long a network takes for a mini-batch, sparse and dense.
public struct InferenceTiming: Sendable, Codable, Equatable {
  /// Samples per mini-batch.
  public let batch: Int
  /// Threads of both networks.
  public let threads: Int
  /// Layers with weights, and what else takes time, in order. Empty with more than one thread, and for
  /// networks with branches or recurrence.
  public let layers: [LayerTiming]
  /// Median seconds per mini-batch of the whole network, measured without the layers' clocks.
  public let sparseSeconds: Double
  /// Median seconds per mini-batch with every weight dense.
  public let denseSeconds: Double
  /// Dense seconds over sparse seconds.
  public var speedup: Double { denseSeconds / sparseSeconds }

  /// Measures `model` at mini-batches of `batch` samples for about `seconds`.
  ///
  /// Sparse and dense runs take turns, so that both see the same machine; medians are taken over the
  /// runs. Dense is in single precision whatever `arithmetic` the sparse network computes in.
  ///
  /// - Throws: ``ModelError`` when a network cannot be made, or `seconds` is not in `0...3600`.
  public static func measure(
    _ model: CompressedModel, batch: Int, threads: Int = 1, seconds: Double = 2,
    arithmetic: NetworkArithmetic = .f32
  ) throws(ModelError) -> InferenceTiming {
    if !(seconds >= 0 && seconds <= 3600) {
      throw .invalidSetting(name: "seconds", reason: "is \(seconds), must be in 0...3600")
    }
    let networks: [InferenceNetwork] = [
      try SparseNetwork(model, batch: batch, threads: threads, arithmetic: arithmetic),
      try DenseNetwork(model, batch: batch, threads: threads),
    ]
    var totals: [[Double]] = [[], []]
    var steps: [[[Double]]] = networks.map { Array(repeating: [], count: $0.steps.count) }
    let hasSteps = threads == 1 && networks.allSatisfy(\.isWatched)
    let clock = ContinuousClock()
    let start = clock.now
    var round = 0
    // The first rounds warm caches up and are not counted.
    while round < 5 || start.duration(to: clock.now).seconds < seconds {
      for (i, network) in networks.enumerated() {
        let total = clock.measure { network.runOnce() }.seconds
        if round >= 2 { totals[i].append(total) }
        if hasSteps {
          let stepClock = StepClock(steps: network.steps.count)
          network.runOnce(watch: stepClock)
          if round >= 2 {
            for (j, time) in stepClock.seconds.enumerated() { steps[i][j].append(time) }
          }
        }
      }
      round += 1
    }
    var layers: [LayerTiming] = []
    if hasSteps {
      let dense = Dictionary(
        uniqueKeysWithValues: zip(networks[1].steps, steps[1]).map { ($0.name, median($1)) })
      for (step, times) in zip(networks[0].steps, steps[0]) {
        layers.append(
          LayerTiming(
            name: step.name, kernel: step.kernel, sparseSeconds: median(times),
            denseSeconds: dense[step.name] ?? 0))
      }
    }
    return InferenceTiming(
      batch: batch, threads: threads, layers: layers, sparseSeconds: median(totals[0]),
      denseSeconds: median(totals[1]))
  }
}

func median(_ values: [Double]) -> Double {
  values.isEmpty ? 0 : values.sorted()[values.count / 2]
}
