// Saved schedules: every parameter by name, checked again when it is read

extension ConstantSparsity: Codable {
  private enum CodingKeys: String, CodingKey { case target, begin, end, frequency, includesEnd }

  /// Decodes what ``encode(to:)`` writes, checked as by the initialiser.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      values.decode(Double.self, forKey: .target), begin: values.decode(Int.self, forKey: .begin),
      end: values.decodeIfPresent(Int.self, forKey: .end),
      frequency: values.decode(Int.self, forKey: .frequency),
      includesEnd: values.decodeIfPresent(Bool.self, forKey: .includesEnd) ?? true)
  }

  /// Encodes `target`, `begin`, `end`, `frequency`, `includesEnd`; no `end` where it never stops.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(target, forKey: .target)
    try values.encode(window.begin, forKey: .begin)
    try values.encodeIfPresent(window.end, forKey: .end)
    try values.encode(window.frequency, forKey: .frequency)
    try values.encode(window.includesEnd, forKey: .includesEnd)
  }
}

extension PolynomialDecay: Codable {
  private enum CodingKeys: String, CodingKey {
    case initial, final, begin, end, power, frequency, includesEnd
  }

  /// Decodes what ``encode(to:)`` writes, checked as by the initialiser.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      initial: values.decode(Double.self, forKey: .initial),
      final: values.decode(Double.self, forKey: .final),
      begin: values.decode(Int.self, forKey: .begin), end: values.decode(Int.self, forKey: .end),
      power: values.decode(Double.self, forKey: .power),
      frequency: values.decode(Int.self, forKey: .frequency),
      includesEnd: values.decodeIfPresent(Bool.self, forKey: .includesEnd) ?? true)
  }

  /// Encodes `initial`, `final`, `begin`, `end`, `power`, `frequency`, `includesEnd`.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(initial, forKey: .initial)
    try values.encode(final, forKey: .final)
    try values.encode(window.begin, forKey: .begin)
    try values.encode(window.end, forKey: .end)
    try values.encode(power, forKey: .power)
    try values.encode(window.frequency, forKey: .frequency)
    try values.encode(window.includesEnd, forKey: .includesEnd)
  }
}

extension Ramp: Codable {
  private enum CodingKeys: String, CodingKey { case shape, initial, final, begin, end, frequency }

  /// Decodes what ``encode(to:)`` writes, checked as by the initialiser.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      values.decode(Shape.self, forKey: .shape),
      initial: values.decode(Double.self, forKey: .initial),
      final: values.decode(Double.self, forKey: .final),
      begin: values.decode(Int.self, forKey: .begin), end: values.decode(Int.self, forKey: .end),
      frequency: values.decode(Int.self, forKey: .frequency))
  }

  /// Encodes `shape`, `initial`, `final`, `begin`, `end`, `frequency`.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(shape, forKey: .shape)
    try values.encode(initial, forKey: .initial)
    try values.encode(final, forKey: .final)
    try values.encode(window.begin, forKey: .begin)
    try values.encode(window.end, forKey: .end)
    try values.encode(window.frequency, forKey: .frequency)
  }
}

extension OneShot: Codable {
  private enum CodingKeys: String, CodingKey { case target, step }

  /// Decodes what ``encode(to:)`` writes, checked as by the initialiser.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      values.decode(Double.self, forKey: .target), at: values.decode(Int.self, forKey: .step))
  }

  /// Encodes `target` and `step`.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(target, forKey: .target)
    try values.encode(window.begin, forKey: .step)
  }
}

extension PiecewiseSparsity: Codable {
  private enum CodingKeys: String, CodingKey { case points, interpolation, frequency }

  /// Decodes what ``encode(to:)`` writes, checked as by the initialiser.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      values.decode([Point].self, forKey: .points),
      interpolation: values.decode(Interpolation.self, forKey: .interpolation),
      frequency: values.decode(Int.self, forKey: .frequency))
  }

  /// Encodes `points`, `interpolation`, `frequency`.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(points, forKey: .points)
    try values.encode(interpolation, forKey: .interpolation)
    try values.encode(frequency, forKey: .frequency)
  }
}
