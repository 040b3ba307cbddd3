// A convolution in double precision by its definition, with an error bound for every result; random cases.

import LacunaFormats
import LacunaOperations
import TestSupport

/// One convolution with random numbers.
struct ConvolutionCase<Scalar: SparseScalar> {
  let shape: ConvolutionShape
  let layout: ImageLayout
  let order: KernelOrder
  let images: Int
  var epilogue: ConvolutionEpilogue<Scalar>
  /// [filters, patch] in `order`.
  let weights: [Scalar]
  let x: [Scalar]
  let residual: [Scalar]?

  init(
    _ shape: ConvolutionShape, layout: ImageLayout, order: KernelOrder = .channelsFirst,
    images: Int = 1, sparsity: Double = 0.7, block: BlockSize = .element, bias: Bool = true,
    activation: Activation = .none, residual: Bool = false, seed: UInt64
  ) {
    var generator = SeededGenerator(seed: seed)
    func numbers(_ count: Int) -> [Scalar] {
      (0..<count).map { _ in Scalar(Double.random(in: -1...1, using: &generator)) }
    }
    (self.shape, self.layout, self.order, self.images) = (shape, layout, order, images)
    weights = randomWeights(
      shape.filters, shape.patch, sparsity: sparsity, block: block, &generator)
    x = numbers(images * shape.inputCount)
    epilogue = ConvolutionEpilogue(
      bias: bias ? numbers(shape.filters) : nil, activation: activation, addsResidual: residual)
    self.residual = residual ? numbers(images * shape.outputCount) : nil
  }

  func sparse() throws -> CSRMatrix<Scalar> { try csr(weights, shape.filters, shape.patch) }
  func blocks(_ block: BlockSize) throws -> BSRMatrix<Scalar> {
    try bsr(weights, shape.filters, shape.patch, block)
  }
  func dense() throws -> DenseMatrix<Scalar> {
    try DenseMatrix(rows: shape.filters, columns: shape.patch, values: weights)
  }

  /// Runs a plan on the case.
  func result(_ plan: Convolution<Scalar>) throws -> [Scalar] {
    var y = [Scalar](repeating: .nan, count: images * shape.outputCount)
    var into = y.mutableSpan
    if let residual {
      try plan.run(x.span, residual: residual.span, into: &into)
    } else {
      try plan.run(x.span, into: &into)
    }
    return y
  }

  private func input(_ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Double {
    let s = shape
    if y < 0 || y >= s.height || x < 0 || x >= s.width { return 0 }
    return Double(
      self.x[
        layout == .nchw
          ? ((n * s.channels + c) * s.height + y) * s.width + x
          : ((n * s.height + y) * s.width + x) * s.channels + c])
  }

  private func weight(_ f: Int, _ c: Int, _ ky: Int, _ kx: Int) -> Double {
    let s = shape
    let channels = s.channels / s.groups
    let column =
      order == .channelsFirst
      ? (c * s.kernelHeight + ky) * s.kernelWidth + kx
      : (ky * s.kernelWidth + kx) * channels + c
    return Double(weights[f * s.patch + column])
  }

  /// Where result (image, filter, row, column) lies.
  func place(_ n: Int, _ f: Int, _ oy: Int, _ ox: Int) -> Int {
    layout == .nchw
      ? ((n * shape.filters + f) * shape.outputHeight + oy) * shape.outputWidth + ox
      : ((n * shape.outputHeight + oy) * shape.outputWidth + ox) * shape.filters + f
  }

  /// The first result that is further off than rounding may take it, described; nil when all are right.
  ///
  /// A sum of s products, bias and residual has at most s + 3 roundings on each path from a term to the result:
  /// |error| ≤ γ(s + 3)·Σ|terms| with γ(k) = k·u / (1 − k·u) (Higham, 2002, section 3.1). Bounding is 1-Lipschitz.
  func firstError(_ result: [Scalar]) -> String? {
    let s = shape
    let unit = Double(Scalar.ulpOfOne) / 2
    let (lower, upper) = epilogue.activation.bounds
    let (channels, filters) = (s.channels / s.groups, s.filters / s.groups)
    for n in 0..<images {
      for f in 0..<s.filters {
        for oy in 0..<s.outputHeight {
          for ox in 0..<s.outputWidth {
            var (sum, size, terms) = (0.0, 0.0, 0.0)
            for c in 0..<channels {
              for ky in 0..<s.kernelHeight {
                for kx in 0..<s.kernelWidth {
                  let term =
                    weight(f, c, ky, kx)
                    * input(
                      n, f / filters * channels + c, oy * s.strideY + ky * s.dilationY - s.padTop,
                      ox * s.strideX + kx * s.dilationX - s.padLeft)
                  if term == 0 { continue }
                  sum += term
                  size += abs(term)
                  terms += 1
                }
              }
            }
            let at = place(n, f, oy, ox)
            for rest in [epilogue.bias.map { Double($0[f]) }, residual.map { Double($0[at]) }] {
              sum += rest ?? 0
              size += abs(rest ?? 0)
            }
            let roundings = (terms + 4) * unit
            let bound = roundings / (1 - roundings) * size
            let want = min(max(sum, lower), upper)
            if !(abs(Double(result[at]) - want) <= bound) {
              return "[\(n), \(f), \(oy), \(ox)] is \(result[at]), must be \(want) ± \(bound)"
            }
          }
        }
      }
    }
    return nil
  }
}

/// Named shapes: what each is there for.
enum ConvolutionShapes {
  static func make(
    _ channels: Int, _ image: (Int, Int), _ filters: Int, _ kernel: (Int, Int),
    stride: (Int, Int) = (1, 1), dilation: (Int, Int) = (1, 1),
    padding: (Int, Int, Int, Int) = (0, 0, 0, 0), groups: Int = 1
  ) throws -> ConvolutionShape {
    try ConvolutionShape(
      channels: channels, image: image, filters: filters, kernel: kernel, stride: stride,
      dilation: dilation, padding: padding, groups: groups)
  }

