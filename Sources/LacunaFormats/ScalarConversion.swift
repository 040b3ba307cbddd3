// f32, f64, bf16, f16: the same structure with every value rounded to another type.

extension DenseMatrix {
  /// The matrix with its values rounded to `Target`, without row padding.
  ///
  /// - Complexity: O(rows · columns)
  @specialized(where Scalar == Float, Target == Double)
  @specialized(where Scalar == Double, Target == Float)
  @specialized(where Scalar == Float, Target == BFloat16)
  @specialized(where Scalar == BFloat16, Target == Float)
  @specialized(where Scalar == Float, Target == Float16)
  @specialized(where Scalar == Float16, Target == Float)
  public func converted<Target: StoredScalar>(to: Target.Type) -> DenseMatrix<Target> {
    var result = DenseMatrix<Target>(unchecked: rows, columns)
    result.withUnsafeMutableElements { target in
      for i in 0..<rows {
        for j in 0..<columns {
          target[i * columns + j] = storage.pointer[i * rowStride + j].rounded(to: Target.self)
        }
      }
    }
    return result
  }
}

extension CSRMatrix {
  /// The matrix with its values rounded to `Target`, sharing the pattern. A value that underflows is
  /// stored as zero.
  ///
  /// - Complexity: O(nnz)
  @specialized(where Scalar == Float, Target == Double)
  @specialized(where Scalar == Double, Target == Float)
  @specialized(where Scalar == Float, Target == BFloat16)
  @specialized(where Scalar == BFloat16, Target == Float)
  @specialized(where Scalar == Float, Target == Float16)
  @specialized(where Scalar == Float16, Target == Float)
  public func converted<Target: StoredScalar>(to: Target.Type) -> CSRMatrix<Target> {
    CSRMatrix<Target>(uncheckedPattern: pattern, values: rounded(values))
  }
}

extension BSRMatrix {
  /// The matrix with its values rounded to `Target`, sharing the pattern. A value that underflows is
  /// stored as zero.
  ///
  /// - Complexity: O(blocks · block area)
  @specialized(where Scalar == Float, Target == Double)
  @specialized(where Scalar == Double, Target == Float)
  @specialized(where Scalar == Float, Target == BFloat16)
  @specialized(where Scalar == BFloat16, Target == Float)
  @specialized(where Scalar == Float, Target == Float16)
  @specialized(where Scalar == Float16, Target == Float)
  public func converted<Target: StoredScalar>(to: Target.Type) -> BSRMatrix<Target> {
    BSRMatrix<Target>(
      unchecked: rows, columns, block: block, blockPattern: blockPattern, values: rounded(values))
  }
}

private func rounded<Source: StoredScalar, Target: StoredScalar>(_ values: [Source]) -> [Target] {
  uninitialized(values.count) { target in
    values.withUnsafeBufferPointer { source in
      for p in 0..<source.count { target[p] = source[p].rounded(to: Target.self) }
    }
  }
}
