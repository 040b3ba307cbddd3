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
  public let elements: UnsafeBufferPointer<Float>
  public let samples: Int
  public let inputs: Int
  public let layout: CalibrationLayout
  /// Elements from one stored row to the next.
  public let stride: Int

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

/// Something that can be asked for a layer's inputs, a batch at a time.
public protocol CalibrationSource {
  /// Inputs of each sample.
  var inputs: Int { get }
  /// Calls `body` with every batch, in an order that is always the same.
  func forEachBatch(_ body: (CalibrationBatch) throws -> Void) throws
}

/// Activations that are all in memory.
public struct CalibrationSamples: CalibrationSource, Sendable {
  public let values: [Float]
  public let samples: Int
  public let inputs: Int
  public let layout: CalibrationLayout

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

  public func forEachBatch(_ body: (CalibrationBatch) throws -> Void) throws {
    try values.withUnsafeBufferPointer {
      try body(CalibrationBatch($0, samples: samples, inputs: inputs, layout: layout))
    }
  }
}
