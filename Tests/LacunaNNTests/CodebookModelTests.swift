// Few values for each kernel: while training, in the file, and in inference.

import LacunaFormats
import LacunaIO
import LacunaNN
import LacunaPruning
import Testing

@Suite struct CodebookModelTests {
  private let data: ImageDataset
  private let held: ImageDataset

  init() throws {
    data = try Fixtures.quadrants(count: 400, seed: 1)
    held = try Fixtures.quadrants(count: 200, seed: 2)
  }

  /// A network trained and pruned to 70 %.
  private func pruned() throws -> SequentialModel {
    let model = try SequentialModel(Fixtures.network, threads: 1)
    let wrapped = try pruneLowMagnitude(
      model, schedule: PolynomialDecay(initial: 0.3, final: 0.7, begin: 1, end: 60, frequency: 5))
    try Trainer(wrapped, data: data, settings: TrainingSettings(epochs: 8, batchSize: 32)).run()
    return model
  }

  private func values(_ model: SequentialModel) -> [Set<UInt32>] {
    model.parameters.filter { $0.role == .kernel }.map {
      Set($0.values.elements.filter { $0 != 0 }.map(\.bitPattern))
    }
  }

  @Test("Every kernel has few values before, while and after it is trained, and zeros stay zeros")
  func fewValues() throws {
    let model = try pruned()
    let before = model.weights
    #expect(values(model).contains { $0.count > 16 })
    let small = try CodebookModel(model, bits: { _ in 4 }, error: 0.1)
    #expect(values(model).allSatisfy { (1...16).contains($0.count) })
    let start = model.weights
    let trainer = try Trainer(
      small, data: data, settings: TrainingSettings(epochs: 10, batchSize: 32))
    try trainer.run { _ in #expect(values(model).allSatisfy { $0.count <= 16 }) }
    #expect(model.weights != start)
    for p in model.parameters where p.role == .kernel {
      #expect(
        zip(before[p.name]!, p.values.elements).allSatisfy { $0 != 0 || $1 == 0 }, "\(p.name)")
    }
    let zeros = model.parameters.filter { $0.role == .kernel }
    let share =
      Double(zeros.reduce(0) { $0 + $1.values.elements.count { $0 == 0 } })
      / Double(zeros.reduce(0) { $0 + $1.count })
    #expect(abs(small.sparsity - share) < 1e-12 && share > 0.7, "\(small.sparsity) \(share)")
  }

  @Test("Training on few values wins back what putting weights on them costs")
  func training() throws {
    let model = try pruned()
    let plain = try model.evaluate(held)
    let small = try CodebookModel(model, bits: { _ in 2 }, error: 0.4)
    let cut = try model.evaluate(held)
    #expect(cut.loss > plain.loss, "\(plain) \(cut)")
    try Trainer(small, data: data, settings: TrainingSettings(epochs: 8, batchSize: 32)).run()
    let healed = try model.evaluate(held)
    #expect(healed.loss < cut.loss, "\(cut) \(healed)")
  }

  @Test("What was trained on few values is stored as it is, and runs alike")
  func stored() throws {
    let model = try pruned()
    let small = try CodebookModel(model, bits: { _ in 4 }, error: 0.1)
    try Trainer(small, data: data, settings: TrainingSettings(epochs: 1, batchSize: 32)).run()
    let stored = try CompressedModel(model, form: .codebook, bits: { _ in 4 })
    let read = try CompressedModel(LacunaFile(bytes: stored.file.encoded()))
    #expect(read == stored)
    #expect(try read.makeModel(threads: 1).weights == model.weights)
    let (sparse, dense) = (try SparseNetwork(read, batch: 8), try DenseNetwork(read, batch: 8))
    #expect(try sparse.evaluate(held).accuracy == dense.evaluate(held).accuracy)
    let eight = try CompressedModel(model, form: .quantized)
    #expect(try stored.file.encoded().count < eight.file.encoded().count)
  }

  @Test("Other weights are put on few values when they are stored, within the error")
  func searched() throws {
    let model = try pruned()
    let stored = try CompressedModel(model, form: .codebook, bits: { _ in 4 }, error: 0.05)
    let read = try stored.makeModel(threads: 1).weights
    var errors: [Double] = []
    for p in model.parameters where p.role == .kernel {
      let weights = Array(p.values.elements)
      let square = weights.reduce(0) { $0 + Double($1 * $1) }
      let gap = zip(weights, read[p.name]!).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
      errors.append(gap / square)
    }
    let mean = errors.reduce(0, +) / Double(errors.count)
    #expect(mean <= 0.051 && mean > 0, "\(errors)")
    #expect(throws: ModelError.self) {
      try CompressedModel(model, form: .codebook, bits: { _ in 2 }, error: 1e-6)
    }
  }
}
