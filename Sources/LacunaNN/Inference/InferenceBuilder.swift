// From stored tensors and an architecture to inference steps whose layouts fit each other.

import LacunaFormats
import LacunaIO
import LacunaOperations

/// Makes the steps of an ``InferenceGraph``. Dropout and flattening need none: at inference the first is
/// the identity, and the second is a matter of where the step before it writes.
struct InferenceBuilder {
  private let model: CompressedModel
  private let storage: WeightStorage
  private let threads: Int
  private let excludesDense: Bool
  /// What each layer with weights reads as bytes, where the ranges are known.
  private let ranges: [String: OutputScale]
  /// Layers that compute something, with their input and output shapes.
  private let imageLayers: [(layer: LayerDescription, input: Shape, output: Shape)]
  private let vectorLayers: [(layer: LayerDescription, input: Shape, output: Shape)]
  /// Shape of the features where the image part ends.
  let jointShape: Shape

  init(
    _ model: CompressedModel, storage: WeightStorage, threads: Int, excludesDense: Bool
  ) throws(ModelError) {
    (self.model, self.storage, self.threads) = (model, storage, threads)
    self.excludesDense = excludesDense
    ranges =
      storage == .sparse(.i8)
      ? try model.activationRanges().mapValues { OutputScale(covering: $0.closed) } : [:]
    var image: [(layer: LayerDescription, input: Shape, output: Shape)] = []
    var vector: [(layer: LayerDescription, input: Shape, output: Shape)] = []
    var shape = model.architecture.input
    var joint = shape
    // The architecture was checked when the model was made.
    for (layer, output) in zip(model.architecture.layers, (try? model.architecture.shapes()) ?? [])
    {
      switch layer {
      case .dropout, .flatten: break
      case .dense: vector.append((layer, Shape(features: shape.count), output))
      default:
        if vector.isEmpty {
          image.append((layer, shape, output))
          joint = output
        } else {
          vector.append((layer, shape, output))
        }
      }
      shape = output
    }
    (imageLayers, vectorLayers, jointShape) = (image, vector, joint)
  }

  var hasImagePart: Bool { !imageLayers.isEmpty }
  var vectorShapes: [Shape] { vectorLayers.map(\.output) }

  // MARK: What activations are stored as

  /// What a layer would read: bytes before weights in bytes with a known range, what the next one reads before a
  /// maximum, floats elsewhere.
  private func reads(_ layer: LayerDescription, next: ActivationStore) -> ActivationStore {
    switch layer {
    case .convolution(let name, _, _, _), .dense(let name, _, _):
      guard model["\(name)/kernel"]?.isQuantized ?? false, let scale = ranges[name] else {
        return .f32
      }
      return .u8(scale)
    case .maxPooling: return next
    default: return .f32
    }
  }

  /// What each of some layers reads, and what comes behind the last.
  private func stores(
    _ layers: [(layer: LayerDescription, input: Shape, output: Shape)], last: ActivationStore
  ) -> [ActivationStore] {
    var result = [last]
    for entry in layers.reversed() { result.append(reads(entry.layer, next: result.last!)) }
    return result.reversed()
  }

  private var vectorStores: [ActivationStore] { stores(vectorLayers, last: .f32) }

  /// What the image part hands over.
  var jointStore: ActivationStore { vectorStores[0] }

  // MARK: Image part

  func imagePart(samples: Int, tiles: Int, batch: Int) throws(ModelError)
    -> InferenceGraph.ImagePart
  {
    let final = ActivationLayout(flattened: jointShape, stride: batch, first: 0)
    let stores = stores(imageLayers, last: jointStore)
    // Convolutions decide about the layouts around them, so they come first.
    var convolutions: [Int: ConvolutionStep] = [:]
    for (i, entry) in imageLayers.enumerated() {
      if case .convolution(let name, let filters, let window, let relu) = entry.layer {
        convolutions[i] = try convolution(
          name, filters, WindowGeometry(window, over: entry.input), relu, samples,
          reads: stores[i], wanted: stores[i + 1])
      }
    }
    var steps: [any InferenceStep] = []
    var layout = convolutions[0]?.input ?? ActivationLayout(imageLayers[0].input, samples: samples)
    for (i, entry) in imageLayers.enumerated() {
      let isLast = i == imageLayers.count - 1
      let wanted =
        isLast
        ? final : convolutions[i + 1]?.input ?? ActivationLayout(entry.output, samples: samples)
      switch entry.layer {
      case .convolution(let name, _, _, _):
        let step = convolutions[i]!
        steps.append(step)
        layout = step.output
        if isLast || convolutions[i + 1] != nil || step.writes != stores[i + 1] {
          // Its output has a border of its own: copy the inside to where the next step wants it.
          steps.append(
            AffineStep(
              "\(name) copy", input: layout, output: wanted, samples: samples, reads: step.writes,
              writes: stores[i + 1]))
          layout = wanted
        }
        continue
      case .maxPooling(let name, let window):
        steps.append(
          PoolingStep(
            name, .max, geometry: WindowGeometry(window, over: entry.input), input: layout,
            output: wanted, samples: samples, threads: threads, store: stores[i]))
      case .averagePooling(let name, let window):
        // Means are floats: they become bytes on their way to the next step.
        let becomesBytes = stores[i + 1].isBytes
        let between = becomesBytes ? ActivationLayout(entry.output, samples: samples) : wanted
        steps.append(
          PoolingStep(
            name, .average, geometry: WindowGeometry(window, over: entry.input), input: layout,
            output: between, samples: samples, threads: threads, store: .f32))
        if becomesBytes {
          steps.append(
            AffineStep(
              "\(name) copy", input: between, output: wanted, samples: samples,
              writes: stores[i + 1]))
        }
      default:
        steps.append(
          try affine(
            entry.layer, input: layout, output: wanted, samples: samples, writes: stores[i + 1]))
      }
      layout = wanted
    }
    let buffers = steps.map { step in
      (0..<threads).map { _ in buffer(step.reads, count: step.input.extent) }
    }
    return InferenceGraph.ImagePart(
      samples: samples, tiles: tiles, steps: steps, buffers: buffers)
  }

