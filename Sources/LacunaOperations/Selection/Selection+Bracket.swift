// The two selections behind one front: a sampled bracket, and a radix histogram for when it misses.

import CSIMD

/// The kernels that work on magnitudes of one element type.
protocol Magnitudes {
  associatedtype Bits: FixedWidthInteger & UnsignedInteger & BitwiseCopyable
  /// Bits of infinity; everything above is NaN.
  static var infinity: Bits { get }
  static func bracket(
    _ x: UnsafePointer<Bits>, _ count: Int, _ low: Bits, _ high: Bits,
    _ out: UnsafeMutablePointer<Bits>, _ state: inout lcn_select_state
  ) -> UnsafeMutablePointer<Bits>
  static func histogram(
    _ x: UnsafePointer<Bits>, _ count: Int, _ prefix: Bits, _ prefixShift: Int, _ shift: Int,
    _ mask: Bits, _ bins: UnsafeMutablePointer<Int64>)
}

enum F32Magnitudes: Magnitudes {
  static var infinity: UInt32 { Float.infinity.bitPattern }
  static func bracket(
    _ x: UnsafePointer<UInt32>, _ count: Int, _ low: UInt32, _ high: UInt32,
    _ out: UnsafeMutablePointer<UInt32>, _ state: inout lcn_select_state
  ) -> UnsafeMutablePointer<UInt32> {
    callBracket(bracketKernelF32, x, count, low, high, out, &state)
  }
  static func histogram(
    _ x: UnsafePointer<UInt32>, _ count: Int, _ prefix: UInt32, _ prefixShift: Int, _ shift: Int,
    _ mask: UInt32, _ bins: UnsafeMutablePointer<Int64>
  ) {
    callHistogram(histogramKernelF32, x, count, prefix, prefixShift, shift, mask, bins)
  }
}

enum F64Magnitudes: Magnitudes {
  static var infinity: UInt64 { Double.infinity.bitPattern }
  static func bracket(
    _ x: UnsafePointer<UInt64>, _ count: Int, _ low: UInt64, _ high: UInt64,
    _ out: UnsafeMutablePointer<UInt64>, _ state: inout lcn_select_state
  ) -> UnsafeMutablePointer<UInt64> {
    callBracket(bracketKernelF64, x, count, low, high, out, &state)
  }
  static func histogram(
    _ x: UnsafePointer<UInt64>, _ count: Int, _ prefix: UInt64, _ prefixShift: Int, _ shift: Int,
    _ mask: UInt64, _ bins: UnsafeMutablePointer<Int64>
  ) {
    callHistogram(histogramKernelF64, x, count, prefix, prefixShift, shift, mask, bins)
  }
}

// Looked up once: selection calls them for every few thousand weights.
private let bracketKernelF32 = KernelTable.selected.kernel(.selectBracket, dtype: .f32)!
private let bracketKernelF64 = KernelTable.selected.kernel(.selectBracket, dtype: .f64)!
private let histogramKernelF32 = KernelTable.selected.kernel(.magnitudeHistogram, dtype: .f32)!
private let histogramKernelF64 = KernelTable.selected.kernel(.magnitudeHistogram, dtype: .f64)!

/// Calls a kernel of `magnitudeHistogram`.
private func callHistogram<Bits: FixedWidthInteger & UnsignedInteger>(
  _ kernel: Kernel, _ x: UnsafePointer<Bits>, _ count: Int, _ prefix: Bits, _ prefixShift: Int,
  _ shift: Int, _ mask: Bits, _ bins: UnsafeMutablePointer<Int64>
) {
  var arguments = lcn_histogram_args(
    x: x, count: Int64(count), prefix: UInt64(prefix), prefixShift: Int64(prefixShift),
    shift: Int64(shift), mask: UInt64(mask), bins: bins)
  withUnsafePointer(to: &arguments) { kernel.call($0) }
}

/// Calls a kernel of `selectBracket`; returns the end of what it appended to `out`.
private func callBracket<Bits: FixedWidthInteger & UnsignedInteger>(
  _ kernel: Kernel, _ x: UnsafePointer<Bits>, _ count: Int, _ low: Bits, _ high: Bits,
  _ out: UnsafeMutablePointer<Bits>, _ state: inout lcn_select_state
) -> UnsafeMutablePointer<Bits> {
  withUnsafeMutablePointer(to: &state) { state in
    var arguments = lcn_select_args(
      x: x, count: Int64(count), low: UInt64(low), high: UInt64(high), end: out, state: state)
    withUnsafeMutablePointer(to: &arguments) { kernel.call($0) }
    return arguments.end.assumingMemoryBound(to: Bits.self)
  }
}

extension Selection {
  /// Below this many weights the sample would be most of the data.
  private static let bracketMinimum = 1 << 15
  /// Sampled weights: 2^14 put the k-th value within ±1.6 % of the ranks at four standard deviations.
  private static let sampleCount = 1 << 14
  /// Weights per kernel call: the buffer is grown between calls, not inside.
  private static let chunk = 1 << 12

  static func select<M: Magnitudes>(
    _ kernels: M.Type, _ tensors: [UnsafeBufferPointer<M.Bits>], k: Int, count: Int
  ) throws(SelectionError) -> (bits: M.Bits, above: Int, equal: Int) {
    if count >= bracketMinimum, let found = try bracketSelect(kernels, tensors, k: k, count: count)
    {
      return found
    }
    if let error = firstNaN(kernels, tensors) { throw error }
    return radixSelect(kernels, tensors, k: k)
  }

