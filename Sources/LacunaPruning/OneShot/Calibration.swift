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
    try check(batch)
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

  private func check(_ batch: CalibrationBatch) throws(OneShotError) {
    if batch.inputs != inputs {
      throw .inputCount(layer: name, expected: inputs, actual: batch.inputs)
    }
    let (rows, width) =
      batch.layout == .rows ? (batch.samples, inputs) : (inputs, batch.samples)
    if batch.samples < 0 || batch.stride < width {
      throw .invalidParameter(
        name: "stride of a batch for \(name)", value: "\(batch.stride)",
        allowed: "at least \(max(width, 0))")
    }
    if batch.samples == 0 { return }
    let (span, overflow) = (rows - 1).multipliedReportingOverflow(by: batch.stride)
    if overflow || batch.elements.count < width || batch.elements.count - width < span {
      throw .batchTooShort(
        layer: name, expected: overflow ? .max : span + width, actual: batch.elements.count)
    }
    for i in 0..<rows {
      let row = batch.elements.baseAddress! + i * batch.stride
      // x·0 is NaN for NaN and infinities and 0 for all others: one vectorised pass.
      var sums = SIMD8<Float>.zero
      let whole = width & ~7
      for j in Swift.stride(from: 0, to: whole, by: 8) {
        sums += UnsafeRawPointer(row + j).loadUnaligned(as: SIMD8<Float>.self) * 0
      }
      var sum = sums.sum()
      for j in whole..<width { sum += row[j] * 0 }
      if sum == 0 { continue }
      let j = (0..<width).first { !row[$0].isFinite }!
      let (sample, input) = batch.layout == .rows ? (i, j) : (j, i)
      throw .inputNotFinite(layer: name, sample: samples + sample, input: input)
    }
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
