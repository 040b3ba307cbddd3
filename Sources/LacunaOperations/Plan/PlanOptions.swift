// What a caller may ask of a plan.

/// How a plan is made.
public struct PlanOptions: Hashable, Sendable, Codable {
  /// Threads that one `run` may use, at least 1. Results do not depend on it.
  public var threads: Int
  /// Choose by the estimate alone, without timing: the same machine and weights always give the same
  /// kernel.
  public var deterministic: Bool
  /// The name of the candidate to use, such as "dense" or "spmm-1x1"; nil to choose.
  public var kernel: String?
  /// A saved choice; the plan throws when it was made for other weights or another instruction set.
  public var decision: PlanDecision?
  /// Never multiply by a zero that is not stored: dense is no candidate for sparse weights, so that
  /// a NaN or an infinity of X reaches an element of Y only through a stored weight. Dense weights
  /// store their zeros and stay dense.
  public var excludesDense: Bool
  /// Keep what ``Plan/update(values:bias:)-([Scalar],_)`` needs: 4 bytes for each packed weight.
  public var updatable: Bool
  /// Let kernels round X to bf16 where weights are bf16 and the instruction set multiplies bf16 by bf16
  /// (``ISA/v4BF16``), which is up to twice as fast. Sums stay in f32. Results then depend
  /// on the kernel that is chosen: elements of X have 8 bits in it or 24.
  public var allowsBF16Activations: Bool
  /// Use this instruction set instead of ``ISA/selected``.
  public var isa: ISA?

  /// By default one thread, and a kernel that is chosen by timing the likeliest. Plans check the
  /// values.
  public init(
    threads: Int = 1, deterministic: Bool = false, kernel: String? = nil, isa: ISA? = nil,
    decision: PlanDecision? = nil, excludesDense: Bool = false, updatable: Bool = false,
    allowsBF16Activations: Bool = false
  ) {
    (self.threads, self.deterministic) = (threads, deterministic)
    (self.excludesDense, self.updatable) = (excludesDense, updatable)
    self.allowsBF16Activations = allowsBF16Activations
    (self.kernel, self.isa, self.decision) = (kernel, isa, decision)
  }

  /// Checks what is the same whatever is planned.
  func validate() throws(OperationError) {
    if threads < 1 { throw .outOfRange(name: "threads", value: threads, minimum: 1, maximum: .max) }
    if let isa, !ISA.available.contains(isa) {
      throw .unavailableISA(name: isa.rawValue, available: ISA.available.map(\.rawValue))
    }
  }
}
