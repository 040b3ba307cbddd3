// Indices below some limit: 16 bits each when the limit allows it, else 32.

/// A vector of non-negative indices stored in the narrowest of two widths.
///
/// At 90 % sparsity an f32 weight with a 32-bit index is 8 bytes, with a 16-bit one 6.
public enum IndexVector: Equatable, Sendable {
  /// Two bytes each: every index is below 65 536.
  case u16([UInt16])
  /// Four bytes each.
  case u32([UInt32])

  /// Whether indices in `0..<limit` fit in 16 bits.
  public static func fitsIn16Bits(limit: Int) -> Bool { limit <= 1 << 16 }

  /// Packs `indices`, each of which must be in `0..<limit`; `limit` alone decides the width.
  package init(packing indices: [Int], limit: Int) {
    self =
      Self.fitsIn16Bits(limit: limit)
      ? .u16(indices.map { UInt16($0) }) : .u32(indices.map { UInt32($0) })
  }

  /// The same indices in the width that `limit` asks for.
  func narrowed(limit: Int) -> IndexVector {
    switch (self, Self.fitsIn16Bits(limit: limit)) {
    case (.u16, true), (.u32, false): self
    case (.u32(let v), true): .u16(v.map { UInt16($0) })
    case (.u16(let v), false): .u32(v.map { UInt32($0) })
    }
  }

  /// Number of indices.
  public var count: Int {
    switch self {
    case .u16(let v): v.count
    case .u32(let v): v.count
    }
  }

  /// Index number `position`.
  public subscript(position: Int) -> Int {
    switch self {
    case .u16(let v): Int(v[position])
    case .u32(let v): Int(v[position])
    }
  }

  /// Bytes taken by the indices.
  public var byteCount: Int {
    switch self {
    case .u16(let v): v.count * 2
    case .u32(let v): v.count * 4
    }
  }
}

/// The two widths an index can have, so that a loop is written once and compiled for both.
protocol NarrowIndex: FixedWidthInteger, UnsignedInteger, BitwiseCopyable, Sendable {
  /// Wraps indices of this width.
  static func vector(_ indices: [Self]) -> IndexVector
}

extension UInt16: NarrowIndex {
  static func vector(_ indices: [UInt16]) -> IndexVector { .u16(indices) }
}

extension UInt32: NarrowIndex {
  static func vector(_ indices: [UInt32]) -> IndexVector { .u32(indices) }
}
