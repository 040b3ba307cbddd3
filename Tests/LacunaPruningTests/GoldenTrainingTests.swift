// Whole training runs against the reference toolkit: masks, thresholds and weights after every step.

import LacunaFormats
import LacunaPruning
import Testing

/// Dense(10) → ReLU → Dense(4), mean squared error, in TensorFlow's layout and float32.
private final class TwoLayerNetwork {
  let k1: Weights, k2: Weights
  var b1: [Float], b2: [Float]
  private let x: [Float], y: [Float]
  private let rows = 32
  /// Adam's moments for k1, b1, k2, b2.
  private var moments: [[(m: Float, v: Float)]]
  private var adamSteps = 0

  init(_ data: JSON) {
    k1 = Weights("k1", shape: [12, 10], values: data["W1"].floats)
    k2 = Weights("k2", shape: [10, 4], values: data["W2"].floats)
    (b1, b2, x, y) = (data["b1"].floats, data["b2"].floats, data["X"].floats, data["Y"].floats)
    moments = [120, 10, 40, 4].map { Array(repeating: (0, 0), count: $0) }
  }

  func tensors() throws -> [PrunableTensor] {
    try [k1, k2].map {
      try PrunableTensor(
        name: $0.name, weights: $0.buffer, shape: $0.shape, layout: .tensorFlow)
    }
  }

  /// One step on the whole batch.
  func train(adam: Bool) {
    let (w1, w2) = (k1.values, k2.values)
    var gradients = [120, 10, 40, 4].map { [Float](repeating: 0, count: $0) }
    for r in 0..<rows {
      var hidden = b1
      for i in 0..<12 { for j in 0..<10 { hidden[j] += x[r * 12 + i] * w1[i * 10 + j] } }
      let active = hidden.map { max($0, 0) }
      var out = b2
      for j in 0..<10 { for o in 0..<4 { out[o] += active[j] * w2[j * 4 + o] } }
      let error = (0..<4).map { 2 * (out[$0] - y[r * 4 + $0]) / Float(rows * 4) }
      for o in 0..<4 {
        gradients[3][o] += error[o]
        for j in 0..<10 { gradients[2][j * 4 + o] += active[j] * error[o] }
      }
      for j in 0..<10 where hidden[j] > 0 {
        let back = (0..<4).reduce(Float(0)) { $0 + w2[j * 4 + $1] * error[$1] }
        gradients[1][j] += back
        for i in 0..<12 { gradients[0][i * 10 + j] += x[r * 12 + i] * back }
      }
    }
    adamSteps += 1
    for n in 0..<4 {
      for i in gradients[n].indices {
        let delta = adam ? adamStep(n, i, gradients[n][i]) : 0.05 * gradients[n][i]
        switch n {
        case 0: k1.buffer[i] -= delta
        case 1: b1[i] -= delta
        case 2: k2.buffer[i] -= delta
        default: b2[i] -= delta
        }
      }
    }
  }

  private func adamStep(_ n: Int, _ i: Int, _ gradient: Float) -> Float {
    var (m, v) = moments[n][i]
    m = 0.9 * m + 0.1 * gradient
    v = 0.999 * v + 0.001 * gradient * gradient
    moments[n][i] = (m, v)
    var (beta1, beta2): (Float, Float) = (1, 1)
    for _ in 0..<adamSteps { (beta1, beta2) = (beta1 * 0.9, beta2 * 0.999) }
    return 0.01 * (1 - beta2).squareRoot() / (1 - beta1) * m / (v.squareRoot() + 1e-7)
  }
}

