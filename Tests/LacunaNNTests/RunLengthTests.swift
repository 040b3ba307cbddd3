// A trainer knows its steps: what cannot happen within them is refused or told.

import LacunaIO
import LacunaNN
import LacunaPruning
import Testing

@Suite struct RunLengthTests {
  private let data: ImageDataset
  /// 2 epochs of 4 steps.
  private let settings = TrainingSettings(epochs: 2, batchSize: 16)

  init() throws { data = try Fixtures.quadrants(count: 64, seed: 1) }

  private func pruned(begin: Int, end: Int, plannedSteps: Int? = nil) throws -> PrunedModel {
    try pruneLowMagnitude(
      try SequentialModel(Fixtures.network, threads: 1),
      schedule: PolynomialDecay(initial: 0.2, final: 0.8, begin: begin, end: end, frequency: 2),
      plannedSteps: plannedSteps)
  }

  @Test("A schedule that begins after the last step is refused without planned steps")
  func neverFires() throws {
    let error = #expect(throws: ModelError.self) {
      try Trainer(try pruned(begin: 9, end: 20), data: data, settings: settings)
    }
    #expect("\(error!)".contains("never updates a mask in steps 1...8"), "\(error!)")
    _ = try Trainer(try pruned(begin: 8, end: 8), data: data, settings: settings)
    // Planned over several runs, it may.
    _ = try Trainer(
      try pruned(begin: 9, end: 20, plannedSteps: 20), data: data, settings: settings)
  }

  @Test("A schedule that ends after the last step is a warning with both numbers")
  func endsLate() throws {
    let cut = try Trainer(try pruned(begin: 1, end: 20), data: data, settings: settings)
    #expect(cut.warnings.count == 1)
    let text = cut.warnings.map(\.description).joined()
    #expect(
      text.contains("step 20") && text.contains("step 8") && text.contains("80.0 %"), "\(text)")
    #expect(
      try Trainer(try pruned(begin: 1, end: 8), data: data, settings: settings).warnings.isEmpty)
    #expect(
      try Trainer(
        try SequentialModel(Fixtures.network, threads: 1), data: data, settings: settings
      ).warnings.isEmpty)
  }

  @Test("A second trainer that only heals is not refused, and masks stay")
  func healing() throws {
    let model = try pruned(begin: 1, end: 8)
    try Trainer(model, data: data, settings: settings).run()
    let masks = model.masks
    let second = try Trainer(model, data: data, settings: settings)
    #expect(second.warnings.isEmpty)
    try second.run()
    #expect(model.masks == masks)
    let kernel = try #require(model.report.tensors.first { $0.name == "dense1/kernel" })
    #expect(kernel.zeros == kernel.weights - kernel.kept)
  }

  @Test("Steps and epochs that no run has are refused or saturate, and never trap")
  func hugeSettings() throws {
    for epochs in [0, -1, 1 << 21, Int.max, Int.min] {
      let wrong = TrainingSettings(epochs: epochs, batchSize: 16)
      _ = wrong.totalSteps(samples: .max)
      #expect(throws: ModelError.self) {
        try Trainer(
          try SequentialModel(Fixtures.network, threads: 1), data: data, settings: wrong)
      }
    }
    for batch in [0, -1, 1 << 17, Int.max, Int.min] {
      #expect(TrainingSettings(epochs: 1, batchSize: batch).stepsPerEpoch(samples: 64) >= 1)
      #expect(throws: ModelError.self) {
        try SequentialModel(Fixtures.network, threads: 1).evaluate(data, batchSize: batch)
      }
    }
    for threads in [0, -1, 1025, Int.max] {
      #expect(throws: ModelError.self) {
        try SequentialModel(Fixtures.network, threads: threads)
      }
    }
    #expect(data.prefix(.max).count == 64 && data.prefix(.min).count == 0)
  }

  @Test("A checkpoint keeps the shapes of its tensors and refuses counters of no run")
  func checkpoints() throws {
    let trainer = try Trainer(
      try SequentialModel(Fixtures.network, threads: 1), data: data, settings: settings)
    try trainer.run(until: 3)
    let file = Checkpoint(trainer).file
    #expect(file["weights/conv2/kernel"]?.shape == [8, 3, 3, 6])
    #expect(file["moment1/dense1/kernel"]?.shape == [40, 32])
    for (key, value) in [
      ("step", Int.max), ("optimiserStep", .max), ("optimiserStep", -1), ("epochSamples", .max),
      ("epochCorrect", .max), ("epochCorrect", -1),
    ] {
      var broken = file
      let progress = try #require(broken.metadata["progress"])
      broken.metadata["progress"] = progress.replacing(
        try Regex("\"\(key)\":-?[0-9]+"), with: "\"\(key)\":\(value)")
      #expect(throws: ModelError.self, "\(key) \(value)") {
        _ = try Checkpoint(broken).resume(data: data, threads: 1)
      }
    }
  }
}
