// own[k] ↔ all[positions[k]]: the values of a tensor that a standing mask leaves to train.

import LacunaFormats

/// Places of the values that are trained once a mask stands still, and their gradient.
///
/// What belongs to them alone lies side by side: spread over a tensor with nine zeros for each of them, all of its memory
/// would be touched.
package final class KeptValues {
  /// Row-major index of each value in its tensor, ascending.
  let positions: [Int32]
  /// ∂loss/∂ of each value.
  let gradient: AlignedBuffer<Float>

  init(_ positions: [Int32]) {
    self.positions = positions
    gradient = AlignedBuffer(count: positions.count)
  }

  var count: Int { positions.count }

  /// Not checked: both have room.
  func gather(_ all: UnsafePointer<Float>, into own: UnsafeMutablePointer<Float>) {
    positions.withUnsafeBufferPointer { positions in
      for k in 0..<positions.count { own[k] = all[Int(positions[k])] }
    }
  }

  /// Not checked: both have room.
  func scatter(_ own: UnsafePointer<Float>, to all: UnsafeMutablePointer<Float>) {
    positions.withUnsafeBufferPointer { positions in
      for k in 0..<positions.count { all[Int(positions[k])] = own[k] }
    }
  }
}
