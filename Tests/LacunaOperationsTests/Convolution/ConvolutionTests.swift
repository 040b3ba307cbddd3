// Every candidate of a convolution is within its sum's error bound, in every layout, format and instruction set.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

/// How weights are handed over.
enum KernelFormat: String, CaseIterable, Sendable {
  case elements, pairs, quads, squares, dense

  var block: BlockSize {
    switch self {
    case .elements, .dense: .element
    case .pairs: BlockSize(unchecked: 2, 1)
    case .quads: BlockSize(unchecked: 4, 1)
    case .squares: BlockSize(unchecked: 3, 2)
    }
  }
}

extension ConvolutionCase {
  func plan(_ format: KernelFormat, _ options: PlanOptions) throws -> Convolution<Scalar> {
    switch format {
    case .elements:
      try Convolution(
        sparse(), order: order, shape: shape, layout: layout, images: images, epilogue: epilogue,
        options: options)
    case .dense:
      try Convolution(
        dense: dense(), order: order, shape: shape, layout: layout, images: images,
        epilogue: epilogue, options: options)
    case .pairs, .quads, .squares:
      try Convolution(
        blocks(format.block), order: order, shape: shape, layout: layout, images: images,
        epilogue: epilogue, options: options)
    }
  }

  /// Names of the candidates that fit these weights.
  func kernels(_ format: KernelFormat, isa: ISA) throws -> [String] {
    let plan = try plan(format, PlanOptions(deterministic: true, isa: isa))
    return plan.explanation.candidates.map(\.kernel)
  }
}

@Suite struct ConvolutionTests {
  @Test("candidates are right on every shape", arguments: ISA.allCases, ImageLayout.allCases)
  func everyShape(isa: ISA, layout: ImageLayout) throws {
    try require(isa)
    for (i, (name, shape)) in ConvolutionShapes.all.enumerated() {
      for format in KernelFormat.allCases {
        let seed = UInt64(100 + i)
        let single = ConvolutionCase<Float>(
          shape, layout: layout, images: i % 2 + 1, block: format.block, bias: i % 3 != 0,
          activation: i % 2 == 0 ? .relu : .none, seed: seed)
        try check(single, format, isa, "\(name) f32 seed \(seed)")
        if format != .elements && format != .dense { continue }
        let double = ConvolutionCase<Double>(
          shape, layout: layout, order: .channelsLast, block: format.block,
          activation: .clamp(-0.5, 0.5), seed: seed)
        try check(double, format, isa, "\(name) f64 seed \(seed)")
      }
    }
  }

  private func check<Scalar: SparseScalar>(
    _ test: ConvolutionCase<Scalar>, _ format: KernelFormat, _ isa: ISA, _ name: String
  ) throws {
    for kernel in try test.kernels(format, isa: isa) {
      do {
        let plan = try test.plan(format, PlanOptions(kernel: kernel, isa: isa))
        let error = test.firstError(try test.result(plan))
        #expect(error == nil, "\(kernel) \(format) \(isa) \(test.layout) \(name)")
      } catch OperationError.unsuitableKernel {
        // Offsets in planes of more than 65 536 elements do not fit into indices.
        #expect(kernel.contains("direct") && name.hasPrefix("planes beyond"), "\(kernel) \(name)")
      }
    }
  }

  @Test("a residual is added before the activation", arguments: ISA.allCases, ImageLayout.allCases)
  func residuals(isa: ISA, layout: ImageLayout) throws {
    try require(isa)
    for (i, (name, shape)) in ConvolutionShapes.all.enumerated() {
      let test = ConvolutionCase<Float>(
        shape, layout: layout, order: KernelOrder.allCases[i % 2], images: 2,
        activation: [.relu, .clamp(0, 0.75), .none][i % 3], residual: true, seed: UInt64(200 + i))
      try check(test, .elements, isa, "\(name) with residual, seed \(200 + i)")
    }
  }

  @Test("random shapes are right", arguments: ISA.allCases)
  func randomShapes(isa: ISA) throws {
    try require(isa)
    var generator = SeededGenerator(seed: 300)
    for number in 0..<60 {
      let shape = try Self.randomShape(&generator)
      let test = ConvolutionCase<Float>(
        shape, layout: ImageLayout.allCases[number % 2],
        order: KernelOrder.allCases[number / 2 % 2], images: number % 3 + 1,
        sparsity: [0, 0.5, 0.9, 1][number % 4], seed: UInt64(1000 + number))
      try check(test, .elements, isa, "\(shape) number \(number) of seed 300")
    }
  }

