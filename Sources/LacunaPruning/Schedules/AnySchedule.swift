// The schedules that can be saved, under one type: {"kind": …, "parameters": {…}}

/// One of the library's schedules, for files and command lines.
public enum AnySchedule: Hashable, Sendable {
  /// The same sparsity at all steps.
  case constant(ConstantSparsity)
  /// The ramp of Zhu and Gupta.
  case polynomial(PolynomialDecay)
  /// A line, half a cosine, or a geometric decay of what is left.
  case ramp(Ramp)
  /// Everything at a single step.
  case oneShot(OneShot)
  /// A table of steps and sparsities.
  case piecewise(PiecewiseSparsity)

  /// Wraps a schedule of the library.
  ///
  /// - Throws: ``PruningError/notSerialisable(schedule:)`` for a type of the caller's own.
  public init(_ schedule: any PruningSchedule) throws(PruningError) {
    switch schedule {
    case let schedule as ConstantSparsity: self = .constant(schedule)
    case let schedule as PolynomialDecay: self = .polynomial(schedule)
    case let schedule as Ramp: self = .ramp(schedule)
    case let schedule as OneShot: self = .oneShot(schedule)
    case let schedule as PiecewiseSparsity: self = .piecewise(schedule)
    case let schedule as AnySchedule: self = schedule
    default: throw .notSerialisable(schedule: "\(type(of: schedule))")
    }
  }

  /// The schedule itself.
  public var schedule: any PruningSchedule {
    switch self {
    case .constant(let schedule): schedule
    case .polynomial(let schedule): schedule
    case .ramp(let schedule): schedule
    case .oneShot(let schedule): schedule
    case .piecewise(let schedule): schedule
    }
  }
}

extension AnySchedule: PruningSchedule {
  /// As the schedule's.
  public func sparsity(at step: Int) -> Double { schedule.sparsity(at: step) }
  /// As the schedule's.
  public func isUpdate(at step: Int) -> Bool { schedule.isUpdate(at: step) }
  /// As the schedule's.
  public var finalSparsity: Double { schedule.finalSparsity }
  /// As the schedule's.
  public var lastUpdate: Int? { schedule.lastUpdate }
  /// As the schedule's.
  public func firstUpdate(in steps: ClosedRange<Int>) -> Int? { schedule.firstUpdate(in: steps) }
  /// As the schedule's.
  public func whyNoUpdate(in plannedSteps: Int) -> String {
    schedule.whyNoUpdate(in: plannedSteps)
  }
}

extension AnySchedule: Codable {
  private enum CodingKeys: String, CodingKey { case kind, parameters }
  private enum Kind: String, Codable { case constant, polynomial, ramp, oneShot, piecewise }

  /// Decodes `{"kind": "ramp", "parameters": {…}}`; parameters are checked as by initialisers.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    switch try values.decode(Kind.self, forKey: .kind) {
    case .constant: self = .constant(try values.decode(ConstantSparsity.self, forKey: .parameters))
    case .polynomial:
      self = .polynomial(try values.decode(PolynomialDecay.self, forKey: .parameters))
    case .ramp: self = .ramp(try values.decode(Ramp.self, forKey: .parameters))
    case .oneShot: self = .oneShot(try values.decode(OneShot.self, forKey: .parameters))
    case .piecewise:
      self = .piecewise(try values.decode(PiecewiseSparsity.self, forKey: .parameters))
    }
  }

  /// Encodes `{"kind": "ramp", "parameters": {…}}`.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .constant(let schedule):
      try values.encode(Kind.constant, forKey: .kind)
      try values.encode(schedule, forKey: .parameters)
    case .polynomial(let schedule):
      try values.encode(Kind.polynomial, forKey: .kind)
      try values.encode(schedule, forKey: .parameters)
    case .ramp(let schedule):
      try values.encode(Kind.ramp, forKey: .kind)
      try values.encode(schedule, forKey: .parameters)
    case .oneShot(let schedule):
      try values.encode(Kind.oneShot, forKey: .kind)
      try values.encode(schedule, forKey: .parameters)
    case .piecewise(let schedule):
      try values.encode(Kind.piecewise, forKey: .kind)
      try values.encode(schedule, forKey: .parameters)
    }
  }
}