  static let all: [(name: String, shape: ConvolutionShape)] = {
    do {
      return [
        ("one pixel", try make(1, (1, 1), 1, (1, 1))),
        ("one pixel under a padded kernel", try make(3, (1, 1), 5, (3, 3), padding: (1, 1, 1, 1))),
        ("the kernel is the image", try make(5, (4, 6), 7, (4, 6))),
        ("3×3, same", try make(7, (14, 14), 9, (3, 3), padding: (1, 1, 1, 1))),
        ("3×3, valid, odd", try make(4, (9, 13), 6, (3, 3))),
        ("3×3, wide rows", try make(3, (5, 67), 4, (3, 3), padding: (1, 1, 1, 1))),
        ("3×3, tiles of part of a row", try make(200, (5, 150), 2, (3, 3), padding: (1, 1, 1, 1))),
        ("1×11, more columns than views", try make(3, (3, 40), 4, (1, 11), padding: (0, 5, 0, 5))),
        ("3×3 stride 2", try make(6, (15, 17), 8, (3, 3), stride: (2, 2), padding: (1, 1, 1, 1))),
        (
          "TensorFlow's same at stride 2",
          try make(3, (8, 8), 4, (3, 3), stride: (2, 2), padding: (0, 0, 1, 1))
        ),
        ("7×7 stride 2", try make(3, (29, 31), 5, (7, 7), stride: (2, 2), padding: (3, 3, 3, 3))),
        ("5×3 stride 3×1", try make(4, (17, 12), 6, (5, 3), stride: (3, 1), padding: (2, 1, 0, 1))),
        ("stride 1×4", try make(5, (3, 41), 4, (1, 5), stride: (1, 4), padding: (0, 4, 0, 1))),
        ("stride above the kernel", try make(6, (13, 14), 4, (1, 1), stride: (3, 5))),
        ("dilated", try make(4, (12, 15), 6, (3, 3), dilation: (2, 3), padding: (2, 3, 4, 5))),
        (
          "dilated and strided",
          try make(4, (16, 19), 6, (3, 3), stride: (2, 3), dilation: (3, 2), padding: (1, 2, 3, 4))
        ),
        ("pointwise", try make(17, (5, 7), 9, (1, 1))),
        ("pointwise, two groups", try make(8, (6, 5), 6, (1, 1), groups: 2)),
        ("two groups", try make(8, (9, 9), 6, (3, 3), padding: (1, 1, 1, 1), groups: 2)),
        (
          "groups of different halves",
          try make(6, (7, 8), 12, (3, 2), padding: (1, 0, 0, 1), groups: 3)
        ),
        ("depthwise", try make(11, (10, 12), 11, (3, 3), padding: (1, 1, 1, 1), groups: 11)),
        ("depthwise in parts", try make(70, (6, 9), 70, (3, 3), padding: (1, 1, 1, 1), groups: 70)),
        (
          "depthwise stride 2, multiplier 2",
          try make(5, (11, 11), 10, (3, 3), stride: (2, 2), padding: (1, 1, 1, 1), groups: 5)
        ),
        ("one dimension", try make(3, (1, 5000), 2, (1, 9), padding: (0, 4, 0, 4))),
        ("planes beyond 16 bits", try make(1, (1, 70000), 2, (1, 3), dilation: (1, 33000))),
        (
          "many channels, several column blocks",
          try make(150, (6, 6), 5, (3, 3), padding: (1, 1, 1, 1))
        ),
        ("several tiles", try make(64, (40, 37), 3, (3, 3), padding: (1, 1, 1, 1))),
      ]
    } catch { fatalError("\(error)") }
  }()
}
