// Every malformed input gives a typed error that carries what was wrong.

import LacunaFormats
import LacunaIO
import LacunaNN
import LacunaPruning
import Testing

@Suite struct BadInputTests {
  static func trainer() throws -> Trainer {
    try Trainer(
      try SequentialModel(Fixtures.network, threads: 1),
      data: try Fixtures.quadrants(count: 40, seed: 1), settings: TrainingSettings(epochs: 1))
  }

  @Test("A checkpoint of another architecture is refused, naming both")
  func otherArchitecture() throws {
    let checkpoint = Checkpoint(try Self.trainer())
    #expect {
      try checkpoint.check(architecture: .tutorial)
    } throws: { error in
      guard case .architectureMismatch(let expected, let found) = error as? ModelError else {
        return false
      }
      return expected.contains("28×28×1") && found.contains("8×8×1")
    }
    try checkpoint.check(architecture: Fixtures.network)
  }

  @Test("An input whose size overflows is refused", arguments: [1 << 20, 1 << 40, Int.max])
  func hugeInput(size: Int) {
    let architecture = Architecture(
      name: "huge", input: Shape(height: size, width: size, channels: size),
      layers: [.flatten(name: "flatten"), .dense(name: "logits", units: 2, relu: false)])
    #expect {
      try architecture.shapes()
    } throws: { error in
      guard case .invalidLayer("input", _)? = error as? ModelError else { return false }
      return true
    }
  }

  @Test("A checkpoint whose tensors are those of another architecture is refused")
  func swappedArchitecture() throws {
    let other = Checkpoint(
      try Trainer(
        try SequentialModel(
          .perceptron(hidden: 40, input: Shape(height: 8, width: 8, channels: 1), classes: 4),
          threads: 1), data: try Fixtures.quadrants(count: 40, seed: 1),
        settings: TrainingSettings(epochs: 1)))
    var file = Checkpoint(try Self.trainer()).file
    file.metadata["architecture"] = other.file.metadata["architecture"]
    // dense1 has 40 units in both, of another number of inputs.
    #expect(
      throws: ModelError.tensorShape(name: "dense1/kernel", expected: [40, 64], found: [1280])
    ) {
      _ = try Checkpoint(file)
    }
  }

  @Test(
    "Missing and malformed metadata are refused",
    arguments: ["kind", "architecture", "training", "progress"])
  func metadata(key: String) throws {
    var file = Checkpoint(try Self.trainer()).file
    file.metadata[key] = nil
    #expect(throws: ModelError.self) { _ = try Checkpoint(file) }
    file.metadata[key] = "{"
    #expect(throws: ModelError.self) { _ = try Checkpoint(file) }
  }

  @Test(
    "A counter that no run of these settings reaches is refused by its name",
    arguments: ["step", "samples", "optimiserStep", "epochSamples", "epochCorrect"])
  func counters(name: String) throws {
    var file = Checkpoint(try Self.trainer()).file
    let text = try #require(file.metadata["progress"])
    for value in [Int.max, -1, .min] {
      let changed = text.replacing(
        try Regex("\"\(name)\":-?[0-9]+"), with: "\"\(name)\":\(value)")
      #expect(changed != text)
      file.metadata["progress"] = changed
      let error = #expect(throws: ModelError.self) { _ = try Checkpoint(file) }
      #expect(error.map { "\($0)".contains("\(name) is \(value)") } == true, "\(changed)")
    }
  }

  @Test("A missing tensor is named")
  func missingTensor() throws {
    var file = Checkpoint(try Self.trainer()).file
    file.tensors.removeAll { $0.name == "weights/conv2/bias" }
    #expect(throws: ModelError.missingTensor("conv2/bias")) { _ = try Checkpoint(file) }
  }

  @Test("NaN weights are named, in a checkpoint, in a model, and while pruning")
  func nan() throws {
    let trainer = try Self.trainer()
    let kernel = try #require(trainer.model.network.parameter(named: "conv2/kernel"))
    kernel.values.pointer[17] = .nan
    let expected = ModelError.notFinite(tensor: "conv2/kernel", index: 17)
    #expect(throws: expected) { _ = try Checkpoint(Checkpoint(trainer).file) }
    for form in CompressedModel.Form.allCases {
      #expect(throws: expected) { _ = try CompressedModel(trainer.model.network, form: form) }
    }
    let pruned = try PrunedModel(
      trainer.model.network,
      settings: PruningSettings(schedule: try ConstantSparsity(0.5, begin: 1, frequency: 1)))
    #expect(throws: PruningError.notANumber(tensor: "conv2/kernel", index: 17)) {
      try pruned.willStep()
    }
  }

  @Test("A loss that is not finite stops training with the step")
  func diverged() throws {
    let trainer = try Self.trainer()
    let bias = try #require(trainer.model.network.parameter(named: "dense2/bias"))
    bias.values.pointer[1] = .infinity
    #expect(throws: ModelError.diverged(step: 1)) { try trainer.run() }
  }

  @Test("A label out of range is an error that carries it")
  func label() {
    #expect(throws: ModelError.labelOutOfRange(index: 1, label: 10, classes: 10)) {
      _ = try ImageDataset(
        shape: Shape(features: 1), classes: 10, images: [1, 2], labels: [9, 10])
    }
  }

  @Test("Data that do not fit the network are refused")
  func data() throws {
    let model = try SequentialModel(.perceptron(), threads: 1)
    let data = try Fixtures.quadrants(count: 4, seed: 1)
    let mismatch = ModelError.dataMismatch(what: "values per sample", expected: 784, found: 64)
    #expect(throws: mismatch) {
      _ = try Trainer(model, data: data, settings: TrainingSettings(epochs: 1))
    }
    #expect(throws: mismatch) { _ = try model.evaluate(data) }
    #expect(throws: ModelError.dataMismatch(what: "training samples", expected: 40, found: 4)) {
      _ = try Checkpoint(try Self.trainer()).resume(data: data)
    }
  }

  @Test("A missing data folder names the file and exits with 66")
  func missingFolder() {
    #expect {
      _ = try ImageDataset.load(directory: "/nowhere")
    } throws: { error in
      guard let error = error as? ModelError else { return false }
      return error.exitCode == 66 && error.description.contains("/nowhere/train-images-idx3-ubyte")
    }
  }

  @Test("Different numbers of images and labels are refused")
  func counts() throws {
    try Fixtures.withFolder { folder in
      for half in ["train", "t10k"] {
        let images = IDX(shape: [3, 2, 2], elements: Array(repeating: 1, count: 12))
        try AtomicFile.write(images.encoded(), to: "\(folder)/\(half)-images-idx3-ubyte")
        let labels = IDX(
          shape: [half == "train" ? 3 : 2], elements: half == "train" ? [0, 1, 2] : [0, 1])
        try AtomicFile.write(
          labels.encoded(gzip: true), to: "\(folder)/\(half)-labels-idx1-ubyte.gz")
      }
      #expect(
        throws: ModelError.dataMismatch(what: "labels of \(folder)/t10k", expected: 3, found: 2)
      ) {
        _ = try ImageDataset.load(directory: folder)
      }
    }
  }

  @Test(
    "Settings out of range are refused",
    arguments: [
      TrainingSettings(epochs: 0), TrainingSettings(epochs: 1, batchSize: 0),
      TrainingSettings(epochs: 1, learningRate: .constant(0)),
      TrainingSettings(epochs: 1, learningRate: .constant(.nan)),
    ])
  func settings(settings: TrainingSettings) throws {
    let model = try SequentialModel(Fixtures.network, threads: 1)
    let data = try Fixtures.quadrants(count: 4, seed: 1)
    #expect(throws: ModelError.self) { _ = try Trainer(model, data: data, settings: settings) }
  }

  @Test("Impossible architectures are refused")
  func architectures() {
    func build(_ layers: [LayerDescription]) throws {
      _ = try SequentialModel(
        Architecture(name: "bad", input: Shape(height: 4, width: 4, channels: 1), layers: layers),
        threads: 1)
    }
    #expect(throws: ModelError.emptyArchitecture) { try build([]) }
    #expect(throws: ModelError.duplicateLayerName("a")) {
      try build([.relu(name: "a"), .relu(name: "a")])
    }
    #expect(throws: ModelError.windowTooLarge(layer: "p", window: "5×5", input: "4×4×1")) {
      try build([.maxPooling(name: "p", window: Window2D(height: 5, width: 5, padding: .valid))])
    }
    #expect(throws: ModelError.self) { try build([.dense(name: "d", units: 0, relu: false)]) }
    #expect(throws: ModelError.self) { try build([.dropout(name: "d", rate: 1)]) }
    #expect(throws: ModelError.self) {
      try build([.maxPooling(name: "p", window: Window2D(height: 0, width: 1, padding: .same))])
    }
  }

  @Test("A checkpoint is no model, and a model no checkpoint")
  func kinds() throws {
    let trainer = try Self.trainer()
    let model = try CompressedModel(trainer.model.network, form: .sparse)
    #expect(throws: ModelError.self) { _ = try Checkpoint(model.file) }
    #expect(throws: ModelError.self) { _ = try CompressedModel(Checkpoint(trainer).file) }
  }
}
