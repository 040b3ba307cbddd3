// x → step → … → step → logits, with all buffers allocated once for a number of samples.

import LacunaFormats
import LacunaOperations

/// A network prepared for mini-batches of one size.
///
/// The image part (up to the first fully connected layer) runs in tiles of at most 16 samples, so
/// that its activations stay in the second-level cache; its last step writes into the columns of
/// one matrix `[features, batch]`, which the fully connected layers multiply at once.
///
/// For one caller at a time; its own threads have buffers each, and their tiles write disjoint
/// columns.
final class InferenceGraph: NetworkRunner {
  /// The image part for tiles of one size.
  struct ImagePart {
    let samples: Int
    let tiles: Int
    let steps: [any InferenceStep]
    /// Where each step reads, by thread. The last one writes into the joint matrix.
    let buffers: [[AlignedBuffer<UInt8>]]
  }

  /// Samples per tile: one cache line of them per pixel.
  static let tile = 16

  let batch: Int
  let classes: Int
  var outputs: Int { classes }
  var isWatched: Bool { true }
  let inputShape: Shape
  let workers: Workers
  let imageParts: [ImagePart]
  let vectorSteps: [any InferenceStep]
  /// What each vector step reads, and the logits `[classes, batch]`.
  private let vectors: [AlignedBuffer<UInt8>]

  init(
    _ model: CompressedModel, storage: WeightStorage, batch: Int, workers: Workers,
    excludesDense: Bool
  ) throws(ModelError) {
    let builder = try InferenceBuilder(
      model, storage: storage, threads: workers.count, excludesDense: excludesDense)
    let shapes = try model.architecture.shapes()
    (self.batch, self.workers) = (batch, workers)
    inputShape = model.architecture.input
    classes = shapes.last!.count
    // Activations of the whole batch where the vectors begin, before that of a tile for each
    // thread, borders included.
    let whole = builder.vectorShapes.reduce(inputShape.count + builder.jointShape.count + classes) {
      $0 + $1.count
    }
    let tiled = builder.hasImagePart ? shapes.reduce(inputShape.count) { $0 + 2 * $1.count } : 0
    let bytes = (batch * whole + workers.count * Self.tile * tiled) * MemoryLayout<Float>.size
    if !AvailableMemory.has(bytes) {
      throw .operation(layer: "a batch of \(batch)", .outOfMemory(bytes: bytes))
    }
    var parts: [ImagePart] = []
    if builder.hasImagePart {
      let tile = min(Self.tile, batch)
      for (samples, tiles) in [(tile, batch / tile), (batch % tile, 1)]
      where samples > 0 && tiles > 0 {
        parts.append(try builder.imagePart(samples: samples, tiles: tiles, batch: batch))
      }
    }
    imageParts = parts
    vectorSteps = try builder.vectorSteps(batch: batch)
    vectors =
      vectorSteps.map { builder.buffer($0.reads, count: $0.input.extent) }
      + [builder.buffer(.f32, count: classes * batch)]
  }

  /// Names of the steps in order, and the kernels that run them.
  var steps: [(name: String, kernel: String)] {
    ((imageParts.first?.steps ?? []) + vectorSteps).map { ($0.name, $0.kernelName) }
  }

  /// Computes `batch · classes` logits, a row per sample.
  ///
  /// - Parameters:
  ///   - x: `[batch, inputShape.count]`, NHWC.
  ///   - watch: of the steps, on one thread.
  func run(
    _ x: UnsafePointer<Float>, into logits: UnsafeMutablePointer<Float>, watch: (any StepWatch)?
  ) {
    let joint = UnsafeMutableRawPointer(vectors[0].pointer)
    let jointStore = vectorSteps.first?.reads ?? .f32
    if imageParts.isEmpty {
      load(
        x, samples: batch, ActivationLayout(flattened: inputShape, stride: batch, first: 0), joint,
        jointStore)
    }
    var first = 0
    for part in imageParts {
      let start = first
      workers.run(tasks: part.tiles) { tile, worker in
        let sample = start + tile * part.samples
        load(
          x + sample * inputShape.count, samples: part.samples, part.steps[0].input,
          part.buffers[0][worker].pointer, part.steps[0].reads)
        for (i, step) in part.steps.enumerated() {
          let isLast = i == part.steps.count - 1
          let from = part.buffers[i][worker].pointer
          watch?.begins(step, from, samples: part.samples)
          step.run(
            from,
            isLast ? joint + sample * jointStore.size : .init(part.buffers[i + 1][worker].pointer),
            thread: worker)
          watch?.ended(step: i)
        }
      }
      first += part.tiles * part.samples
    }
    let imageSteps = imageParts.first?.steps.count ?? 0
    for (i, step) in vectorSteps.enumerated() {
      watch?.begins(step, vectors[i].pointer, samples: batch)
      step.run(vectors[i].pointer, vectors[i + 1].pointer, thread: 0)
      watch?.ended(step: imageSteps + i)
    }
    let result = UnsafeRawPointer(vectors.last!.pointer).assumingMemoryBound(to: Float.self)
    for sample in 0..<batch {
      for j in 0..<classes { logits[sample * classes + j] = result[j * batch + sample] }
    }
  }

  /// NHWC samples into a layout with samples innermost.
  private func load(
    _ x: UnsafePointer<Float>, samples: Int, _ layout: ActivationLayout,
    _ y: UnsafeMutableRawPointer, _ store: ActivationStore
  ) {
    switch store {
    case .f32: load(x, samples, layout, y.assumingMemoryBound(to: Float.self)) { $0 }
    case .u8(let scale):
      let rounded = ByteRounding(scale)
      load(x, samples, layout, y.assumingMemoryBound(to: UInt8.self)) { rounded($0) }
    }
  }

  @inline(__always)
  private func load<Element>(
    _ x: UnsafePointer<Float>, _ samples: Int, _ layout: ActivationLayout,
    _ y: UnsafeMutablePointer<Element>, _ stored: (Float) -> Element
  ) {
    let shape = inputShape
    for row in 0..<shape.height {
      for column in 0..<shape.width {
        for c in 0..<shape.channels {
          let source = x + (row * shape.width + column) * shape.channels + c
          let target = y + layout.index(c, row, column)
          for s in 0..<samples { target[s] = stored(source[s * shape.count]) }
        }
      }
    }
  }
}

/// Watches the steps of a graph that runs on one thread.
protocol StepWatch: AnyObject {
  /// A step is about to read its activations.
  func begins(_ step: any InferenceStep, _ x: UnsafeRawPointer, samples: Int)
  /// Step number `step` has run.
  func ended(step: Int)
}

/// Adds up the time of each step.
final class StepClock: StepWatch {
  private(set) var seconds: [Double]
  private var begin: ContinuousClock.Instant = .now

  init(steps: Int) { seconds = Array(repeating: 0, count: steps) }

  func begins(_ step: any InferenceStep, _ x: UnsafeRawPointer, samples: Int) { begin = .now }
  func ended(step: Int) { seconds[step] += begin.duration(to: .now).seconds }
}

extension Duration {
  /// The duration in seconds.
  package var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
