// P[(y, x), (ky, kx, c)] = X[y·s + ky − top, x·s + kx − left, c], and its adjoint: a convolution as a product.

/// Floats behind images and patches that copies of short runs may touch.
let overrun = 8

/// Writes the patches of one sample, row by row: `pixels × patch` floats.
///
/// A row of a patch is one contiguous run of the NHWC image, so this is a sequence of copies.
/// Not checked: `x` holds one sample, `patches` holds `pixels · patch` floats, and both go on for
/// ``overrun`` floats more, which may be read and overwritten.
@inline(__always)
func im2col(
  _ g: WindowGeometry, _ x: UnsafePointer<Float>, into patches: UnsafeMutablePointer<Float>
) {
  let c = g.input.channels
  let run = g.window.width * c
  let isShort = run <= 8
  var row = patches
  for oy in 0..<g.outHeight {
    let top = oy * g.window.strideY - g.padTop
    for ox in 0..<g.outWidth {
      let left = ox * g.window.strideX - g.padLeft
      // Columns of the window that lie inside the image.
      let first = max(0, -left)
      let last = max(first, min(g.window.width, g.input.width - left))
      for ky in 0..<g.window.height {
        let iy = top + ky
        if iy < 0 || iy >= g.input.height || first >= last {
          zero(row, run)
        } else {
          let source = x + (iy * g.input.width + left + first) * c
          if isShort && last - first == g.window.width {
            // A short run in one register; what it writes too much, the next run overwrites.
            UnsafeMutableRawPointer(row).storeBytes(
              of: UnsafeRawPointer(source).loadUnaligned(as: SIMD8<Float>.self),
              as: SIMD8<Float>.self)
            row += run
            continue
          }
          if first > 0 { zero(row, first * c) }
          copy(row + first * c, source, (last - first) * c)
          if last < g.window.width { zero(row + last * c, (g.window.width - last) * c) }
        }
        row += run
      }
    }
  }
}

/// Adds the patches of one sample back onto the image they came from: `x += Σ patches`.
///
/// Not checked: `x` holds one sample, `patches` holds `pixels · patch` floats.
@inline(__always)
func col2im(
  _ g: WindowGeometry, _ patches: UnsafePointer<Float>, addingTo x: UnsafeMutablePointer<Float>
) {
  let c = g.input.channels
  let run = g.window.width * c
  var row = patches
  for oy in 0..<g.outHeight {
    let top = oy * g.window.strideY - g.padTop
    for ox in 0..<g.outWidth {
      let left = ox * g.window.strideX - g.padLeft
      let first = max(0, -left)
      let last = max(first, min(g.window.width, g.input.width - left))
      for ky in 0..<g.window.height {
        let iy = top + ky
        if iy >= 0 && iy < g.input.height && first < last {
          accumulate(
            x + (iy * g.input.width + left + first) * c, row + first * c, (last - first) * c)
        }
        row += run
      }
    }
  }
}