  private func convolution(
    _ name: String, _ filters: Int, _ g: WindowGeometry, _ relu: Bool, _ samples: Int,
    reads: ActivationStore, wanted: ActivationStore
  ) throws(ModelError) -> ConvolutionStep {
    ConvolutionStep(
      name, geometry: g, filters: filters, samples: samples, threads: threads,
      product: try product(
        name, relu, width: g.pixels * samples, threads: 1, reads: reads, wanted: wanted))
  }

  // MARK: Vector part

  func vectorSteps(batch: Int) throws(ModelError) -> [any InferenceStep] {
    var steps: [any InferenceStep] = []
    let stores = vectorStores
    for (i, (layer, input, output)) in vectorLayers.enumerated() {
      let after = ActivationLayout(output, samples: batch)
      switch layer {
      case .dense(let name, _, let relu):
        let product = try product(
          name, relu, width: batch, threads: threads, reads: stores[i], wanted: stores[i + 1])
        steps.append(DenseStep(name, input: input, samples: batch, product: product))
        if product.writes != stores[i + 1] {
          steps.append(
            AffineStep(
              "\(name) copy", input: after, output: after, samples: batch, writes: stores[i + 1]))
        }
      case .relu, .batchNormalization:
        steps.append(
          try affine(
            layer, input: ActivationLayout(input, samples: batch), output: after, samples: batch,
            writes: stores[i + 1]))
      default:
        throw .invalidLayer(
          name: layer.name, reason: "inference runs windows only before fully connected layers")
      }
    }
    return steps
  }

  // MARK: Both

  /// A layer's product. One in bytes writes what is wanted, one in single precision floats.
  private func product(
    _ name: String, _ relu: Bool, width: Int, threads: Int, reads: ActivationStore,
    wanted: ActivationStore
  ) throws(ModelError) -> WeightedProduct {
    let kernel = try tensor("\(name)/kernel")
    let (epilogue, options) = (try epilogue(name, relu), options(threads: threads))
    if storage == .sparse(.i8),
      let product = try kernel.byteProduct(
        reads: reads, writes: wanted, width: width, epilogue: epilogue, options: options,
        name: name)
    {
      return product
    }
    return WeightedProduct(
      plan: try kernel.plan(
        storage: storage, width: width, epilogue: epilogue, options: options, name: name))
  }

  /// Memory for what a step reads, borders as zeros.
  func buffer(_ store: ActivationStore, count: Int) -> AlignedBuffer<UInt8> {
    let buffer = AlignedBuffer<UInt8>(count: count * store.size)
    if store.zero != 0 { buffer.pointer.update(repeating: store.zero, count: count) }
    return buffer
  }

  private func options(threads: Int) -> PlanOptions {
    PlanOptions(threads: threads, deterministic: true, excludesDense: excludesDense)
  }

  private func tensor(_ name: String) throws(ModelError) -> StoredTensor {
    guard let tensor = model[name] else { throw .missingTensor(name) }
    return tensor
  }

  private func values(_ name: String) throws(ModelError) -> [Float] {
    try tensor(name).denseValues(name: name)
  }

  private func epilogue(_ name: String, _ relu: Bool) throws(ModelError) -> Epilogue<Float> {
    Epilogue(bias: try values("\(name)/bias"), activation: relu ? .relu : .none)
  }

  /// ReLU, or batch normalisation as one multiplication and one addition per channel.
  private func affine(
    _ layer: LayerDescription, input: ActivationLayout, output: ActivationLayout, samples: Int,
    writes: ActivationStore
  ) throws(ModelError) -> AffineStep {
    let name = layer.name
    guard case .batchNormalization(_, _, let epsilon) = layer else {
      return AffineStep(
        name, input: input, output: output, samples: samples, writes: writes, relu: true)
    }
    let (gamma, beta) = (try values("\(name)/gamma"), try values("\(name)/beta"))
    let mean = try values("\(name)/moving_mean")
    let variance = try values("\(name)/moving_variance")
    var (scale, shift): ([Float], [Float]) = ([], [])
    for j in gamma.indices {
      let factor = gamma[j] * (1 / (variance[j] + epsilon).squareRoot())
      scale.append(factor)
      shift.append(beta[j] - mean[j] * factor)
    }
    return AffineStep(
      name, input: input, output: output, samples: samples, writes: writes, scale: scale,
      shift: shift)
  }
}
