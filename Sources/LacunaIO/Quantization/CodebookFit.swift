// min Σ (w − level(w))² / Σ w² + λ · bits: entropy-constrained quantisation of one tensor.
//
// Lloyd's algorithm with the length of the code in the cost (Chou, Lookabaugh and Gray 1989). A weight goes to the
// level whose error and bits together cost least: not the nearest one, but one that is near and frequent. Zero is a
// level, too, and its code is the shortest there is: a weight that is left out takes −log₂(1 − density) bits, one
// that is stored −log₂ density for its place besides −log₂ of its level's share. A larger λ thus prunes, thins out
// the levels and shortens the code of those that are left.
//
// Levels are the multiples of one step, or each is the mean of its weights (k-means). A grid costs the same four
// bytes a level in the file, but its fit has one parameter and finds its way out of bad starts. The means start
// from the grid, and from levels that lie closer where values are: of values with heavy tails a grid leaves nearly
// all on its two innermost levels, and the means cannot leave them.

import LacunaFormats

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The levels of one tensor.
package struct CodebookFit {
  /// From the lowest up, zero among them.
  private var levels: [Double]
  /// Bits of a weight on each level, its place included.
  private var bits: [Double]
  private var zero: Int
  /// Values below the first threshold go to the first of `choices`, others on.
  private var thresholds: [Double] = []
  private var choices: [Int] = []
  /// Σ (w − level)² / Σ w², 0 for a tensor of zeros.
  private(set) var error = 0.0
  /// ``error`` `+ λ · bits`, those of all elements and of the book itself.
  private(set) var cost = Double.infinity
  /// What a squared unit of error costs, and a bit.
  private let (weight, slope): (Double, Double)

  /// Bits of a level in the file: the number, and its share in the table of the coder.
  private static let bitsOfLevel = 32.0 + 8
  private static let rounds = 16
  /// Levels on each side of zero that are tried.
  private static let sides = [1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 48, 64, 96, 127]
  /// Where the outermost level starts, over the largest value: there, or where most values are.
  private static let reaches = [1, 0.7, 0.5]

  /// The best levels found, of at most `most` besides zero, where a bit is worth `slope`.
  package static func best(_ values: ValueHistogram, most: Int, slope: Double) -> CodebookFit {
    var best: CodebookFit?
    func offer(_ fit: CodebookFit) { if fit.cost < best?.cost ?? .infinity { best = fit } }
    for side in sides where 2 * side <= most {
      let grids = reaches.map { reach in
        var fit = CodebookFit(
          values, step: reach * values.largest / (Double(side) + 0.5), side: side, slope)
        fit.refine(values, isGrid: true)
        return fit
      }
      var means = grids.min { $0.cost < $1.cost }!
      offer(means)
      means.refine(values, isGrid: false)
      offer(means)
      var spread = CodebookFit(values, spread: 2 * side, slope)
      spread.refine(values, isGrid: false)
      offer(spread)
    }
    best!.settle(values)
    return best!
  }

  /// Levels at `−side · step ... side · step`, all of them equally likely.
  private init(_ values: ValueHistogram, step: Double, side: Int, _ slope: Double) {
    levels = (-side...side).map { Double($0) * step }
    zero = side
    (weight, self.slope) = (values.squares == 0 ? 1 : 1 / values.squares, slope)
    bits = []
    setBits(
      counts: levels.map { _ in values.count / Double(2 * side + 1) }, values,
      stored: values.count)
  }

  /// At most `count` levels besides zero, as many in each part of the cube root of the density: what costs
  /// least where there are many of them (Panter and Dite 1951). All of them equally likely.
  private init(_ values: ValueHistogram, spread count: Int, _ slope: Double) {
    let roots = values.bins.map { cbrt($0.count) }
    let step = roots.reduce(0, +) / Double(count)
    var (found, passed) = ([Double](), 0.0)
    for (bin, root) in zip(values.bins, roots) {
      passed += root
      // The middle of the next part lies in this bin. A level at zero is there already.
      if found.count < count && passed >= (Double(found.count) + 0.5) * step && bin.sum != 0 {
        found.append(bin.sum / bin.count)
      }
    }
    zero = found.firstIndex { $0 > 0 } ?? found.count
    found.insert(0, at: zero)
    levels = found
    (weight, self.slope) = (values.squares == 0 ? 1 : 1 / values.squares, slope)
    bits = []
    setBits(
      counts: levels.map { _ in values.count / Double(levels.count) }, values,
      stored: values.count)
  }

  private mutating func refine(_ values: ValueHistogram, isGrid: Bool) {
    for _ in 0..<Self.rounds {
      let before = cost
      let (counts, sums) = assign(values)
      if before - cost < 1e-4 * before { return }
      move(counts, sums, isGrid: isGrid)
    }
    _ = assign(values)
  }

  /// Every value to the level that costs it least; then the bits that follow from how many went where.
  private mutating func assign(_ values: ValueHistogram) -> (counts: [Double], sums: [Double]) {
    let (counts, sums, distortion) = distribute(values)
    let stored = values.count - counts[zero]
    setBits(counts: counts, values, stored: stored)
    var length = bits[zero] * (values.cells - stored)
    for k in levels.indices where k != zero && counts[k] > 0 {
      length += counts[k] * bits[k] + Self.bitsOfLevel
    }
    cost = weight * distortion + slope * length
    return (counts, sums)
  }

  /// What the thresholds make of the values.
  private func distribute(
    _ values: ValueHistogram
  ) -> (counts: [Double], sums: [Double], distortion: Double) {
    var counts = [Double](repeating: 0, count: levels.count)
    var sums = counts
    var (distortion, interval) = (values.within, 0)
    for bin in values.bins {
      let mean = bin.sum / bin.count
      while interval < thresholds.count && mean >= thresholds[interval] { interval += 1 }
      let k = choices[interval]
      counts[k] += bin.count
      sums[k] += bin.sum
      distortion += bin.count * (mean - levels[k]) * (mean - levels[k])
    }
    return (counts, sums, distortion)
  }

  /// Thresholds to the edges of bins, so that the error is that of the values and not of a histogram: at a
  /// threshold the cost is the same on both sides, but not the error.
  private mutating func settle(_ values: ValueHistogram) {
    thresholds = thresholds.map { values.edge(near: $0) }
    error = values.squares == 0 ? 0 : distribute(values).distortion / values.squares
  }

  /// Levels to where their values are; of the means, those without values are given up.
  private mutating func move(_ counts: [Double], _ sums: [Double], isGrid: Bool) {
    if isGrid {
      var (product, square) = (0.0, 0.0)
      for k in levels.indices {
        product += Double(k - zero) * sums[k]
        square += Double((k - zero) * (k - zero)) * counts[k]
      }
      if square > 0 {
        for k in levels.indices { levels[k] = Double(k - zero) * product / square }
      }
    } else {
      let kept = levels.indices.filter { $0 == zero || counts[$0] > 0 }
      for k in kept where k != zero { levels[k] = sums[k] / counts[k] }
      (levels, bits) = (kept.map { levels[$0] }, kept.map { bits[$0] })
      zero = kept.firstIndex(of: zero)!
    }
    setThresholds()
  }

  /// Half a value more on each level, so that none is endless.
  private mutating func setBits(counts: [Double], _ values: ValueHistogram, stored: Double) {
    let empty = -log2((values.cells - stored + 0.5) / (values.cells + 1))
    let place = -log2((stored + 0.5) / (values.cells + 1))
    let all = stored + 0.5 * Double(levels.count)
    bits = counts.map { place - log2(($0 + 0.5) / all) }
    bits[zero] = empty
    setThresholds()
  }

  /// As functions of the value the costs are parabolas of one width: less w², lines. The lowest of them, from
  /// left to right.
  private mutating func setThresholds() {
    (thresholds, choices) = ([], [])
    func offset(_ k: Int) -> Double { weight * levels[k] * levels[k] + slope * bits[k] }
    for k in levels.indices {
      var from = -Double.infinity
      var isNeeded = true
      while let last = choices.last {
        if levels[k] <= levels[last] {
          isNeeded = offset(k) < offset(last)
          from = thresholds.last ?? -.infinity
          if !isNeeded { break }
        } else {
          from = (offset(k) - offset(last)) / (2 * weight * (levels[k] - levels[last]))
          if from > thresholds.last ?? -.infinity { break }
        }
        // The last one is nowhere the lowest.
        choices.removeLast()
        if !thresholds.isEmpty { thresholds.removeLast() }
        from = -.infinity
      }
      if !isNeeded { continue }
      if !choices.isEmpty { thresholds.append(from) }
      choices.append(k)
    }
  }

  /// Where the levels change, and the level of each interval between: values below the first threshold go to
  /// the first level.
  package var steps: (thresholds: [Float], levels: [Float]) {
    (thresholds.map { Float($0) }, choices.map { Float(levels[$0]) })
  }

  /// The matrix on these levels.
  package func codes(_ matrix: CSRMatrix<Float>) -> CodebookCSR {
    func interval(_ value: Float) -> Int {
      var (low, high) = (0, thresholds.count)
      while low < high {
        let middle = (low + high) / 2
        if Double(value) < thresholds[middle] { high = middle } else { low = middle + 1 }
      }
      return low
    }
    // Levels that no value is on have no place in the book.
    var used = [Bool](repeating: false, count: choices.count)
    for value in matrix.values where value != 0 { used[interval(value)] = true }
    var (book, codes): ([Float], [UInt8?]) = ([], [])
    for (number, k) in choices.enumerated() {
      let isStored = used[number] && k != zero
      codes.append(isStored ? UInt8(book.count) : nil)
      if isStored { book.append(Float(levels[k])) }
    }
    return CodebookCSR(matrix, codebook: book) { $0 == 0 ? nil : codes[interval($0)] }
  }
}
