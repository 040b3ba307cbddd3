// Where the inputs of a layer come from: batches of samples, in either order in memory

/// How the activations of a batch lie in memory.
public enum CalibrationLayout: String, Hashable, Sendable, Codable {
  /// `[samples, inputs]`: a row for each sample, as frameworks and `Y = X·Wᵀ` have it.
  case rows
  /// `[inputs, samples]`: a column for each sample, as `Y = W·X` has it.
  case columns
}

/// A batch of activations in memory that somebody else owns.
public struct CalibrationBatch {
  /// The activations, stored rows ``stride`` apart.
  public let elements: UnsafeBufferPointer<Float>
  /// Number of samples.
  public let samples: Int
  /// Inputs of each sample.
  public let inputs: Int
  /// Whether a stored row is a sample or an input.
  public let layout: CalibrationLayout
  /// Elements from one stored row to the next.
  public let stride: Int

  /// A batch as given; ``Calibration/add(_:)`` checks it.
  ///
  /// - Parameter stride: Elements from one stored row to the next; by default rows follow each
  ///   other.
  public init(
    _ elements: UnsafeBufferPointer<Float>, samples: Int, inputs: Int,
    layout: CalibrationLayout = .rows, stride: Int? = nil
  ) {
    (self.elements, self.samples, self.inputs) = (elements, samples, inputs)
    self.layout = layout
    self.stride = stride ?? (layout == .rows ? inputs : samples)
  }
}

extension CalibrationBatch {
  /// Refuses a batch of another width than the layer's, one shorter than its shape, and values that
  /// are not finite.
  ///
  /// - Parameter earlier: Samples of the batches before, for the number of a bad one.
  func check(layer: String, width: Int, after earlier: Int) throws(OneShotError) {
    if inputs != width { throw .inputCount(layer: layer, expected: width, actual: inputs) }
    let (rows, length) = layout == .rows ? (samples, inputs) : (inputs, samples)
    if samples < 0 || stride < length {
      throw .invalidParameter(
        name: "stride of a batch for \(layer)", value: "\(stride)",
        allowed: "at least \(max(length, 0))")
    }
    if samples == 0 { return }
    let (span, overflow) = (rows - 1).multipliedReportingOverflow(by: stride)
    if overflow || elements.count < length || elements.count - length < span {
      throw .batchTooShort(
        layer: layer, expected: overflow ? .max : span + length, actual: elements.count)
    }
    for i in 0..<rows {
      let row = elements.baseAddress! + i * stride
      // x·0 is NaN for NaN and infinities and 0 for all others: one vectorised pass.
      var sums = SIMD8<Float>.zero
      let whole = length & ~7
      for j in Swift.stride(from: 0, to: whole, by: 8) {
        sums += UnsafeRawPointer(row + j).loadUnaligned(as: SIMD8<Float>.self) * 0
      }
      var sum = sums.sum()
      for j in whole..<length { sum += row[j] * 0 }
      if sum == 0 { continue }
      let j = (0..<length).first { !row[$0].isFinite }!
      let (sample, input) = layout == .rows ? (i, j) : (j, i)
      throw .inputNotFinite(layer: layer, sample: earlier + sample, input: input)
    }
  }
}

/// Something that can be asked for a layer's inputs, a batch at a time.
public protocol CalibrationSource {
  /// Inputs of each sample.
  var inputs: Int { get }
  /// Calls `body` with every batch, in an order that is always the same.
  func forEachBatch(_ body: (CalibrationBatch) throws -> Void) throws
}

/// Activations that are all in memory.
public struct CalibrationSamples: CalibrationSource, Sendable {
  /// `samples · inputs` activations without gaps.
  public let values: [Float]
  /// Number of samples.
  public let samples: Int
  /// Inputs of each sample.
  public let inputs: Int
  /// Whether a stored row is a sample or an input.
  public let layout: CalibrationLayout

  /// All samples of a layer.
  ///
  /// - Throws: ``OneShotError/batchTooShort(layer:expected:actual:)`` unless there are `samples ·
  ///   inputs` values.
  public init(
    _ values: [Float], samples: Int, inputs: Int, layout: CalibrationLayout = .rows
  ) throws(OneShotError) {
    let (count, overflow) = samples.multipliedReportingOverflow(by: inputs)
    if samples < 0 || inputs < 0 || overflow || values.count != count {
      throw .batchTooShort(
        layer: "calibration", expected: overflow ? .max : count, actual: values.count)
    }
    (self.values, self.samples, self.inputs, self.layout) = (values, samples, inputs, layout)
  }

  /// Calls `body` once, with all samples.
  public func forEachBatch(_ body: (CalibrationBatch) throws -> Void) throws {
    try values.withUnsafeBufferPointer {
      try body(CalibrationBatch($0, samples: samples, inputs: inputs, layout: layout))
    }
  }
}
