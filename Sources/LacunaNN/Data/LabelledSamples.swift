// (x, labels) by number: what a network is trained on and measured with.

/// A data set whose samples have one shape each, and a label for each result of a network.
///
/// An ``ImageDataset`` has one label for an image, a ``SequenceDataset`` one for a sequence or for each of its steps.
public protocol LabelledSamples: Sendable {
  /// Shape of one sample.
  var shape: Shape { get }
  /// Number of classes; labels are below it.
  var classes: Int { get }
  /// Labels of one sample.
  var labelsPerSample: Int { get }
  /// Labels of all samples, one sample after the other. Sixteen bits, for vocabularies of words.
  var labels: [UInt16] { get }
  /// The label of results that count for nothing, such as those of steps behind the end of a sequence; nil when all
  /// results count.
  var ignoredLabel: UInt16? { get }
  /// Writes sample `index` as `shape.count` floats. Not checked: the index, and that `x` holds so many.
  func write(_ index: Int, to x: UnsafeMutablePointer<Float>)
}

extension LabelledSamples {
  /// All results count.
  public var ignoredLabel: UInt16? { nil }
  /// Number of samples.
  public var count: Int { labels.count / max(labelsPerSample, 1) }

  /// The labels of sample `index`.
  func labels(of index: Int) -> ArraySlice<UInt16> {
    labels[index * labelsPerSample..<(index + 1) * labelsPerSample]
  }

  /// - Throws: ``ModelError/dataMismatch(what:expected:found:)`` unless a network with these shapes can be trained on
  ///   the samples.
  func check(input: Shape, output: Shape) throws(ModelError) {
    for (what, expected, found) in [
      ("values per sample", input.count, shape.count), ("classes", output.channels, classes),
      ("labels per sample", output.pixels, labelsPerSample),
    ] where expected != found {
      throw .dataMismatch(what: what, expected: expected, found: found)
    }
  }
}
