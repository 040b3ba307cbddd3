// Sources and targets of some samples as whole numbers, with their lengths: what is left of [samples, steps] floats.

/// The symbols of one part of a mini-batch.
struct SamplePairs {
  private(set) var count = 0
  /// [count, source and target steps]
  private var symbols: [Int32] = []
  private var steps = 0, sourceSteps = 0
  private(set) var sources = PackedSequences(lengths: [1])
  private(set) var targets = PackedSequences(lengths: [1])
  /// The row of each sample's first step where samples follow each other, without padding.
  private(set) var sourceStarts: [Int] = [], targetStarts: [Int] = []

  init() {}

  /// A source has at least one step, be it padding. A target begins with a step that has no symbol yet. Floats that are
  /// no symbols count as an ``Embedding`` has it.
  init(
    _ x: UnsafePointer<Float>, count: Int, _ sizes: EncoderDecoderSizes, targetSteps: Int
  ) {
    (self.count, sourceSteps) = (count, sizes.sourceSteps)
    steps = sizes.sourceSteps + targetSteps
    symbols.reserveCapacity(count * steps)
    var (sourceLengths, targetLengths): ([Int], [Int]) = ([], [])
    for i in 0..<count {
      for t in 0..<steps {
        let symbols = t < sourceSteps ? sizes.sourceSymbols : sizes.targetSymbols
        self.symbols.append(Int32(Embedding.row(x[i * steps + t], rows: symbols)))
      }
      let sample = symbols[(i * steps)...]
      let (source, target) = (sample.prefix(sourceSteps), sample.dropFirst(sourceSteps + 1))
      sourceLengths.append(max(1, source.firstIndex(of: 0).map { $0 - i * steps } ?? sourceSteps))
      targetLengths.append(
        1 + (target.firstIndex(of: 0).map { $0 - target.startIndex } ?? targetSteps - 1))
    }
    (sources, targets) = (
      PackedSequences(lengths: sourceLengths), PackedSequences(lengths: targetLengths)
    )
    func starts(_ lengths: [Int]) -> [Int] {
      var (result, next): ([Int], Int) = ([], 0)
      for length in lengths {
        result.append(next)
        next += length
      }
      return result
    }
    (sourceStarts, targetStarts) = (starts(sourceLengths), starts(targetLengths))
  }

  /// A symbol of a source, and of a target.
  @inline(__always)
  func source(_ i: Int, _ t: Int) -> Int { Int(symbols[i * steps + t]) }
  @inline(__always)
  func target(_ i: Int, _ t: Int) -> Int { Int(symbols[i * steps + sourceSteps + t]) }

  func forEachSource(_ body: (_ sample: Int, _ step: Int) -> Void) {
    for i in 0..<count { for t in 0..<sources.lengths[i] { body(i, t) } }
  }

  func forEachTarget(_ body: (_ sample: Int, _ step: Int) -> Void) {
    for i in 0..<count { for t in 0..<targets.lengths[i] { body(i, t) } }
  }
}
