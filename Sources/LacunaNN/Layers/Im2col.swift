// P[(y, x), (ky, kx, c)] = X[y·s + ky − top, x·s + kx − left, c], and its adjoint: a convolution as a product.

/// Writes the patches of one sample, row by row: `pixels × patch` floats.
///
/// A row of a patch is one contiguous run of the NHWC image, so this is a sequence of copies.
/// Not checked: `x` holds one sample, `patches` holds `pixels · patch` floats.
@inline(__always)
func im2col(
  _ g: WindowGeometry, _ x: UnsafePointer<Float>, into patches: UnsafeMutablePointer<Float>
) {
  let c = g.input.channels
  let run = g.window.width * c
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
