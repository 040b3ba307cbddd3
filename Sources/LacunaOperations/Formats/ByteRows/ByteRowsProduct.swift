// Y ← bound((Wq·Xq − row sums · zeros) · scales + bias), a few right-hand sides at a time, weights row by row.

import CSIMD
import LacunaFormats

/// A product of 8-bit weights that lie row by row with few right-hand sides.
///
/// A right-hand side becomes one row of bytes, which the first-level cache holds up to 32 000 inputs; one reading of
/// the weights serves as many of them as the weights' kernel takes.
final class ByteRowsProduct: ProductBody {
  let name: String
  private let weights: any ByteRows
  private let quantized: QuantizedWeights
  private let layout: ProductLayout
  private let epilogue: EpilogueValues
  private let pack: Kernel
  private let range: Kernel
  private let requantize: Kernel

  init(
    _ weights: any ByteRows, _ quantized: QuantizedWeights, layout: ProductLayout,
    epilogue: EpilogueValues, table: KernelTable
  ) {
    (self.weights, self.quantized, name) = (weights, quantized, weights.name)
    (self.layout, self.epilogue) = (layout, epilogue)
    let type = quantized.activations.type == .f32 ? NumberType.f32 : .u8
    pack = table.kernel(.packQuads, variant: "rows", types: .quantized(type))!
    range = table.kernel(.range, variant: "rows", dtype: .f32)!
    requantize = table.kernel(.requantize, types: .quantized(.f32, output: .u8))!
  }

  var packedBytes: Int { weights.byteCount }

  private static func aligned(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }
  /// From the bytes of one right-hand side to those of the next.
  private var sideStride: Int {
    Self.aligned(max(weights.bytesOfSide, (quantized.columns + 3) / 4 * 4))
  }
  private var copyOffset: Int { weights.mostSides * sideStride }
  private var sumsOffset: Int { copyOffset + Self.aligned(quantized.columns * 4) }
  private var bytesOffset: Int {
    sumsOffset + Self.aligned(weights.mostSides * quantized.rows * 4)
  }

  /// Right-hand sides as bytes, one of them where it lies scattered, sums, and results as bytes.
  var workspaceBytes: Int { bytesOffset + quantized.rows }

  func usefulSlices(width: Int) -> Int { max(1, weights.blocks) }

  private func firstBlock(slice: Int, of slices: Int) -> Int {
    balancedCut(weights.blocks, slice: slice, of: slices) { weights.cost(before: $0) }
  }

  func run(
    _ call: ProductCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer
  ) {
    let first = firstBlock(slice: slice, of: slices)
    let end = firstBlock(slice: slice + 1, of: slices)
    if first == end { return }
    let height = byteBlockRows
    let rows = (first * height)..<min(end * height, quantized.rows)
    let tensor = tensorScale(call, workspace)
    let sums = ByteSums(
      pointer: (workspace + sumsOffset).assumingMemoryBound(to: Int32.self), stride: rows.count)
    var scales = InlineArray<4, ByteScale>(repeating: ByteScale(scale: 1, zero: 0))
    for start in stride(from: 0, to: call.width, by: weights.mostSides) {
      let count = min(weights.mostSides, call.width - start)
      for side in 0..<count {
        let x = contiguous(call, start + side, workspace)
        scales[side] = tensor ?? measured(x)
        packBytes(x, &scales[side], to: workspace + side * sideStride)
      }
      let sides = ByteSides(
        pointer: UnsafePointer(workspace.assumingMemoryBound(to: UInt8.self)), stride: sideStride,
        count: count)
      weights.multiply(sides, block: first, rows: rows.count, sums: sums)
      for side in 0..<count {
        finish(
          call, start + side, rows: rows, sums.pointer + side * sums.stride, scales[side],
          workspace)
      }
    }
  }

  /// A right-hand side in consecutive memory: where it lies, or copied.
  private func contiguous(
    _ call: ProductCall, _ side: Int, _ workspace: UnsafeMutableRawPointer
  ) -> UnsafeRawPointer {
    let size = quantized.activations.type.size
    if layout == .rows { return call.x + side * call.xStride * size }
    if call.xStride == 1 { return call.x }
    let copy = workspace + copyOffset
    func gather<Element: BitwiseCopyable>(_: Element.Type) {
      let (from, to) = (
        call.x.assumingMemoryBound(to: Element.self) + side,
        copy.assumingMemoryBound(to: Element.self)
      )
      for j in 0..<quantized.columns { to[j] = from[j * call.xStride] }
    }
    if size == 1 { gather(UInt8.self) } else { gather(UInt32.self) }
    return UnsafeRawPointer(copy)
  }

