// Depthwise convolutions of bytes: planes and channels give the bytes of strips, whatever activation, threads and bias are.

import AllocationCount
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct ByteDepthwiseTests {
  private static let output = OutputScale(scale: 0.04, zeroPoint: -20)

  private static func shape(_ number: Int) throws -> ConvolutionShape {
    switch number {
    case 0: try ConvolutionShapes.make(5, (29, 33), 10, (3, 3), padding: (1, 1, 1, 1), groups: 5)
    case 1:
      try ConvolutionShapes.make(
        6, (14, 14), 6, (5, 5), stride: (2, 2), padding: (1, 2, 2, 1), groups: 6)
    case 2: try ConvolutionShapes.make(17, (7, 7), 17, (3, 3), padding: (1, 1, 1, 1), groups: 17)
    default:
      try ConvolutionShapes.make(
        40, (19, 12), 40, (3, 5), stride: (2, 1), dilation: (1, 2), padding: (1, 4, 1, 3),
        groups: 40)
    }
  }

  /// The candidate of a layout.
  private static func kernel(_ layout: ImageLayout) -> String {
    layout == .nchw ? "planes" : "channels"
  }

  @Test("functions of results come before bytes", arguments: ISA.allCases, ImageLayout.allCases)
  func functions(isa: ISA, layout: ImageLayout) throws {
    try require(isa)
    for number in layout == .nchw ? 0..<3 : 2..<4 {
      for activation in [Activation.hardSwish, .silu, .relu, .clamp(-1, 40)] {
        try functions(isa, layout, number: number, activation)
      }
    }
  }

  private func functions(
    _ isa: ISA, _ layout: ImageLayout, number: Int, _ activation: Activation
  ) throws {
    let test = try ByteConvolutionCase<UInt8>(
      Self.shape(number), layout: layout, order: .channelsFirst, images: 2, format: .elements,
      sparsity: 0.3, activation: activation, seed: UInt64(1200 + number))
    func plan<Output: TestByte>(_ kernel: String) throws -> QuantizedConvolution<UInt8, Output> {
      try test.plan(Self.output, PlanOptions(kernel: kernel, isa: isa))
    }
    let expected: [Int8] = try test.result(plan("panels-1x4"), 7)
    let bytes: [Int8] = try test.result(plan(Self.kernel(layout)), 7)
    let same = bytes == expected
    #expect(same, "\(activation) \(isa)")
    let floats = try test.result(test.plan(PlanOptions(kernel: "panels-1x4", isa: isa)), .nan)
    let same32 = try test.result(
      test.plan(PlanOptions(kernel: Self.kernel(layout), isa: isa)), .nan)
    let equal = floats == same32
    #expect(equal, "\(activation) \(isa), floats")
  }

  @Test("threads and slices change no bit", arguments: 0..<4, [Activation.relu, .silu])
  func threadsAndSlices(number: Int, activation: Activation) throws {
    let layout: ImageLayout = number < 2 ? .nchw : .nhwc
    let test = try ByteConvolutionCase<Int8>(
      Self.shape(number), layout: layout, order: .channelsLast, images: 3, format: .all,
      activation: activation, seed: UInt64(1300 + number))
    func plan(_ kernel: String, _ threads: Int) throws -> QuantizedConvolution<Int8, UInt8> {
      try test.plan(
        OutputScale(scale: 0.05, zeroPoint: 90), PlanOptions(threads: threads, kernel: kernel))
    }
    let expected = try test.result(plan("panels-1x4", 1), 7)
    for threads in [1, 3] {
      let plan = try plan(Self.kernel(layout), threads)
      let whole = try test.result(plan, 7) == expected
      #expect(whole, "\(threads) threads")
      let workspace = UnsafeMutableRawPointer.allocate(
        byteCount: plan.workspaceBytes, alignment: 64)
      defer { workspace.deallocate() }
      for slices in [1, 2, 7, 200] {
        workspace.initializeMemory(as: UInt8.self, repeating: 0xff, count: plan.workspaceBytes)
        var y = [UInt8](repeating: 7, count: expected.count)
        for slice in (0..<slices).reversed() {
          plan.run(
            slice: slice, of: slices, test.x, into: &y, images: test.images,
            workspace: slice % 2 == 0 ? workspace : nil)
        }
        let same = y == expected
        #expect(same, "\(slices) slices of \(threads) threads")
      }
    }
  }

  @Test("a run allocates nothing", .enabled(if: lcn_allocation_count() >= 0))
  func allocations() throws {
    for (layout, activation) in [
      (ImageLayout.nchw, Activation.none), (.nchw, .hardSwish), (.nhwc, .relu), (.nhwc, .silu),
    ] {
      let test = try ByteConvolutionCase<UInt8>(
        Self.shape(2), layout: layout, order: .channelsFirst, format: .all, activation: activation,
        seed: 1400)
      let plan: QuantizedConvolution<UInt8, Int8> = try test.plan(
        Self.output, PlanOptions(kernel: Self.kernel(layout)))
      var y = [Int8](repeating: 0, count: test.shape.outputCount)
      test.x.withUnsafeBufferPointer { x in
        y.withUnsafeMutableBufferPointer { y in
          plan.run(x.baseAddress!, into: y.baseAddress!, images: 1)
          let before = lcn_allocation_count()
          plan.run(x.baseAddress!, into: y.baseAddress!, images: 1)
          let after = lcn_allocation_count()
          #expect(after == before, "\(activation)")
        }
      }
    }
  }

  @Test(
    "plans of depthwise layers choose their kernel, unless a number is not finite",
    arguments: ISA.allCases, ImageLayout.allCases)
  func choices(isa: ISA, layout: ImageLayout) throws {
    try require(isa)
    let kernel = Self.kernel(layout)
    let shape = try Self.shape(2)
    let test = try ByteConvolutionCase<UInt8>(
      shape, layout: layout, order: .channelsFirst, format: .all, seed: 1500)
    let plan: QuantizedConvolution<UInt8, UInt8> = try test.plan(
      OutputScale(scale: 0.1, zeroPoint: 0), PlanOptions(deterministic: true, isa: isa))
    #expect(plan.kernelName == kernel, "\(isa) \(plan.explanation)")
    func kernels(_ bias: [Float]) throws -> [String] {
      try QuantizedConvolution<UInt8, Float>(
        test.weights, shape: shape, layout: layout, activations: .fixed(scale: 1, zeroPoint: 3),
        epilogue: Epilogue(bias: bias), options: PlanOptions(deterministic: true, isa: isa)
      ).explanation.candidates.map(\.kernel)
    }
    var bias = [Float](repeating: 1, count: shape.filters)
    #expect(try kernels(bias).contains(kernel))
    bias[3] = .nan
    #expect(try !kernels(bias).contains(kernel))
  }
}
