// What does not fit is refused with the numbers that disagree.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct ConvolutionErrorTests {
  private func error(_ body: () throws -> Void) -> OperationError? {
    do { try body() } catch { return error as? OperationError }
    return nil
  }

  private func shapeError(
    _ channels: Int = 4, _ image: (Int, Int) = (8, 8), _ filters: Int = 4,
    _ kernel: (Int, Int) = (3, 3), stride: (Int, Int) = (1, 1), dilation: (Int, Int) = (1, 1),
    padding: (Int, Int, Int, Int) = (0, 0, 0, 0), groups: Int = 1
  ) -> OperationError? {
    error {
      _ = try ConvolutionShapes.make(
        channels, image, filters, kernel, stride: stride, dilation: dilation, padding: padding,
        groups: groups)
    }
  }

  @Test func sizesBelowOneAreOutOfRange() {
    let most = Int(Int32.max)
    for value in [0, -1, Int.min, most + 1, Int.max] {
      func wrong(_ name: String) -> OperationError {
        .outOfRange(name: name, value: value, minimum: 1, maximum: most)
      }
      #expect(shapeError(value) == wrong("channels"))
      #expect(shapeError(4, (value, 8)) == wrong("image height"))
      #expect(shapeError(4, (8, value)) == wrong("image width"))
      #expect(shapeError(4, (8, 8), value) == wrong("filters"))
      #expect(shapeError(4, (8, 8), 4, (value, 3)) == wrong("kernel height"))
      #expect(shapeError(4, (8, 8), 4, (3, value)) == wrong("kernel width"))
      #expect(shapeError(stride: (value, 1)) == wrong("stride in y"))
      #expect(shapeError(stride: (1, value)) == wrong("stride in x"))
      #expect(shapeError(dilation: (value, 1)) == wrong("dilation in y"))
      #expect(shapeError(dilation: (1, value)) == wrong("dilation in x"))
      #expect(shapeError(groups: value) == wrong("groups"))
    }
  }

  @Test func groupsHaveToDivideChannelsAndFilters() {
    #expect(
      shapeError(6, groups: 4)
        == .convolution(.groupsDoNotDivide(groups: 4, name: "channels", count: 6)))
    #expect(
      shapeError(8, (8, 8), 6, groups: 4)
        == .convolution(.groupsDoNotDivide(groups: 4, name: "filters", count: 6)))
  }

  @Test func paddingHasToBeSmallerThanTheKernel() {
    #expect(
      shapeError(padding: (3, 0, 0, 0))
        == .convolution(.paddingTooLarge(edge: "top", padding: 3, extent: 3)))
    #expect(
      shapeError(dilation: (1, 2), padding: (0, 0, 0, 5))
        == .convolution(.paddingTooLarge(edge: "right", padding: 5, extent: 5)))
    #expect(
      shapeError(padding: (0, -1, 0, 0))
        == .outOfRange(
          name: "padding at the left", value: -1, minimum: 0, maximum: Int(Int32.max)))
    #expect(shapeError(padding: (2, 2, 2, 2)) == nil)
  }

  @Test func aDilatedKernelHasToFitIntoThePaddedImage() {
    #expect(
      shapeError(dilation: (4, 1))
        == .convolution(.kernelOutsideImage(dimension: "height", extent: 9, padded: 8)))
    #expect(
      shapeError(4, (8, 2), padding: (0, 0, 0, 0))
        == .convolution(.kernelOutsideImage(dimension: "width", extent: 3, padded: 2)))
    #expect(shapeError(4, (8, 2), padding: (0, 1, 0, 0)) == nil)
  }

  @Test func whatCannotBeAddressedIsRefused() {
    let big = Int(Int32.max)
    #expect(
      shapeError(big, (big, big), 4, (1, 1))
        == .convolution(.tooManyElements(name: "the padded image", factors: [big, big, big])))
    #expect(
      shapeError(1, (1 << 20, 1 << 20), 1 << 20, (1, 1))
        == .convolution(
          .tooManyElements(name: "the result", factors: [1 << 20, 1 << 20, 1 << 20])))
    #expect(
      shapeError(1 << 30, (1, 1), 1 << 30, (1, 1))
        == .convolution(
          .tooManyElements(name: "the kernel", factors: [1 << 30, 1 << 30, 1, 1])))
    #expect(
      shapeError(1, (300, 300), 1, (257, 256))
        == .convolution(.kernelTooLarge(height: 257, width: 256, maximum: 1 << 16)))
  }

  @Test func plansRefuseWhatDoesNotFit() throws {
    let shape = try ConvolutionShapes.make(4, (6, 6), 6, (3, 3), groups: 2)
    let good = try DenseMatrix<Float>(rows: 6, columns: 18)
    func planError(
      _ weights: DenseMatrix<Float>, images: Int = 1, bias: [Float]? = nil,
      activation: Activation = .none, options: PlanOptions = .init(deterministic: true)
    ) -> OperationError? {
      error {
        _ = try Convolution(
          dense: weights, shape: shape, images: images,
          epilogue: ConvolutionEpilogue(bias: bias, activation: activation), options: options)
      }
    }
    #expect(planError(good) == nil)
    #expect(
      planError(try DenseMatrix(rows: 5, columns: 18))
        == .shapeMismatch(operand: "the kernel", dimension: "rows", expected: 6, actual: 5))
    #expect(
      planError(try DenseMatrix(rows: 6, columns: 36))
        == .shapeMismatch(operand: "the kernel", dimension: "columns", expected: 18, actual: 36))
    #expect(planError(good, bias: [1, 2]) == .biasCount(expected: 6, actual: 2))
    #expect(planError(good, activation: .clamp(2, 1)) == .invalidClamp(lower: 2, upper: 1))
    #expect(
      planError(good, images: 0)
        == .outOfRange(name: "images", value: 0, minimum: 1, maximum: .max))
    #expect(
      planError(good, images: 1 << 40)
        == .convolution(.tooManyElements(name: "the images", factors: [1 << 40, 144])))
    #expect(
      planError(good, options: PlanOptions(threads: 0))
        == .outOfRange(name: "threads", value: 0, minimum: 1, maximum: .max))
    #expect(planError(good, options: PlanOptions(updatable: true)) == .convolution(.updatable))
    #expect(
      planError(good, options: PlanOptions(deterministic: true, kernel: "winograd"))
        == .unknownKernel(
          name: "winograd",
          available: try Convolution(dense: good, shape: shape, options: .init(deterministic: true))
            .explanation.candidates.map(\.kernel)))
  }

  @Test func runsRefuseArraysThatDoNotFit() throws {
    let shape = try ConvolutionShapes.make(2, (3, 4), 5, (2, 2))
    let weights = try DenseMatrix<Float>(rows: 5, columns: 8)
    let plan = try Convolution(dense: weights, shape: shape, options: .init(deterministic: true))
    var y = [Float](repeating: 7, count: 30)
    func run(
      _ plan: Convolution<Float>, _ count: Int, residual: [Float]? = nil
    ) -> OperationError? {
      error {
        let x = [Float](repeating: 0, count: count)
        var into = y.mutableSpan
        if let residual {
          try plan.run(x.span, residual: residual.span, into: &into)
        } else {
          try plan.run(x.span, into: &into)
        }
      }
    }
    #expect(
      run(plan, 25)
        == .shapeMismatch(operand: "X", dimension: "elements", expected: 24, actual: 25))
    #expect(
      run(plan, 48)
        == .shapeMismatch(operand: "Y", dimension: "elements", expected: 60, actual: 30))
    #expect(
      error { _ = try plan([Float](repeating: 0, count: 25)) }
        == .shapeMismatch(operand: "X", dimension: "elements", expected: 24, actual: 25))
    #expect(run(plan, 24, residual: y) == .convolution(.residual(expected: false)))
    let adding = try Convolution(
      dense: weights, shape: shape, epilogue: ConvolutionEpilogue(addsResidual: true),
      options: .init(deterministic: true))
    #expect(run(adding, 24) == .convolution(.residual(expected: true)))
    #expect(
      run(adding, 24, residual: [1])
        == .shapeMismatch(operand: "the residual", dimension: "elements", expected: 30, actual: 1))
    #expect(y == [Float](repeating: 7, count: 30))
  }
}
