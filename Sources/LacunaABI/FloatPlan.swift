// A plan of weights that are floats, whatever type stores them: made, updated, written and read.

import CLacuna
import LacunaFormats
import LacunaOperations

/// A plan, and what lcn_plan_serialize writes of it. Shares memory with the matrix handle it came from.
struct FloatPlan<Weight: StoredScalar, Scalar: SparseScalar>: Sendable {
  let plan: Plan<Scalar>
  let matrix: StoredMatrix<Weight>
  let epilogue: Epilogue<Scalar>
  let excludesDense: Bool, allowsBF16Activations: Bool

  init(
    _ matrix: StoredMatrix<Weight>, _ request: PlanRequestFromC, bias: [Scalar]?
  ) throws(Failure) {
    // Packing holds values and indices, three more for each where every strip is short, and a copy of both.
    let size = MemoryLayout<Weight>.size
    try reserve(try product(matrix.stored, 5 * size + 16, "bytes") + matrix.rows * 64)
    if request.options.kernel == "dense" {
      let elements = try product(matrix.rows, matrix.columns, "elements")
      try reserve(try product(elements, MemoryLayout<Scalar>.size, "bytes"))
    }
    let epilogue = Epilogue<Scalar>(bias: bias, activation: request.activation)
    plan = try Failure.operation { () throws(OperationError) in
      try Plan(
        source: matrix, layout: request.layout, width: request.width, epilogue: epilogue,
        options: request.options)
    }
    (self.matrix, self.epilogue) = (matrix, epilogue)
    excludesDense = request.options.excludesDense
    allowsBF16Activations = request.options.allowsBF16Activations
  }
}

/// A ``FloatPlan`` without its types.
protocol AnyFloatPlan: Sendable {
  /// Stored elements of the matrix that it was made from.
  var stored: Int { get }
  /// New values, and a new bias unless there is none, in the plan's own memory.
  func update(
    _ values: UnsafeRawPointer?, _ count: Int64, _ bias: UnsafeRawPointer?, _ biasCount: Int64
  ) throws(Failure)
  /// What writes the blob as the plan is now, its length and its checksum left zeros.
  var emitter: (inout BlobWriter) -> Void { get }
}

extension StoredMatrix {
  func plan(
    _ request: PlanRequestFromC, _ bias: UnsafeRawPointer?, _ biasCount: Int64
  ) throws(Failure) -> PlanObject {
    // Narrow weights multiply as f32 does.
    if Scalar.numberType == .f64 {
      let bias = try LacunaABI.bias(bias, biasCount, rows: rows, Double.self)
      return PlanObject(try FloatPlan(self, request, bias: bias))
    }
    let bias = try LacunaABI.bias(bias, biasCount, rows: rows, Float.self)
    return PlanObject(try FloatPlan(self, request, bias: bias))
  }
}

extension FloatPlan: AnyFloatPlan {
  var stored: Int { matrix.stored }

  func update(
    _ values: UnsafeRawPointer?, _ count: Int64, _ bias: UnsafeRawPointer?, _ biasCount: Int64
  ) throws(Failure) {
    func elements<Element>(
      _ pointer: UnsafeRawPointer?, _ count: Int64, _ name: StaticString, _: Element.Type
    ) throws(Failure) -> UnsafeBufferPointer<Element> {
      let start = try array(pointer, count: Int(count), size: MemoryLayout<Element>.size, name)
      return UnsafeBufferPointer(
        start: start.assumingMemoryBound(to: Element.self), count: Int(count))
    }
    if biasCount < 0 || biasCount > Int64(plan.rows) {
      throw Failure(
        .shapeMismatch, "bias_count is \(biasCount), expected one for each of \(plan.rows) rows")
    }
    if count != Int64(plan.stored) {
      throw Failure(
        .shapeMismatch, "count is \(count), the matrix stores \(plan.stored) elements")
    }
    let weights = try elements(values, count, "values", Weight.self)
    let bias =
      bias == nil && biasCount == 0 ? nil : try elements(bias, biasCount, "bias", Scalar.self)
    try Failure.operation { () throws(OperationError) in
      try plan.update(stored: weights, bias)
    }
  }

  var emitter: (inout BlobWriter) -> Void {
    // An updatable plan is the only one that knows its values.
    let updated = plan.updated(Weight.self)
    var header = BlobHeader(
      plan.core, elementType: Int(constant(Weight.numberType)), activation: epilogue.activation,
      hasBias: epilogue.bias != nil, excludesDense: excludesDense, isUpdatable: plan.isUpdatable)
    header.options.allow_bf16_activations = allowsBF16Activations ? 1 : 0
    var pattern: CSRPattern?
    let values: [Weight]
    switch matrix {
    case .dense(let m):
      (header.format, header.entries, values) = (LCN_DENSE, m.rows * m.columns, m.values)
    case .csr(let m):
      (header.format, header.entries, values) = (LCN_CSR, m.nnz, m.values)
      pattern = m.pattern
    case .bsr(let m):
      (header.format, header.entries, values) = (LCN_BSR, m.blocks, m.values)
      (pattern, header.block) = (m.blockPattern, m.block)
    }
    header.isWide = pattern.map(\.isWide) ?? false
    let bias = updated?.bias ?? epilogue.bias ?? []
    return { [header, pattern] out in
      header.write(to: &out)
      if let pattern { out.put(pattern) }
      out.put(updated?.values ?? values)
      out.put(bias)
    }
  }
}
