// Convolutions of bytes are exactly what integers give: every candidate, layout, format and instruction set.

import AllocationCount
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct QuantizedConvolutionTests {
  @Test(
    "candidates are exact on every shape", arguments: ISA.allCases, ImageLayout.allCases)
  func everyShape(isa: ISA, layout: ImageLayout) throws {
    try require(isa)
    for (i, (name, shape)) in ConvolutionShapes.all.enumerated() {
      for (j, format) in ByteKernel.allCases.enumerated() {
        let seed = UInt64(500 + 10 * i + j)
        let order = KernelOrder.allCases[(i + j) % 2]
        let activation: Activation = [.none, .relu, .clamp(-2, 1.5)][(i + j) % 3]
        let about = "\(name) \(format) \(order) \(layout) \(isa) seed \(seed)"
        if (i + j) % 2 == 0 {
          try check(
            ByteConvolutionCase<UInt8>(
              shape, layout: layout, order: order, images: i % 2 + 1, format: format,
              bias: i % 3 != 0, activation: activation, seed: seed), isa, about)
        } else {
          try check(
            ByteConvolutionCase<Int8>(
              shape, layout: layout, order: order, images: i % 2 + 1, format: format,
              bias: i % 3 != 0, activation: activation, seed: seed), isa, about)
        }
      }
    }
  }

  private func check<Image: TestByte>(
    _ test: ByteConvolutionCase<Image>, _ isa: ISA, _ about: String
  ) throws {
    let expected = test.expected()
    let output = OutputScale(scale: 0.05, zeroPoint: 17)
    let unsigned = test.expected(output, UInt8.self)
    let signed = test.expected(output, Int8.self)
    for (number, kernel) in try test.kernels(isa: isa).enumerated() {
      do {
        let options = PlanOptions(kernel: kernel, isa: isa)
        let same = try test.result(test.plan(options), .nan) == expected
        #expect(same, "\(kernel) \(about)")
        if number % 2 == 0 {
          let same = try test.result(test.plan(output, options), UInt8(7)) == unsigned
          #expect(same, "\(kernel) to u8, \(about)")
        } else {
          let same = try test.result(test.plan(output, options), Int8(7)) == signed
          #expect(same, "\(kernel) to i8, \(about)")
        }
      } catch OperationError.unsuitableKernel {
        #expect(
          kernel.contains("direct") && about.hasPrefix("planes beyond"), "\(kernel) \(about)")
      }
    }
  }

  @Test("random shapes are exact", arguments: ISA.allCases)
  func randomShapes(isa: ISA) throws {
    try require(isa)
    var generator = SeededGenerator(seed: 700)
    for number in 0..<60 {
      let shape = try ConvolutionTests.randomShape(&generator)
      let test = try ByteConvolutionCase<UInt8>(
        shape, layout: ImageLayout.allCases[number % 2],
        order: KernelOrder.allCases[number / 2 % 2], images: number % 3 + 1, format: .elements,
        sparsity: [0, 0.5, 0.9, 1][number % 4], seed: UInt64(3000 + number))
      try check(test, isa, "\(shape) number \(number) of seed 700")
    }
  }

  private static func bigger(_ number: Int) throws -> ConvolutionShape {
    switch number {
    case 0: try ConvolutionShapes.make(64, (33, 31), 66, (3, 3), padding: (1, 1, 1, 1))
    case 1:
      try ConvolutionShapes.make(
        34, (41, 39), 40, (5, 3), stride: (2, 2), padding: (2, 1, 2, 1), groups: 2)
    default: try ConvolutionShapes.make(130, (19, 17), 150, (1, 1))
    }
  }

  @Test("threads and slices change no bit", arguments: 0..<3, ImageLayout.allCases)
  func threadsAndSlices(number: Int, layout: ImageLayout) throws {
    let test = try ByteConvolutionCase<Int8>(
      Self.bigger(number), layout: layout, order: .channelsLast, images: 3, format: .tall,
      sparsity: 0.5, activation: .relu, seed: 800)
    let output = OutputScale(scale: 0.03, zeroPoint: -5)
    let expected = test.expected(output, Int8.self)
    for kernel in try test.kernels(isa: .selected) {
      for threads in [1, 3] {
        let plan: QuantizedConvolution<Int8, Int8> = try test.plan(
          output, PlanOptions(threads: threads, kernel: kernel))
        let whole = try test.result(plan, Int8(7)) == expected
        #expect(whole, "\(kernel) on \(threads) threads")
        let workspace = UnsafeMutableRawPointer.allocate(
          byteCount: max(plan.workspaceBytes, 1), alignment: 64)
        defer { workspace.deallocate() }
        workspace.initializeMemory(as: UInt8.self, repeating: 0xff, count: plan.workspaceBytes)
        for slices in [1, 2, 16, 200] {
          var z = [Int8](repeating: 7, count: expected.count)
          for slice in (0..<slices).reversed() {
            plan.run(
              slice: slice, of: slices, test.x, into: &z, images: test.images,
              workspace: slice % 2 == 0 ? workspace : nil)
          }
          let same = z == expected
          #expect(same, "\(kernel), \(slices) slices of \(threads) threads")
        }
      }
    }
  }

  @Test("a run allocates nothing", .enabled(if: lcn_allocation_count() >= 0), arguments: 0..<3)
  func allocations(number: Int) throws {
    for layout in ImageLayout.allCases {
      let test = try ByteConvolutionCase<UInt8>(
        Self.bigger(number), layout: layout, order: .channelsLast, format: .quads, seed: 801)
      for kernel in try test.kernels(isa: .selected) where kernel != "product" {
        let plan: QuantizedConvolution<UInt8, UInt8> = try test.plan(
          OutputScale(scale: 1, zeroPoint: 3), PlanOptions(kernel: kernel))
        var y = [UInt8](repeating: 0, count: test.shape.outputCount)
        test.x.withUnsafeBufferPointer { x in
          y.withUnsafeMutableBufferPointer { y in
            plan.run(x.baseAddress!, into: y.baseAddress!, images: 1)
            let before = lcn_allocation_count()
            plan.run(x.baseAddress!, into: y.baseAddress!, images: 1)
            plan.run(slice: 1, of: 3, x.baseAddress!, into: y.baseAddress!, images: 1)
            let after = lcn_allocation_count()
            #expect(after == before, "\(kernel) \(layout)")
          }
        }
      }
    }
  }

  @Test(
    "nothing outside of images and results is touched", arguments: GuardedMemory.Side.allCases)
  func guards(side: GuardedMemory.Side) throws {
    for (i, (name, shape)) in ConvolutionShapes.all.enumerated() {
      for layout in ImageLayout.allCases {
        let test = try ByteConvolutionCase<UInt8>(
          shape, layout: layout, order: .channelsLast, format: .elements, seed: UInt64(900 + i))
        let output = OutputScale(scale: 0.05, zeroPoint: 0)
        let expected = test.expected(output, UInt8.self)
        for kernel in try test.kernels(isa: .selected) {
          if kernel.contains("direct") && name.hasPrefix("planes beyond") { continue }
          let plan: QuantizedConvolution<UInt8, UInt8> = try test.plan(
            output, PlanOptions(kernel: kernel))
          let same = GuardedMemory.with(side) { memory in
            let y = memory.copy([UInt8](repeating: 7, count: shape.outputCount))
            plan.run(memory.copy(test.x), into: y, images: 1)
            return Array(UnsafeBufferPointer(start: y, count: shape.outputCount)) == expected
          }
          #expect(same, "\(kernel) \(layout) \(name)")
        }
      }
    }
  }

  @Test("a chosen kernel is one of the candidates, and prints as one line")
  func choices() throws {
    let shape = try ConvolutionShapes.make(16, (12, 12), 24, (3, 3), padding: (1, 1, 1, 1))
    let test = try ByteConvolutionCase<UInt8>(
      shape, layout: .nhwc, order: .channelsLast, format: .quads, sparsity: 0.9, seed: 5)
    let timed = try test.plan(PlanOptions())
    #expect(timed.explanation.candidates.contains { $0.measuredSeconds != nil })
    #expect("\(timed)".hasPrefix("16×12×12 → 24×12×12, 3×3 i8·u8→i32→f32 nhwc: "))
    let names = try test.plan(PlanOptions(deterministic: true)).explanation.candidates
      .map(\.kernel)
    let strips = ["direct", "panels"].flatMap { reading in
      [1, 2, 4].map { "\(reading)-\($0)x4" }
    }
    #expect(Set(names) == Set(strips + ["dense-direct-4x4", "dense-panels-4x4"]))
    let sparse = try test.plan(PlanOptions(deterministic: true, excludesDense: true))
    #expect(!sparse.explanation.candidates.contains { $0.kernel.hasPrefix("dense") })
  }

  @Test("what does not fit is refused")
  func refusals() throws {
    let shape = try ConvolutionShapes.make(4, (6, 6), 3, (3, 3), padding: (1, 1, 1, 1))
    let test = try ByteConvolutionCase<UInt8>(
      shape, layout: .nchw, order: .channelsFirst, format: .elements, seed: 6)
    func error(
      _ shape: ConvolutionShape, _ range: ActivationRange, images: Int = 1,
      bias: [Float]? = nil, _ options: PlanOptions = PlanOptions()
    ) -> OperationError? {
      do {
        _ = try QuantizedConvolution<UInt8, Float>(
          test.weights, shape: shape, images: images, activations: range,
          epilogue: Epilogue(bias: bias), options: options)
        return nil
      } catch { return error }
    }
    let good = ActivationRange.fixed(scale: 1, zeroPoint: 0)
    #expect(error(shape, good) == nil)
    #expect(error(shape, .perTensor) == .quantization(.measuredBytes(type: .u8)))
    #expect(
      error(shape, .fixed(scale: 0, zeroPoint: 0))
        == .quantization(.scale(.activations, value: 0)))
    #expect(
      error(shape, .fixed(scale: 1, zeroPoint: 256))
        == .quantization(
          .zeroPoint(.activations, value: 256, type: .u8, minimum: 0, maximum: 255)))
    let other = try ConvolutionShapes.make(5, (6, 6), 3, (3, 3))
    #expect(
      error(other, good)
        == .shapeMismatch(
          operand: "the kernel", dimension: "columns", expected: 45, actual: 36))
    #expect(
      error(shape, good, images: 0)
        == .outOfRange(name: "images", value: 0, minimum: 1, maximum: .max))
    #expect(error(shape, good, bias: [1]) != nil)
    #expect(error(shape, good, PlanOptions(updatable: true)) == .convolution(.updatable))
    let plan = try test.plan(PlanOptions(deterministic: true))
    let wanted = OperationError.shapeMismatch(
      operand: "Y", dimension: "elements", expected: shape.outputCount,
      actual: shape.outputCount - 1)
    #expect(throws: wanted) { try run(plan, test.x, results: shape.outputCount - 1) }
    let names = Set(plan.explanation.candidates.map(\.kernel))
    do {
      _ = try test.plan(PlanOptions(deterministic: true, kernel: "im2col"))
      Issue.record("im2col is no kernel of bytes")
    } catch OperationError.unknownKernel(let name, let available) {
      #expect(name == "im2col" && Set(available) == names)
    }
  }

  private func run(
    _ plan: QuantizedConvolution<UInt8, Float>, _ x: [UInt8], results: Int
  ) throws {
    var y = [Float](repeating: 0, count: results)
    var into = y.mutableSpan
    try plan.run(x.span, into: &into)
  }
}
