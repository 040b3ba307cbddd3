// Results of a convolution are bitwise the same for any threads and slices, and a run allocates nothing.

import AllocationCount
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

private struct Setting: Sendable, CustomTestStringConvertible {
  let name: String
  let shape: ConvolutionShape
  let images: Int
  var testDescription: String { name }

  static let all: [Setting] = {
    do {
      return [
        Setting(
          name: "3×3",
          shape: try ConvolutionShapes.make(64, (33, 31), 66, (3, 3), padding: (1, 1, 1, 1)),
          images: 2),
        Setting(
          name: "pointwise", shape: try ConvolutionShapes.make(130, (19, 17), 150, (1, 1)),
          images: 3),
        Setting(
          name: "depthwise stride 2",
          shape: try ConvolutionShapes.make(
            100, (61, 59), 100, (3, 3), stride: (2, 2), padding: (1, 1, 1, 1), groups: 100),
          images: 4),
      ]
    } catch { fatalError("\(error)") }
  }()
}

@Suite struct ConvolutionBitwiseTests {
  @Test("by threads and slices", arguments: Setting.all, ImageLayout.allCases)
  fileprivate func threadsAndSlices(setting: Setting, layout: ImageLayout) throws {
    for isa in ISA.available {
      for residual in [false, true] {
        let test = ConvolutionCase<Float>(
          setting.shape, layout: layout, images: setting.images, sparsity: 0.3, activation: .relu,
          residual: residual, seed: 41)
        for kernel in try test.kernels(.elements, isa: isa) {
          try check(test, kernel, isa, "\(kernel) \(isa) \(setting.name) \(layout) \(residual)")
        }
      }
    }
  }

  private func check(
    _ test: ConvolutionCase<Float>, _ kernel: String, _ isa: ISA, _ name: String
  ) throws {
    // A product chooses its own kernel: the first one's is kept.
    var kernel = kernel
    var one: [Float]?
    for threads in [1, 2, 3] {
      let plan = try test.plan(.elements, PlanOptions(threads: threads, kernel: kernel, isa: isa))
      kernel = plan.kernelName
      let y = try test.result(plan)
      if one == nil { one = y }
      #expect(y == one!, "\(threads) threads, \(name)")
      for slices in [1, 2, 3, 16, 200] {
        var z = [Float](repeating: .nan, count: y.count)
        let workspace = UnsafeMutableRawPointer.allocate(
          byteCount: max(plan.workspaceBytes, 1), alignment: 64)
        defer { workspace.deallocate() }
        // Garbage, as a caller's memory has.
        memoryOfOnes(workspace, plan.workspaceBytes)
        for slice in (0..<slices).reversed() {
          plan.run(
            slice: slice, of: slices, test.x, residual: test.residual.map { $0 }, into: &z,
            images: test.images, workspace: slice % 2 == 0 ? workspace : nil)
        }
        #expect(z == one!, "\(slices) slices of \(threads) threads, \(name)")
      }
    }
  }

  private func memoryOfOnes(_ memory: UnsafeMutableRawPointer, _ count: Int) {
    memory.initializeMemory(as: UInt8.self, repeating: 0xff, count: count)
  }

