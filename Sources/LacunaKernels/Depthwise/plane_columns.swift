// Planes of results by kernels of 3×3 and 5×5 without zeros at strides of 1 and 2, straight from the image.
//
// Bringing a band takes as long as summing from it. A register of columns goes down the plane instead, four to eight rows at a
// time, and reads the image itself: lanes outside of it are zeros by the masks of the loads, which are the same for all rows, and
// rows outside of it are a row of zeros. A load serves up to as many rows of results as the kernel has rows, and weights stay in
// registers; at stride 2 two loads make the even columns and the odd ones. Of two registers of columns at a time sums and weights
// leave no room for loads (three quarters of the speed). Each sum adds its taps in the order of the others. It takes two thirds of the
// time of bands: 48 channels of 48×48 by 3×3 at stride 1 11.9 µs for 19.1 (AMD Zen 5, in the second-level cache).

import CSIMD

#if LACUNA_V4
  /// All planes of a call, `rows` rows at a time.
  ///
  /// Columns of more than one register walk over a plane in an order that no processor foresees. Where planes come from memory,
  /// the next ones of the image and of results are asked for in the meantime, a share with each step of each call: 16 images of
  /// 144×56×56 take 1.5 ms for 5.1, and 3.8 by bands.
  @inline(__always)
  private func sumColumns(
    _ a: lcn_depthwise_args, size: Int32, stride: Int32, rows: Int32, isFar: Bool
  ) {
    let floats = Float.self
    let zeros = a.band.assumingMemoryBound(to: floats)
    clear(a.band, Int(a.width), VectorF32.self)
    let (image, result) = (Int(a.height &* a.width), Int(a.outputHeight &* a.outputWidth))
    let multiplier = Int(a.multiplier)
    let calls = (Int(a.outputWidth) &+ VectorF32.count &- 1) / VectorF32.count
    let steps = (Int(a.outputHeight) &+ Int(rows) &- 1) / Int(rows)
    func share(_ elements: Int) -> Int {
      (elements &* 4 / 64 &+ calls &* steps) / (calls &* steps)
    }
    let (lines, yLines) = (share(image), share(result))
    withUnsafePointer(to: a) { a in
      let (taps, bias) = (
        a.pointee.weights.assumingMemoryBound(to: floats),
        a.pointee.bias.assumingMemoryBound(to: floats)
      )
      var plane = a.pointee.x.assumingMemoryBound(to: floats)
      var y = a.pointee.y.assumingMemoryBound(to: floats)
      var f = 0
      for _ in 0..<Int(a.pointee.channels) {
        for _ in 0..<multiplier {
          for call in 0..<calls {
            let done = call &* steps &* 64
            lcn_plane_columns_f32(
              a, size, stride, rows, isFar ? 1 : 0, plane, y, taps + Int(a.pointee.starts[f]),
              bias[f],
              Int64(call &* VectorF32.count), zeros,
              UnsafeRawPointer(plane + image) + done &* lines,
              Int64(lines), UnsafeRawPointer(y + result) + done &* yLines, Int64(yLines))
          }
          y += result
          f &+= 1
        }
        plane += image
      }
    }
  }

  /// Whether it computed the call: not where a tap is zero, where there are fewer rows than four, and for other kernels.
  @inline(__always)
  func sumColumns(_ a: UnsafePointer<lcn_depthwise_args>) -> Bool {
    let (square, filters) = (a.pointee.square, Int(a.pointee.channels &* a.pointee.multiplier))
    let taps = Int(a.pointee.starts[filters]) &- Int(a.pointee.starts[0])
    if square == 0 || a.pointee.outputHeight < 4 || taps < filters &* Int(square &* square) {
      return false
    }
    if a.pointee.isFar != 0 && a.pointee.outputWidth > VectorF32.count {
      sumFarColumns(a)
    } else {
      sumNearColumns(a)
    }
    return true
  }

  // In one function the compiler would not unroll all of their loops.
  @inline(never)
  private func sumNearColumns(_ a: UnsafePointer<lcn_depthwise_args>) {
    sumColumns(a.pointee, isFar: false)
  }

  @inline(never)
  private func sumFarColumns(_ a: UnsafePointer<lcn_depthwise_args>) {
    sumColumns(a.pointee, isFar: true)
  }

  @inline(__always)
  private func sumColumns(_ a: lcn_depthwise_args, isFar: Bool) {
    let (bySeven, byEight) = (a.outputHeight % 7 == 0, a.outputHeight % 8 == 0)
    switch (a.square, a.strideX) {
    case (3, 1):
      if bySeven {
        sumColumns(a, size: 3, stride: 1, rows: 7, isFar: isFar)
      } else if byEight {
        sumColumns(a, size: 3, stride: 1, rows: 8, isFar: isFar)
      } else {
        sumColumns(a, size: 3, stride: 1, rows: 4, isFar: isFar)
      }
    case (3, _):
      if bySeven {
        sumColumns(a, size: 3, stride: 2, rows: 7, isFar: isFar)
      } else {
        sumColumns(a, size: 3, stride: 2, rows: 4, isFar: isFar)
      }
    case (_, 1):
      if bySeven {
        sumColumns(a, size: 5, stride: 1, rows: 7, isFar: isFar)
      } else {
        sumColumns(a, size: 5, stride: 1, rows: 4, isFar: isFar)
      }
    default:
      if bySeven {
        sumColumns(a, size: 5, stride: 2, rows: 7, isFar: isFar)
      } else {
        sumColumns(a, size: 5, stride: 2, rows: 4, isFar: isFar)
      }
    }
  }
#endif
