// What a training run promises: it learns, repeats bit for bit, resumes bit for bit, and keeps zeros.

import LacunaFormats
import LacunaNN
import LacunaPruning
import Testing

@Suite struct TrainingTests {
  static func bits(_ model: SequentialModel) -> [[UInt32]] {
    model.parameters.map { $0.values.elements.map(\.bitPattern) }
  }

  @Test("The tutorial network has 3 274 762 parameters, as Keras counts them")
  func tutorialSize() throws {
    let count = try Architecture.tutorial.tensorShapes().reduce(0) { $0 + $1.shape.reduce(1, *) }
    #expect(count == 3_274_762)
    let model = try SequentialModel(.tutorial, threads: 1)
    #expect(model.parameterCount == count)
    let shapes = try Architecture.tutorial.tensorShapes()
    #expect(model.parameters.map(\.name) == shapes.map(\.name))
    #expect(model.parameters.map(\.shape) == shapes.map(\.shape))
  }

  @Test("Both optimisers learn", arguments: [OptimiserSettings.adam, .sgd(momentum: 0.9)])
  func learns(optimiser: OptimiserSettings) throws {
    let model = try SequentialModel(Fixtures.network, seed: 1, threads: 2)
    let trainer = try Trainer(
      model, data: try Fixtures.quadrants(count: 600, seed: 1),
      settings: TrainingSettings(
        epochs: 8, batchSize: 32, optimiser: optimiser,
        learningRate: .cosine(initial: optimiser == .adam ? 2e-3 : 2e-2, finalFraction: 0.1)))
    var losses: [Double] = []
    try trainer.run { losses.append($0.batchLoss) }
    let result = try model.evaluate(try Fixtures.quadrants(count: 400, seed: 2))
    #expect(result.accuracy > 0.9, "\(optimiser): \(result)")
    #expect(losses.count == trainer.totalSteps)
    #expect(losses.last! < losses.first! / 2, "\(optimiser): \(losses.first!) to \(losses.last!)")
  }

  @Test("Equal seeds give equal bits for any number of threads; other seeds do not")
  func reproducible() throws {
    func train(threads: Int, seed: UInt64) throws -> [[UInt32]] {
      let model = try SequentialModel(Fixtures.network, seed: 3, threads: threads)
      let trainer = try Trainer(
        try pruneLowMagnitude(model, schedule: try Fixtures.recipe().schedule as! PolynomialDecay),
        data: try Fixtures.quadrants(count: 300, seed: 1),
        settings: TrainingSettings(epochs: 2, batchSize: 32, seed: seed))
      try trainer.run()
      return Self.bits(model)
    }
    let first = try train(threads: 1, seed: 5)
    #expect(try train(threads: 1, seed: 5) == first)
    #expect(try train(threads: 2, seed: 5) == first)
    #expect(try train(threads: 3, seed: 5) == first)
    #expect(try train(threads: 1, seed: 6) != first)
  }

  @Test(
    "A run resumed from a checkpoint goes on bit for bit", arguments: [1, 2, 9, 16, 17, 33],
    [OptimiserSettings.adam, .sgd(momentum: 0.9)])
  func resume(at step: Int, optimiser: OptimiserSettings) throws {
    let data = try Fixtures.quadrants(count: 300, seed: 1)
    let settings = TrainingSettings(epochs: 4, batchSize: 32, optimiser: optimiser, seed: 11)
    func start() throws -> Trainer {
      let model = try SequentialModel(Fixtures.network, seed: 4, threads: 2)
      return try Trainer(
        try PrunedModel(model, settings: try Fixtures.recipe()), data: data, settings: settings)
    }
    let whole = try start()
    var tail: [Double] = []
    try whole.run { if $0.step > step { tail.append($0.loss) } }

    let first = try start()
    try first.run(until: step)
    let resumed = try Fixtures.withFolder { folder in
      let path = "\(folder)/run.lacuna"
      try Checkpoint(first).write(to: path)
      let checkpoint = try Checkpoint(contentsOf: path)
      #expect(checkpoint == Checkpoint(first))
      return try checkpoint.resume(data: data, pruning: try Fixtures.recipe(), threads: 2)
    }
    var resumedTail: [Double] = []
    try resumed.run { resumedTail.append($0.loss) }
    #expect(resumedTail == tail, "resumed at \(step)")
    #expect(Self.bits(resumed.model.network) == Self.bits(whole.model.network))
    #expect(Checkpoint(resumed) == Checkpoint(whole))
  }

