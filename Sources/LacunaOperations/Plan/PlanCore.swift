// A chosen body with its workspaces: what every plan is, whatever its types.

import LacunaFormats

/// The part of a plan that knows nothing of Swift types: ``Plan`` and ``QuantizedPlan`` are its typed faces.
package final class PlanCore: Sendable {
  package let rows: Int, columns: Int
  package let layout: ProductLayout
  package let width: Int, threads: Int
  package let types: ProductTypes
  package let explanation: PlanExplanation
  package let decision: PlanDecision
  package let body: any ProductBody
  let workspaces: WorkspacePool

  /// Checks what no weights are needed for.
  static func validate(width: Int, _ options: PlanOptions) throws(OperationError) {
    if width < 0 { throw .outOfRange(name: "width", value: width, minimum: 0, maximum: .max) }
    try options.validate()
  }

  /// Chooses. Not checked: ``validate(width:_:)``, and that the epilogue fits the weights.
  init(
    _ weights: PlanWeights, epilogue: EpilogueValues, layout: ProductLayout, width: Int,
    options: PlanOptions
  ) throws(OperationError) {
    let request = PlanRequest(
      weights: weights, epilogue: epilogue, layout: layout, width: width, options: options,
      table: KernelTable.of(options.isa ?? .selected))
    (body, explanation) = try choose(request)
    decision = request.decision(kernel: body.name)
    (rows, columns, types) = (request.rows, request.columns, request.types)
    (self.layout, self.width, threads) = (layout, width, options.threads)
    workspaces = try WorkspacePool(checked: body.workspaceBytes, count: threads)
  }

  /// One line: shape, kernel, bytes.
  package var summary: String {
    "\(rows)×\(columns) \(types), \(layout.rawValue) ×\(width): "
      + "\(body.name), \(body.packedBytes) bytes"
  }

  /// The whole call, on as many threads as the plan may use.
  package func run(_ call: ProductCall) {
    execute(call, body: body, threads: threads, workspaces: workspaces)
  }

  /// Share number `slice` of `slices`, on this thread.
  package func run(_ call: ProductCall, slice: Int, of slices: Int) {
    let workspace = workspaces.borrow()
    body.run(call, slice: slice, of: slices, workspace: workspace)
    workspaces.giveBack(workspace)
  }

  /// - Throws: ``OperationError/shapeMismatch(operand:dimension:expected:actual:)``.
  ///
  /// - Returns: the number of right-hand sides.
  func checkShapes(
    x: (rows: Int, columns: Int), y: (rows: Int, columns: Int)
  ) throws(OperationError) -> Int {
    let width = layout == .columns ? x.columns : x.rows
    if layout == .columns {
      try expect("X", "rows", columns, x.rows)
      try expect("Y", "rows", rows, y.rows)
      try expect("Y", "columns", width, y.columns)
    } else {
      try expect("X", "columns", columns, x.columns)
      try expect("Y", "columns", rows, y.columns)
      try expect("Y", "rows", width, y.rows)
    }
    return width
  }
}
