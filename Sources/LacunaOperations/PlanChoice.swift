// Which body a plan runs: estimated by a roofline, timed where that can change the choice.

import LacunaFormats

/// Everything a choice depends on besides the values.
struct PlanRequest {
  let rows: Int, columns: Int
  let stored: Int
  let block: BlockSize
  let dtype: DType
  let layout: ProductLayout
  let width: Int
  let options: PlanOptions
  let table: KernelTable
  /// Every weight is multiplied by this.
  var scale = 1.0
}

/// A sparse candidate has to be this much faster than dense: a plan must never be clearly slower
/// than dense, and timing has noise.
private let denseBias = 0.95
/// Candidates further than this from the best estimate are not timed: no estimate is that wrong.
private let timingHorizon = 3.0
/// Candidates that are timed at most, dense included.
private let mostTimed = 3
/// Bytes of weights and operands up to which a candidate is timed. More takes memory that the
/// caller may not have, and longer than timing is worth.
private let mostTimedBytes = 1 << 30
/// Times that the peak is measured again at most when a candidate was faster.
private let mostPeakLooks = 5
/// Seconds that timing one candidate may take, besides its first runs.
private let timingSeconds = 1e-3

/// Right-hand sides up to which the window kernels are considered.
private let mostWindowColumns = 15
/// The window format without padding.
private let filledWindow = "window-filled"
/// Right-hand sides up to which CSR beats panels of X that are mostly padding.
private let mostCSRColumns = 3

/// Makes the body that a request asks for, and says why.
func choose<Scalar: SparseScalar>(
  _ request: PlanRequest, weights: WeightSource<Scalar>, epilogue: EpilogueValues
) throws(OperationError) -> (any ProductBody, PlanExplanation) {
  let maker = BodyMaker(request: request, weights: weights, epilogue: epilogue)
  let (body, choice) = try choose(maker)
  var explanation = choice
  if maker.excludesDense { explanation.reason += "; dense was excluded" }
  return (body, explanation)
}

private func choose<Scalar>(
  _ maker: BodyMaker<Scalar>
) throws(OperationError) -> (any ProductBody, PlanExplanation) {
  let (request, names) = (maker.request, maker.names)
  var forced = request.options.kernel
  var forcedReason = "forced"
  if let decision = request.options.decision {
    try validate(decision, request)
    (forced, forcedReason) = (decision.kernel, "a loaded decision")
  }
  let roof =
    request.options.deterministic
    ? Roofline(nominal: request.table.isa, dtype: request.dtype)
    : Roofline(measured: request.table.isa, dtype: request.dtype)
  if let forced {
    if !names.contains(forced) { throw .unknownKernel(name: forced, available: names) }
    guard let body = maker.make(forced) else {
      throw .unsuitableKernel(name: forced, rows: request.rows, columns: request.columns)
    }
    let candidates = names.map { estimate($0, request, roof) }
    return (
      body,
      PlanExplanation(
        candidates: candidates, kernel: forced, reason: forcedReason, peak: roof.machinePeak)
    )
  }
  return chooseByTime(maker, roof)
}

private func validate(_ decision: PlanDecision, _ request: PlanRequest) throws(OperationError) {
  if decision != request.decision(kernel: decision.kernel) {
    throw .invalidDecision(
      reason:
        "it was made for \(decision.rows)×\(decision.columns) \(decision.dtype.rawValue) with "
        + "\(decision.stored) stored, block \(decision.block), \(decision.layout.rawValue) "
        + "×\(decision.width) on \(decision.isa.rawValue), not for \(request.rows)×"
        + "\(request.columns) \(request.dtype.rawValue) with \(request.stored) stored, block "
        + "\(request.block), \(request.layout.rawValue) ×\(request.width) on "
        + request.table.isa.rawValue)
  }
}

extension PlanRequest {
  func decision(kernel: String) -> PlanDecision {
    PlanDecision(
      rows: rows, columns: columns, stored: stored, block: block, dtype: dtype, layout: layout,
      width: width, isa: table.isa, kernel: kernel)
  }
}

