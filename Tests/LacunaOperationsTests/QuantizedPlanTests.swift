// Plans of 8-bit weights give exactly what integers give, whatever the kernel, layout, width and
// instruction set; what they cannot compute is refused with its numbers.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

/// How activations are given: numbers, unsigned bytes, signed ones.
private protocol TestActivation: ActivationElement {
  static func random(_ generator: inout SeededGenerator) -> Self
  /// The byte of the value as an integer.
  func integer(_ scale: Float, _ zeroPoint: Int) -> Int
}

extension Float: TestActivation {
  static func random(_ generator: inout SeededGenerator) -> Float {
    .random(in: -3...5, using: &generator)
  }
  func integer(_ scale: Float, _ zeroPoint: Int) -> Int {
    let scaled = (self * (1 / scale)).rounded(.toNearestOrEven)
    return min(max(Int(scaled) + zeroPoint, 0), 255)
  }
}
extension UInt8: TestActivation {
  static func random(_ generator: inout SeededGenerator) -> UInt8 {
    .random(in: 0...255, using: &generator)
  }
  func integer(_ scale: Float, _ zeroPoint: Int) -> Int { Int(self) }
}
extension Int8: TestActivation {
  static func random(_ generator: inout SeededGenerator) -> Int8 {
    .random(in: -128...127, using: &generator)
  }
  func integer(_ scale: Float, _ zeroPoint: Int) -> Int { Int(self) }
}

@Suite struct QuantizedPlanTests {
  /// Weights as a plan takes them, and dense, as integers.
  private struct Weights {
    let rows: Int, columns: Int, dense: [Int], scales: [Float]
    let csr: QuantizedCSR?
    let bsr: QuantizedBSR?

    init(_ rows: Int, _ columns: Int, block: BlockSize, sparsity: Double, seed: UInt64) throws {
      var generator = SeededGenerator(seed: seed)
      let w: [Float] = randomWeights(rows, columns, sparsity: sparsity, block: block, &generator)
      (self.rows, self.columns) = (rows, columns)
      if block == .element {
        let quantized = try QuantizedCSR(
          quantizing: LacunaOperationsTests.csr(w, rows, columns))
        (csr, bsr, scales) = (quantized, nil, quantized.scales)
        var dense = [Int](repeating: 0, count: rows * columns)
        for row in 0..<rows {
          let offsets = quantized.pattern.rowOffsets
          for p in offsets[row]..<offsets[row + 1] {
            dense[row * columns + quantized.pattern.columnIndices[p]] = Int(quantized.values[p])
          }
        }
        self.dense = dense
      } else {
        let quantized = try QuantizedBSR(
          quantizing: LacunaOperationsTests.bsr(w, rows, columns, block))
        (csr, bsr, scales) = (nil, quantized, quantized.scales)
        let numbers = quantized.dequantized().dense()
        dense = (0..<rows * columns).map { i in
          let scale = quantized.scales[i / columns]
          return scale == 0
            ? 0 : Int((numbers[i / columns, i % columns] / scale).rounded())
        }
      }
    }

    func plan<Activation: ActivationElement>(
      _: Activation.Type, _ range: ActivationRange, layout: ProductLayout, width: Int,
      epilogue: Epilogue<Float> = .init(), options: PlanOptions
    ) throws -> QuantizedPlan<Activation> {
      if let csr {
        return try QuantizedPlan(
          csr, activations: range, layout: layout, width: width, epilogue: epilogue,
          options: options)
      }
      return try QuantizedPlan(
        bsr!, activations: range, layout: layout, width: width, epilogue: epilogue,
        options: options)
    }
  }

  private static let kernels = ["spmm-1x4", "spmm-2x4", "spmm-4x4", "dense"]

  @Test("Every kernel is exact, at every edge", arguments: ISA.allCases, ProductLayout.allCases)
  func exact(isa: ISA, layout: ProductLayout) throws {
    try require(isa)
    let blocks = try [
      BlockSize.element, BlockSize(1, 4), BlockSize(2, 4), BlockSize(4, 4), BlockSize(8, 4),
      BlockSize(3, 5), BlockSize(16, 1),
    ]
    var seed: UInt64 = 300
    for block in blocks {
      for (rows, columns) in [(1, 1), (8, 4), (13, 67), (34, 1030)] {
        for width in [0, 1, 7, 16, 33, 70] {
          seed += 1
          let weights = try Weights(
            rows, columns, block: block, sparsity: [0, 0.6, 0.97][Int(seed % 3)], seed: seed)
          let kernel = Self.kernels[Int(seed / 3) % Self.kernels.count]
          let options = PlanOptions(
            threads: seed % 2 == 0 ? 3 : 1, deterministic: true, kernel: kernel, isa: isa)
          try check(
            weights, Float.self, .fixed(scale: 0.031, zeroPoint: 97), layout, width, options, seed)
          try check(weights, Float.self, .perTensor, layout, width, options, seed)
          try check(weights, Float.self, .perSide, layout, width, options, seed)
          try check(
            weights, UInt8.self, .fixed(scale: 0.5, zeroPoint: 255), layout, width, options, seed)
          try check(
            weights, Int8.self, .fixed(scale: 2, zeroPoint: -128), layout, width, options, seed)
        }
      }
    }
  }

