// H = X·Xᵀ, or its diagonal alone, over all samples X[inputs, samples] of one layer, a batch at a
// time

import LacunaFormats
import LacunaOperations

/// What a layer's inputs were like: all that the methods need of them, in the size of `inputs²`.
///
///     let calibration = try Calibration(name: "dense", inputs: 768)
///     for batch in batches { try calibration.add(batch) }
///
/// Not for several threads at once; ``add(_:)`` uses all of them itself, and its sums do not depend
/// on how many there are. They do depend on how the samples were cut into batches, by rounding.
public final class Calibration {
  /// How much is kept of the inputs.
  public enum Moments: String, Hashable, Sendable, Codable, CaseIterable {
    /// Σx² of each input: magnitude and Wanda need no more.
    case norms
    /// All products Σxᵢ·xⱼ, summed in single precision: half the memory and time of `double`.
    case single
    /// All products, summed in double precision, in which the product of two floats is exact.
    case double
  }

  /// What errors and reports call the layer.
  public let name: String
  /// Inputs of the layer: columns of its weight matrix.
  public let inputs: Int
  /// How much is kept of the inputs.
  public let moments: Moments
  /// Samples so far.
  public private(set) var samples = 0

  enum Sums {
    case norms(AlignedBuffer<Double>)
    case single(AlignedBuffer<Float>)
    case double(AlignedBuffer<Double>)
  }
  private let sums: Sums
  /// Whether the upper triangle holds what the lower one does.
  private var isMirrored = true
  private var samplesInDouble = AlignedBuffer<Double>(count: 0)

  /// Samples that are widened to double precision at a time: 4 MB at 1024 inputs.
  private static let samplesAtOnce = 512

  /// An accumulator without samples.
  ///
  /// - Throws: ``OneShotError/invalidParameter(name:value:allowed:)`` for fewer than one input or
  ///   more than memory could hold the products of.
  public init(
    name: String = "layer", inputs: Int, moments: Moments = .double
  ) throws(OneShotError) {
    if inputs < 1 || inputs > Self.mostInputs {
      throw .invalidParameter(
        name: "inputs of \(name)", value: "\(inputs)", allowed: "in 1...\(Self.mostInputs)")
    }
    (self.name, self.inputs, self.moments) = (name, inputs, moments)
    sums =
      switch moments {
      case .norms: .norms(AlignedBuffer(count: inputs))
      case .single: .single(AlignedBuffer(count: inputs * inputs))
      case .double: .double(AlignedBuffer(count: inputs * inputs))
      }
  }

  /// Products that were made elsewhere: both triangles, in double precision.
  init(name: String, inputs: Int, samples: Int, products: AlignedBuffer<Double>) {
    (self.name, self.inputs, self.samples, moments) = (name, inputs, samples, .double)
    sums = .double(products)
  }

  /// LAPACK counts rows in 32 bits, and 2¹⁶ inputs have 34 GB of products in double precision.
  static let mostInputs = 1 << 16

  /// All batches of a source.
  public convenience init(
    name: String = "layer", _ source: some CalibrationSource, moments: Moments = .double
  ) throws {
    try self.init(name: name, inputs: source.inputs, moments: moments)
    try source.forEachBatch { try add($0) }
  }

  /// Adds the samples of a batch. When it throws, nothing was added.
  ///
  /// - Throws: ``OneShotError`` when the batch has another number of inputs, is shorter than its
  ///   shape, or holds a value that is not finite.
  /// - Complexity: O(inputs² · samples), for norms O(inputs · samples)
  public func add(_ batch: CalibrationBatch) throws(OneShotError) {
    try batch.check(layer: name, width: inputs, after: samples)
    guard batch.samples > 0, let x = batch.elements.baseAddress else { return }
    let transposed = batch.layout == .rows
    switch sums {
    case .norms(let norms): addNorms(batch, x, to: norms.pointer)
    case .single(let products):
      TiledAlgebra.addSquare(
        n: inputs, samples: batch.samples, x: x, ldx: batch.stride, transposed: transposed,
        to: products.pointer)
    case .double(let products): addInDouble(batch, x, to: products.pointer)
    }
    samples += batch.samples
    isMirrored = false
  }

