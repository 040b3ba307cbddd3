// Seconds of a mini-batch of sequences, sparse and dense taking turns.

extension InferenceTiming {
  /// Measures how long an encoder–decoder takes to translate, as ``measure(_:batch:threads:seconds:arithmetic:)`` does
  /// for other networks: the means over the mini-batches of `sources`, medians over rounds.
  ///
  /// - Parameters:
  ///   - sources: what is translated in each round, `batch` of them at once.
  /// - Throws: ``ModelError`` when a translator cannot be made or a source does not fit it, `sources` is empty, or
  ///   `seconds` is not in `0...3600`.
  public static func measure(
    _ model: CompressedModel, translating sources: [[UInt8]], batch: Int, threads: Int = 1,
    seconds: Double = 2
  ) throws(ModelError) -> InferenceTiming {
    if !(seconds >= 0 && seconds <= 3600) {
      throw .invalidSetting(name: "seconds", reason: "is \(seconds), must be in 0...3600")
    }
    if sources.isEmpty { throw .dataMismatch(what: "sources", expected: 1, found: 0) }
    let translators = [
      try Translator(model, batch: batch, threads: threads),
      try Translator(model, batch: batch, threads: threads, isDense: true),
    ]
    // The first round warms caches up, and finds what does not fit.
    for translator in translators { _ = try translator(sources) }
    var times: [[Double]] = [[], []]
    let clock = ContinuousClock()
    let start = clock.now
    let batches = Double((sources.count + batch - 1) / batch)
    while times[1].count < 3 || start.duration(to: clock.now).seconds < seconds {
      for (i, translator) in translators.enumerated() {
        let begin = clock.now
        _ = try translator(sources)
        times[i].append(begin.duration(to: clock.now).seconds / batches)
      }
    }
    return InferenceTiming(
      batch: batch, threads: threads, layers: [], sparseSeconds: median(times[0]),
      denseSeconds: median(times[1]))
  }
}
