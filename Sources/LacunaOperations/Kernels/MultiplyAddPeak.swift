// The rate of multiply-adds that one core sustains from registers: the roof of every kernel.

import CSIMD
import LacunaFormats

/// The register-only loop that a kernel's share of the peak is measured against.
///
/// Make it first, then time ``run(rounds:)``: looking the kernel up is no part of the loop.
public struct MultiplyAddPeak: Sendable {
  private let kernel: Kernel
  private let dtype: DType

  /// The loop of one element type.
  ///
  /// - Parameter isa: one of ``ISA/available``; others must not be run.
  public init(_ dtype: DType, isa: ISA = .selected) {
    self.dtype = dtype
    kernel = KernelTable.of(isa).kernel(.multiplyAddPeak, dtype: dtype)!
  }

  /// Floating-point operations of one round: 12 multiply-adds of one register, each counted as two.
  var operationsPerRound: Int { 24 * kernel.vectorBytes / dtype.size }

  /// Runs the loop on this thread. The caller times it.
  ///
  /// - Returns: how many floating-point operations it did.
  public func run(rounds: Int) -> Int {
    withUnsafeTemporaryAllocation(byteCount: 4 * dtype.size, alignment: 8) { operands in
      // A product of 1 − 2⁻²⁰ with itself, so that the sums stay far from infinity and subnormals.
      switch dtype {
      case .f32: operands.bindMemory(to: Float.self).initialize(repeating: 1 - 0x1p-20)
      case .f64: operands.bindMemory(to: Double.self).initialize(repeating: 1 - 0x1p-20)
      }
      var arguments = lcn_peak_args(rounds: Int64(rounds), operands: operands.baseAddress!)
      withUnsafePointer(to: &arguments) { kernel.call($0) }
    }
    return rounds * operationsPerRound
  }
}
