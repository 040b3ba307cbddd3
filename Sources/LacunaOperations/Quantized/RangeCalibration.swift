// Numbers that passed by → the range whose 256 bytes serve them best.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How a range of activations is chosen from the numbers that were observed.
public enum RangeMethod: Hashable, Sendable, Codable {
  /// From the least to the greatest number: nothing is cut off.
  case minMax
  /// The middle share of the numbers, as much of the rest cut off on either side: 0.9999 drops one in 20 000 above
  /// and as many below. In 0…1, 0 excluded.
  case percentile(Double)
  /// The bounds at which bytes keep the distribution of the numbers best: the least Kullback–Leibler divergence of
  /// what is left after cutting and rounding (Migacz, *8-bit inference with TensorRT*, 2017).
  case entropy
}

/// Numbers from which no range can be chosen.
public enum RangeCalibrationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// So many of the numbers were NaN or infinite.
  case notFinite(numbers: Int)
  /// Nothing was observed.
  case nothingObserved
  /// A share outside of 0…1, or 0.
  case share(Double)

  /// One line that says what is wrong.
  public var description: String {
    switch self {
    case .notFinite(let numbers): "\(numbers) of the observed numbers are NaN or infinite"
    case .nothingObserved: "no number was observed"
    case .share(let share): "the share of a percentile is \(share), must be above 0 and at most 1"
    }
  }
}

/// A histogram of activations, and the ranges that it suggests.
///
///     var calibration = RangeCalibration()
///     for batch in batches { calibration.observe(batch) }
///     let scale = OutputScale(covering: try calibration.range(by: .entropy))
///
/// The histogram has 2048 bins of one width on either side of zero. A number beyond them doubles the width, so that
/// batches may come in any order and of any size.
public struct RangeCalibration: Sendable {
  private static let side = 2048

  /// The least and the greatest finite number so far, and 0.
  public private(set) var least: Float = 0, greatest: Float = 0
  /// Numbers observed, those that are not finite included.
  public private(set) var count = 0
  private var notFinite = 0, zeros = 0
  private var width: Float = 0
  /// Bin i holds numbers from (i − side) · width on; zeros are counted apart.
  private var bins = [Int](repeating: 0, count: 2 * side)

  /// An empty histogram.
  public init() {}

  /// Adds numbers.
  ///
  /// - Complexity: O(numbers)
  public mutating func observe(_ numbers: [Float]) {
    numbers.withUnsafeBufferPointer { observe($0) }
  }

  /// Adds numbers in memory.
  public mutating func observe(_ numbers: UnsafeBufferPointer<Float>) {
    count += numbers.count
    var largest: Float = 0
    for number in numbers where number.isFinite {
      least = min(least, number)
      greatest = max(greatest, number)
      largest = max(largest, abs(number))
    }
    widen(to: largest)
    for number in numbers {
      if !number.isFinite {
        notFinite += 1
      } else if number == 0 {
        zeros += 1
      } else {
        bins[bin(number)] += 1
      }
    }
  }

  private func bin(_ number: Float) -> Int {
    let place = (number / width).rounded(.down)
    return min(max(Int(place) + Self.side, 0), 2 * Self.side - 1)
  }

  /// Doubles the width until `largest` has a bin.
  private mutating func widen(to largest: Float) {
    if largest == 0 { return }
    let needed = max(largest / Float(Self.side), .leastNormalMagnitude)
    if width == 0 { width = needed }
    while width * Float(Self.side) < largest {
      var wider = [Int](repeating: 0, count: bins.count)
      for i in bins.indices { wider[(i - Self.side) >> 1 + Self.side] += bins[i] }
      (bins, width) = (wider, 2 * width)
    }
  }

  /// The range, which holds 0.
  ///
  /// - Throws: ``RangeCalibrationError``.
  /// - Complexity: O(1) but for ``RangeMethod/entropy``, which takes milliseconds.
  public func range(
    by method: RangeMethod
  ) throws(RangeCalibrationError) -> ClosedRange<Float> {
    if notFinite > 0 { throw .notFinite(numbers: notFinite) }
    if count == 0 { throw .nothingObserved }
    switch method {
    case .minMax: return least...greatest
    case .percentile(let share):
      if !(share > 0 && share <= 1) { throw .share(share) }
      return percentile(share)
    case .entropy: return entropy()
    }
  }

  private func percentile(_ share: Double) -> ClosedRange<Float> {
    // As many as may be cut off on one side.
    let most = Int(((1 - share) / 2 * Double(count)).rounded(.down))
    func cut(_ order: some Sequence<Int>) -> Int? {
      var passed = 0
      for i in order {
        passed += bins[i]
        if passed > most { return i }
      }
      return nil
    }
    // Zeros lie between the sides: a side whose numbers may all be cut off ends there.
    let low = cut(0..<Self.side).map { Float($0 - Self.side) * width } ?? 0
    let high = cut((Self.side..<2 * Self.side).reversed()).map { Float($0 - Self.side + 1) * width }
    return max(low, least)...min(high ?? 0, greatest)
  }

  private func entropy() -> ClosedRange<Float> {
    let first = bins.firstIndex { $0 > 0 } ?? Self.side
    let last = bins.lastIndex { $0 > 0 } ?? Self.side
    let reach = max(Self.side - first, last + 1 - Self.side)
    var (best, found) = (Double.infinity, reach)
    // Below 128 bins nothing is rounded, and bounds would only cut.
    for bound in stride(from: reach, through: min(128, reach), by: -8) {
      let divergence = divergence(cutAt: bound)
      if divergence < best { (best, found) = (divergence, bound) }
    }
    let bound = Float(found) * width
    return max(-bound, least)...min(bound, greatest)
  }

  /// How much the distribution suffers when numbers are cut at `bound` bins from zero and rounded to bytes.
  private func divergence(cutAt bound: Int) -> Double {
    let low = max(Self.side - bound, bins.firstIndex { $0 > 0 } ?? Self.side)
    let high = min(Self.side + bound, (bins.lastIndex { $0 > 0 } ?? Self.side) + 1)
    if low >= high { return 0 }
    var kept = bins[low..<high].map(Double.init)
    let total = kept.reduce(0, +)
    // What a byte stands for is spread over the bins that it holds.
    var rounded = kept
    let perByte = Double(kept.count) / 255
    var start = 0
    for byte in 0..<255 {
      let end = max(min(Int((Double(byte + 1) * perByte).rounded()), kept.count), start)
      let used = kept[start..<end].count { $0 > 0 }
      if used > 0 {
        let mean = kept[start..<end].reduce(0, +) / Double(used)
        for i in start..<end where kept[i] > 0 { rounded[i] = mean }
      }
      start = end
    }
    // What was cut off counts where it was cut to.
    kept[0] += Double(bins[..<low].reduce(0, +))
    kept[kept.count - 1] += Double(bins[high...].reduce(0, +))
    let all = kept.reduce(0, +)
    var sum = 0.0
    for (p, q) in zip(kept, rounded) where p > 0 {
      // A bin that only the cut filled: as if it held the least that is counted.
      sum += p / all * log(p / all / (max(q, 1e-4) / max(total, 1)))
    }
    return sum
  }
}
