// A reader of foreign bytes, and what has to hold for every input that it is given.

/// A claim that did not hold: what a search looks for besides traps, hangs and bad accesses.
public struct Violation: Error, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}

/// One entrance for bytes from outside.
public struct FuzzTarget: Sendable {
  /// Its name in `Scripts/fuzz --reader` and of its corpus in `Tests/Golden/fuzz`.
  public let name: String
  /// The most bytes that may be in use at a time while an input of `count` bytes is read.
  public let memory: @Sendable (_ count: Int) -> Int
  private let body: @Sendable ([UInt8]) throws -> Void

  /// - Parameters:
  ///   - memory: bytes in use for an empty input, and for each byte of input.
  ///   - body: reads the bytes. Throws a ``Violation`` when a claim does not hold; any other error
  ///     refuses the input, which is always right.
  init(
    _ name: String, memory: (base: Int, each: Int),
    _ body: @escaping @Sendable ([UInt8]) throws -> Void
  ) {
    self.name = name
    self.memory = { memory.base + memory.each * $0 }
    self.body = body
  }

  /// Reads `bytes`.
  ///
  /// - Returns: whether they were accepted.
  /// - Throws: a ``Violation``.
  public func accepts(_ bytes: [UInt8]) throws -> Bool {
    do { try body(bytes) } catch let violation as Violation { throw violation } catch {
      // Every refusal has words.
      try hold(!"\(error)".isEmpty, "a refusal without words")
      return false
    }
    return true
  }
}

/// - Throws: a ``Violation`` unless the claim holds.
func hold(_ claim: Bool, _ otherwise: @autoclosure () -> String) throws {
  if !claim { throw Violation(otherwise()) }
}

/// `body` has to succeed: an error of it is a ``Violation``.
func certainly<R>(_ what: String, _ body: () throws -> R) throws -> R {
  do { return try body() } catch let violation as Violation { throw violation } catch {
    throw Violation("\(what): \(error)")
  }
}
