// Networks whose activations stay bytes: the integers of a plain computation, whatever the batch and the threads are.

import Foundation
import LacunaFormats
import LacunaIO
import LacunaNN
import LacunaOperations
import TestSupport
import Testing

@Suite struct ByteNetworkTests {
  private static let size = 8

  /// Two convolutions with a maximum between them, a ReLU of its own, a mean, two dense layers.
  private static let architecture = Architecture(
    name: "bytes", input: Shape(height: size, width: size, channels: 2),
    layers: [
      .convolution(
        name: "one", filters: 5, window: Window2D(height: 3, width: 3, padding: .same), relu: true),
      .maxPooling(
        name: "pool", window: Window2D(height: 2, width: 2, strideY: 2, strideX: 2, padding: .valid)
      ),
      .convolution(
        name: "two", filters: 4, window: Window2D(height: 3, width: 3, padding: .same), relu: false),
      .relu(name: "rectified"),
      .averagePooling(
        name: "mean", window: Window2D(height: 2, width: 2, strideY: 2, strideX: 2, padding: .valid)
      ),
      .flatten(name: "flat"),
      .dense(name: "wide", units: 12, relu: true),
      .dense(name: "logits", units: 3, relu: false),
    ])

  private func model(seed: UInt64, _ architecture: Architecture = architecture) throws
    -> CompressedModel
  {
    let network = try SequentialModel(architecture, seed: seed, threads: 1)
    return try CompressedModel(network, form: .quantized)
  }

