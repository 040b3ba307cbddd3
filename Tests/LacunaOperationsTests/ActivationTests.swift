// Hard-swish and SiLU are the same bits in every kernel, layout, width, format and instruction set: those of the function
// alone on what the same product gives without.

import CSIMD
import Foundation
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

private let gated: [Activation] = [.hardSwish, .silu]

/// The function alone, by the kernel of an instruction set.
private func applied<Scalar: SweepScalar>(
  _ activation: Activation, _ x: [Scalar], _ isa: ISA
) -> [Scalar] {
  var y = x
  y.withUnsafeMutableBufferPointer { y in
    var arguments = lcn_activation_args(
      x: y.baseAddress!, y: y.baseAddress!, rows: 1, columns: Int64(y.count),
      stride: Int64(y.count))
    let variant = activation == .silu ? "silu" : "hard-swish"
    KernelTable.of(isa).kernel(.activation, variant: variant, dtype: Scalar.dtype)!
      .call(&arguments)
  }
  return y
}

/// Equal bits, any NaN being any other.
private func same<Scalar: SweepScalar>(_ a: [Scalar], _ b: [Scalar]) -> Bool {
  a.count == b.count
    && zip(a, b).allSatisfy {
      $0.isNaN ? $1.isNaN : $0.magnitudeBits == $1.magnitudeBits && $0.sign == $1.sign
    }
}

@Suite struct ActivationTests {
  @Test("the functions are the same bits on every instruction set", arguments: gated)
  func instructionSets(activation: Activation) {
    func check<Scalar: SweepScalar>(_: Scalar.Type) {
      let x = activationArguments(Scalar.self, seed: 1500)
      let first = applied(activation, x, .baseline)
      for isa in ISA.available { #expect(same(applied(activation, x, isa), first), "\(isa)") }
    }
    check(Float.self)
    check(Double.self)
  }

  @Test("SiLU passes NaN, keeps the sign of zero and vanishes far below")
  func special() {
    let y = applied(
      .silu, [.nan, 0, -0.0, -88, -1000, .infinity, -.infinity] as [Float], .selected)
    #expect(y[0].isNaN && y[6].isNaN)
    #expect(y[1].sign == .plus && y[2].sign == .minus && y[1...4].allSatisfy { $0 == 0 })
    #expect(y[5] == .infinity)
    let z = applied(.hardSwish, [.nan, -0.0, -3, -1000, 3, 1000, -.infinity] as [Float], .selected)
    #expect(z[0].isNaN && z[6].isNaN && z[1].sign == .minus)
    #expect(z[1...3].allSatisfy { $0 == 0 } && z[4] == 3 && z[5] == 1000)
  }

  @Test("in products of every format", arguments: ISA.available, ProductLayout.allCases)
  func products(isa: ISA, layout: ProductLayout) throws {
    for format in PlanFormat.allCases {
      if format.exists(on: isa, .f32) { try check(format, isa, layout, Float.self) }
      if format.exists(on: isa, .f64) { try check(format, isa, layout, Double.self) }
    }
  }

  private func check<Scalar: SweepScalar>(
    _ format: PlanFormat, _ isa: ISA, _ layout: ProductLayout, _: Scalar.Type
  ) throws {
    var generator = SeededGenerator(seed: 1600)
    let (rows, columns) = (45, 70)
    let w: [Scalar] = try format.weights(rows, columns, &generator)
    let bias = (0..<rows).map { _ in Scalar(Double.random(in: -4...4, using: &generator)) }
    for width in [1, 2, 3, 7, 16, 33] {
      let x: DenseMatrix<Scalar> =
        layout == .columns
        ? try randomDense(columns, width, stride: width + 3, &generator)
        : try randomDense(width, columns, &generator)
      func result(_ activation: Activation, slices: Int) throws -> [Scalar] {
        let plan = try format.plan(
          w, rows, columns, layout: layout, width: width,
          epilogue: Epilogue(bias: bias, activation: activation), isa: isa)
        let stride = (layout == .columns ? width : rows) + 2
        var y = [Scalar](repeating: 9, count: stride * (layout == .columns ? rows : width))
        x.withUnsafeElements { from in
          y.withUnsafeMutableBufferPointer { y in
            for slice in (0..<slices).reversed() {
              plan.run(
                slice: slice, of: slices, from.baseAddress!, stride: x.rowStride,
                into: y.baseAddress!, stride: stride, width: width)
            }
          }
        }
        return y
      }
      let plain = try result(.none, slices: 1)
      let row = layout == .columns ? width : rows
      for activation in gated {
        let function = applied(activation, plain, isa)
        // Between the rows nothing is written.
        let want = plain.indices.map { $0 % (row + 2) < row ? function[$0] : 9 }
        for slices in [1, 3, 40] {
          #expect(
            same(try result(activation, slices: slices), want),
            "\(format) \(Scalar.dtype) ×\(width) \(activation) \(slices) slices")
        }
      }
    }
  }