private func chooseByTime<Scalar>(
  _ maker: BodyMaker<Scalar>, _ assumed: Roofline
) -> (any ProductBody, PlanExplanation) {
  let request = maker.request
  var roof = assumed
  // The one format that may not fit is tried first: were it the best estimate, it would hide the
  // others.
  let filled = maker.considered.contains(filledWindow) ? maker.make(filledWindow) : nil
  var candidates = maker.considered.filter { $0 != filledWindow || filled != nil }
    .map { estimate($0, request, roof) }
  let ranked = candidates.indices.sorted {
    biased(candidates[$0].predictedSeconds, candidates[$0].kernel)
      < biased(candidates[$1].predictedSeconds, candidates[$1].kernel)
  }
  let best = candidates[ranked[0]].predictedSeconds
  let near = ranked.filter {
    candidates[$0].predictedSeconds <= best * timingHorizon
      && candidates[$0].bytes <= mostTimedBytes
  }
  var bodies: [Int: any ProductBody] = [:]
  // Measured, but not faster than weights arrive: other layers run between two runs of this one.
  var deciding: [Int: Double] = [:]
  var reason = "by the estimate alone"
  if !request.options.deterministic && near.count > 1 && request.width > 0
    && request.rows > 0 && request.columns > 0
  {
    // Dense is among them whenever it is near.
    let dense = near.first { candidates[$0].kernel == "dense" }
    let sparse = near.filter { $0 != dense }
    let operands = TimingOperands(request)
    func note(_ i: Int, _ body: any ProductBody, _ seconds: Double) {
      candidates[i].measuredSeconds = seconds
      deciding[i] = max(seconds, roof.seconds(bytes: Double(body.packedBytes)))
    }
    for i in sparse + (dense.map { [$0] } ?? []) {
      let room = mostTimed - bodies.count - (dense == nil || i == dense ? 0 : 1)
      let made = candidates[i].kernel == filledWindow ? filled : nil
      guard room > 0, let body = made ?? maker.make(candidates[i].kernel) else { continue }
      bodies[i] = body
      let seconds = operands.seconds(of: body)
      // A neighbour's burst of work may have hidden the candidate that should win: a second look.
      if let first = sparse.first, i == dense, ranked[0] == first, let body = bodies[first],
        let before = candidates[first].measuredSeconds, seconds < before
      {
        note(first, body, min(before, operands.seconds(of: body)))
      }
      note(i, body, seconds)
    }
    func share(_ i: Int) -> Double {
      Double(candidates[i].flops) / candidates[i].measuredSeconds!
        / (roof.machinePeak * Double(request.options.threads))
    }
    for _ in 0..<mostPeakLooks where bodies.keys.contains(where: { share($0) > 1 }) {
      roof = roof.measuredAgain()
    }
    for i in bodies.keys { candidates[i].peakShare = share(i) }
    reason = "the fastest of \(bodies.count) timed"
  } else if near.count == 1 {
    reason = "no other candidate is near by the estimate"
  }
  // Timed ones first, each group by time.
  let order =
    ranked.filter { bodies[$0] != nil }.sorted {
      biased(deciding[$0]!, candidates[$0].kernel) < biased(deciding[$1]!, candidates[$1].kernel)
    } + ranked.filter { bodies[$0] == nil }
  for i in order {
    let made = candidates[i].kernel == filledWindow ? filled : bodies[i]
    guard let body = made ?? maker.make(candidates[i].kernel) else { continue }
    return (
      body,
      PlanExplanation(
        candidates: order.map { candidates[$0] }, kernel: body.name, reason: reason,
        peak: roof.machinePeak)
    )
  }
  preconditionFailure("strips of sparse weights and dense weights can always be made")
}

private func biased(_ seconds: Double, _ kernel: String) -> Double {
  kernel == "dense" ? seconds * denseBias : seconds
}

/// Makes bodies by name.
private struct BodyMaker<Scalar: SparseScalar> {
  let request: PlanRequest
  let weights: WeightSource<Scalar>
  let epilogue: EpilogueValues

  private var isDense: Bool { if case .dense = weights { true } else { false } }
  private var csr: CSRMatrix<Scalar>? { if case .csr(let matrix) = weights { matrix } else { nil } }
  private var strips: String { "spmm-\(request.block)" }
  private var windows: [String] {
    isDense ? [] : WeightSource<Scalar>.windowGeometries(request.table).map(\.name)
  }

  /// Blocks whose parts fill a register, where the instruction set has the kernel.
  private var blocks: BSRMatrix<Float>? {
    guard case .bsr(let matrix) = weights, let single = matrix as? BSRMatrix<Float> else {
      return nil
    }
    return BlockVectorProduct.suits(
      single.block, columns: single.columns, dtype: .f32, table: request.table) ? single : nil
  }
  private var blockNames: [String] { blocks == nil ? [] : [BlockVectorProduct.candidateName] }

