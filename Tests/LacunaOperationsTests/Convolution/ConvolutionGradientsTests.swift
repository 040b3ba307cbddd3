// The three products of a convolution at a fixed mask against their definitions in double precision, and new values
// under a convolution's pattern.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct ConvolutionGradientsTests {
  /// Stride 1 and one group: what gradients take.
  private static let shapes: [(name: String, shape: ConvolutionShape)] = ConvolutionShapes.all
    .filter {
      $0.1.strideY == 1 && $0.1.strideX == 1 && $0.1.groups == 1
    }.map { ($0.0, $0.1) }

  @Test(
    "products and gradients are within the bounds of their sums", arguments: ISA.allCases,
    ImageLayout.allCases)
  func agreeWithTheOracle(isa: ISA, layout: ImageLayout) throws {
    try require(isa)
    #expect(Self.shapes.count > 5)
    for (i, (name, shape)) in Self.shapes.enumerated() {
      let (order, seed) = (KernelOrder.allCases[i % 2], UInt64(300 + i))
      if i % 3 == 0 {
        try check(Double.self, shape, isa, layout, order, "\(name) f64", seed: seed)
      } else {
        try check(Float.self, shape, isa, layout, order, "\(name) f32", seed: seed)
      }
    }
  }

  private func check<Scalar: SparseScalar>(
    _: Scalar.Type, _ shape: ConvolutionShape, _ isa: ISA, _ layout: ImageLayout,
    _ order: KernelOrder, _ name: String, seed: UInt64
  ) throws {
    let name = "\(name) \(isa) \(layout) \(order) seed \(seed)"
    let images = 1 + Int(seed % 2)
    var one = ConvolutionCase<Scalar>(
      shape, layout: layout, order: order, images: images, activation: .relu, seed: seed)
    let weights = try one.sparse()
    let layer = try ConvolutionGradients<Scalar>(
      weights.pattern, order: order, shape: shape, layout: layout, images: images,
      activation: .relu, options: PlanOptions(isa: isa))
    // Values of a step before, which have to be gone.
    try layer.update(values: weights.values.map { $0 + 1 })
    try layer.update(values: weights.values, bias: one.epilogue.bias)
    #expect(one.firstError(try layer.product(one.x)) == nil, "product \(name)")

    one.epilogue = .init()
    var generator = SeededGenerator(seed: seed + 1)
    let g: [Scalar] = (0..<images * shape.outputCount).map { _ in
      Scalar(Double.random(in: -1...1, using: &generator))
    }
    let expected = one.gradients(g)
    let dx = try layer.inputGradient(g)
    let dw = try layer.weightGradient(x: one.x, outputGradient: g)
    #expect(dx.count == one.x.count && dw.count == weights.nnz)
    #expect(expected.inputs.firstError(dx) == nil, "input gradient \(name)")
    var kept: [Scalar] = [Scalar](repeating: 0, count: one.weights.count)
    var p = 0
    for i in kept.indices where one.weights[i] != 0 {
      kept[i] = dw[p]
      p += 1
    }
    #expect(
      expected.weights.firstError(kept, where: { one.weights[$0] != 0 }) == nil,
      "weight gradient \(name)")
  }

  @Test("an image of several tiles, with sums over all of them")
  func tiles() throws {
    let shape = try ConvolutionShape(
      channels: 24, image: (110, 100), filters: 2, kernel: (3, 5), padding: (1, 2, 1, 2))
    for layout in ImageLayout.allCases {
      try check(
        Float.self, shape, ISA.selected, layout, .channelsLast, "tiles", seed: 41)
    }
  }

  @Test("what the caller's workspace holds is nothing to the result", arguments: ISA.available)
  func workspace(isa: ISA) throws {
    // Results that end anywhere in a register, so that the last one reads on.
    for width in 5...20 {
      let shape = try ConvolutionShape(
        channels: 3, image: (6, width), filters: 2, kernel: (3, 3), padding: (1, 1, 1, 1))
      let pattern = try CSRPattern(BitMask(rows: 2, columns: 27, filled: true))
      for layout in ImageLayout.allCases {
        let layer = try ConvolutionGradients<Float>(
          pattern, shape: shape, layout: layout, options: PlanOptions(isa: isa))
        let x = (0..<shape.inputCount).map { Float($0 % 7) - 3 }
        let g = (0..<shape.outputCount).map { Float($0 % 5) - 2 }
        let expected = try layer.weightGradient(x: x, outputGradient: g)
        let workspace = AlignedBuffer<UInt8>(count: layer.workspaceBytes)
        workspace.elements.update(repeating: 0xff)  // NaN
        var values = [Float](repeating: 0, count: pattern.nnz)
        layer.weightGradient(
          x: x, outputGradient: g, images: 1, addingTo: &values,
          workspace: UnsafeMutableRawPointer(workspace.pointer))
        #expect(values == expected, "width \(width), \(layout)")
      }
    }
  }

  @Test("strides, groups and other counts are refused with their numbers")
  func refusals() throws {
    let strided = try ConvolutionShape(
      channels: 2, image: (8, 8), filters: 4, kernel: (3, 3), stride: (2, 1), groups: 2)
    let pattern = try CSRPattern(
      rows: 4, columns: 9, rowOffsets: [0, 1, 1, 1, 1], columnIndices: [4])
    #expect(throws: OperationError.convolution(.gradients(strideY: 2, strideX: 1, groups: 2))) {
      _ = try ConvolutionGradients<Float>(pattern, shape: strided, layout: .nchw)
    }
    let shape = try ConvolutionShape(channels: 1, image: (8, 8), filters: 4, kernel: (3, 3))
    #expect(
      throws: OperationError.shapeMismatch(
        operand: "the kernel", dimension: "columns", expected: 9, actual: 10)
    ) {
      _ = try ConvolutionGradients<Float>(
        try CSRPattern(rows: 4, columns: 10, rowOffsets: [0, 0, 0, 0, 0], columnIndices: []),
        shape: shape, layout: .nchw)
    }
    let layer = try ConvolutionGradients<Float>(pattern, shape: shape, layout: .nhwc)
    #expect(throws: OperationError.format(.wrongCount(name: "values", expected: 1, actual: 2))) {
      try layer.update(values: [1, 2])
    }
    #expect(throws: OperationError.biasCount(expected: 4, actual: 3)) {
      try layer.update(values: [1], bias: [1, 2, 3])
    }
    let x = [Float](repeating: 1, count: 64)
    #expect(
      throws: OperationError.shapeMismatch(
        operand: "dY", dimension: "elements", expected: 144, actual: 143)
    ) {
      _ = try layer.weightGradient(x: x, outputGradient: [Float](repeating: 1, count: 143))
    }
    #expect(try layer.weightGradient(x: [], outputGradient: []) == [0])
    try layer.update(values: [3])
    #expect(
      try layer.weightGradient(x: x, outputGradient: [Float](repeating: 1, count: 144)) == [36])
  }

  @Test(
    "a convolution with new values gives, bit for bit, what a new one gives",
    arguments: ISA.available)
  func update(isa: ISA) throws {
    for (i, (name, shape)) in ConvolutionShapes.all.enumerated() where shape.groups == 1 {
      for format in KernelFormat.allCases {
        let seed = UInt64(500 + i)
        var one = ConvolutionCase<Float>(
          shape, layout: i % 2 == 0 ? .nchw : .nhwc, block: format.block, seed: seed)
        let names = try one.plan(
          format, PlanOptions(deterministic: true, isa: isa, updatable: true)
        )
        .explanation.candidates.map(\.kernel)
        #expect(
          !names.isEmpty && names.allSatisfy { $0.contains("direct") || $0.contains("panels") })
        for kernel in names {
          let options = PlanOptions(kernel: kernel, isa: isa, updatable: true)
          let plan: Convolution<Float>
          do {
            plan = try one.plan(format, options)
          } catch OperationError.unsuitableKernel {
            continue
          }
          #expect(plan.isUpdatable)
          let first = try one.result(plan)
          let values: [Float]
          switch format {
          case .elements: values = try one.sparse().values
          case .dense: values = one.weights
          case .pairs, .quads, .squares: values = try one.blocks(format.block).values
          }
          try plan.update(values: values.map { 2 * $0 }, bias: one.epilogue.bias!.map { 2 * $0 })
          // Doubling is exact.
          #expect(try one.result(plan) == first.map { 2 * $0 }, "\(kernel) \(name) seed \(seed)")
          try plan.update(values: values, bias: one.epilogue.bias)
          #expect(try one.result(plan) == first, "\(kernel) \(name) seed \(seed)")
        }
        one.epilogue.bias = nil
        let unbiased = try one.plan(
          format, PlanOptions(deterministic: true, isa: isa, updatable: true))
        #expect(throws: OperationError.biasCount(expected: 0, actual: 1)) {
          try unbiased.update(values: [Float](repeating: 1, count: unbiased.stored), bias: [1])
        }
        let fixed = try one.plan(format, PlanOptions(deterministic: true, isa: isa))
        #expect(!fixed.isUpdatable)
        #expect(throws: OperationError.notUpdatable) { try fixed.update(values: []) }
      }
    }
  }
}