  /// Small shapes of every kind.
  static func randomShape(_ generator: inout SeededGenerator) throws -> ConvolutionShape {
    func pick(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &generator) }
    let groups = [1, 1, 2, 3][pick(0...3)]
    let (kernel, dilation) = ((pick(1...4), pick(1...4)), (pick(1...3), pick(1...3)))
    let extent = ((kernel.0 - 1) * dilation.0 + 1, (kernel.1 - 1) * dilation.1 + 1)
    let padding = (
      pick(0...(extent.0 - 1)), pick(0...(extent.1 - 1)), pick(0...(extent.0 - 1)),
      pick(0...(extent.1 - 1))
    )
    return try ConvolutionShapes.make(
      groups * pick(1...6), (max(pick(1...14), extent.0 - padding.0), max(pick(1...25), extent.1)),
      groups * pick(1...7), kernel, stride: (pick(1...3), pick(1...4)), dilation: dilation,
      padding: padding, groups: groups)
  }

  @Test("weights that are not stored do not let an infinity through")
  func infinities() throws {
    let shape = try ConvolutionShapes.make(4, (6, 6), 3, (3, 3), padding: (1, 1, 1, 1))
    for layout in ImageLayout.allCases {
      var weights = [Float](repeating: 0, count: shape.filters * shape.patch)
      // Filter 0 sees channel 1 only.
      for tap in 0..<9 { weights[9 + tap] = 1 }
      var x = [Float](repeating: 1, count: shape.inputCount)
      for pixel in 0..<36 { x[layout == .nchw ? pixel : pixel * 4] = .infinity }
      let matrix = try csr(weights, shape.filters, shape.patch)
      for kernel in ["direct-1x1", "panels-1x1"] {
        let plan = try Convolution(
          matrix, shape: shape, layout: layout,
          options: PlanOptions(kernel: kernel, excludesDense: true))
        let y = try plan(x)
        #expect(y.allSatisfy { $0.isFinite }, "\(kernel) \(layout)")
        #expect(y.max() == 9)
        #expect(!plan.explanation.candidates.contains { $0.kernel == "im2col" })
      }
    }
  }

  @Test(
    "a convolution called with an array takes as many images as it holds, and prints as one line")
  func calls() throws {
    for residual in [false, true] {
      let test = ConvolutionCase<Float>(
        try ConvolutionShapes.make(3, (5, 6), 4, (3, 3), padding: (1, 1, 1, 1)), layout: .nchw,
        images: 2, residual: residual, seed: 7)
      let plan = try test.plan(.elements, PlanOptions(deterministic: true))
      #expect(try plan(test.x, residual: test.residual) == test.result(plan))
      #expect(try plan([], residual: residual ? [] : nil) == [])
      #expect("\(plan)".hasPrefix("3×5×6 → 4×5×6, 3×3 f32 nchw: \(plan.kernelName)"))
      #expect(!"\(plan)".contains("\n"))
    }
  }

  @Test("blocks of more columns than strips count are taken apart", arguments: ImageLayout.allCases)
  func wideBlocks(layout: ImageLayout) throws {
    let block = try BlockSize(1, 70_000)
    let test = ConvolutionCase<Float>(
      try ConvolutionShapes.make(70_000, (1, 3), 2, (1, 1)), layout: layout, sparsity: 0,
      block: block, seed: 8)
    let plan = try Convolution(
      test.blocks(block), shape: test.shape, layout: layout, epilogue: test.epilogue,
      options: PlanOptions(deterministic: true, excludesDense: true))
    #expect(test.firstError(try test.result(plan)) == nil, "\(plan)")
  }

  @Test("a chosen kernel is one of the candidates, timed or not")
  func choices() throws {
    let shape = try ConvolutionShapes.make(16, (12, 12), 24, (3, 3), padding: (1, 1, 1, 1))
    let test = ConvolutionCase<Float>(shape, layout: .nchw, sparsity: 0.9, seed: 5)
    let timed = try test.plan(.elements, PlanOptions())
    #expect(timed.explanation.candidates.contains { $0.measuredSeconds != nil })
    #expect(timed.explanation.candidates.first?.kernel == timed.kernelName)
    let names = try test.kernels(.elements, isa: .selected)
    #expect(
      Set(names) == ["direct-1x1", "panels-1x1", "im2col", "dense-direct-4x1", "dense-panels-4x1"])
    let same = try (0..<3).map { _ in
      try test.plan(.elements, PlanOptions(deterministic: true)).kernelName
    }
    #expect(Set(same).count == 1)
    let pointwise = ConvolutionCase<Float>(
      try ConvolutionShapes.make(16, (8, 8), 8, (1, 1)), layout: .nhwc, seed: 6)
    let forced = try pointwise.plan(.elements, PlanOptions(kernel: "product-spmm-1x1"))
    #expect(forced.kernelName == "product-spmm-1x1")
    #expect(pointwise.firstError(try pointwise.result(forced)) == nil)
  }
}
