// rank[i] = #{j : |x[j]| > |x[i]|, or equal and j < i}: every element of a group against every other
//
// For groups of at most 32 this beats quickselect (16: 2.4 ns per weight against 10), because no branch
// depends on the weights; at 64 they are equal. One comparison per
// pair does for both orders, because a magnitude fits in 31 bits: to lanes behind j it counts as one more.

extension Float {
  static func largest(_ keep: Int, of length: Int, _ values: UnsafePointer<Float>) -> UInt64? {
    switch length {
    case 4: largestOf4(keep, values)
    case 8: largestOf8(keep, values)
    case 16: largestOf16s(keep, values, vectors: 1)
    case 32: largestOf16s(keep, values, vectors: 2)
    default: nil
    }
  }

  @inline(__always)
  private static func largestOf4(_ keep: Int, _ values: UnsafePointer<Float>) -> UInt64 {
    let x = UnsafeRawPointer(values).loadUnaligned(as: SIMD4<Int32>.self) & 0x7FFF_FFFF
    var rank = SIMD4<Int32>.zero
    // Lanes behind j.
    var behind = SIMD4<Int32>(0, 1, 1, 1)
    for j in 0..<4 {
      let other = SIMD4<Int32>(repeating: x[j]) &+ behind
      rank = rank.replacing(with: rank &+ 1, where: x .< other)
      if j < 3 { behind[j + 1] = 0 }
    }
    let kept = rank .< SIMD4<Int32>(repeating: Int32(truncatingIfNeeded: keep))
    let bits = SIMD4<Int32>.zero.replacing(with: SIMD4(1, 2, 4, 8), where: kept)
    return UInt64(UInt32(bitPattern: bits.wrappedSum()))
  }

  @inline(__always)
  private static func largestOf8(_ keep: Int, _ values: UnsafePointer<Float>) -> UInt64 {
    let x = UnsafeRawPointer(values).loadUnaligned(as: SIMD8<Int32>.self) & 0x7FFF_FFFF
    var rank = SIMD8<Int32>.zero
    let lane = SIMD8<Int32>(0, 1, 2, 3, 4, 5, 6, 7)
    for j in 0..<8 {
      let isBehind = SIMD8<Int32>(repeating: Int32(truncatingIfNeeded: j)) .< lane
      let other = SIMD8<Int32>(repeating: Int32(bitPattern: values[j].magnitudeBits))
      rank = rank.replacing(
        with: rank &+ 1, where: x .< other.replacing(with: other &+ 1, where: isBehind))
    }
    let kept = rank .< SIMD8<Int32>(repeating: Int32(truncatingIfNeeded: keep))
    let bits = SIMD8<Int32>.zero.replacing(
      with: SIMD8(1, 2, 4, 8, 16, 32, 64, 128), where: kept)
    return UInt64(UInt32(bitPattern: bits.wrappedSum()))
  }

  @inline(__always)
  private static func largestOf16s(
    _ keep: Int, _ values: UnsafePointer<Float>, vectors: Int
  ) -> UInt64 {
    let raw = UnsafeRawPointer(values)
    let lane = SIMD16<Int32>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
    let limit = SIMD16<Int32>(repeating: Int32(truncatingIfNeeded: keep))
    var word: UInt64 = 0
    for v in 0..<vectors {
      let x = raw.loadUnaligned(fromByteOffset: v * 64, as: SIMD16<Int32>.self) & 0x7FFF_FFFF
      var rank = SIMD16<Int32>.zero
      for j in 0..<vectors * 16 {
        let other = SIMD16<Int32>(repeating: Int32(bitPattern: values[j].magnitudeBits))
        let isBehind = SIMD16<Int32>(repeating: Int32(truncatingIfNeeded: j - v * 16)) .< lane
        rank = rank.replacing(
          with: rank &+ 1, where: x .< other.replacing(with: other &+ 1, where: isBehind))
      }
      let bits = SIMD16<Int32>.zero.replacing(with: .bitOfLane, where: rank .< limit)
      word |= UInt64(UInt32(bitPattern: bits.wrappedSum())) << UInt64(v * 16)
    }
    return word
  }
}