  @Test("in products of bytes, before results become bytes", arguments: ISA.available)
  func bytes(isa: ISA) throws {
    var generator = SeededGenerator(seed: 1700)
    let (rows, columns) = (37, 52)
    let w: [Float] = randomWeights(rows, columns, sparsity: 0.5, &generator)
    let weights = try QuantizedCSR(quantizing: csr(w, rows, columns))
    let output = OutputScale(scale: 0.05, zeroPoint: 10)
    for kernel in ["spmm-1x4", "gaps", "dense"] {
      for (layout, width) in ProductLayout.allCases.flatMap({ l in [1, 5, 19].map { (l, $0) } }) {
        let x = (0..<columns * width).map { _ in Float.random(in: -3...3, using: &generator) }
        let options = PlanOptions(kernel: kernel, isa: isa)
        func floats(_ activation: Activation) throws -> [Float] {
          let plan: QuantizedPlan<Float, Float> = try QuantizedPlan(
            weights, activations: .perSide, layout: layout, width: width,
            epilogue: Epilogue(activation: activation), options: options)
          var y = [Float](repeating: 0, count: rows * width)
          try plan.run(x, into: &y, width: width)
          return y
        }
        let plain = try floats(.none)
        for activation in gated {
          let want = applied(activation, plain, isa)
          #expect(same(try floats(activation), want), "\(kernel) \(layout) ×\(width)")
          let plan: QuantizedPlan<Float, Int8> = try QuantizedPlan(
            weights, activations: .perSide, output: output, layout: layout, width: width,
            epilogue: Epilogue(activation: activation), options: options)
          var y = [Int8](repeating: 0, count: rows * width)
          try plan.run(x, into: &y, width: width)
          let rounded = want.map { value in
            Int8(clamping: Int((value * (1 / output.scale)).rounded(.toNearestOrEven)) + 10)
          }
          #expect(y == rounded, "\(kernel) \(layout) ×\(width) bytes")
        }
      }
    }
  }

  @Test("in convolutions, after the residual", arguments: ISA.available, ImageLayout.allCases)
  func convolutions(isa: ISA, layout: ImageLayout) throws {
    for (i, (name, shape)) in ConvolutionShapes.all.enumerated() {
      for residual in [false, true] {
        var test = ConvolutionCase<Float>(
          shape, layout: layout, images: i % 2 + 1, residual: residual, seed: UInt64(1800 + i))
        for kernel in try test.kernels(.elements, isa: isa) {
          // A product chooses its own kernel: the first one's is kept. Planes beyond indices have no direct one.
          var options = PlanOptions(kernel: kernel, isa: isa)
          test.epilogue.activation = .none
          let plain: [Float]
          do {
            let plan = try test.plan(.elements, options)
            options.kernel = plan.kernelName
            plain = try test.result(plan)
          } catch OperationError.unsuitableKernel { continue }
          for activation in gated {
            test.epilogue.activation = activation
            let y = try test.result(try test.plan(.elements, options))
            #expect(
              same(y, applied(activation, plain, isa)),
              "\(kernel) \(name) \(layout) \(activation) residual \(residual)")
          }
        }
      }
    }
  }

  @Test("activations are what they were after coding")
  func coding() throws {
    let all = gated + [.none, .relu, .clamp(0, 6)]
    let data = try JSONEncoder().encode(all)
    #expect(try JSONDecoder().decode([Activation].self, from: data) == all)
    for activation in gated {
      #expect(activation.bounds == (lower: -.infinity, upper: .infinity))
    }
  }
}