@Suite struct GoldenTrainingTests {
  @Test(arguments: ["sgd", "adam", "sgd_block22"])
  func aTrainingRunFollowsTheReference(_ name: String) throws {
    let golden = try Golden.load("trajectories.json")
    let run = try #require(golden["runs"].array.first { $0["name"].string == name })
    let schedule = try referenceSchedule(
      run["schedule"]["class_name"].string!, run["schedule"]["config"])
    let block = run["wrap"]["block_size"].ints
    let pruner = try Pruner(
      settings: PruningSettings(
        schedule: schedule,
        granularity: block.isEmpty
          ? .element : .block(try BlockSize(block[0], block[1]), pooling: .average),
        ties: .keepTies))
    let network = TwoLayerNetwork(golden["data"])
    let arrays = run["arrays"]
    var (thresholds, masks) = (0, 0)
    for step in 0..<run["steps"].int! {
      try pruner.step(network.tensors())
      network.train(adam: name == "adam")
      for (layer, weights) in [network.k1, network.k2].enumerated() {
        let count = weights.buffer.count
        let place = step * count..<(step + 1) * count
        let expected = arrays["k\(layer + 1)"].floats[place]
        let kept = arrays["m\(layer + 1)"].bytes[place].map { Int($0) }
        let mask = pruner.masks[weights.name]
        #expect((mask?.bits ?? Array(repeating: 1, count: count)) == kept, "step \(step + 1)")
        for (mine, theirs) in zip(weights.values, expected) {
          #expect(abs(mine - theirs) <= 2e-5 * max(1, theirs.magnitude), "step \(step + 1)")
        }
        if let threshold = pruner.report.tensors[layer].threshold {
          thresholds += 1
          let theirs = arrays["t\(layer + 1)"].floats[step]
          #expect(abs(Float(threshold) - theirs) <= 2e-5, "step \(step + 1)")
        }
      }
      pruner.enforce(try network.tensors())
      for weights in [network.k1, network.k2] {
        if let mask = pruner.masks[weights.name] {
          masks += 1
          #expect(zip(weights.values, mask.bits).allSatisfy { $1 == 1 || $0.bitPattern == 0 })
        }
      }
    }
    #expect(thresholds > 0 && masks > 0, "\(thresholds) thresholds, \(masks) masks compared")
    #expect(abs(pruner.report.sparsity - 0.8) < 0.03)
  }

  /// Schedules of the training sequences, as the collection writes them in words.
  private func schedule(_ id: String) throws -> (any PruningSchedule, Granularity) {
    switch id {
    case "const_default_99", "const_default_100":
      (try ConstantSparsity(0.5, includesEnd: false), .element)
    case "const_freq1": (try ConstantSparsity(0.5, frequency: 1), .element)
    case "begin0_end0_never":
      (try ConstantSparsity(0.5, begin: 0, end: 0, frequency: 1), .element)
    case "poly_end_not_multiple":
      (
        try PolynomialDecay(final: 0.8, begin: 0, end: 150, frequency: 100, includesEnd: false),
        .element
      )
    case "poly_upstream_restart":
      (try PolynomialDecay(initial: 0.2, final: 0.6, begin: 1, end: 4, frequency: 1), .element)
    case "poly_past_end":
      (try PolynomialDecay(initial: 0.2, final: 0.6, begin: 0, end: 2, frequency: 1), .element)
    case "mbn_24_once": (try OneShot(0.5), .pattern(keep: 2, of: 4))
    default: throw PruningError.malformedState(reason: "unknown sequence \(id)")
    }
  }

  @Test func trainingSequencesAgree() throws {
    let cases = try Golden.load("cases.json")["training_sequences"]["cases"].array
    #expect(cases.count == 8)
    for item in cases {
      let id = item["id"].string!
      let shape = item["kernel_shape"].ints
      let count = shape.reduce(1, *)
      let (schedule, granularity) = try schedule(id)
      let weights = Weights("w", shape: shape, values: randomWeights(count, seed: 11))
      let pruner = try Pruner(
        settings: PruningSettings(schedule: schedule, granularity: granularity, ties: .keepTies))
      var changes: [[Int]] = []
      for call in 1...item["train_calls"].int! {
        let tensor = try PrunableTensor(
          name: "w", weights: weights.buffer, shape: shape, layout: .tensorFlow)
        try pruner.step([tensor])
        let nnz = pruner.masks["w"]?.keptCount ?? count
        if changes.last?[1] != nnz { changes.append([call, nnz]) }
        // Every weight moves a little, and differently.
        for i in weights.buffer.indices { weights.buffer[i] += 1e-4 * Float(i + 1) }
        pruner.enforce([tensor])
      }
      #expect(changes == item["mask_nnz_changes_[call,nnz]"].array.map(\.ints), "\(id)")
      #expect(
        weights.values.count { $0 != 0 } == item["final_weights_nnz_after_on_epoch_end"].int!,
        "\(id)")
      #expect(pruner.currentStep == item["pruning_step_after"].int!, "\(id)")
    }
    // The upstream test of masks that follow a list of sparsities.
    let sequence = try Golden.load("cases.json")["mask_update_sequence"]["cases"][0]
    let wanted = sequence["sparsity_per_step"].array.map { $0.double! }
    let table = try PiecewiseSparsity(
      wanted.enumerated().map { .init(step: $0 + 1, sparsity: $1) }, interpolation: .hold)
    let weights = Weights("w", shape: [10, 10], values: (1...100).map { Float($0) })
    let pruner = try Pruner(settings: PruningSettings(schedule: table, ties: .keepTies))
    for nnz in sequence["expect_nnz"].ints {
      try pruner.step([weights.tensor()])
      #expect(weights.values.count { $0 != 0 } == nnz)
    }
  }
}
