// Running a plan allocates nothing, in every sparse format, whole, by slices and on several
// threads.

import AllocationCount
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite(.enabled(if: lcn_allocation_count() >= 0, "allocations cannot be counted here"))
struct AllocationTests {
  @Test func theCounterCounts() {
    let before = lcn_allocation_count()
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: 1000)
    let after = lcn_allocation_count()
    memory.deallocate()
    #expect(after > before)
  }

  /// Dense is not among them: OpenBLAS has buffers of its own.
  @Test(
    arguments: PlanFormat.everywhere.filter { $0.1 != .dense }, ProductLayout.allCases)
  func aRunAllocatesNothing(combination: (ISA, PlanFormat), layout: ProductLayout) throws {
    let (isa, format) = combination
    try require(isa)
    if format.exists(on: isa, .f32) { try check(isa, format, layout, Float.self) }
    if format.exists(on: isa, .f64) { try check(isa, format, layout, Double.self) }
  }

  private func check<Scalar: SparseScalar>(
    _ isa: ISA, _ format: PlanFormat, _ layout: ProductLayout, _: Scalar.Type
  ) throws {
    var generator = SeededGenerator(seed: 71)
    // Enough work that the second plan shares it among threads.
    let (rows, columns, width) = (1008, 1040, 11)
    let w: [Scalar] = try format.weights(rows, columns, &generator)
    for threads in [1, 2] {
      let plan = try format.plan(
        w, rows, columns, layout: layout, width: width, threads: threads, isa: isa)
      let x = UnsafeMutablePointer<Scalar>.allocate(capacity: columns * width)
      let y = UnsafeMutablePointer<Scalar>.allocate(capacity: rows * width)
      x.initialize(repeating: 1, count: columns * width)
      defer {
        x.deallocate()
        y.deallocate()
      }
      let (xStride, yStride) = layout == .columns ? (width, width) : (columns, rows)
      // The first run loads symbols, and starts threads.
      plan.run(x, stride: xStride, into: y, stride: yStride, width: width)
      let before = lcn_allocation_count()
      for slices in 1...3 {
        plan.run(x, stride: xStride, into: y, stride: yStride, width: width)
        for slice in 0..<slices {
          plan.run(
            slice: slice, of: slices, x, stride: xStride, into: y, stride: yStride, width: width)
        }
      }
      // Read before the expectation, whose own machinery allocates.
      let after = lcn_allocation_count()
      #expect(
        after == before,
        "\(format.rawValue) \(Scalar.dtype) \(isa) \(layout) on \(threads) threads")
    }
  }
}
