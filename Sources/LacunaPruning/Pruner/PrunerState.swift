// Steps taken, values of masked weights that an update is about to look at, running saliencies

/// What a pruner knows besides its masks; with them and the weights, training resumes bit for bit.
public struct PrunerState: Equatable, Sendable {
  /// Steps taken.
  public internal(set) var step = 0
  /// Whether ``Pruner/freeze()`` was called.
  public internal(set) var isFrozen = false
  /// For each tensor, the values of its dropped weights in row-major order. Empty except between the
  /// last optimiser step before a mask update and that update.
  var waiting: [String: DroppedValues] = [:]
  /// For each tensor, its running saliencies.
  var averages: [String: [Float]] = [:]

  /// The state before the first step.
  public init() {}
}

// little-endian: magic "LPS1", step: 8 bytes, flags: 1 byte, then twice (waiting, averages):
// count: 8, and for each tensor, sorted by name: name length: 8, name, value count: 8, values: 4 each.
// A value count with the highest bit set is one of f64 values, 8 each.
extension PrunerState {
  private static let magic: [UInt8] = Array("LPS1".utf8)
  fileprivate static let isDouble: UInt64 = 1 << 63
  /// More steps than any training runs, and far from where counting them would overflow.
  static let mostSteps = 1 << 53

  /// The state as bytes, to be kept in a checkpoint. Equal states give equal bytes.
  public var bytes: [UInt8] {
    var result = Self.magic
    append(UInt64(step), to: &result)
    result.append(isFrozen ? 1 : 0)
    for tensors in [waiting, averages.mapValues { .f32($0) }] {
      append(UInt64(tensors.count), to: &result)
      for (name, values) in tensors.sorted(by: { $0.key < $1.key }) {
        append(UInt64(name.utf8.count), to: &result)
        result += name.utf8
        switch values {
        case .f32(let values):
          append(UInt64(values.count), to: &result)
          for value in values { append(value.bitPattern, to: &result) }
        case .f64(let values):
          append(UInt64(values.count) | Self.isDouble, to: &result)
          for value in values { append(value.bitPattern, to: &result) }
        }
      }
    }
    return result
  }

  private func append<T: FixedWidthInteger>(_ value: T, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Reads back ``bytes``.
  ///
  /// - Throws: ``PruningError/malformedState(reason:)`` for anything else.
  public init(bytes: [UInt8]) throws(PruningError) {
    var reader = StateReader(bytes: bytes)
    if try reader.take(4) != Self.magic[...] {
      throw .malformedState(reason: "it does not begin with LPS1")
    }
    step = try reader.count("step")
    // A run goes on counting: no number of steps that it takes may overflow.
    if step > Self.mostSteps {
      throw .malformedState(reason: "step is \(step), must be at most \(Self.mostSteps)")
    }
    let flags = try reader.take(1).first!
    if flags > 1 { throw .malformedState(reason: "flags are \(flags), must be 0 or 1") }
    isFrozen = flags == 1
    waiting = try reader.tensors()
    for (name, values) in try reader.tensors() {
      guard case .f32(let values) = values else {
        throw .malformedState(reason: "the running saliencies of \(name) are f64")
      }
      averages[name] = values
    }
    if reader.position != bytes.count {
      throw .malformedState(reason: "\(bytes.count - reader.position) bytes follow its end")
    }
  }
}

/// Reads numbers off bytes that may be anything.
private struct StateReader {
  let bytes: [UInt8]
  var position = 0

  mutating func take(_ count: Int) throws(PruningError) -> ArraySlice<UInt8> {
    if count > bytes.count - position {
      throw .malformedState(
        reason: "it ends after \(bytes.count) bytes, \(count) more at \(position) were expected")
    }
    position += count
    return bytes[position - count..<position]
  }

  mutating func number() throws(PruningError) -> UInt64 {
    try take(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
  }

  mutating func count(_ what: String) throws(PruningError) -> Int {
    let value = try number()
    guard let count = Int(exactly: value) else {
      throw .malformedState(reason: "\(what) is \(value), which is no count")
    }
    return count
  }

  mutating func tensors() throws(PruningError) -> [String: DroppedValues] {
    var result: [String: DroppedValues] = [:]
    for _ in 0..<(try count("tensor count")) {
      let bytes = try take(try count("name length"))
      guard let name = String(validating: bytes, as: UTF8.self) else {
        throw .malformedState(reason: "a name before byte \(position) is not UTF-8")
      }
      if result[name] != nil { throw .malformedState(reason: "\(name) occurs twice") }
      let stored = try number()
      let values = Int(stored & ~PrunerState.isDouble)
      let isDouble = stored & PrunerState.isDouble != 0
      let (byteCount, overflow) = values.multipliedReportingOverflow(by: isDouble ? 8 : 4)
      if overflow { throw .malformedState(reason: "\(name) has an impossible number of values") }
      let raw = try take(byteCount)
      result[name] =
        isDouble
        ? .f64(numbers(raw, as: UInt64.self) { Double(bitPattern: $0) })
        : .f32(numbers(raw, as: UInt32.self) { Float(bitPattern: $0) })
    }
    return result
  }

  private func numbers<Bits: FixedWidthInteger & BitwiseCopyable, Value>(
    _ bytes: ArraySlice<UInt8>, as _: Bits.Type, _ value: (Bits) -> Value
  ) -> [Value] {
    bytes.withUnsafeBytes { raw in
      let size = MemoryLayout<Bits>.size
      return (0..<raw.count / size).map {
        value(Bits(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * size, as: Bits.self)))
      }
    }
  }
}