/// Sums in double precision, with the sizes of their terms and how many there are.
private struct ExpectedSums {
  var sums: [Double], sizes: [Double], terms: [Double]
  let unit: Double

  init(_ count: Int, unit: Double) {
    (sums, sizes, terms) = (
      [Double](repeating: 0, count: count), [Double](repeating: 0, count: count),
      [Double](repeating: 0, count: count)
    )
    self.unit = unit
  }

  mutating func add(_ term: Double, at i: Int) {
    sums[i] += term
    sizes[i] += abs(term)
    terms[i] += 1
  }

  func firstError<Scalar: SparseScalar>(
    _ result: [Scalar], where counts: (Int) -> Bool = { _ in true }
  ) -> String? {
    for i in result.indices where counts(i) {
      let bound = (terms[i] + 2) * unit * sizes[i]
      if !(abs(Double(result[i]) - sums[i]) <= bound) {
        return "[\(i)] is \(result[i]), must be \(sums[i]) ± \(bound)"
      }
    }
    return nil
  }
}

extension ConvolutionCase {
  /// The gradients of inputs and weights for a gradient of the results, by their definition.
  fileprivate func gradients(_ g: [Scalar]) -> (inputs: ExpectedSums, weights: ExpectedSums) {
    let s = shape
    let unit = Double(Scalar.ulpOfOne)
    var (inputs, kernel) = (
      ExpectedSums(x.count, unit: unit), ExpectedSums(weights.count, unit: unit)
    )
    for n in 0..<images {
      for f in 0..<s.filters {
        for oy in 0..<s.outputHeight {
          for ox in 0..<s.outputWidth {
            let dy = Double(g[place(n, f, oy, ox)])
            for c in 0..<s.channels {
              for tap in 0..<s.taps {
                let y = oy + tap / s.kernelWidth * s.dilationY - s.padTop
                let column = ox + tap % s.kernelWidth * s.dilationX - s.padLeft
                if y < 0 || y >= s.height || column < 0 || column >= s.width { continue }
                let from =
                  layout == .nchw
                  ? ((n * s.channels + c) * s.height + y) * s.width + column
                  : ((n * s.height + y) * s.width + column) * s.channels + c
                let weight =
                  f * s.patch + (order == .channelsFirst ? c * s.taps + tap : tap * s.channels + c)
                if weights[weight] != 0 { inputs.add(dy * Double(weights[weight]), at: from) }
                kernel.add(dy * Double(x[from]), at: weight)
              }
            }
          }
        }
      }
    }
    return (inputs, kernel)
  }
}
