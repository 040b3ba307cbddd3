// Weights in groups of rows, step by step: the streams that a window kernel reads.

import LacunaFormats

/// Packed weights of the window format.
///
///     group 0: rows 0…15        lane      0     1     2    …
///     step 0, window at block 0         w₀,₁  w₁,₀  w₂,₅         place  1  0  5 …
///     step 1, window at block 0         w₀,₉  w₁,₂  w₂,₇         place  9  2  7 …
///     step 2, window at block 1         w₀,₂₂ w₁,₃₀ 0            place  6 14 31 …
///
/// An f32 step of 16 lanes is 64 bytes of weights, 10⅔ of places and 2 for the first block.
// Sound to share: written by the packer before anyone else sees it.
final class WindowWeights: @unchecked Sendable {
  let geometry: WindowGeometry
  let types: ProductTypes
  let rows: Int, columns: Int
  /// Weights, lane by lane, step by step.
  let values: UnsafeMutableRawPointer
  let places: UnsafeMutablePointer<UInt32>
  let bases: UnsafeMutablePointer<UInt16>
  let masks: UnsafeMutablePointer<UInt16>
  /// Bundles of each group.
  let bundles: [UInt32]
  /// Bundles before each group, and the total.
  let bundleStarts: [Int]
  /// Stored values before each group, and the total.
  let valueStarts: [Int]
  /// Output row of each lane, UInt32.max for none.
  let rowMap: [UInt32]

  init(
    geometry: WindowGeometry, types: ProductTypes, rows: Int, columns: Int,
    values: UnsafeMutableRawPointer, places: UnsafeMutablePointer<UInt32>,
    bases: UnsafeMutablePointer<UInt16>, masks: UnsafeMutablePointer<UInt16>, bundles: [UInt32],
    valueStarts: [Int], rowMap: [UInt32]
  ) {
    (self.geometry, self.types, self.rows, self.columns) = (geometry, types, rows, columns)
    (self.values, self.places, self.bases, self.masks) = (values, places, bases, masks)
    (self.bundles, self.valueStarts, self.rowMap) = (bundles, valueStarts, rowMap)
    var starts = [0]
    for count in bundles { starts.append(starts.last! + Int(count)) }
    bundleStarts = starts
  }

  deinit {
    values.deallocate()
    places.deallocate()
    bases.deallocate()
    masks.deallocate()
  }

  var groups: Int { bundles.count }
  /// Blocks of inputs, without the zero blocks behind them.
  var blocks: Int { (columns + geometry.lanes - 1) / geometry.lanes }

  /// Bytes that one run reads.
  var byteCount: Int {
    let total = bundleStarts[groups]
    let steps = total * geometry.stepsPerBundle
    return valueStarts[groups] * types.weights.size + total * geometry.lanes * 4
      + steps * (geometry.compressed ? 4 : 2)
  }

  /// The first group that starts at or behind share `slice` of `slices` of the bundles.
  func firstGroup(slice: Int, of slices: Int) -> Int {
    balancedCut(groups, slice: slice, of: slices) { bundleStarts[$0] }
  }
}