  /// One product against integers, whole and by slices.
  private func check<Activation: TestActivation>(
    _ weights: Weights, _: Activation.Type, _ range: ActivationRange, _ layout: ProductLayout,
    _ width: Int, _ options: PlanOptions, _ seed: UInt64
  ) throws {
    var generator = SeededGenerator(seed: seed &+ 1000)
    let (rows, columns) = (weights.rows, weights.columns)
    let bias = (0..<rows).map { _ in Float.random(in: -1...1, using: &generator) }
    let activation: Activation_ = seed % 2 == 0 ? .relu : .clamp(-2, 3)
    let plan = try weights.plan(
      Activation.self, range, layout: layout, width: width,
      epilogue: Epilogue(bias: bias, activation: activation), options: options)
    #expect(plan.kernelName == options.kernel)
    let x = (0..<columns * width).map { _ in Activation.random(&generator) }
    func at(_ j: Int, _ n: Int) -> Activation {
      x[layout == .columns ? j * width + n : n * columns + j]
    }
    let (lower, upper) = activation.bounds
    var expected = try DenseMatrix<Float>(
      rows: layout == .columns ? rows : width, columns: layout == .columns ? width : rows)
    let tensor = scale(of: x.compactMap { $0 as? Float })
    for n in 0..<width {
      let (scale, zero) =
        switch range {
        case .fixed(let scale, let zero): (scale, zero)
        case .perTensor: tensor
        case .perSide: self.scale(of: (0..<columns).compactMap { at($0, n) as? Float })
        }
      let bytes = (0..<columns).map { at($0, n).integer(scale, zero) }
      for i in 0..<rows {
        var sum = 0
        for j in 0..<columns { sum += weights.dense[i * columns + j] * (bytes[j] - zero) }
        let product = Float(sum) * (weights.scales[i] * scale)
        let y = min(max(product + bias[i], Float(lower)), Float(upper))
        if layout == .columns { expected[i, n] = y } else { expected[n, i] = y }
      }
    }
    var y = try DenseMatrix<Float>(rows: expected.rows, columns: expected.columns)
    try plan.run(x, into: &y)
    let name =
      "\(plan) \(Activation.numberType) \(range) \(options.isa!) seed \(seed)"
    #expect(y == expected, "\(name)")
    var z = try DenseMatrix<Float>(rows: expected.rows, columns: expected.columns)
    let stride = layout == .columns ? width : columns
    x.withUnsafeBufferPointer { x in
      z.withUnsafeMutableElements { z in
        guard let from = x.baseAddress else { return }
        for slice in 0..<5 {
          plan.run(
            slice: slice, of: 5, from, stride: stride, into: z.baseAddress!,
            stride: expected.columns, width: width)
        }
      }
    }
    if width > 0 { #expect(z == expected, "\(name), in slices") }
  }

  private typealias Activation_ = LacunaOperations.Activation

  /// The documented range: least and greatest with 0 among them.
  private func scale(of x: [Float]) -> (scale: Float, zero: Int) {
    let (low, high) = (min(x.min() ?? 0, 0), max(x.max() ?? 0, 0))
    let scale = high / 255 - low / 255
    if scale == 0 { return (1, 0) }
    return (scale, Int((-low / scale).rounded(.toNearestOrEven)))
  }

  @Test("A plan chooses among its candidates and says why")
  func choice() throws {
    let weights = try Weights(96, 160, block: BlockSize(4, 4), sparsity: 0.9, seed: 5)
    let plan = try weights.plan(
      Float.self, .perTensor, layout: .columns, width: 64, options: PlanOptions(deterministic: true)
    )
    #expect(plan.kernelName == "spmm-4x4")
    #expect(plan.types == .quantized(.f32))
    #expect(Set(plan.explanation.candidates.map(\.kernel)) == Set(Self.kernels))
    let loaded = try weights.plan(
      Float.self, .perTensor, layout: .columns, width: 64,
      options: PlanOptions(decision: plan.decision))
    #expect(loaded.decision == plan.decision)
    // The same weights with bytes for activations are another product.
    #expect(throws: OperationError.self) {
      try weights.plan(
        UInt8.self, .fixed(scale: 1, zeroPoint: 0), layout: .columns, width: 64,
        options: PlanOptions(decision: plan.decision))
    }
    let sparse = try weights.plan(
      Float.self, .perTensor, layout: .columns, width: 64, options: PlanOptions(excludesDense: true)
    )
    #expect(!sparse.explanation.candidates.contains { $0.kernel == "dense" })
  }

