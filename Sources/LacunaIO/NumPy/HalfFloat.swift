// Arrays of numbers rounded to half precision and to bfloat16.

import LacunaFormats

extension NumericArray {
  /// The array rounded to half precision.
  ///
  /// - Throws: ``DataProblem/unsupported(what:found:)`` when the array holds no numbers.
  public func rounded16() throws(DataProblem) -> NumericArray {
    try NumericArray(
      shape: shape, values: .f16(floats().map { Float16(nearest: $0).bitPattern }))
  }

  /// The array rounded to bfloat16.
  ///
  /// - Throws: ``DataProblem/unsupported(what:found:)`` when the array holds no numbers.
  public func roundedBFloat16() throws(DataProblem) -> NumericArray {
    try NumericArray(shape: shape, values: .bf16(floats().map { BFloat16($0).bitPattern }))
  }
}
