// Twelve chains a ← a + b·c that never leave registers: what they sustain is the machine's peak rate.

import CSIMD

#if LACUNA_V4
  private typealias LanesF32 = SIMD16<Float>
  private typealias LanesF64 = SIMD8<Double>
#elseif LACUNA_V3
  private typealias LanesF32 = SIMD8<Float>
  private typealias LanesF64 = SIMD4<Double>
#else
  private typealias LanesF32 = SIMD4<Float>
  private typealias LanesF64 = SIMD2<Double>
#endif

#if LACUNA_V3 || LACUNA_V4
  @inline(__always)
  private func step(_ a: LanesF32, _ b: LanesF32, _ c: LanesF32) -> LanesF32 {
    a.addingProduct(b, c)
  }
  @inline(__always)
  private func step(_ a: LanesF64, _ b: LanesF64, _ c: LanesF64) -> LanesF64 {
    a.addingProduct(b, c)
  }
#else
  @inline(__always)
  private func step(_ a: LanesF32, _ b: LanesF32, _ c: LanesF32) -> LanesF32 { a + b * c }
  @inline(__always)
  private func step(_ a: LanesF64, _ b: LanesF64, _ c: LanesF64) -> LanesF64 { a + b * c }
#endif

// Four cycles of latency times two units need eight chains; twelve also fit in 16 registers.

/// Runs rounds of twelve chains of one register each; their sum goes behind the three operands.
func multiplyAddPeakF32(_ a: UnsafePointer<lcn_peak_args>) {
  let operands = a.pointee.operands.assumingMemoryBound(to: Float.self)
  let (b, c) = (LanesF32(repeating: operands[1]), LanesF32(repeating: operands[2]))
  let start = LanesF32(repeating: operands[0])
  var (a0, a1, a2, a3, a4, a5) = (start, start + b, start + c, start - b, start - c, b)
  var (a6, a7, a8, a9, a10, a11) = (c, b + c, b - c, c - b, start + start, b + b)
  for _ in 0..<Int(a.pointee.rounds) {
    a0 = step(a0, b, c)
    a1 = step(a1, b, c)
    a2 = step(a2, b, c)
    a3 = step(a3, b, c)
    a4 = step(a4, b, c)
    a5 = step(a5, b, c)
    a6 = step(a6, b, c)
    a7 = step(a7, b, c)
    a8 = step(a8, b, c)
    a9 = step(a9, b, c)
    a10 = step(a10, b, c)
    a11 = step(a11, b, c)
  }
  let sum = ((a0 + a1) + (a2 + a3)) + ((a4 + a5) + (a6 + a7)) + ((a8 + a9) + (a10 + a11))
  var total: Float = 0
  for lane in 0..<LanesF32.scalarCount { total += sum[lane] }
  operands[3] = total
}

/// The f64 twin of ``multiplyAddPeakF32(_:)``.
func multiplyAddPeakF64(_ a: UnsafePointer<lcn_peak_args>) {
  let operands = a.pointee.operands.assumingMemoryBound(to: Double.self)
  let (b, c) = (LanesF64(repeating: operands[1]), LanesF64(repeating: operands[2]))
  let start = LanesF64(repeating: operands[0])
  var (a0, a1, a2, a3, a4, a5) = (start, start + b, start + c, start - b, start - c, b)
  var (a6, a7, a8, a9, a10, a11) = (c, b + c, b - c, c - b, start + start, b + b)
  for _ in 0..<Int(a.pointee.rounds) {
    a0 = step(a0, b, c)
    a1 = step(a1, b, c)
    a2 = step(a2, b, c)
    a3 = step(a3, b, c)
    a4 = step(a4, b, c)
    a5 = step(a5, b, c)
    a6 = step(a6, b, c)
    a7 = step(a7, b, c)
    a8 = step(a8, b, c)
    a9 = step(a9, b, c)
    a10 = step(a10, b, c)
    a11 = step(a11, b, c)
  }
  let sum = ((a0 + a1) + (a2 + a3)) + ((a4 + a5) + (a6 + a7)) + ((a8 + a9) + (a10 + a11))
  var total: Double = 0
  for lane in 0..<LanesF64.scalarCount { total += sum[lane] }
  operands[3] = total
}
