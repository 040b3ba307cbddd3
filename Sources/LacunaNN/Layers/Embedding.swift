// Y[t] = E[x[t]]: a learned vector for each symbol of a sequence.

import LacunaFormats

/// Looks up rows of a table `[vocabulary, features]`. Symbols come as floats that hold whole numbers below the
/// vocabulary; others count as the next lower one, those outside as the first or the last.
final class Embedding: Layer {
  let name: String
  let inputShape: Shape
  let outputShape: Shape
  let table: Parameter
  var parameters: [Parameter] { [table] }
  /// Any sample may touch any row of the gradient.
  var isSampleWise: Bool { false }

  init(
    _ name: String, input: Shape, vocabulary: Int, features: Int, random: inout RandomStream
  ) {
    (self.name, inputShape) = (name, input)
    outputShape = Shape(height: input.height, width: input.width, channels: features)
    table = Parameter("\(name)/table", .table, [vocabulary, features])
    // As wide as normalised features, whatever the vocabulary: a row is read alone.
    table.initializeUniform(fanIn: 3, fanOut: 3, from: &random)
  }

  func forward(_ a: Activations, _ pass: Pass) {
    let features = outputShape.channels
    pass.threads.split(pass.batch * inputShape.count, parts: 8) { [self] range in
      for i in range { copy(a.y + i * features, row(a.x[i], of: table.values), features) }
    }
  }

  func backward(_ a: Activations, _ pass: Pass) {
    let features = outputShape.channels
    table.gradient.elements.update(repeating: 0)
    for i in 0..<pass.batch * inputShape.count {
      accumulate(row(a.x[i], of: table.gradient), a.dy + i * features, features)
    }
  }

  private func row(
    _ symbol: Float, of values: AlignedBuffer<Float>
  ) -> UnsafeMutablePointer<Float> {
    values.pointer + Self.row(symbol, rows: table.rows) * outputShape.channels
  }

  /// The row of a table that a symbol reads.
  @inline(__always)
  static func row(_ symbol: Float, rows: Int) -> Int {
    symbol > 0 ? Int(min(symbol, Float(rows - 1))) : 0
  }
}
