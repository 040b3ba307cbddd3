// Images as bytes with one label each; batches come out as floats in [0, 1].

/// Labelled 8-bit images, checked once.
public struct ImageDataset: LabelledSamples {
  /// Shape of one image.
  public let shape: Shape
  /// Number of classes; labels are below it.
  public let classes: Int
  /// `count · shape.count` bytes, NHWC.
  public let images: [UInt8]
  /// One label per image, below ``classes``.
  public let labels: [UInt16]
  /// One.
  public var labelsPerSample: Int { 1 }

  /// Joins images and labels, and checks both.
  ///
  /// - Throws: ``ModelError`` when counts disagree or a label is not below `classes`.
  public init(shape: Shape, classes: Int, images: [UInt8], labels: [UInt16]) throws(ModelError) {
    if labels.count * shape.count != images.count {
      throw .dataMismatch(
        what: "image bytes", expected: labels.count * shape.count, found: images.count)
    }
    if let bad = labels.firstIndex(where: { Int($0) >= classes }) {
      throw .labelOutOfRange(index: bad, label: Int(labels[bad]), classes: classes)
    }
    (self.shape, self.classes, self.images, self.labels) = (shape, classes, images, labels)
  }

  /// The first `limit` samples, or all when there are fewer; none for a negative limit.
  public func prefix(_ limit: Int) -> ImageDataset {
    samples(0..<max(limit, 0))
  }

  /// The samples of `range`; those outside are left out.
  public func samples(_ range: Range<Int>) -> ImageDataset {
    let range = range.clamped(to: 0..<count)
    return ImageDataset(
      unchecked: shape, classes,
      Array(images[range.lowerBound * shape.count..<range.upperBound * shape.count]),
      Array(labels[range]))
  }

  private init(unchecked shape: Shape, _ classes: Int, _ images: [UInt8], _ labels: [UInt16]) {
    (self.shape, self.classes, self.images, self.labels) = (shape, classes, images, labels)
  }

  /// Writes sample `index` as `shape.count` floats in [0, 1]. Not checked: `index < count`.
  public func write(_ index: Int, to x: UnsafeMutablePointer<Float>) {
    let n = shape.count
    images.withUnsafeBufferPointer { bytes in
      let source = bytes.baseAddress! + index * n
      for i in 0..<n { x[i] = Float(source[i]) * (1 / 255) }
    }
  }
}
