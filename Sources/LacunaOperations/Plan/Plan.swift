// Y ← activation(W·X + bias), inspected and packed once, run many times.

import LacunaFormats

/// Packed weights, the kernel chosen for them, and how the work is split.
///
/// Making a plan costs about as much as reading the dense weights a few times; running it allocates
/// nothing itself and takes no lock. (In a dense product OpenBLAS may do both: some of its kernels
/// ask for memory in every call.) A plan may be run by several threads at once. Results are bitwise
/// the same for any number of threads or slices, and any width.
///
/// A weight that is not stored contributes nothing, even where X holds an infinity or NaN, with one
/// exception: where a plan chooses dense, because few weights are zero, the zeros are multiplied,
/// and 0 · NaN and 0 · ∞ are NaN. ``PlanOptions/excludesDense`` keeps it from choosing that.
///
/// What is stored counts, a stored zero or the zeros inside a stored block as well: NaN in X or W,
/// or ∞ − ∞, makes NaN in every kernel, and ``Activation`` passes it on.
public final class Plan<Scalar: SparseScalar>: Sendable {
  /// Output rows of the weights.
  public var rows: Int { core.rows }
  /// Input columns of the weights.
  public var columns: Int { core.columns }
  /// How X and Y lie in memory.
  public var layout: ProductLayout { core.layout }
  /// The number of right-hand sides that the plan was made for; other numbers work as well.
  public var width: Int { core.width }
  /// Threads that ``run(_:into:)`` uses at most; all plans share ``ThreadPool/shared``.
  public var threads: Int { core.threads }
  /// How the choice was made.
  public var explanation: PlanExplanation { core.explanation }

  /// The choice, to be saved and given to ``PlanOptions/decision`` later.
  public var decision: PlanDecision { core.decision }

  package let core: PlanCore
  package var body: any ProductBody { core.body }
  let epilogue: EpilogueValues
  /// What ``update(values:bias:)`` fills; nil when values stay.
  let slots: ValueSlots?
  package let stored: Int

  /// A plan for weights in CSR.
  ///
  /// - Parameters:
  ///   - layout: how X and Y lie in memory.
  ///   - width: expected number of right-hand sides, at least 0.
  /// - Throws: ``OperationError`` for a bias of another length, a clamp that is no interval, a
  ///   negative width, fewer than one thread, an unknown kernel name, or workspaces beyond memory.
  /// - Complexity: O(nnz)
  public convenience init(
    _ weights: CSRMatrix<Scalar>, layout: ProductLayout = .columns, width: Int,
    epilogue: Epilogue<Scalar> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(
      source: .csr(weights), layout: layout, width: width, epilogue: epilogue, options: options)
  }

  /// A plan for weights in BSR. As for CSR. Blocks of more than 65 536 columns are taken apart, and their
  /// values cannot be updated.
  public convenience init(
    _ weights: BSRMatrix<Scalar>, layout: ProductLayout = .columns, width: Int,
    epilogue: Epilogue<Scalar> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(
      source: .bsr(weights), layout: layout, width: width, epilogue: epilogue, options: options)
  }

  /// A plan for dense weights, kept dense. As for CSR.
  public convenience init(
    dense weights: DenseMatrix<Scalar>, layout: ProductLayout = .columns, width: Int,
    epilogue: Epilogue<Scalar> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(
      source: .dense(weights), layout: layout, width: width, epilogue: epilogue, options: options)
  }

  /// Not checked: that products of these weights are of `Scalar`.
  package init<Weight: StoredScalar>(
    source weights: StoredMatrix<Weight>, layout: ProductLayout, width: Int,
    epilogue: Epilogue<Scalar>, options: PlanOptions
  ) throws(OperationError) {
    try PlanCore.validate(width: width, options)
    if case .bsr(let matrix) = weights, options.updatable, matrix.block.columns > 1 << 16 {
      throw .outOfRange(
        name: "columns of a block of an updatable plan", value: matrix.block.columns, minimum: 1,
        maximum: 1 << 16)
    }
    let source = weights.withNarrowBlocks
    try epilogue.validate(rows: source.rows)
    if options.updatable && source.stored >= Int(UInt32.max) {
      throw .outOfRange(
        name: "weights of an updatable plan", value: source.stored, minimum: 0,
        maximum: Int(UInt32.max) - 1)
    }
    self.epilogue = EpilogueValues(
      epilogue, rows: source.rows, table: KernelTable.of(options.isa ?? .selected))
    core = try PlanCore(
      .floats(source), epilogue: self.epilogue, layout: layout, width: width, options: options)
    slots = options.updatable ? core.body.valueSlots(source.numbered()) : nil
    stored = source.stored
  }

  /// The name of the chosen candidate, such as "spmm-1x1" or "dense".
  public var kernelName: String { body.name }
  /// Bytes of weights, indices and tables that one run reads.
  public var packedBytes: Int { core.body.packedBytes }
}

extension Plan: CustomStringConvertible {
  /// One line: shape, kernel, bytes.
  public var description: String { core.summary }
}