  /// nil when the k-th magnitude lies outside the sampled bracket, or too many lie inside.
  private static func bracketSelect<M: Magnitudes>(
    _ kernels: M.Type, _ tensors: [UnsafeBufferPointer<M.Bits>], k: Int, count: Int
  ) throws(SelectionError) -> (bits: M.Bits, above: Int, equal: Int)? {
    let (low, high) = sampleBracket(kernels, tensors, k: k, count: count)
    // Twice what ±1.6 % of the ranks hold; more means that the sample misled.
    let capacity = count / 16 + chunk + 16
    let buffer = UnsafeMutablePointer<M.Bits>.allocate(capacity: capacity)
    defer { buffer.deallocate() }
    var state = lcn_select_state()
    var end = buffer
    for t in tensors {
      guard let base = t.baseAddress else { continue }
      var start = 0
      while start < t.count {
        if end - buffer > capacity - chunk - 16 { return nil }
        let n = min(chunk, t.count - start)
        end = M.bracket(base + start, n, low, high, end, &state)
        start += n
      }
    }
    if state.maximum > UInt64(M.infinity), let error = firstNaN(kernels, tensors) { throw error }
    var above = Int(state.above)
    if k <= above { return nil }
    if k <= above + Int(state.equal_high) { return (high, above, Int(state.equal_high)) }
    above += Int(state.equal_high)
    let inside = Int(state.inside)
    if k <= above + inside {
      let found = radixSelect(
        kernels, [UnsafeBufferPointer(start: buffer, count: inside)], k: k - above)
      return (found.bits, above + found.above, found.equal)
    }
    above += inside
    if low < high, k <= above + Int(state.equal_low) { return (low, above, Int(state.equal_low)) }
    return nil
  }

  /// Two magnitudes of an evenly spaced, jittered sample between which the k-th very likely lies.
  private static func sampleBracket<M: Magnitudes>(
    _ kernels: M.Type, _ tensors: [UnsafeBufferPointer<M.Bits>], k: Int, count: Int
  ) -> (low: M.Bits, high: M.Bits) {
    let magnitude = M.Bits.max >> 1
    var sampled: [M.Bits] = []
    sampled.reserveCapacity(2 * sampleCount)
    let step = count / sampleCount
    // Jitter, because weights often repeat with the period of a row.
    var random: UInt64 = 0x9E37_79B9_7F4A_7C15
    var position = 0
    var start = 0
    for t in tensors {
      while position < start + t.count {
        sampled.append(t[position - start] & magnitude)
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        position += step / 2 + 1 + Int(truncatingIfNeeded: (random >> 33) % UInt64(max(step, 1)))
      }
      start += t.count
    }
    return sampled.withUnsafeBufferPointer { buffer in bracket(kernels, buffer, k: k, count: count)
    }
  }

  /// The sample's magnitudes four standard deviations of the rank above and below the k-th.
  private static func bracket<M: Magnitudes>(
    _ kernels: M.Type, _ buffer: UnsafeBufferPointer<M.Bits>, k: Int, count: Int
  ) -> (low: M.Bits, high: M.Bits) {
    let magnitude = M.Bits.max >> 1
    let sample = [buffer]
    let share = Double(k) / Double(count)
    let rank = share * Double(buffer.count)
    let margin = 4 * (Double(buffer.count) * share * (1 - share)).squareRoot() + 2
    let (lowRank, highRank) = (Int(rank + margin) + 1, Int(rank - margin))
    // The sample may hold NaN, which orders above infinity here and is refused later.
    let high = highRank < 1 ? magnitude : radixSelect(kernels, sample, k: highRank).bits
    let low = lowRank > buffer.count ? 0 : radixSelect(kernels, sample, k: lowRank).bits
    return (low, max(low, min(high, M.infinity)))
  }

  /// Fixes 11 bits of the answer per pass over the tensors.
  private static func radixSelect<M: Magnitudes>(
    _ kernels: M.Type, _ tensors: [UnsafeBufferPointer<M.Bits>], k: Int
  ) -> (bits: M.Bits, above: Int, equal: Int) {
    let bins = UnsafeMutablePointer<Int64>.allocate(capacity: 2 << 11)
    defer { bins.deallocate() }
    var (prefix, remaining, above, equal) = (M.Bits(0), M.Bits.bitWidth - 1, 0, 0)
    while remaining > 0 {
      let width = min(11, remaining)
      let shift = remaining - width
      bins.initialize(repeating: 0, count: 2 << width)
      let mask = (M.Bits(1) << M.Bits(width)) - 1
      for t in tensors {
        guard let base = t.baseAddress else { continue }
        M.histogram(base, t.count, prefix, remaining, shift, mask, bins)
      }
      var digit = Int(mask)
      while true {
        equal = Int(bins[digit] + bins[digit + Int(mask) + 1])
        if above + equal >= k { break }
        above += equal
        digit -= 1
      }
      prefix = prefix << M.Bits(width) | M.Bits(digit)
      remaining = shift
    }
    return (prefix, above, equal)
  }

  /// The error for the first NaN, nil when there is none.
  private static func firstNaN<M: Magnitudes>(
    _ kernels: M.Type, _ tensors: [UnsafeBufferPointer<M.Bits>]
  ) -> SelectionError? {
    for (number, t) in tensors.enumerated() {
      for i in 0..<t.count where t[i] & (M.Bits.max >> 1) > M.infinity {
        return .notANumber(tensor: number, index: i)
      }
    }
    return nil
  }
}
