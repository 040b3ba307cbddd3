// One convolution of bytes: checked against integers, timed beside dense bytes and OpenBLAS on patches of floats.

import Lacuna

/// What the bytes of images stand for.
private let (scale, zeroPoint) = (Float(1) / 64, 128)

extension ConvCase {
  /// As for floats, with the weights quantised, their blocks over neighbouring channels, and random bytes for images. Dense is
  /// this library's best of the same bytes with no weight left out; patches are those of the numbers that bytes stand
  /// for, in f32.
  func measuredBytes(_ measure: MeasureOptions, _ options: PlanOptions) throws -> ConvResult {
    let (shape, images) = (layer.shape.shape, layer.shape.images)
    let mask = try randomMask(
      rows: shape.filters, columns: shape.patch, block: block, sparsity: sparsity,
      seed: measure.seed)
    var dense: DenseMatrix<Float> = try randomDense(
      rows: shape.filters, columns: shape.patch, seed: measure.seed &+ 1)
    let everything = try QuantizedCSR(quantizing: CSRMatrix(dense: dense))
    try mask.apply(to: &dense)
    var generator = SplitMix64(seed: measure.seed &+ 2)
    let x = (0..<images * shape.inputCount).map { _ in
      UInt8(truncatingIfNeeded: generator.next() >> 32)
    }
    let range = ActivationRange.fixed(scale: scale, zeroPoint: zeroPoint)
    let weights = try QuantizedCSR(quantizing: CSRMatrix(dense: dense))
    let sparse =
      block == .element
      ? try QuantizedConvolution<UInt8, Float>(
        weights, order: .channelsLast, shape: shape, layout: layout, images: images,
        activations: range, options: options)
      : try QuantizedConvolution<UInt8, Float>(
        QuantizedBSR(quantizing: BSRMatrix(dense: dense, block: block)), order: .channelsLast,
        shape: shape, layout: layout, images: images, activations: range, options: options)
    var others = options
    others.kernel = nil
    let best = try QuantizedConvolution<UInt8, Float>(
      everything, order: .channelsLast, shape: shape, layout: layout, images: images,
      activations: range, options: others)
    let numbers = x.map { (Float($0) - Float(zeroPoint)) * scale }
    others.kernel = "im2col"
    let patches = try Convolution<Float>(
      dense: dense, order: .channelsLast, shape: shape, layout: layout, images: images,
      options: others)
    BLAS.threads = measure.threads
    try requireExact(sparse, weights, x, "\(sparse.kernelName) \(layer.shape.listElement)")
    try requireExact(best, everything, x, "\(best.kernelName) \(layer.shape.listElement)")
    let outputs = (0..<3).map { _ in AlignedBuffer<Float>(count: images * shape.outputCount) }
    let (bytes, floats) = (aligned(x), aligned(numbers))
    let timings = Stopwatch(budget: measure.time, cache: measure.cache).time([
      { sparse.run(bytes.pointer, into: outputs[0].pointer, images: images) },
      { best.run(bytes.pointer, into: outputs[1].pointer, images: images) },
      { patches.run(floats.pointer, into: outputs[2].pointer, images: images) },
    ])
    return ConvResult(
      layer: layer, sparsity: sparsity, stored: BitMask(nonzerosOf: dense).keptCount, block: block,
      dtype: dtype, layout: layout, threads: measure.threads, cache: measure.cache,
      kernel: sparse.kernelName, denseKernel: best.kernelName, sparse: timings[0],
      dense: timings[1], patches: timings[2], peak: dtype.peakGflops * Double(measure.threads),
      check: ErrorCheck(maxError: 0, bound: 0))
  }

  /// Compares with sums of integers, which are exact in double precision.
  ///
  /// - Throws: ``Failure`` naming the first result that is another.
  private func requireExact(
    _ plan: QuantizedConvolution<UInt8, Float>, _ weights: QuantizedCSR, _ x: [UInt8],
    _ what: String
  ) throws {
    let (s, images) = (layer.shape.shape, layer.shape.images)
    let (offsets, channels) = (weights.pattern.rowOffsets, s.channels / s.groups)
    var integers = try DenseMatrix<Double>(rows: s.filters, columns: s.patch)
    for filter in 0..<s.filters {
      for p in offsets[filter]..<offsets[filter + 1] {
        let column = weights.pattern.columnIndices[p]
        integers[filter, column % channels * s.taps + column / channels] = Double(weights.values[p])
      }
    }
    let reference = ConvReference(
      layer.shape, layout, weights: integers, x: x.map { Double($0) - Double(zeroPoint) })
    var y = [Float](repeating: .nan, count: images * s.outputCount)
    var into = y.mutableSpan
    try plan.run(x.span, into: &into)
    for (at, sum) in reference.expected.enumerated() {
      let (image, rest) = at.quotientAndRemainder(dividingBy: s.outputCount)
      let (filter, pixel) = rest.quotientAndRemainder(dividingBy: s.pixels)
      let result = y[layout == .nchw ? at : (image * s.pixels + pixel) * s.filters + filter]
      // Each operation rounds on its own; so do those of the kernels.
      let expected = Float(sum) * (weights.scales[filter] * scale) + 0
      if result != expected {
        throw Failure(
          .software,
          "\(what): wrong result, image \(image), filter \(filter), pixel \(pixel) is \(result), "
            + "by integers \(expected)")
      }
    }
  }
}
