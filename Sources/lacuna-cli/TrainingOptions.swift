// How a network is trained.

import ArgumentParser
import Lacuna

/// The optimiser named on the command line.
enum OptimiserName: String, ExpressibleByArgument, CaseIterable {
  case adam, sgd
}

/// Options of every command that trains.
struct TrainingOptions: ParsableArguments {
  @Option(help: "Images per step.")
  var batchSize = 128

  @Option(help: "The optimiser.")
  var optimiser = OptimiserName.adam

  @Option(
    help: "The learning rate at the start; it falls along a half cosine. [adam 0.001, sgd 0.05]")
  var learningRate: Float?

  @Option(help: "Seed of the initial weights, the order of the images and dropout.")
  var seed: UInt64 = 1

  @Option(help: "Threads; the result is reproducible for a given number. [all cores]")
  var threads: Int?

  func validate() throws {
    if let threads, threads < 1 {
      throw ValidationError("--threads is \(threads), must be at least 1")
    }
  }

  func settings(epochs: Int) throws(Failure) -> TrainingSettings {
    guard epochs >= 1 else { throw Failure(.usage, "--epochs is \(epochs), must be at least 1") }
    guard batchSize >= 1 else {
      throw Failure(.usage, "--batch-size is \(batchSize), must be at least 1")
    }
    let (chosen, rate): (OptimiserSettings, Float) =
      switch optimiser {
      case .adam: (.adam, 1e-3)
      case .sgd: (.sgd(momentum: 0.9), 0.05)
      }
    return TrainingSettings(
      epochs: epochs, batchSize: batchSize, optimiser: chosen,
      learningRate: .cosine(initial: learningRate ?? rate, finalFraction: 0.02), seed: seed)
  }
}
