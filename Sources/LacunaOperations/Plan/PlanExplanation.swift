// What a plan considered and why it chose what it chose; the choice alone, to save and load.

import LacunaFormats

/// The candidates of a plan with their figures, and the reason of the choice.
public struct PlanExplanation: Sendable, Codable, CustomStringConvertible {
  /// One way to compute the product.
  public struct Candidate: Sendable, Codable {
    /// Its name, such as "spmm-1x1" or "dense".
    public let kernel: String
    /// Seconds of one run by the estimate.
    public let predictedSeconds: Double
    /// Seconds of one run by measurement; nil when it was not timed.
    public internal(set) var measuredSeconds: Double?
    /// Bytes that one run moves at least: weights as this candidate stores them, X and Y.
    public let bytes: Int
    /// Floating-point operations of one run on stored weights (dense: on all).
    public let flops: Int
    /// Share of the multiply-add peak of the cores that the plan may use, at the measured time;
    /// else of one core's at the predicted time.
    public internal(set) var peakShare: Double

    /// For bodies that are made without a choice among candidates.
    init(
      kernel: String, predictedSeconds: Double = 0, bytes: Int = 0, flops: Int = 0,
      peakShare: Double = 0
    ) {
      (self.kernel, self.predictedSeconds, self.bytes) = (kernel, predictedSeconds, bytes)
      (self.flops, self.peakShare) = (flops, peakShare)
    }
  }

  /// Fastest first: by measurement where there is one, else by the estimate.
  public internal(set) var candidates: [Candidate]
  /// The chosen one.
  public internal(set) var kernel: String
  /// Why.
  public internal(set) var reason: String
  /// Floating-point operations per second of one core, with the best instruction set of this
  /// processor: what shares refer to.
  public internal(set) var peak: Double

  /// A table: a line per candidate, then the choice and its reason.
  public var description: String {
    func cell(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(width - text.count, 0)) + text
    }
    func micro(_ seconds: Double?) -> String {
      seconds.map { "\(fixed($0 * 1e6, 1)) µs" } ?? "-"
    }
    var lines = [
      cell("candidate", 18) + cell("predicted", 14) + cell("measured", 14) + cell("bytes", 12)
        + cell("flops", 14) + cell("of peak", 9)
    ]
    for c in candidates {
      lines.append(
        cell(c.kernel, 18) + cell(micro(c.predictedSeconds), 14)
          + cell(micro(c.measuredSeconds), 14) + cell("\(c.bytes)", 12) + cell("\(c.flops)", 14)
          + cell("\(fixed(c.peakShare * 100, 0)) %", 9))
    }
    lines.append("chosen: \(kernel), \(reason)")
    return lines.joined(separator: "\n")
  }
}

/// `value` with a fixed number of decimals, without Foundation.
private func fixed(_ value: Double, _ decimals: Int) -> String {
  if !value.isFinite || abs(value) > 1e15 { return "\(value)" }
  var scale = 1.0
  for _ in 0..<decimals { scale *= 10 }
  let scaled = Int((abs(value) * scale).rounded())
  let sign = value < 0 && scaled > 0 ? "-" : ""
  if decimals == 0 { return "\(sign)\(scaled)" }
  let fraction = "\(scaled % Int(scale))"
  let zeros = String(repeating: "0", count: decimals - fraction.count)
  return "\(sign)\(scaled / Int(scale)).\(zeros)\(fraction)"
}

/// A plan's choice, and what it was made for: save it with a model, load it where the same weights run
/// on the same kind of machine, and nothing is timed again.
public struct PlanDecision: Hashable, Sendable, Codable {
  /// Rows, columns and stored weights of the matrix.
  public let rows: Int, columns: Int, stored: Int
  /// The block that the weights come in; a single element for CSR.
  public let block: BlockSize
  /// Types of the products.
  public let types: ProductTypes
  /// How X and Y lie in memory.
  public let layout: ProductLayout
  /// Right-hand sides that the plan was made for.
  public let width: Int
  /// The instruction set that it was made with.
  public let isa: ISA
  /// The chosen candidate.
  public let kernel: String

  private enum CodingKeys: String, CodingKey {
    case rows, columns, stored, block, types = "dtype", layout, width, isa, kernel
  }
}
