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
  /// Layers that compute something, with their input and output shapes.
  private let imageLayers: [(layer: LayerDescription, input: Shape, output: Shape)]
  private let vectorLayers: [(layer: LayerDescription, input: Shape, output: Shape)]
  /// Shape of the features where the image part ends.
  let jointShape: Shape

  init(_ model: CompressedModel, storage: WeightStorage, threads: Int, excludesDense: Bool) {
    (self.model, self.storage, self.threads) = (model, storage, threads)
    self.excludesDense = excludesDense
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

  // MARK: Image part

  func imagePart(samples: Int, tiles: Int, batch: Int) throws(ModelError)
    -> InferenceGraph.ImagePart
  {
    let final = ActivationLayout(flattened: jointShape, stride: batch, first: 0)
    // Convolutions decide about the layouts around them, so they come first.
    var convolutions: [Int: ConvolutionStep] = [:]
    for (i, entry) in imageLayers.enumerated() {
      if case .convolution(let name, let filters, let window, let relu) = entry.layer {
        convolutions[i] = try convolution(
          name, filters, WindowGeometry(window, over: entry.input), relu, samples)
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
        if isLast || convolutions[i + 1] != nil {
          // Its output has a border of its own: copy the inside to where the next step wants it.
          steps.append(AffineStep("\(name) copy", input: layout, output: wanted, samples: samples))
          layout = wanted
        }
        continue
      case .maxPooling(let name, let window):
        steps.append(
          PoolingStep(
            name, .max, geometry: WindowGeometry(window, over: entry.input), input: layout,
            output: wanted, samples: samples, threads: threads))
      case .averagePooling(let name, let window):
        steps.append(
          PoolingStep(
            name, .average, geometry: WindowGeometry(window, over: entry.input), input: layout,
            output: wanted, samples: samples, threads: threads))
      default:
        steps.append(try affine(entry.layer, input: layout, output: wanted, samples: samples))
      }
      layout = wanted
    }
    let buffers = steps.map { step in
      (0..<threads).map { _ in AlignedBuffer<Float>(count: step.input.extent) }
    }
    return InferenceGraph.ImagePart(
      samples: samples, tiles: tiles, steps: steps, buffers: buffers)
  }

  private func convolution(
    _ name: String, _ filters: Int, _ g: WindowGeometry, _ relu: Bool, _ samples: Int
  ) throws(ModelError) -> ConvolutionStep {
    let kernel = try tensor("\(name)/kernel")
    let plan = try kernel.plan(
      storage: storage, width: g.pixels * samples, epilogue: try epilogue(name, relu),
      options: options(threads: 1), name: name)
    return ConvolutionStep(
      name, geometry: g, filters: filters, samples: samples, threads: threads, plan: plan)
  }

  // MARK: Vector part

  func vectorSteps(batch: Int) throws(ModelError) -> [any InferenceStep] {
    var steps: [any InferenceStep] = []
    for (layer, input, output) in vectorLayers {
      switch layer {
      case .dense(let name, _, let relu):
        let plan = try tensor("\(name)/kernel").plan(
          storage: storage, width: batch, epilogue: try epilogue(name, relu),
          options: options(threads: threads), name: name)
        steps.append(DenseStep(name, input: input, samples: batch, plan: plan))
      case .relu, .batchNormalization:
        steps.append(
          try affine(
            layer, input: ActivationLayout(input, samples: batch),
            output: ActivationLayout(output, samples: batch), samples: batch))
      default:
        throw .invalidLayer(
          name: layer.name, reason: "inference runs windows only before fully connected layers")
      }
    }
    return steps
  }

  // MARK: Both

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
    _ layer: LayerDescription, input: ActivationLayout, output: ActivationLayout, samples: Int
  ) throws(ModelError) -> AffineStep {
    let name = layer.name
    guard case .batchNormalization(_, _, let epsilon) = layer else {
      return AffineStep(name, input: input, output: output, samples: samples, relu: true)
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
      name, input: input, output: output, samples: samples, scale: scale, shift: shift)
  }
}
