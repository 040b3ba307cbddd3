// Training with weights on few values: w = Q(s), and s moves by what the optimiser does to w.
//
// The straight-through estimator (Bengio 2013; Hubara 2016): forward and backward passes see the quantised weights,
// whose gradients move a copy in full precision, from which they are quantised again after every step. Weights that
// are zero at the start stay zero; a stored one may become zero and come back. The values themselves are fitted to
// the copy again during the first half of a run, at the same worth of a bit, and stay where they are in the second.

import LacunaFormats
import LacunaIO

/// A network that is trained with the weights of each kernel on a few values, as a `.lacuna` file stores them.
///
///     let small = try CodebookModel(pruned, error: 0.08)
///     try Trainer(small, data: train, settings: TrainingSettings(epochs: 1)).run()
///     try CompressedModel(pruned, form: .codebook).save(to: "small.lacuna")
///
/// The network holds the quantised weights before and after every step.
public final class CodebookModel: Trainable {
  /// The network that is trained; its kernels hold their quantised weights.
  public let network: SequentialModel
  private var kernels: [TiedKernel]
  private let slope: Double
  private var step = 0
  private var lastFit = 0

  /// Steps from one fit of the values to the next.
  private static let frequency = 50

  /// Puts the kernels of `network` on few values, as ``CompressedModel/Form/codebook`` would.
  ///
  /// - Parameters:
  ///   - bits: of a value, 2...8, by the name of its kernel.
  ///   - error: what that may cost at first, the mean of `Σ (w − ŵ)² / Σ w²`; training makes up for it.
  /// - Throws: ``ModelError`` when a weight is not finite, or the bits do not suffice for the error.
  public init(
    _ network: SequentialModel, bits: (String) -> Int = { _ in 8 },
    error: Double = CompressedModel.usualError
  ) throws(ModelError) {
    try network.checkFinite()
    self.network = network
    let parameters = network.parameters.filter { $0.role == .kernel }
    let most = parameters.map { Self.most(bits: bits($0.name)) }
    do throws(CodebookSearch.Failure) {
      let found = try CodebookSearch.found(parameters.map(\.sparse), most: most, error: error)
      slope = found.slope
      kernels = parameters.indices.map {
        TiedKernel(parameters[$0], most: most[$0], found.matrices[$0], slope: found.slope)
      }
    } catch { throw .codebook(error) }
  }

  /// Values besides zero that fit in so many bits.
  static func most(bits: Int) -> Int {
    precondition((2...8).contains(bits), "\(bits) bits, must be in 2...8")
    return min(1 << bits, CodebookCSR.mostCodes)
  }

  /// Fixes the zeros, and says how long values may still be fitted: for half of `steps`.
  public func willTrain(steps: Int) throws(ModelError) -> [TrainingWarning] {
    lastFit = step + steps / 2
    var masks: [String: BitMask] = [:]
    for kernel in kernels { masks[kernel.parameter.name] = kernel.mask }
    network.fixMasks(masks)
    return []
  }

  /// Fits the values anew, every 50 steps of the first half of a run.
  public func willStep() {
    step += 1
    if step % Self.frequency == 0 && step <= lastFit {
      for kernel in kernels { kernel.fit(slope: slope) }
    }
  }

  /// Nothing.
  public func didComputeGradients() {}
  /// Moves the full-precision copies as the optimiser moved the weights, and quantises them again.
  public func didStep() { for kernel in kernels { kernel.follow() } }

  /// Zeros over all weights of the kernels.
  public var sparsity: Double {
    let stored = kernels.reduce(0) { $0 + $1.stored }
    let all = kernels.reduce(0) { $0 + $1.parameter.count }
    return all == 0 ? 0 : 1 - Double(stored) / Double(all)
  }
}

/// One kernel whose weights share their values.
private final class TiedKernel {
  let parameter: Parameter
  let mask: BitMask
  private let most: Int
  /// Where the weights are that are trained.
  private let places: [Int]
  /// The weights in full precision, and on their values.
  private var copy: [Float]
  private var quantized: [Float]
  private var thresholds: [Float] = []
  private var levels: [Float] = []
  /// Weights that are not zero.
  private(set) var stored = 0

  init(_ parameter: Parameter, most: Int, _ start: CodebookCSR, slope: Double) {
    (self.parameter, self.most) = (parameter, most)
    mask = BitMask(start.pattern)
    let weights = parameter.values.pointer
    var places: [Int] = []
    places.reserveCapacity(start.nnz)
    for row in 0..<start.rows {
      for p in start.pattern.rowOffsets[row]..<start.pattern.rowOffsets[row + 1] {
        places.append(row * start.columns + start.pattern.columnIndices[p])
      }
    }
    self.places = places
    copy = places.map { weights[$0] }
    quantized = copy
    fit(slope: slope)
    follow()
  }

  /// Chooses the values anew for the weights as they are.
  func fit(slope: Double) {
    let fit = CodebookFit.best(
      ValueHistogram(copy, cells: parameter.count), most: most, slope: slope)
    (thresholds, levels) = fit.steps
  }

  /// Moves the copy by what happened to the weights, and the weights to the values of the copy.
  func follow() {
    let weights = parameter.values
    copy.withUnsafeMutableBufferPointer { copy in
      quantized.withUnsafeMutableBufferPointer { quantized in
        for (i, place) in places.enumerated() { copy[i] += weights.pointer[place] - quantized[i] }
        weights.elements.update(repeating: 0)
        stored = 0
        for (i, place) in places.enumerated() {
          var interval = 0
          for threshold in thresholds where copy[i] >= threshold { interval += 1 }
          quantized[i] = levels[interval]
          weights.pointer[place] = levels[interval]
          if levels[interval] != 0 { stored += 1 }
        }
      }
    }
  }
}
