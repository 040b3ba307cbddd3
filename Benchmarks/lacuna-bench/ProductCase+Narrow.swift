// One product of 16-bit weights and f32: checked as f32 is, timed beside dense f32 and dense bf16.

import Lacuna

extension ProductCase {
  /// As for floats, with the weights rounded to 16 bits. Dense is `cblas_sgemm` or `cblas_sgemv` on the rounded
  /// weights, and for bf16 `cblas_sbgemm` with X rounded as well, where this OpenBLAS has it. Where plans may round X
  /// it holds numbers of bf16, so that every kernel has the same product to compute.
  func measuredNarrow<Weight: NarrowScalar>(
    _ weights: DenseMatrix<Float>, _: Weight.Type, _ measure: MeasureOptions,
    plan options: PlanOptions
  ) throws -> ProductResult {
    let narrow = weights.converted(to: Weight.self)
    var x = try layout.input(shape, Float.self, seed: measure.seed &+ 2)
    if options.allowsBF16Activations {
      x = x.converted(to: BFloat16.self).converted(to: Float.self)
    }
    func plan(_ options: PlanOptions) throws -> Plan<Float> {
      block == .element
        ? try Plan(CSRMatrix(dense: narrow), layout: layout, width: shape.n, options: options)
        : try Plan(
          BSRMatrix(dense: narrow, block: block), layout: layout, width: shape.n,
          options: options)
    }
    var result = try measured(
      narrow.converted(to: Float.self), x, measure, plan: options, plan)
    if options.allowsBF16Activations && ISA.selected.includes(.v4BF16) {
      var options = options
      options.kernel = "pairs-dense"
      result.densePairs = try time(plan(options), x, measure)
    }
    if let narrow = narrow as? DenseMatrix<BFloat16> {
      result.denseBF16 = .absent
      if let dense = BFloat16Product.found {
        result.denseBF16 = .timed(try time(dense, narrow, measure))
      }
    }
    return result
  }

  private func time(
    _ plan: Plan<Float>, _ x: DenseMatrix<Float>, _ measure: MeasureOptions
  ) throws -> Timing {
    var y = try layout.output(shape, Float.self)
    let (xStride, yStride) = (x.rowStride, y.rowStride)
    return x.withUnsafeElements { x in
      y.withUnsafeMutableElements { y in
        let (x, y) = (x.baseAddress!, y.baseAddress!)
        return Stopwatch(budget: measure.time / 2, cache: measure.cache).time([
          { plan.run(x, stride: xStride, into: y, stride: yStride, width: shape.n) }
        ])[0]
      }
    }
  }

  private func time(
    _ dense: BFloat16Product, _ weights: DenseMatrix<BFloat16>, _ measure: MeasureOptions
  ) throws -> Timing {
    let x = try layout.input(shape, Float.self, seed: measure.seed &+ 2).converted(
      to: BFloat16.self)
    var y = try layout.output(shape, Float.self)
    return weights.withUnsafeElements { w in
      x.withUnsafeElements { x in
        y.withUnsafeMutableElements { y in
          let (w, x, y) = (w.baseAddress!, x.baseAddress!, y.baseAddress!)
          return Stopwatch(budget: measure.time / 2, cache: measure.cache).time([
            { dense.run(w, x, y, shape, layout) }
          ])[0]
        }
      }
    }
  }
}

/// The dense product of bf16 operands.
enum DenseBF16 {
  /// OpenBLAS has none.
  case absent
  case timed(Timing)

  /// A field of a row: its time, or why there is none.
  var field: (name: String, value: Field) {
    switch self {
    case .absent: ("denseBF16", .text(BFloat16Product.absence))
    case .timed(let timing): ("denseBF16Seconds", .number(timing.median))
    }
  }
}
