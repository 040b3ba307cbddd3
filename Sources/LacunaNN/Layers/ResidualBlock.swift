// y = act(body(x) + shortcut(x)), the shortcut being x itself where it has no layers (He et al., 2016).

import LacunaFormats

/// Two chains of layers over the same input, their results added, then a ReLU when asked.
final class ResidualBlock: Layer {
  let name: String
  let inputShape: Shape
  var outputShape: Shape { body.outputShape }
  let body: LayerChain
  /// Nil for x itself.
  let shortcut: LayerChain?
  let relu: Bool
  var parameters: [Parameter] {
    (body.layers + (shortcut?.layers ?? [])).flatMap(\.parameters)
  }
  /// Layers inside may look at the whole batch.
  var isSampleWise: Bool { false }

  /// ∂loss/∂x through the shortcut.
  private var side = AlignedBuffer<Float>(count: 0)

  init(
    _ name: String, input: Shape, body: [any Layer], shortcut: [any Layer], relu: Bool
  ) {
    (self.name, inputShape, self.relu) = (name, input, relu)
    self.body = LayerChain(body, input: input)
    self.shortcut = shortcut.isEmpty ? nil : LayerChain(shortcut, input: input)
  }

  func prepare(batch: Int, workers: Int, slices: Int) {
    body.prepare(batch: batch, workers: workers)
    shortcut?.prepare(batch: batch, workers: workers)
    side = AlignedBuffer(count: shortcut == nil ? 0 : batch * inputShape.count)
  }

  func fixMasks(_ masks: [String: BitMask], threads: Int) {
    for layer in body.layers + (shortcut?.layers ?? []) {
      layer.fixMasks(masks, threads: threads)
    }
  }

  func forward(_ a: Activations, _ pass: Pass) {
    for chain in [body, shortcut].compactMap({ $0 }) {
      chain.forward(
        a.x, batch: pass.batch, training: pass.isTraining, random: pass.random, pass.threads)
    }
    let first = result(of: body, a.x)
    let second = shortcut.map { result(of: $0, a.x) } ?? a.x
    split(pass, outputShape) { [relu] range in
      for i in range {
        let sum = first[i] + second[i]
        a.y[i] = relu ? rectified(sum) : sum
      }
    }
  }

  func backward(_ a: Activations, _ pass: Pass) {
    let chains = [body, shortcut].compactMap { $0 }
    split(pass, outputShape) { [self] range in
      let (first, count) = (range.lowerBound, range.count)
      if relu { maskByPositive(a.dy + first, a.y + first, count) }
      for chain in chains {
        copy(chain.gradient(chain.layers.count, a.dy)! + first, a.dy + first, count)
      }
    }
    for (chain, dx) in zip(chains, [a.dx, a.dx == nil ? nil : side.pointer]) {
      chain.backward(a.x, dx: dx, batch: pass.batch, random: pass.random, pass.threads)
    }
    guard let dx = a.dx else { return }
    let other = shortcut == nil ? a.dy : side.pointer
    split(pass, inputShape) { range in
      accumulate(dx + range.lowerBound, other + range.lowerBound, range.count)
    }
  }

  private func result(
    of chain: LayerChain, _ x: UnsafeMutablePointer<Float>
  ) -> UnsafeMutablePointer<Float> {
    chain.activation(chain.layers.count, x)
  }

  private func split(_ pass: Pass, _ shape: Shape, _ body: (Range<Int>) -> Void) {
    pass.threads.split(pass.batch * shape.count, parts: LayerChain.slices, body)
  }
}