  @Test("A run does not go on with another recipe")
  func otherRecipe() throws {
    let data = try Fixtures.quadrants(count: 300, seed: 1)
    let settings = TrainingSettings(epochs: 4, batchSize: 32, seed: 11)
    let recipe = try Fixtures.recipe()
    let trainer = try Trainer(
      try PrunedModel(
        try SequentialModel(Fixtures.network, seed: 4, threads: 1), settings: recipe),
      data: data, settings: settings)
    try trainer.run(until: 5)
    let checkpoint = Checkpoint(trainer)
    var other = recipe
    other.granularity = .block(try BlockSize(1, 4))
    var thrown: ModelError?
    do { _ = try checkpoint.resume(data: data, pruning: other) } catch { thrown = error }
    guard case .recipeMismatch(let expected, let found) = thrown else {
      Issue.record("\(String(describing: thrown))")
      return
    }
    #expect(expected.contains("0.8") && !expected.contains("block") && found.contains("block"))
    _ = try checkpoint.resume(data: data, pruning: recipe)
  }

  @Test("Masked weights are exactly zero after every step, and the schedule is reached")
  func zeros() throws {
    let model = try SequentialModel(Fixtures.network, seed: 4, threads: 1)
    let pruned = try PrunedModel(model, settings: try Fixtures.recipe())
    let trainer = try Trainer(
      pruned, data: try Fixtures.quadrants(count: 300, seed: 1),
      settings: TrainingSettings(epochs: 5, batchSize: 32))
    var sparsity = 0.0
    try trainer.run { progress in
      sparsity = progress.sparsity
      for (name, mask) in pruned.masks {
        let p = model.parameter(named: name)!
        for i in 0..<p.count where !mask[i / p.columns, i % p.columns] {
          #expect(p.values.pointer[i].bitPattern == 0, "step \(progress.step): \(name)[\(i)]")
        }
      }
    }
    #expect(abs(sparsity - 0.8) < 2e-3)
    #expect(
      Set(pruned.masks.keys) == ["conv1/kernel", "conv2/kernel", "dense1/kernel", "dense2/kernel"])
  }

  @Test("Weights that are set while masks stand still are masked again by the next step")
  func setWeights() throws {
    let model = try SequentialModel(Fixtures.network, seed: 4, threads: 1)
    let pruned = try PrunedModel(model, settings: try Fixtures.recipe())
    let trainer = try Trainer(
      pruned, data: try Fixtures.quadrants(count: 300, seed: 1),
      settings: TrainingSettings(epochs: 5, batchSize: 32))
    try trainer.run(until: 35)
    #expect(model.parameter(named: "dense1/kernel")!.kept != nil)
    try model.setWeights(SequentialModel(Fixtures.network, seed: 9).weights)
    try trainer.run(until: 36)
    for (name, mask) in pruned.masks {
      let p = model.parameter(named: name)!
      #expect(p.kept != nil, "\(name)")
      for i in 0..<p.count where !mask[i / p.columns, i % p.columns] {
        #expect(p.values.pointer[i].bitPattern == 0, "\(name)[\(i)]")
      }
    }
  }

  @Test("A raised flag stops after a whole step, and the run can go on")
  func cancellation() throws {
    let model = try SequentialModel(Fixtures.network, seed: 4, threads: 1)
    let trainer = try Trainer(
      model, data: try Fixtures.quadrants(count: 300, seed: 1),
      settings: TrainingSettings(epochs: 2, batchSize: 32))
    let flag = CancellationFlag()
    let outcome = try trainer.run(cancellation: flag) { if $0.step == 4 { flag.cancel() } }
    #expect(outcome == .cancelled)
    #expect(trainer.step == 4)
    #expect(try trainer.run() == .finished)
    #expect(trainer.step == trainer.totalSteps)
  }
}
