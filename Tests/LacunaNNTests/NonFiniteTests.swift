// NaN that enters a network comes out of it: no ReLU and no pooling takes it for a number.

import LacunaFormats
import LacunaNN
import TestSupport
import Testing

@Suite struct NonFiniteTests {
  /// An embedding takes NaN for its first symbol: what it reads are no numbers.
  static let beyondChains = GradientTests.beyondChains.filter { $0.name != "embedding" }
  static let networks = InferenceTests.networks + beyondChains

  /// Images of which sample `bad` is all NaN.
  static func images(_ count: Int, _ shape: Shape, bad: Int) -> [Float] {
    var images = InferenceTests.images(count, shape, seed: 3)
    for i in 0..<shape.count { images[bad * shape.count + i] = .nan }
    return images
  }

  @Test(
    "A sample of NaN has logits of NaN, and its neighbours keep theirs: the training network",
    arguments: networks)
  func training(architecture: Architecture) throws {
    let (count, bad) = (5, 2)
    let model = try SequentialModel(architecture, seed: 4, threads: 1)
    let classes = model.outputShape.count
    func logits(_ images: [Float]) -> [Float] {
      model.input(batch: count).update(from: images, count: images.count)
      model.forward(batch: count, training: false, random: RandomStream(seed: 1, 9))
      return Array(UnsafeBufferPointer(start: model.output, count: count * classes))
    }
    let clean = logits(InferenceTests.images(count, architecture.input, seed: 3))
    let found = logits(Self.images(count, architecture.input, bad: bad))
    Self.compare(found, clean, classes, bad: bad, architecture.name)
  }

  @Test(
    "A sample of NaN has logits of NaN, and its neighbours keep theirs: inference",
    arguments: networks, [1, 19])
  func inference(architecture: Architecture, batch: Int) throws {
    let (count, bad) = (23, 20)
    let model = try InferenceTests.pruned(architecture, sparsity: 0.5, seed: 7)
    let compressed = try CompressedModel(model, form: .sparse)
    var networks: [InferenceNetwork] = [
      try SparseNetwork(compressed, batch: batch),
      try SparseNetwork(compressed, batch: batch, excludesDense: true),
      try DenseNetwork(compressed, batch: batch),
    ]
    // Products of bytes are for chains.
    if !Self.beyondChains.contains(architecture) {
      networks.append(
        try SparseNetwork(
          CompressedModel(model, form: .quantized), batch: batch, arithmetic: .i8))
    }
    for network in networks {
      let clean = try network.logits(InferenceTests.images(count, architecture.input, seed: 3))
      let found = try network.logits(Self.images(count, architecture.input, bad: bad))
      Self.compare(
        found, clean, clean.count / count, bad: bad, "\(architecture.name) \(type(of: network))")
    }
  }

  private static func compare(
    _ found: [Float], _ clean: [Float], _ classes: Int, bad: Int, _ what: String
  ) {
    for sample in 0..<found.count / classes {
      let range = sample * classes..<(sample + 1) * classes
      if sample == bad {
        #expect(found[range].allSatisfy { $0.isNaN }, "\(what): \(found[range])")
      } else {
        #expect(found[range] == clean[range] && found[range].allSatisfy { $0.isFinite }, "\(what)")
      }
    }
  }

  @Test(
    "Wherever in a window it is, NaN is the maximum",
    arguments: [2, 3], [Padding.same, .valid])
  func maximum(size: Int, padding: Padding) throws {
    // Every pixel lies in a window: 8 is a multiple of 2, and (8 − 3) of the stride 1.
    let window = Window2D(
      height: size, width: size, strideY: size == 2 ? 2 : 1, strideX: size == 2 ? 2 : 1,
      padding: padding)
    let architecture = Architecture(
      name: "pool", input: Shape(height: 8, width: 8, channels: 1),
      layers: [
        .maxPooling(name: "p", window: window), .flatten(name: "f"),
        .dense(name: "out", units: 2, relu: false),
      ])
    let model = try SequentialModel(architecture, seed: 4, threads: 1)
    let compressed = try CompressedModel(model, form: .dense)
    let images = InferenceTests.images(1, architecture.input, seed: 3)
    for batch in [1, 3] {
      let network = try SparseNetwork(compressed, batch: batch)
      for pixel in images.indices {
        var image = images
        image[pixel] = .nan
        let logits = try network.logits(image)
        #expect(logits.allSatisfy { $0.isNaN }, "inference, pixel \(pixel)")
        model.input(batch: 1).update(from: image, count: image.count)
        model.forward(batch: 1, training: false, random: RandomStream(seed: 1, 9))
        #expect(model.output[0].isNaN && model.output[1].isNaN, "training, pixel \(pixel)")
      }
    }
  }