  private func images(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count * 2 * Self.size * Self.size).map { _ in
      Float.random(in: -0.3...1, using: &generator)
    }
  }

  @Test func logitsDependOnNothingButTheSample() throws {
    let images = images(37, seed: 1)
    let model = try model(seed: 1).calibrated(on: images)
    let first = try SparseNetwork(model, batch: 1, arithmetic: .i8).logits(images)
    for (batch, threads) in [(3, 1), (16, 3), (20, 2), (37, 1)] {
      let network = try SparseNetwork(model, batch: batch, threads: threads, arithmetic: .i8)
      #expect(try network.logits(images) == first, "batch \(batch), \(threads) threads")
    }
  }

  @Test(arguments: [RangeMethod.minMax, .percentile(0.9999), .entropy])
  func logitsAreNearThoseOfFloats(method: RangeMethod) throws {
    let images = images(64, seed: 2)
    let model = try model(seed: 2)
    let floats = try SparseNetwork(model, batch: 16).logits(images)
    let bytes = try SparseNetwork(
      model.calibrated(on: images, by: method), batch: 16, arithmetic: .i8
    ).logits(images)
    let measured = try SparseNetwork(model, batch: 16, arithmetic: .i8).logits(images)
    let reach = floats.map(abs).max()!
    let worst = zip(floats, bytes).map { abs($0 - $1) }.max()!
    #expect(worst <= 0.08 * reach, "\(worst) of \(reach)")
    // Other roundings than those of products that measure their own ranges.
    #expect(bytes != measured && bytes != floats)
  }

  /// A dense network by hand: bytes in, bytes between, floats out.
  @Test func twoDenseLayersAreTheIntegersOfAPlainComputation() throws {
    let architecture = Architecture(
      name: "dense", input: Shape(features: 30),
      layers: [
        .dense(name: "a", units: 17, relu: true), .dense(name: "b", units: 4, relu: false),
      ])
    let model = try model(seed: 3, architecture)
    var generator = SeededGenerator(seed: 3)
    let x = (0..<5 * 30).map { _ in Float.random(in: -1...2, using: &generator) }
    let calibrated = try model.calibrated(on: x)
    let ranges = try calibrated.activationRanges()
    #expect(Set(ranges.keys) == ["a", "b"])
    #expect(ranges["a"]!.low == x.min() && ranges["a"]!.high == x.max())
    #expect(ranges["b"]!.low == 0)
    let scales = ["a", "b"].map { OutputScale(covering: ranges[$0]!.low...ranges[$0]!.high) }
    func bytes(_ values: [Float], _ scale: OutputScale) -> [Int] {
      values.map {
        let place = ($0 * (1 / scale.scale)).rounded(.toNearestOrEven) + Float(scale.zeroPoint)
        return Int(min(max(place, 0), 255))
      }
    }
    func layer(_ name: String, _ input: [Int], _ scale: OutputScale, relu: Bool) throws -> [Float] {
      guard case .i8(.csr(let w))? = model["\(name)/kernel"]?.weights?.storage,
        let bias = model["\(name)/bias"]?.denseValues
      else {
        Issue.record("\(name) is stored otherwise")
        return []
      }
      return (0..<w.rows).map { row in
        var sum = 0
        for p in w.pattern.rowOffsets[row]..<w.pattern.rowOffsets[row + 1] {
          sum += Int(w.values[p]) * (input[w.pattern.columnIndices[p]] - scale.zeroPoint)
        }
        let y = Float(sum) * (w.scales[row] * scale.scale) + bias[row]
        return relu ? max(y, 0) : y
      }
    }
    var expected: [Float] = []
    for sample in 0..<5 {
      let first = bytes(Array(x[sample * 30..<(sample + 1) * 30]), scales[0])
      let hidden = bytes(try layer("a", first, scales[0], relu: true), scales[1])
      expected += try layer("b", hidden, scales[1], relu: false)
    }
    let network = try SparseNetwork(calibrated, batch: 5, arithmetic: .i8)
    #expect(try network.logits(x) == expected)
  }

  /// A kernel that is stored as floats reads and writes floats, and its neighbours bytes.
  @Test func layersOfBothKindsMix() throws {
    let images = images(16, seed: 4)
    let network = try SequentialModel(Self.architecture, seed: 4, threads: 1)
    let quantized = try CompressedModel(network, form: .quantized)
    let sparse = try CompressedModel(network, form: .sparse)
    for floats in [["one"], ["two"], ["wide"], ["logits"], ["one", "wide"]] {
      let tensors = quantized.tensors.map { tensor in
        floats.contains { tensor.name == "\($0)/kernel" }
          ? NamedTensor(name: tensor.name, tensor: sparse[tensor.name]!) : tensor
      }
      let mixed = try CompressedModel(
        LacunaFile(metadata: quantized.file.metadata, tensors: tensors))
      let expected = try SparseNetwork(mixed, batch: 8).logits(images)
      let found = try SparseNetwork(mixed.calibrated(on: images), batch: 8, arithmetic: .i8)
        .logits(images)
      let reach = expected.map(abs).max()!
      #expect(
        zip(expected, found).allSatisfy { abs($0 - $1) <= 0.08 * reach }, "\(floats) in floats")
    }
  }

  @Test func rangesStayWithTheFile() throws {
    let images = images(9, seed: 5)
    let model = try model(seed: 5).calibrated(on: images)
    let read = try Fixtures.withFolder { folder in
      try model.save(to: "\(folder)/m.lacuna")
      return try CompressedModel.load(from: "\(folder)/m.lacuna")
    }
    #expect(try read.activationRanges() == model.activationRanges())
    #expect(
      try SparseNetwork(read, batch: 9, arithmetic: .i8).logits(images)
        == SparseNetwork(model, batch: 9, arithmetic: .i8).logits(images))
  }

  @Test(arguments: [
    "nonsense", "{\"one\":{\"low\":1,\"high\":2}}", "{\"one\":{\"low\":0,\"high\":-1}}",
    "{\"pool\":{\"low\":0,\"high\":1}}", "{\"one\":{\"low\":0}}",
    "{\"one\":{\"low\":0,\"high\":1e39}}",
  ])
  func damagedRangesAreRefused(text: String) throws {
    var model = try model(seed: 6)
    model.notes["activations"] = text
    do {
      _ = try SparseNetwork(model, arithmetic: .i8)
      Issue.record("\(text) is accepted")
    } catch {
      guard case .metadata(key: "activations", _) = error else {
        Issue.record("\(error)")
        return
      }
    }
    // What does not read them does not mind.
    #expect(throws: Never.self) { try SparseNetwork(model) }
  }

  @Test func whatCannotBeCalibratedIsRefused() throws {
    let model = try model(seed: 7)
    #expect(throws: ModelError.self) { try model.calibrated(on: []) }
    #expect(throws: ModelError.self) { try model.calibrated(on: [1, 2, 3]) }
    let floats = try CompressedModel(
      SequentialModel(Self.architecture, seed: 7, threads: 1), form: .sparse)
    #expect(
      throws: ModelError.invalidSetting(
        name: "calibration", reason: "is for weights in 8 bits, and no kernel is stored so")
    ) { try floats.calibrated(on: self.images(2, seed: 7)) }
    var images = images(3, seed: 7)
    images[5] = .nan
    do {
      _ = try model.calibrated(on: images)
      Issue.record("NaN is accepted")
    } catch {
      guard case .calibration(layer: "one", .notFinite) = error else {
        Issue.record("\(error)")
        return
      }
    }
  }

  @Test func aNaNBecomesTheLeastByteWhereRangesAreKnown() throws {
    var images = images(2, seed: 8)
    let model = try model(seed: 8).calibrated(on: images)
    let network = try SparseNetwork(model, batch: 2, arithmetic: .i8)
    let before = try network.logits(images)
    images[4] = .nan
    let after = try network.logits(images)
    #expect(after.filter { !$0.isFinite }.isEmpty)
    #expect(Array(after[3...]) == Array(before[3...]))
  }
}
