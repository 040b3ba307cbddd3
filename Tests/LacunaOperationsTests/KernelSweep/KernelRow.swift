// A row of the kernel table under test: what its output must be, element by element, and its plain
// twin.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

/// A row, and how often the sweep called it.
final class KernelRow {
  let kernel: Kernel
  /// The plain kernel of the same operation, variant and type; nil for the plain one itself, and
  /// for operations that leave no freedom: there the sweep's own loop is the specification.
  let twin: Kernel?
  private(set) var calls = 0

  init(_ kernel: Kernel) {
    self.kernel = kernel
    twin =
      kernel.isa == nil
      ? nil
      : KernelTable.all.first {
        $0.isa == nil && $0.operation == kernel.operation && $0.variant == kernel.variant
          && $0.types == kernel.types
      }
  }

  /// Elements per register.
  var lanes: Int { kernel.vectorBytes / kernel.types.accumulator.size }

  /// The values that the row's weights can have nearest to these.
  func weights<Scalar: SweepScalar>(_ values: [Scalar]) -> [Scalar] {
    switch kernel.types.weights {
    case .bf16: values.map { $0.rounded(to: BFloat16.self).rounded(to: Scalar.self) }
    case .f16: values.map { $0.rounded(to: Float16.self).rounded(to: Scalar.self) }
    case .f32, .f64, .i32, .i8, .u8: values
    }
  }

  /// Calls the row, and its twin, on outputs that start as `initial`, and compares them with what
  /// they must hold.
  ///
  /// - Parameters:
  ///   - expected: one entry per element of `initial`; what must not be written is expected as it
  ///     was.
  ///   - call: fills in the arguments for the given kernel and output, and calls it.
  func conform<Scalar: BitwiseCopyable & ComparedNumber>(
    to expected: [Expected], from initial: [Scalar], _ side: GuardedMemory.Side, _ name: String,
    _ call: (Kernel, UnsafeMutablePointer<Scalar>) -> Void
  ) {
    precondition(expected.count == initial.count)
    func output(of kernel: Kernel) -> [Scalar] {
      GuardedMemory.with(side) { memory in
        let output = memory.copy(initial)
        call(kernel, output)
        return Array(UnsafeBufferPointer(start: output, count: initial.count))
      }
    }
    let result = output(of: kernel)
    calls += 1
    func record(_ problem: String?) {
      if let problem { Issue.record("\(kernel.name), \(name), guard \(side): \(problem)") }
    }
    record(
      zip(result, expected).enumerated().first { !$1.1.allows($1.0.double) }.map {
        "element \($0) is \($1.0), must be \($1.1)"
      })
    guard let twin else { return }
    let plain = output(of: twin)
    record(
      zip(zip(result, plain), expected).enumerated().first {
        !$1.1.allows($1.0.0.double, beside: $1.0.1.double)
      }
      .map { "element \($0) is \($1.0.0), \($1.0.1) by \(twin.name), must be \($1.1)" })
  }
}

extension GuardedMemory {
  /// A copy of weights in the type that the row reads.
  func copy<Scalar: SweepScalar>(_ weights: [Scalar], for row: KernelRow) -> UnsafeRawPointer {
    switch row.kernel.types.weights {
    case .bf16: UnsafeRawPointer(copy(weights.map { $0.rounded(to: BFloat16.self) }))
    case .f16: UnsafeRawPointer(copy(weights.map { $0.rounded(to: Float16.self) }))
    case .f32, .f64, .i32, .i8, .u8: UnsafeRawPointer(copy(weights))
    }
  }
}

/// A number that the sweep compares in double precision.
protocol ComparedNumber { var double: Double { get } }
extension Float: ComparedNumber { var double: Double { Double(self) } }
extension Double: ComparedNumber { var double: Double { self } }

/// What one element of an output must be.
struct Expected: CustomStringConvertible {
  let value: Double
  let bound: Double

  /// Exactly this: a copy, or memory that is not written.
  init<Scalar: ComparedNumber>(exactly value: Scalar) { (self.value, bound) = (value.double, 0) }

  init(_ value: Double, within bound: Double) { (self.value, self.bound) = (value, bound) }

  func allows(_ result: Double) -> Bool {
    // An infinity differs from itself by NaN.
    value.isNaN ? result.isNaN : result == value || abs(result - value) <= bound
  }

  /// Two sums that are each within the bound.
  func allows(_ result: Double, beside other: Double) -> Bool {
    value.isNaN
      ? result.isNaN && other.isNaN : result == other || abs(result - other) <= 2 * bound
  }

  var description: String { bound == 0 ? "\(value)" : "\(value) ± \(bound)" }
}

/// A sum in double precision and the error that any order of summation in `Scalar` stays within.
///
/// A sum of n rounded terms differs from the exact one by at most γ(n)·Σ|terms|, γ(n) = n·u / (1 −
/// n·u) (Higham, 2002, section 3.1). Bounding is 1-Lipschitz.
struct ExactSum<Scalar: SparseScalar> {
  private var value = 0.0, size = 0.0, terms = 0

  mutating func add(_ a: Scalar, times b: Scalar = 1) {
    let term = Double(a) * Double(b)
    value += term
    size += abs(term)
    terms += 1
  }

  /// The sum as it must come out, bounded as `bounds` says: NaN passes through.
  func expected(_ bounds: Bounds = .none) -> Expected {
    // One term more for the epilogue; twice for the oracle's own error when it is no more precise.
    let n = Double(terms + 1) * Double(Scalar.ulpOfOne) / 2
    let gamma = n / (1 - n) * (Scalar.dtype == .f64 ? 2 : 1)
    return Expected(
      value.isNaN ? value : min(max(value, bounds.lower), bounds.upper),
      within: gamma * size + Double(Scalar.leastNonzeroMagnitude))
  }
}

/// The interval that a product is bounded to.
struct Bounds {
  let lower: Double, upper: Double
  static let none = Bounds(lower: -.infinity, upper: .infinity)
  static let all = [
    none, Bounds(lower: 0, upper: .infinity), Bounds(lower: -0.5, upper: 0.75),
    Bounds(lower: -.infinity, upper: 0.25),
  ]
}

extension SeededGenerator {
  /// Values in (-1, 1), none of them zero.
  mutating func values<Scalar: SparseScalar>(_ count: Int, _: Scalar.Type = Scalar.self) -> [Scalar]
  {
    (0..<count).map { _ in nonzero() }
  }

  /// A matrix of `rows` rows of `columns` values in rows of `stride`, the last without padding; NaN
  /// in the padding.
  mutating func matrix<Scalar: SparseScalar>(
    rows: Int, columns: Int, stride: Int, _: Scalar.Type = Scalar.self
  ) -> [Scalar] {
    (0..<max((rows - 1) * stride + columns, 0)).map {
      $0 % stride < columns ? nonzero() : Scalar.nan
    }
  }
}

/// What stands in memory that a kernel must not write.
let untouched = 12345.0

/// Whether a case has a NaN among its inputs: it passes through sums and bounds.
func hasNaN(_ seed: UInt64) -> Bool { seed % 5 == 0 }
