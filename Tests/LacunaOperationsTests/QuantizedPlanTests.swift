// Plans of 8-bit weights give exactly what integers give, whatever the kernel, layout, width and
// instruction set.

import Foundation
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

/// What is fixed about one product.
private struct Case {
  var range: ActivationRange
  var output = OutputScale(scale: 0.02, zeroPoint: 0)
  var layout = ProductLayout.columns
  var width: Int
  var epilogue = Epilogue<Float>()
  var options = PlanOptions()
}

/// How results are taken: numbers, unsigned bytes, signed ones.
private protocol TestOutput: ActivationElement, Equatable, ExpressibleByIntegerLiteral {
  static func plan<Activation: ActivationElement>(
    _ weights: Weights, _ c: Case
  ) throws -> QuantizedPlan<Activation, Self>
  static func of(_ y: Float, _ output: OutputScale) -> Self
}

extension Float: TestOutput {
  fileprivate static func plan<Activation: ActivationElement>(
    _ weights: Weights, _ c: Case
  ) throws -> QuantizedPlan<Activation, Float> {
    if let csr = weights.csr {
      return try QuantizedPlan(
        csr, activations: c.range, layout: c.layout, width: c.width, epilogue: c.epilogue,
        options: c.options)
    }
    return try QuantizedPlan(
      weights.bsr!, activations: c.range, layout: c.layout, width: c.width, epilogue: c.epilogue,
      options: c.options)
  }
  fileprivate static func of(_ y: Float, _ output: OutputScale) -> Float { y }
}

extension TestOutput where Self: ByteElement & FixedWidthInteger {
  fileprivate static func plan<Activation: ActivationElement>(
    _ weights: Weights, _ c: Case
  ) throws -> QuantizedPlan<Activation, Self> {
    if let csr = weights.csr {
      return try QuantizedPlan(
        csr, activations: c.range, output: c.output, layout: c.layout, width: c.width,
        epilogue: c.epilogue, options: c.options)
    }
    return try QuantizedPlan(
      weights.bsr!, activations: c.range, output: c.output, layout: c.layout, width: c.width,
      epilogue: c.epilogue, options: c.options)
  }
  fileprivate static func of(_ y: Float, _ output: OutputScale) -> Self {
    // Far results leave the byte's range long before they leave that of integers.
    let scaled = Swift.min(Swift.max(y * (1 / output.scale), -1000), 1000)
      .rounded(.toNearestOrEven)
    return Self(clamping: Int(scaled) + output.zeroPoint)
  }
}
extension UInt8: TestOutput {}
extension Int8: TestOutput {}

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
}

@Suite struct QuantizedPlanTests {
  private static func kernels(_ isa: ISA) -> [String] {
    ["spmm-1x4", "spmm-2x4", "spmm-4x4", "dense", "gaps"]
      + (isa.includes(.v4VBMI2) ? ["bitmask", "window"] : [])
  }

  @Test("Every kernel is exact, at every edge", arguments: ISA.allCases, ProductLayout.allCases)
  func exact(isa: ISA, layout: ProductLayout) throws {
    try require(isa)
    let blocks = try [
      BlockSize.element, BlockSize(1, 4), BlockSize(2, 4), BlockSize(4, 4), BlockSize(8, 4),
      BlockSize(3, 5), BlockSize(16, 1),
    ]
    var seed: UInt64 = 300
    for block in blocks {
      for (rows, columns) in [(1, 1), (8, 4), (13, 67), (34, 1030), (130, 40)] {
        for width in [0, 1, 7, 16, 33, 70] {
          seed += 1
          let weights = try Weights(
            rows, columns, block: block, sparsity: [0, 0.6, 0.97][Int(seed % 3)], seed: seed)
          let kernels = Self.kernels(isa)
          let kernel = kernels[Int(seed / 3) % kernels.count]
          let options = PlanOptions(
            threads: seed % 2 == 0 ? 3 : 1, deterministic: true, kernel: kernel, isa: isa)
          func check<A: TestActivation, O: TestOutput>(
            _: A.Type, _ range: ActivationRange, _: O.Type, _ output: OutputScale? = nil
          ) throws {
            var c = Case(range: range, layout: layout, width: width, options: options)
            c.output = output ?? c.output
            try self.check(weights, A.self, O.self, c, seed)
          }
          try check(Float.self, .fixed(scale: 0.031, zeroPoint: 97), Float.self)
          try check(Float.self, .perTensor, Float.self)
          try check(Float.self, .perSide, Float.self)
          try check(UInt8.self, .fixed(scale: 0.5, zeroPoint: 255), Float.self)
          try check(Int8.self, .fixed(scale: 2, zeroPoint: -128), Float.self)
          try check(
            Float.self, .perSide, UInt8.self, OutputScale(scale: 0.017, zeroPoint: 120))
          try check(
            UInt8.self, .fixed(scale: 0.5, zeroPoint: 3), Int8.self,
            OutputScale(scale: 0.03, zeroPoint: -128))
          try check(
            Int8.self, .fixed(scale: 0.1, zeroPoint: 5), UInt8.self,
            OutputScale(scale: 0.011, zeroPoint: 255))
        }
      }
    }
  }

