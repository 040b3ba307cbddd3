// Sequences of feature vectors or of symbols, with one label each or one for each step.

/// Labelled sequences of equal length, checked once.
public struct SequenceDataset: LabelledSamples {
  /// `steps×1×features`.
  public let shape: Shape
  /// Number of classes; labels are below it.
  public let classes: Int
  /// 1, or the number of steps.
  public let labelsPerSample: Int
  /// `[count, steps, features]`; of symbols, which an embedding reads, whole numbers.
  public let values: [Float]
  /// One label per sequence, or one per step.
  public let labels: [UInt16]

  /// Joins sequences and labels, and checks both.
  ///
  /// - Throws: ``ModelError`` when a size is below 1, counts disagree, or a label is not below `classes`.
  public init(
    steps: Int, features: Int, classes: Int, labelsEachStep: Bool = false, values: [Float],
    labels: [UInt16]
  ) throws(ModelError) {
    for (name, size) in [("steps", steps), ("features", features)] {
      try TrainingSettings.check(size, name, in: 1...1 << 20)
    }
    labelsPerSample = labelsEachStep ? steps : 1
    let (count, rest) = labels.count.quotientAndRemainder(dividingBy: labelsPerSample)
    if rest != 0 {
      throw .dataMismatch(what: "labels after the last whole sequence", expected: 0, found: rest)
    }
    if values.count != count * steps * features {
      throw .dataMismatch(
        what: "values of the sequences", expected: count * steps * features, found: values.count)
    }
    if let bad = labels.firstIndex(where: { Int($0) >= classes }) {
      throw .labelOutOfRange(
        index: bad / labelsPerSample, label: Int(labels[bad]), classes: classes)
    }
    shape = Shape(height: steps, width: 1, channels: features)
    (self.classes, self.values, self.labels) = (classes, values, labels)
  }

  /// Text as sequences of `steps` symbols, each labelled with the symbol after it: what a language model is trained on.
  /// What is left behind the last whole sequence is left out.
  ///
  /// - Throws: ``ModelError`` when a symbol is not below `vocabulary`, or steps are below 1.
  public init(predicting text: [UInt16], vocabulary: Int, steps: Int) throws(ModelError) {
    try TrainingSettings.check(steps, "steps", in: 1...1 << 20)
    let count = max(0, text.count - 1) / steps
    try self.init(
      steps: steps, features: 1, classes: vocabulary, labelsEachStep: true,
      values: text.prefix(count * steps).map(Float.init),
      labels: Array(text.dropFirst().prefix(count * steps)))
    if let first = text.first, Int(first) >= vocabulary {
      throw .labelOutOfRange(index: 0, label: Int(first), classes: vocabulary)
    }
  }

  /// Writes sequence `index`. Not checked: `index < count`.
  public func write(_ index: Int, to x: UnsafeMutablePointer<Float>) {
    let n = shape.count
    values.withUnsafeBufferPointer { x.update(from: $0.baseAddress! + index * n, count: n) }
  }
}