  @Test("NaN makes its right-hand side NaN, and an infinity what is measured over it")
  func notNumbers() throws {
    let weights = try Weights(9, 21, block: .element, sparsity: 0.5, seed: 6)
    for layout in ProductLayout.allCases {
      for range in [ActivationRange.perSide, .perTensor, .fixed(scale: 0.1, zeroPoint: 3)] {
        var x = [Float](repeating: 0.5, count: 21 * 20)
        func place(_ j: Int, _ n: Int) -> Int { layout == .columns ? j * 20 + n : n * 21 + j }
        x[place(2, 7)] = .nan
        x[place(20, 13)] = .infinity
        let plan = try weights.plan(
          Float.self, range, layout: layout, width: 20, options: PlanOptions())
        var y = try DenseMatrix<Float>(
          rows: layout == .columns ? 9 : 20, columns: layout == .columns ? 20 : 9)
        try plan.run(x, into: &y)
        for n in 0..<20 {
          let isNaN =
            switch range {
            case .perTensor: true
            case .perSide: n == 7 || n == 13
            case .fixed: n == 7
            }
          for i in 0..<9 {
            let value = layout == .columns ? y[i, n] : y[n, i]
            #expect(value.isNaN == isNaN, "\(range) \(layout) [\(i), \(n)] is \(value)")
          }
        }
      }
    }
  }

  @Test("What cannot be computed is refused with its numbers")
  func refusals() throws {
    func refusal(
      _ scales: [Float], _ range: ActivationRange, _ values: [Int8] = [1, 2]
    ) -> OperationError? {
      do throws(OperationError) {
        let pattern = try! CSRPattern(
          rows: 2, columns: 1, rowOffsets: [0, 1, 2], columnIndices: [0, 0])
        _ = try QuantizedPlan<Float>(
          try! QuantizedCSR(pattern: pattern, values: values, scales: scales), activations: range,
          width: 1)
        return nil
      } catch { return error }
    }
    for scale in [0, -1, -Float.infinity, .infinity, .leastNonzeroMagnitude] as [Float] {
      #expect(
        refusal([1, 1], .fixed(scale: scale, zeroPoint: 0))
          == .quantization(.activationScale(value: scale)))
    }
    #expect(refusal([1, 1], .fixed(scale: .nan, zeroPoint: 0)) != nil)
    for scale in [0, -1, .infinity] as [Float] {
      #expect(refusal([1, scale], .perSide) == .quantization(.weightScale(row: 1, value: scale)))
    }
    #expect(refusal([1, .nan], .perSide) != nil)
    // A row of zeros has no scale.
    #expect(refusal([1, 0], .perSide, [1, 0]) == nil)
    for zero in [-1, 256] {
      #expect(
        refusal([1, 1], .fixed(scale: 1, zeroPoint: zero))
          == .quantization(.zeroPoint(value: zero, type: .f32, minimum: 0, maximum: 255)))
    }
    let pattern = try CSRPattern(rows: 1, columns: 1, rowOffsets: [0, 1], columnIndices: [0])
    let one = try QuantizedCSR(pattern: pattern, values: [1], scales: [1])
    #expect(
      throws: OperationError.quantization(
        .zeroPoint(value: 128, type: .i8, minimum: -128, maximum: 127))
    ) { try QuantizedPlan<Int8>(one, activations: .fixed(scale: 1, zeroPoint: 128), width: 1) }
    #expect(throws: OperationError.quantization(.measuredBytes(type: .u8))) {
      try QuantizedPlan<UInt8>(one, activations: .perTensor, width: 1)
    }
    #expect(throws: OperationError.quantization(.updatable)) {
      try QuantizedPlan<UInt8>(
        one, activations: .fixed(scale: 1, zeroPoint: 0), width: 1,
        options: PlanOptions(updatable: true))
    }
    #expect(
      throws: OperationError.shapeMismatch(
        operand: "Y", dimension: "rows", expected: 1, actual: 2)
    ) {
      var y = try DenseMatrix<Float>(rows: 2, columns: 1)
      try QuantizedPlan<UInt8>(one, activations: .fixed(scale: 1, zeroPoint: 0), width: 1)
        .run([1], into: &y)
    }
  }

  /// The longest row of the largest weights whose sums fit, and one weight more.
  @Test(arguments: [66311, 66312])
  func sumsThatCouldLeave32Bits(columns: Int) throws {
    let pattern = try CSRPattern(
      rows: 1, columns: columns, rowOffsets: [0, columns],
      columnIndices: (0..<columns).map { $0 })
    let weights = try QuantizedCSR(
      pattern: pattern, values: [Int8](repeating: -127, count: columns), scales: [1])
    let magnitude = 127 * columns
    if magnitude > Int(Int32.max) / 255 {
      #expect(
        throws: OperationError.quantization(
          .sumOverflow(row: 0, magnitude: magnitude, mostMagnitude: Int(Int32.max) / 255))
      ) {
        try QuantizedPlan<UInt8>(weights, activations: .fixed(scale: 1, zeroPoint: 0), width: 1)
      }
    } else {
      let plan = try QuantizedPlan<UInt8>(
        weights, activations: .fixed(scale: 1, zeroPoint: 0), width: 1)
      var y = try DenseMatrix<Float>(rows: 1, columns: 1)
      try plan.run([UInt8](repeating: 255, count: columns), into: &y)
      #expect(y[0, 0] == Float(-255 * magnitude))
    }
  }
}
