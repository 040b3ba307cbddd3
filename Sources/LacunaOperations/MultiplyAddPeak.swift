// The rate of multiply-adds that one core sustains from registers: the roof of every kernel.

import CSIMD
import LacunaFormats

/// The register-only loop that a kernel's share of the peak is measured against.
public enum MultiplyAddPeak {
  /// Runs the loop on this thread and returns how many floating-point operations it did (a
  /// multiply-add counts as two). The caller times it.
  ///
  /// - Parameters:
  ///   - isa: one of ``ISA/available``; others must not be called.
  ///   - rounds: each is 12 multiply-adds of one register.
  public static func run(_ dtype: DType, isa: ISA = .selected, rounds: Int) -> Int {
    // Every instruction set overrides the baseline's row, so there always is one.
    let kernel = KernelTable(isa).kernel(.multiplyAddPeak, dtype: dtype)!
    withUnsafeTemporaryAllocation(byteCount: 4 * dtype.size, alignment: 8) { operands in
      // A product of 1 − 2⁻²⁰ with itself, so that the sums stay far from infinity and subnormals.
      switch dtype {
      case .f32: operands.bindMemory(to: Float.self).initialize(repeating: 1 - 0x1p-20)
      case .f64: operands.bindMemory(to: Double.self).initialize(repeating: 1 - 0x1p-20)
      }
      var arguments = lcn_peak_args(rounds: Int64(rounds), operands: operands.baseAddress!)
      withUnsafePointer(to: &arguments) { kernel.call($0) }
    }
    return rounds * 12 * (kernel.vectorBytes / dtype.size) * 2
  }
}
