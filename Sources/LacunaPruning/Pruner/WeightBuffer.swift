// The weights of a tensor where they lie, and values taken out of them, in their own precision

import LacunaFormats

/// Weights in the memory of a training program: f32 or f64, ranked and pooled as what they are.
public enum WeightBuffer {
  /// Single precision.
  case f32(UnsafeMutableBufferPointer<Float>)
  /// Double precision; ranked by plain magnitude only.
  case f64(UnsafeMutableBufferPointer<Double>)

  /// Number of weights.
  public var count: Int {
    switch self {
    case .f32(let weights): weights.count
    case .f64(let weights): weights.count
    }
  }

  /// Whether there are none.
  public var isEmpty: Bool { count == 0 }

  /// How many weights are exactly zero, masked or not.
  ///
  /// - Complexity: O(weights)
  public var zeros: Int {
    switch self {
    case .f32(let weights): weights.count { $0 == 0 }
    case .f64(let weights): weights.count { $0 == 0 }
    }
  }
}

/// Values of dropped weights in row-major order.
enum DroppedValues: Equatable {
  case f32([Float])
  case f64([Double])

  var count: Int {
    switch self {
    case .f32(let values): values.count
    case .f64(let values): values.count
    }
  }

  /// Whether they are of the weights' precision.
  func belong(to weights: WeightBuffer) -> Bool {
    switch (self, weights) {
    case (.f32, .f32), (.f64, .f64): true
    case (.f32, .f64), (.f64, .f32): false
    }
  }
}

extension BitMask {
  /// Zeroes what the mask drops. Not checked: that the shapes agree.
  func zero(_ weights: WeightBuffer) {
    switch weights {
    case .f32(let weights):
      if let base = weights.baseAddress { apply(unchecked: base, rowStride: columns) }
    case .f64(let weights):
      if let base = weights.baseAddress { apply(unchecked: base, rowStride: columns) }
    }
  }

  /// What the mask drops. Not checked: that the shapes agree.
  func dropped(of weights: WeightBuffer) -> DroppedValues {
    switch weights {
    case .f32(let weights):
      weights.baseAddress.map { .f32(droppedValues(of: UnsafePointer($0))) } ?? .f32([])
    case .f64(let weights):
      weights.baseAddress.map { .f64(droppedValues(of: UnsafePointer($0))) } ?? .f64([])
    }
  }

  /// Writes back what ``dropped(of:)`` took. Not checked: that the values belong to the weights.
  func restore(_ dropped: DroppedValues, to weights: WeightBuffer) {
    switch (dropped, weights) {
    case (.f32(let values), .f32(let weights)):
      if let base = weights.baseAddress { restoreDropped(values, to: base) }
    case (.f64(let values), .f64(let weights)):
      if let base = weights.baseAddress { restoreDropped(values, to: base) }
    case (.f32, .f64), (.f64, .f32): break
    }
  }
}