  /// One product against integers, whole and by slices.
  private func check<Activation: TestActivation, Output: TestOutput>(
    _ weights: Weights, _: Activation.Type, _: Output.Type, _ c: Case, _ seed: UInt64
  ) throws {
    var generator = SeededGenerator(seed: seed &+ 1000)
    let (rows, columns, layout, width) = (weights.rows, weights.columns, c.layout, c.width)
    var c = c
    let bias = (0..<rows).map { _ in Float.random(in: -1...1, using: &generator) }
    c.epilogue = Epilogue(bias: bias, activation: seed % 2 == 0 ? .relu : .clamp(-2, 3))
    let plan: QuantizedPlan<Activation, Output> = try Output.plan(weights, c)
    #expect(plan.kernelName == c.options.kernel)
    #expect(plan.types == .quantized(Activation.numberType, output: Output.numberType))
    let x = (0..<columns * width).map { _ in Activation.random(&generator) }
    func at(_ j: Int, _ n: Int) -> Activation {
      x[layout == .columns ? j * width + n : n * columns + j]
    }
    let (lower, upper) = c.epilogue.activation.bounds
    var expected = [Output](repeating: 0, count: rows * width)
    let tensor = scale(of: x.compactMap { $0 as? Float })
    for n in 0..<width {
      let (scale, zero) =
        switch c.range {
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
        expected[layout == .columns ? i * width + n : n * rows + i] = .of(y, c.output)
      }
    }
    var y = [Output](repeating: 0, count: rows * width)
    try plan.run(x, into: &y, width: width)
    let name = "\(plan) \(c.range) \(c.output) \(c.options.isa!) seed \(seed)"
    #expect(y == expected, "\(name)")
    var z = [Output](repeating: 0, count: rows * width)
    let strides = layout == .columns ? (width, width) : (columns, rows)
    x.withUnsafeBufferPointer { x in
      z.withUnsafeMutableBufferPointer { z in
        guard let from = x.baseAddress else { return }
        for slice in 0..<5 {
          plan.run(
            slice: slice, of: 5, from, stride: strides.0, into: z.baseAddress!,
            stride: strides.1, width: width)
        }
      }
    }
    if width > 0 { #expect(z == expected, "\(name), in slices") }
  }

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
    func plan<A: ActivationElement, O: TestOutput>(
      _ range: ActivationRange, _: A.Type, _: O.Type, _ options: PlanOptions
    ) throws -> QuantizedPlan<A, O> {
      try O.plan(weights, Case(range: range, width: 64, options: options))
    }
    let measured = ActivationRange.perTensor
    let first = try plan(measured, Float.self, Float.self, PlanOptions(deterministic: true))
    #expect(first.kernelName == "spmm-4x4")
    #expect(
      Set(first.explanation.candidates.map(\.kernel))
        == Set(Self.kernels(.v3)).subtracting(["gaps"]))
    let decided = PlanOptions(decision: first.decision)
    #expect(
      try plan(measured, Float.self, Float.self, decided).decision == first.decision)
    // The same weights with bytes for activations, or for results, are another product.
    #expect(throws: OperationError.self) {
      try plan(.fixed(scale: 1, zeroPoint: 0), UInt8.self, Float.self, decided)
    }
    #expect(throws: OperationError.self) { try plan(measured, Float.self, Int8.self, decided) }
    let bytes = try plan(measured, Float.self, Int8.self, PlanOptions()).decision
    let saved = try JSONEncoder().encode(bytes)
    #expect(try JSONDecoder().decode(PlanDecision.self, from: saved) == bytes)
    let sparse = try plan(
      measured, Float.self, Float.self, PlanOptions(excludesDense: true))
    #expect(!sparse.explanation.candidates.contains { $0.kernel == "dense" })
  }

  /// What comes from memory, indices and tables included.
  @Test func aWeightOfTenTakesAtMost1Point7Bytes() throws {
    let weights = try Weights(512, 4096, block: .element, sparsity: 0.9, seed: 8)
    let range = ActivationRange.fixed(scale: 1, zeroPoint: 128)
    let plan: QuantizedPlan<UInt8, Float> = try Float.plan(
      weights, Case(range: range, width: 1, options: PlanOptions(kernel: "gaps")))
    #expect(Double(plan.packedBytes) <= 1.7 * Double(weights.csr!.nnz), "\(plan)")
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
        let c = Case(
          range: range, output: OutputScale(scale: 0.01, zeroPoint: -3), layout: layout, width: 20)
        let plan: QuantizedPlan<Float, Float> = try Float.plan(weights, c)
        var y = [Float](repeating: 0, count: 9 * 20)
        try plan.run(x, into: &y, width: 20)
        // Bytes have no NaN: the least one stands for it.
        let inBytes: QuantizedPlan<Float, Int8> = try Int8.plan(weights, c)
        var z = [Int8](repeating: 0, count: 9 * 20)
        try inBytes.run(x, into: &z, width: 20)
        #expect(z == y.map { $0.isNaN ? -128 : Int8.of($0, c.output) })
        for n in 0..<20 {
          let isNaN =
            switch range {
            case .perTensor: true
            case .perSide: n == 7 || n == 13
            case .fixed: n == 7
            }
          for i in 0..<9 {
            let value = y[layout == .columns ? i * 20 + n : n * 9 + i]
            #expect(value.isNaN == isNaN, "\(range) \(layout) [\(i), \(n)] is \(value)")
          }
        }
      }
    }
  }
}
