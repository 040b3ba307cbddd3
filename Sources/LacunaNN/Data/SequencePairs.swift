// (source, target) → a sample with both, and a label for each step of the target: its next symbol.
//
//     source c a t, 5 steps    target K AE T, 6 steps       c a t 0 0 | 0 K AE T 0 0   labels K AE T end 0 0

/// Pairs of symbol sequences that an ``Architecture/encoderDecoder(_:targetSteps:)`` is trained on, each step with the
/// right symbols before it; checked once. What ``EncoderDecoderSizes`` says about symbols holds.
public struct SequencePairs: LabelledSamples {
  /// `steps×1×1`: steps of a source and of a target.
  public let shape: Shape
  /// Symbols of targets, 0 and the end counted.
  public let classes: Int
  /// Steps of a target.
  public let labelsPerSample: Int
  /// One for each step of a target: the symbol of the next step, behind the last one the end, then 0.
  public let labels: [UInt16]
  /// 0: what follows the end does not count.
  public var ignoredLabel: UInt16? { 0 }
  /// Symbols of the sources, padded.
  private let sources: [UInt8]
  private let sourceSteps: Int

  /// Joins sources and targets, and checks both.
  ///
  /// - Parameters:
  ///   - sources: of symbols from 1 on, at most `sizes.sourceSteps` of them.
  ///   - targets: of symbols from 2 on, fewer than `targetSteps` of them: the end is added here.
  ///   - targetSteps: steps of a target, its end counted.
  /// - Throws: ``ModelError`` when counts disagree, a sequence is too long, or a symbol out of range.
  public init(
    sources: [[UInt8]], targets: [[UInt8]], sizes: EncoderDecoderSizes, targetSteps: Int
  ) throws(ModelError) {
    for (name, symbols, least) in [
      ("source symbols", sizes.sourceSymbols, 2), ("target symbols", sizes.targetSymbols, 3),
    ] {
      try TrainingSettings.check(symbols, name, in: least...EncoderDecoderSizes.mostSymbols)
    }
    try TrainingSettings.check(sizes.sourceSteps, "source steps", in: 1...1 << 20)
    try TrainingSettings.check(targetSteps, "target steps", in: 1...1 << 20)
    if sources.count != targets.count {
      throw .dataMismatch(what: "targets", expected: sources.count, found: targets.count)
    }
    for (index, (source, target)) in zip(sources, targets).enumerated() {
      try sizes.check(source: source, index: index)
      try sizes.check(target: target, index: index, steps: targetSteps)
    }
    func padded(_ sequence: [UInt8], _ steps: Int) -> [UInt8] {
      sequence + [UInt8](repeating: 0, count: steps - sequence.count)
    }
    self.sources = sources.flatMap { padded($0, sizes.sourceSteps) }
    labels = targets.flatMap {
      padded($0 + [EncoderDecoderSizes.end], targetSteps).map(UInt16.init)
    }
    shape = Shape(height: sizes.sourceSteps + targetSteps, width: 1, channels: 1)
    (classes, labelsPerSample) = (sizes.targetSymbols, targetSteps)
    sourceSteps = sizes.sourceSteps
  }

  /// Writes pair `index`. Not checked: `index < count`.
  public func write(_ index: Int, to x: UnsafeMutablePointer<Float>) {
    let first = index * sourceSteps
    for t in 0..<sourceSteps { x[t] = Float(sources[first + t]) }
    let target = x + sourceSteps
    target[0] = 0
    for t in 1..<labelsPerSample {
      let symbol = labels[index * labelsPerSample + t - 1]
      target[t] = symbol == UInt16(EncoderDecoderSizes.end) ? 0 : Float(symbol)
    }
  }
}