  /// A first layer whose bias is NaN, and what its gradient passes through on the way back.
  static let backward: [Architecture] = [
    GradientTests.network(
      "a convolution's ReLU",
      [.convolution(name: "first", filters: 3, window: GradientTests.same(3), relu: true)]),
    GradientTests.network(
      "a layer's ReLU",
      [
        .convolution(name: "first", filters: 3, window: GradientTests.same(3), relu: false),
        .relu(name: "r"),
      ]),
    GradientTests.network(
      "a dense layer's ReLU", [.flatten(name: "f0"), .dense(name: "first", units: 12, relu: true)]),
    GradientTests.network(
      "pooling behind a ReLU",
      [
        .convolution(name: "first", filters: 3, window: GradientTests.same(3), relu: true),
        .maxPooling(
          name: "p", window: Window2D(height: 2, width: 2, strideY: 2, strideX: 2, padding: .same)),
      ]),
    GradientTests.network(
      "overlapping pooling",
      [
        .convolution(name: "first", filters: 3, window: GradientTests.same(3), relu: false),
        .maxPooling(
          name: "p", window: Window2D(height: 3, width: 3, strideY: 2, strideX: 2, padding: .same)),
      ]),
  ]

  @Test("The gradient of what is NaN is NaN, not zero", arguments: backward, [false, true])
  func gradient(architecture: Architecture, fixesMasks: Bool) throws {
    let model = try SequentialModel(architecture, seed: 4, threads: 2)
    if fixesMasks {
      // Dense layers of which few weights are kept multiply sparse from now on.
      var masks: [String: BitMask] = [:]
      for p in model.parameters where p.role == .kernel && p.name != "out/kernel" {
        var mask = try BitMask(rows: p.rows, columns: p.columns)
        for i in 0..<p.count { mask[i / p.columns, i % p.columns] = i % 8 == 0 }
        masks[p.name] = mask
      }
      model.fixMasks(masks)
    }
    let images = InferenceTests.images(5, architecture.input, seed: 3)
    model.input(batch: 5).update(from: images, count: images.count)
    let bias = model.parameter(named: "first/bias")!
    bias.values.pointer[0] = .nan
    let loss = GradientTests.loss(model, batch: 5, seed: 2, backward: true)
    #expect(loss.isNaN)
    #expect(bias.gradient.pointer[0].isNaN)
  }

  @Test("A network that excludes dense keeps NaN away from zeros that are not stored")
  func excludesDense() throws {
    let architecture = Architecture(
      name: "one layer", input: Shape(features: 64),
      layers: [.dense(name: "out", units: 32, relu: false)])
    let model = try SequentialModel(architecture, seed: 4, threads: 1)
    let kernel = model.parameter(named: "out/kernel")!
    // Nearly dense: only column 7 is gone.
    for i in 0..<32 { kernel.values.pointer[i * 64 + 7] = 0 }
    let compressed = try CompressedModel(model, form: .sparse)
    var image = InferenceTests.images(1, architecture.input, seed: 3)
    image[7] = .nan
    for batch in [1, 4, 64] {
      let network = try SparseNetwork(compressed, batch: batch, excludesDense: true)
      #expect(network.steps.allSatisfy { $0.kernel != "dense" })
      let logits = try network.logits(image)
      #expect(logits.allSatisfy { $0.isFinite })
    }
    let dense = try DenseNetwork(compressed).logits(image)
    #expect(dense.allSatisfy { $0.isNaN })
  }
}
