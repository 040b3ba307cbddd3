// What a one-shot method gets and gives: W, H, how much of which structure; then a mask and new
// weights

import LacunaFormats
import LacunaOperations

/// A way to prune a trained layer at once, from its weights and what its inputs were like.
///
/// The methods here are ``Magnitude``, ``Wanda``, ``SparseGPT``, ``OptimalBrainSurgeon`` and
/// ``ALPS``.
public protocol OneShotMethod: Sendable {
  /// What reports call it.
  var name: String { get }
  /// The least that it needs of the inputs; nil for nothing.
  var needs: Calibration.Moments? { get }
  /// Which weights of the layer stay, and what they become. Called with a layer that was checked.
  func prune(_ layer: OneShotLayer) throws(OneShotError) -> OneShotSolution
}

/// One layer to be pruned: `W[rows, columns]` and the products of its inputs.
public struct OneShotLayer {
  /// What errors and reports call the layer.
  public let name: String
  /// Outputs.
  public let rows: Int
  /// Inputs.
  public let columns: Int
  /// The trained weights, row-major.
  var weights: AlignedBuffer<Float>
  /// What its inputs were like.
  public let calibration: Calibration
  /// What is kept or dropped as one piece.
  public let structure: Granularity
  /// The fraction of weights, blocks, rows or columns to remove; of groups, what they imply.
  public let sparsity: Double
  /// λ as a fraction of the mean diagonal of H.
  public let damping: Double

  /// The trained weights, row-major.
  public var trainedWeights: [Float] { Array(weights.elements) }
  var count: Int { rows * columns }
}

/// What a method made of a layer.
public struct OneShotSolution {
  /// Which weights stay.
  public var mask: BitMask
  /// All weights, row-major; what the mask drops is zero.
  public var weights: [Float]
  /// λ that was added to the diagonal of H; nil for a method that uses none.
  public var damping: Double?
  /// The precision of the factor; nil for a method that uses none.
  public var precision: Calibration.Moments?

  /// Joins what a method found.
  public init(
    mask: BitMask, weights: [Float], damping: Double? = nil, precision: Calibration.Moments? = nil
  ) {
    (self.mask, self.weights, self.damping, self.precision) = (mask, weights, damping, precision)
  }
}

/// How a layer is pruned.
public struct OneShotSettings: Sendable {
  /// Which weights go, and what the others become.
  public var method: any OneShotMethod
  /// The fraction to remove; nil where the structure decides (N:M).
  public var sparsity: Double?
  /// What is kept or dropped as one piece. Whatever pooling it names, the methods add up what the
  /// weights cost.
  public var structure: Granularity
  /// Fit what is left to the dense outputs again, after methods that do not do so themselves.
  public var refit: Refit?
  /// λ as a fraction of the mean diagonal of H; grows tenfold where a factor fails.
  public var damping: Double

  /// Whether the report has errors of the layer's outputs: three products with H.
  public var reportsErrors = true

  /// Samples that a layer should have for each of its inputs: with fewer, a fit follows the noise
  /// of those that there are.
  public static let samplesPerInput = 2

  /// The damping of the papers.
  public static let usualDamping = 0.01

  /// Settings, checked when a layer is pruned; ``reportsErrors`` begins as true.
  public init(
    method: any OneShotMethod, sparsity: Double? = nil, structure: Granularity = .element,
    refit: Refit? = nil, damping: Double = OneShotSettings.usualDamping
  ) {
    (self.method, self.sparsity, self.structure) = (method, sparsity, structure)
    (self.refit, self.damping) = (refit, damping)
  }
}

/// The methods by the names that tools and other languages use.
public enum OneShotMethodName: String, Hashable, Sendable, Codable, CaseIterable {
  /// ``Magnitude``.
  case magnitude
  /// ``Wanda``.
  case wanda
  /// ``SparseGPT``.
  case sparsegpt
  /// ``OptimalBrainSurgeon``.
  case obs
  /// ``ALPS``.
  case alps

  /// The method with its usual parameters.
  public var method: any OneShotMethod {
    switch self {
    case .magnitude: Magnitude()
    case .wanda: Wanda()
    case .sparsegpt: SparseGPT()
    case .obs: OptimalBrainSurgeon()
    case .alps: ALPS()
    }
  }
}

extension OneShotLayer {
  /// The original weights where the mask keeps them, zero elsewhere.
  func masked(_ mask: BitMask) -> [Float] {
    mask.words.withUnsafeBufferPointer { words in
      RowStrips.array(rows: rows, columns: columns) { strip, target in
        RowStrips.select(
          strip, words.baseAddress!, wordsPerRow: mask.wordsPerRow, columns: columns,
          weights.pointer, into: target)
      }
    }
  }

  /// Whole outputs that can go at least cost: nothing else of a layer can make up for an output.
  ///
  /// - Parameter cost: The cost of each row.
  func rowMask(costs: [Double]) throws(OneShotError) -> BitMask {
    let scores = AlignedBuffer<Float>(count: count)
    // Roots, as pooling adds squares; one element carries the row.
    for i in 0..<rows { scores.pointer[i * columns] = Float(max(costs[i], 0).squareRoot()) }
    return try chosenMask(
      scores, rows: rows, columns: columns, structure: structure, sparsity: sparsity,
      comparison: .layer, name: name)
  }
}
