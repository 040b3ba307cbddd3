// Sizes of an encoder–decoder with attention: symbols in, symbols out.

/// The sizes of ``LayerDescription/encoderDecoder(name:sizes:)``.
///
/// Symbol 0 is no symbol: it pads sources and targets behind their ends, and stands before the first symbol of a
/// target, where nothing was written yet. Symbol 1 of a target says that it ends.
public struct EncoderDecoderSizes: Hashable, Codable, Sendable {
  /// Steps of a source, padding included: the first ones of a sample. The steps behind them are the target's.
  public var sourceSteps: Int
  /// Symbols of sources, 0 counted.
  public var sourceSymbols: Int
  /// Symbols of targets, 0 and the end counted.
  public var targetSymbols: Int
  /// Features of the learned vector of a symbol, on both sides.
  public var embedded: Int
  /// The kind of all units.
  public var unit: RecurrentUnit
  /// Units of the decoder, and of the encoder's two directions together: an even number.
  public var units: Int

  /// Joins the sizes; an architecture checks them.
  public init(
    sourceSteps: Int, sourceSymbols: Int, targetSymbols: Int, embedded: Int,
    unit: RecurrentUnit = .gru, units: Int
  ) {
    (self.sourceSteps, self.sourceSymbols) = (sourceSteps, sourceSymbols)
    (self.targetSymbols, self.embedded) = (targetSymbols, embedded)
    (self.unit, self.units) = (unit, units)
  }

  /// Units of each direction of the encoder.
  public var encoderUnits: Int { units / 2 }

  /// The target's symbol behind the last one.
  public static let end: UInt8 = 1

  /// Symbols are bytes.
  static let mostSymbols = 256

  /// What a target's steps give for an input of source and target.
  ///
  /// - Throws: ``ModelError/invalidLayer(name:reason:)``
  func output(of input: Shape, name: String) throws(ModelError) -> Shape {
    func check(_ ok: Bool, _ reason: String) throws(ModelError) {
      if !ok { throw .invalidLayer(name: name, reason: reason) }
    }
    let widest = 1 << 20
    for (what, value, least, most) in [
      ("source symbols", sourceSymbols, 2, Self.mostSymbols),
      ("target symbols", targetSymbols, 3, Self.mostSymbols),
      ("embedded features", embedded, 1, widest), ("units", units, 2, widest),
    ] {
      try check(value >= least && value <= most, "\(what) \(value) must be in \(least)...\(most)")
    }
    try check(units % 2 == 0, "units \(units) must be even: each direction has half of them")
    try check(
      input.channels == 1 && input.width == 1, "symbols come as steps×1×1, not as \(input)")
    try check(
      sourceSteps >= 1 && sourceSteps < input.height,
      "source steps \(sourceSteps) must be in 1...\(input.height - 1), which leaves a target")
    return Shape(height: input.height - sourceSteps, width: 1, channels: targetSymbols)
  }

  /// - Parameter index: the number of the sequence, which the error names.
  /// - Throws: ``ModelError/dataMismatch(what:expected:found:)`` for a source that is too long,
  ///   ``ModelError/invalidSetting(name:reason:)`` for a symbol out of range.
  func check(source: [UInt8], index: Int) throws(ModelError) {
    try check(source, "source \(index)", most: sourceSteps, symbols: 1..<sourceSymbols)
  }

  /// As ``check(source:index:)``, for a target of fewer than `steps` symbols.
  func check(target: [UInt8], index: Int, steps: Int) throws(ModelError) {
    try check(target, "target \(index)", most: steps - 1, symbols: 2..<targetSymbols)
  }

  private func check(
    _ sequence: [UInt8], _ what: String, most: Int, symbols: Range<Int>
  ) throws(ModelError) {
    if sequence.count > most {
      throw .dataMismatch(
        what: "symbols, at most, of \(what)", expected: most, found: sequence.count)
    }
    if let bad = sequence.first(where: { !symbols.contains(Int($0)) }) {
      throw .invalidSetting(
        name: "symbol \(bad) of \(what)",
        reason: "must be in \(symbols.lowerBound)...\(symbols.upperBound - 1)")
    }
  }

  /// Names, shapes and roles of the tensors.
  func tensorShapes(_ name: String) -> [(name: String, shape: [Int], role: Parameter.Role)] {
    var result: [(name: String, shape: [Int], role: Parameter.Role)] = [
      ("\(name)/source/table", [sourceSymbols, embedded], .table),
      ("\(name)/target/table", [targetSymbols, embedded], .table),
    ]
    for (cell, units) in Self.cells(name, units: units) {
      result += RecurrentParameters.shapes(cell, unit: unit, features: embedded, units: units)
    }
    return result + [
      ("\(name)/attention/query_kernel", [units, units], .kernel),
      ("\(name)/attention/kernel", [units, 2 * units], .kernel),
      ("\(name)/attention/bias", [units], .bias),
      ("\(name)/out/kernel", [targetSymbols, units], .kernel),
      ("\(name)/out/bias", [targetSymbols], .bias),
    ]
  }

  /// Names and units of the recurrent cells: the encoder's, forward and backward, and the decoder's.
  static func cells(_ name: String, units: Int) -> [(name: String, units: Int)] {
    [
      ("\(name)/encoder", units / 2), ("\(name)/encoder_reverse", units / 2),
      ("\(name)/decoder", units),
    ]
  }
}
