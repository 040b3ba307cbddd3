// z_t = softmax-input of symbol t of a target, from a source and the target's symbols before t.
//
//     m_s = [h→_s ; h←_s]                 encoder: a recurrent network over the source in each direction
//     d_0 = [h→_last ; h←_last],  d_t = cell(y_{t−1}, d_{t−1})      decoder
//     c_t = attention of W_q·d_t to all m_s,   z_t = W_o·tanh(W_c·[c_t ; d_t] + b_c) + b_o

import LacunaFormats

/// An encoder–decoder with attention (Luong, Pham and Manning, 2015) that is trained with the right symbols before
/// each step (teacher forcing).
///
/// A sample is a source of symbols and, behind it, a target that begins with symbol 0: `EncoderDecoderSizes` says what
/// the symbols mean. Where a source or a target ends follows from its padding; nothing is computed for that, and its
/// results are zeros.
final class EncoderDecoder: Layer {
  let name: String
  let inputShape: Shape
  let outputShape: Shape
  let weights: EncoderDecoderParameters
  var parameters: [Parameter] { weights.all }
  var isSampleWise: Bool { false }

  private let parts = BatchParts()
  private var tapes: [EncoderDecoderTape] = []

  /// Not checked: the sizes fit the input.
  init(
    _ name: String, input: Shape, sizes: EncoderDecoderSizes, random: inout RandomStream
  ) {
    (self.name, inputShape) = (name, input)
    outputShape = Shape(
      height: input.height - sizes.sourceSteps, width: 1, channels: sizes.targetSymbols)
    weights = EncoderDecoderParameters(name, sizes, random: &random)
  }

  func prepare(batch: Int, workers: Int, slices: Int) {
    tapes = (0..<parts.count).map { _ in
      EncoderDecoderTape(
        weights.sizes, targetSteps: outputShape.height, samples: parts.largest(of: batch))
    }
  }

  func forward(_ a: Activations, _ pass: Pass) {
    parts.run(pass) { [self] part, samples in
      tapes[part].forward(
        weights, a.x + samples.lowerBound * inputShape.count, samples: samples.count,
        into: a.y + samples.lowerBound * outputShape.count)
    }
  }

  /// Symbols have no gradient: ∂loss/∂x stays as it is, as that of an ``Embedding``.
  func backward(_ a: Activations, _ pass: Pass) {
    parts.run(pass) { [self] part, samples in
      tapes[part].backward(weights, a.dy + samples.lowerBound * outputShape.count)
    }
    parts.sum(parameters, pass) { tapes[$0].gradientPointers }
  }
}

/// The tensors of an encoder–decoder.
struct EncoderDecoderParameters {
  let sizes: EncoderDecoderSizes
  let sources: Parameter, targets: Parameter
  /// Forward and backward.
  let encoders: [RecurrentParameters]
  let decoder: RecurrentParameters
  let query: Parameter
  let attention: Parameter, attentionBias: Parameter
  let out: Parameter, outBias: Parameter

  var all: [Parameter] {
    [sources, targets] + encoders.flatMap(\.all) + decoder.all
      + [query, attention, attentionBias, out, outBias]
  }

  init(_ name: String, _ sizes: EncoderDecoderSizes, random: inout RandomStream) {
    self.sizes = sizes
    let shapes = sizes.tensorShapes(name)
    func parameter(_ name: String) -> Parameter {
      let tensor = shapes.first { $0.name == name }!
      return Parameter(name, tensor.role, tensor.shape)
    }
    sources = parameter("\(name)/source/table")
    targets = parameter("\(name)/target/table")
    for table in [sources, targets] {
      // As wide as normalised features, whatever the vocabulary: a row is read alone.
      table.initializeUniform(fanIn: 3, fanOut: 3, from: &random)
    }
    var cells: [RecurrentParameters] = []
    for (cell, units) in EncoderDecoderSizes.cells(name, units: sizes.units) {
      cells.append(
        RecurrentParameters(
          cell, unit: sizes.unit, features: sizes.embedded, units: units, random: &random))
    }
    (encoders, decoder) = (Array(cells[..<2]), cells[2])
    query = parameter("\(name)/attention/query_kernel")
    attention = parameter("\(name)/attention/kernel")
    attentionBias = parameter("\(name)/attention/bias")
    out = parameter("\(name)/out/kernel")
    outBias = parameter("\(name)/out/bias")
    for kernel in [query, attention, out] {
      kernel.initializeUniform(fanIn: kernel.columns, fanOut: kernel.rows, from: &random)
    }
  }
}