  /// Kernels ask for what follows then, and results in aligned rows go past the caches.
  @Test(
    "images of which there are more than a cache holds have the bits of single ones",
    arguments: ImageLayout.allCases)
  func farImages(layout: ImageLayout) throws {
    for (shape, residual, activation) in [
      (try ConvolutionShapes.make(16, (40, 40), 64, (1, 1)), false, Activation.relu),
      (try ConvolutionShapes.make(64, (40, 40), 40, (1, 1)), true, .none),
      (try ConvolutionShapes.make(16, (40, 40), 64, (1, 1)), false, .silu),
      (try ConvolutionShapes.make(32, (40, 40), 48, (1, 1), stride: (2, 2)), false, .none),
      (try ConvolutionShapes.make(24, (28, 30), 24, (3, 3), padding: (1, 1, 1, 1)), true, .relu),
      (
        try ConvolutionShapes.make(32, (40, 41), 32, (3, 3), padding: (1, 1, 1, 1), groups: 32),
        false, .none
      ),
      (
        try ConvolutionShapes.make(
          32, (41, 40), 32, (5, 5), stride: (2, 2), padding: (2, 2, 2, 2), groups: 32),
        false, .none
      ),
    ] {
      let (inputs, outputs) = (shape.inputCount, shape.outputCount)
      // From half of the last cache on.
      let images = CPUInfo.current.level3Bytes / 2 / (4 * (inputs + outputs)) + 1
      let test = ConvolutionCase<Float>(
        shape, layout: layout, images: images, sparsity: shape.groups == 1 ? 0.8 : 0,
        activation: activation, residual: residual, seed: 43)
      // At lines of the cache.
      let (x, all) = (
        AlignedBuffer<Float>(count: test.x.count), AlignedBuffer<Float>(count: images * outputs)
      )
      x.pointer.update(from: test.x, count: test.x.count)
      for kernel in try test.kernels(.elements, isa: .selected) where kernel != "im2col" {
        let plan = try test.plan(
          .elements,
          PlanOptions(threads: 1, kernel: kernel == "product" ? "product-spmm-1x1" : kernel))
        all.pointer.update(repeating: .nan, count: all.count)
        func run(_ first: Int, _ count: Int, into y: UnsafeMutablePointer<Float>) {
          if let residual = test.residual {
            residual.withUnsafeBufferPointer {
              plan.run(
                x.pointer + first * inputs, residual: $0.baseAddress! + first * outputs, into: y,
                images: count)
            }
          } else {
            plan.run(x.pointer + first * inputs, into: y, images: count)
          }
        }
        run(0, images, into: all.pointer)
        for image in [0, images / 2, images - 1] {
          var one = [Float](repeating: .nan, count: outputs)
          run(image, 1, into: &one)
          #expect(
            one == (0..<outputs).map { all.pointer[image * outputs + $0] },
            "image \(image) of \(images), \(kernel) \(layout) \(shape)")
        }
      }
    }
  }

  @Test(
    "a run allocates nothing", .enabled(if: lcn_allocation_count() >= 0), arguments: Setting.all)
  fileprivate func allocations(setting: Setting) throws {
    for layout in ImageLayout.allCases {
      for residual in [false, true] {
        let test = ConvolutionCase<Float>(
          setting.shape, layout: layout, images: setting.images, sparsity: 0.9, residual: residual,
          seed: 42)
        for kernel in try test.kernels(.elements, isa: .selected) where kernel != "im2col" {
          for threads in [1, 2] {
            let plan = try test.plan(
              .elements,
              PlanOptions(
                threads: threads, kernel: kernel == "product" ? "product-spmm-1x1" : kernel))
            let x = UnsafeMutablePointer<Float>.allocate(capacity: test.x.count)
            x.initialize(repeating: 1, count: test.x.count)
            let y = UnsafeMutablePointer<Float>.allocate(
              capacity: test.images * setting.shape.outputCount)
            let r = UnsafeMutablePointer<Float>.allocate(
              capacity: test.images * setting.shape.outputCount)
            r.initialize(repeating: 1, count: test.images * setting.shape.outputCount)
            defer {
              x.deallocate()
              y.deallocate()
              r.deallocate()
            }
            // The first run starts threads.
            plan.run(x, residual: residual ? r : nil, into: y, images: test.images)
            let before = lcn_allocation_count()
            plan.run(x, residual: residual ? r : nil, into: y, images: test.images)
            for slice in 0..<3 {
              plan.run(
                slice: slice, of: 3, x, residual: residual ? r : nil, into: y, images: test.images)
            }
            let after = lcn_allocation_count()
            #expect(after == before, "\(kernel) \(layout) on \(threads) threads, \(residual)")
          }
        }
      }
    }
  }

  @Test("nothing outside of images and results is touched", arguments: GuardedMemory.Side.allCases)
  func guards(side: GuardedMemory.Side) throws {
    for (i, (name, shape)) in ConvolutionShapes.all.enumerated() {
      for layout in ImageLayout.allCases {
        let test = ConvolutionCase<Float>(
          shape, layout: layout, images: 1, residual: i % 2 == 0, seed: UInt64(i))
        for kernel in try test.kernels(.elements, isa: .selected) {
          if kernel.contains("direct") && name.hasPrefix("planes beyond") { continue }
          let plan = try test.plan(.elements, PlanOptions(kernel: kernel))
          let error = GuardedMemory.with(side) { memory in
            let y = memory.copy([Float](repeating: .nan, count: shape.outputCount))
            plan.run(
              memory.copy(test.x), residual: test.residual.map { UnsafePointer(memory.copy($0)) },
              into: y, images: 1)
            return test.firstError(
              Array(UnsafeBufferPointer(start: y, count: shape.outputCount)))
          }
          #expect(error == nil, "\(kernel) \(layout) \(name)")
        }
      }
    }
  }
}