  private func addNorms(
    _ batch: CalibrationBatch, _ x: UnsafePointer<Float>, to norms: UnsafeMutablePointer<Double>
  ) {
    // Strips of inputs, so that threads share the work and each sum keeps its order.
    let strip = 256
    TiledAlgebra.inParallel(tasks: (inputs + strip - 1) / strip) { task in
      let range = task * strip..<min((task + 1) * strip, inputs)
      if batch.layout == .rows {
        for i in 0..<batch.samples {
          let row = x + i * batch.stride
          for j in range { norms[j] += Double(row[j]) * Double(row[j]) }
        }
      } else {
        for j in range {
          let row = x + j * batch.stride
          var sum = SIMD8<Double>.zero
          let whole = batch.samples & ~7
          for i in Swift.stride(from: 0, to: whole, by: 8) {
            let lanes = SIMD8<Double>(
              UnsafeRawPointer(row + i).loadUnaligned(as: SIMD8<Float>.self))
            sum += lanes * lanes
          }
          var total = sum.sum()
          for i in whole..<batch.samples { total += Double(row[i]) * Double(row[i]) }
          norms[j] += total
        }
      }
    }
  }

  private func addInDouble(
    _ batch: CalibrationBatch, _ x: UnsafePointer<Float>, to products: UnsafeMutablePointer<Double>
  ) {
    for first in Swift.stride(from: 0, to: batch.samples, by: Self.samplesAtOnce) {
      let count = min(Self.samplesAtOnce, batch.samples - first)
      if samplesInDouble.count < count * inputs {
        samplesInDouble = AlignedBuffer(uninitialized: count * inputs)
      }
      let wide = samplesInDouble.pointer
      let (rows, width) = batch.layout == .rows ? (count, inputs) : (inputs, count)
      let start = x + (batch.layout == .rows ? first * batch.stride : first)
      for i in 0..<rows {
        let (source, target) = (start + i * batch.stride, wide + i * width)
        for j in 0..<width { target[j] = Double(source[j]) }
      }
      TiledAlgebra.addSquare(
        n: inputs, samples: count, x: wide, ldx: width, transposed: batch.layout == .rows,
        to: products)
    }
  }
}

extension Calibration {
  /// Σx² of each input.
  public var squaredNorms: [Double] {
    switch sums {
    case .norms(let norms): Array(norms.elements)
    case .single(let h): (0..<inputs).map { Double(h.pointer[$0 * inputs + $0]) }
    case .double(let h): (0..<inputs).map { h.pointer[$0 * inputs + $0] }
    }
  }

  /// The `inputs²` products Σxᵢ·xⱼ, row-major; nil when only norms were kept.
  public var products: [Double]? {
    switch symmetricSums() {
    case .norms: nil
    case .single(let h): h.elements.map(Double.init)
    case .double(let h): Array(h.elements)
    }
  }

  /// Inputs that are zero in every sample.
  public var deadInputs: Int { squaredNorms.count { $0 == 0 } }

  /// Refuses a calibration from which nothing can be learned.
  func checkUsable() throws(OneShotError) {
    if samples == 0 { throw .noSamples(layer: name) }
    if deadInputs == inputs {
      throw .allInputsZero(layer: name, inputs: inputs, samples: samples)
    }
  }

  /// The sums with both triangles filled.
  func symmetricSums() -> Sums {
    if !isMirrored {
      switch sums {
      case .norms: break
      case .single(let h): TiledAlgebra.mirror(n: inputs, h.pointer)
      case .double(let h): TiledAlgebra.mirror(n: inputs, h.pointer)
      }
      isMirrored = true
    }
    return sums
  }
}