  /// Whether the options keep sparse weights from running dense.
  var excludesDense: Bool { request.options.excludesDense && !isDense }
  private var dense: [String] { excludesDense ? [] : ["dense"] }

  /// Everything that can be asked for by name.
  var names: [String] {
    (isDense ? [] : [strips] + blockNames + windows) + (csr == nil ? [] : ["csr"]) + dense
  }

  /// What a choice looks at.
  var considered: [String] {
    if isDense { return dense }
    if !(1...mostWindowColumns).contains(request.width) { return [strips] + dense }
    return blockNames + preferredWindows
      + (csr != nil && request.width <= mostCSRColumns ? ["csr"] : [])
      + [strips] + dense
  }

  /// Window formats that are worth trying. The compressed one reads fewer bytes with more
  /// instructions: it wins when the weights outgrow one core's share of the last-level cache.
  private var preferredWindows: [String] {
    let outgrowsCache = request.stored * 6 > 4 << 20
    let order =
      outgrowsCache
      ? [filledWindow, "window-compressed", "window"] : [filledWindow, "window"]
    return order.filter(windows.contains)
  }

  /// The body of that name; nil when the weights do not fit its format.
  func make(_ name: String) -> (any ProductBody)? {
    if name == "dense" {
      return DenseProduct(
        rows: request.rows, columns: request.columns, dtype: request.dtype,
        layout: request.layout, epilogue: epilogue
      ) { weights.writeDense(to: $0, scale: request.scale) }
    }
    if name == strips {
      let (shape, vectors) = packingShape(request, weights)
      return PackedProduct(
        weights.packed(shape, scale: request.scale), name: name, layout: request.layout,
        epilogue: epilogue, table: request.table, vectors: vectors)
    }
    if name == "csr", let csr {
      return CSRProduct(
        csr, scale: request.scale, layout: request.layout, epilogue: epilogue,
        table: request.table)
    }
    if name == BlockVectorProduct.candidateName, let blocks {
      return BlockVectorProduct(
        blocks, scale: Float(request.scale), layout: request.layout, epilogue: epilogue,
        table: request.table)
    }
    for candidate in WeightSource<Scalar>.windowGeometries(request.table)
    where candidate.name == name {
      guard let packed = weights.windowWeights(candidate.geometry, scale: request.scale) else {
        return nil
      }
      return WindowProduct(
        packed, name: name, layout: request.layout, epilogue: epilogue, table: request.table)
    }
    return nil
  }
}

/// An X and a Y to time bodies with.
private final class TimingOperands {
  let request: PlanRequest
  let x: UnsafeMutableRawPointer, y: UnsafeMutableRawPointer

  init(_ request: PlanRequest) {
    self.request = request
    let size = request.dtype.size
    func zeros(_ count: Int) -> UnsafeMutableRawPointer {
      let memory = UnsafeMutableRawPointer.allocate(byteCount: count * size + 64, alignment: 64)
      memory.initializeMemory(as: UInt8.self, repeating: 0, count: count * size + 64)
      return memory
    }
    x = zeros(request.columns * request.width)
    y = zeros(request.rows * request.width)
  }

  deinit {
    x.deallocate()
    y.deallocate()
  }

  /// The least seconds of a run: two runs at least, more while they fit the time.
  func seconds(of body: any ProductBody) -> Double {
    let columns = request.layout == .columns
    let call = ProductCall(
      x: UnsafeRawPointer(x), xStride: columns ? request.width : request.columns, y: y,
      yStride: columns ? request.width : request.rows, width: request.width)
    let workspaces = WorkspacePool(bytes: body.workspaceBytes, count: request.options.threads)
    var best = Double.infinity
    let begin = monotonicSeconds()
    var runs = 0
    while runs < 3 || (runs < 100 && monotonicSeconds() - begin < timingSeconds) {
      let start = monotonicSeconds()
      execute(
        call, body: body, threads: request.options.threads, workspaces: workspaces)
      let seconds = monotonicSeconds() - start
      // The first run brings the operands into the caches.
      if runs > 0 { best = min(best, max(seconds, 1e-9)) }
      runs += 1
      if runs >= 2 && monotonicSeconds() - begin > 20 * timingSeconds { break }
    }
    return best
  }
}