  private func tensorScale(_ call: ProductCall, _ workspace: UnsafeMutableRawPointer) -> ByteScale?
  {
    switch quantized.activations.range {
    case .fixed(let scale, let zeroPoint):
      return ByteScale(scale: scale, zeroPoint: zeroPoint, of: quantized.activations.type)
    case .perSide: return nil
    case .perTensor:
      var (low, high): (Float, Float) = (0, 0)
      for side in 0..<call.width { widen(&low, &high, to: contiguous(call, side, workspace)) }
      return ByteScale(low: low, high: high)
    }
  }

  private func measured(_ x: UnsafeRawPointer) -> ByteScale {
    var (low, high): (Float, Float) = (0, 0)
    widen(&low, &high, to: x)
    return ByteScale(low: low, high: high)
  }

  private func widen(_ low: inout Float, _ high: inout Float, to x: UnsafeRawPointer) {
    withUnsafeMutablePointer(to: &low) { low in
      withUnsafeMutablePointer(to: &high) { high in
        var arguments = lcn_range_args(
          source: x.assumingMemoryBound(to: Float.self), sourceStride: 0,
          inputs: Int64(quantized.columns), columns: 1, lowest: low, highest: high)
        range.call(&arguments)
      }
    }
  }

  /// The unsigned bytes of a right-hand side; a scale of NaN when it holds NaN.
  private func packBytes(
    _ x: UnsafeRawPointer, _ scale: inout ByteScale, to target: UnsafeMutableRawPointer
  ) {
    var (inverse, zero, factor) = (scale.inverse, scale.zero, scale.scale)
    withUnsafePointer(to: &inverse) { inverse in
      withUnsafePointer(to: &zero) { zero in
        withUnsafeMutablePointer(to: &factor) { factor in
          var arguments = lcn_quad_pack_args(
            source: x, sourceStride: 0, target: target.assumingMemoryBound(to: Int32.self),
            targetStride: 1, inputs: Int64(quantized.columns), columns: 1, paddedColumns: 1,
            flip: quantized.activations.flip, inverses: inverse, zeros: zero, scales: factor)
          pack.call(&arguments)
        }
      }
    }
    scale = ByteScale(scale: factor, zero: scale.zero)
  }

  /// Sums become results where they lie, and go to their places in Y.
  private func finish(
    _ call: ProductCall, _ side: Int, rows: Range<Int>, _ sums: UnsafeMutablePointer<Int32>,
    _ scale: ByteScale, _ workspace: UnsafeMutableRawPointer
  ) {
    let bias = epilogue.bias.assumingMemoryBound(to: Float.self)
    let (lower, upper) = (Float(epilogue.lower), Float(epilogue.upper))
    for i in 0..<rows.count {
      let row = rows.lowerBound + i
      let exact = sums[i] &- quantized.rowSums.pointer[row] &* scale.zero
      // Each operation rounds on its own, as in the other kernels; NaN passes both bounds.
      let scaled = Float(exact) * (quantized.rowScales.pointer[row] * scale.scale)
      let y = scaled + bias[row]
      let raised = lower > y ? lower : y
      sums[i] = Int32(bitPattern: (upper < raised ? upper : raised).bitPattern)
    }
    epilogue.activate(
      UnsafeMutableRawPointer(sums), rows: 1, columns: rows.count, stride: rows.count)
    let step = layout == .columns ? call.yStride : 1
    let place =
      layout == .columns
      ? rows.lowerBound * step + side : side * call.yStride + rows.lowerBound
    guard let output = quantized.output else {
      let y = call.y.assumingMemoryBound(to: Int32.self) + place
      for i in 0..<rows.count { y[i * step] = sums[i] }
      return
    }
    let bytes = (workspace + bytesOffset).assumingMemoryBound(to: UInt8.self)
    var arguments = lcn_requantize_args(
      source: UnsafeRawPointer(sums).assumingMemoryBound(to: Float.self), sourceStride: 0,
      target: bytes, targetStride: 0, rows: 1, columns: Int64(rows.count),
      inverse: output.scale.inverse, zero: output.scale.zero, flip: output.flip)
    requantize.call(&arguments)
    let y = call.y.assumingMemoryBound(to: UInt8.self) + place
    for i in 0..<rows.count { y[i * step] = bytes[i] }
  }
}
