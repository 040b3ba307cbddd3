// Which body a plan runs: estimated by a roofline, timed where that can change the choice.

import LacunaFormats

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

/// Makes the body that a request asks for, and says why.
func choose(
  _ request: PlanRequest
) throws(OperationError) -> (any ProductBody, PlanExplanation) {
  var (body, explanation) = try chosen(request)
  if request.options.excludesDense && !request.weights.isDense {
    explanation.reason += "; dense was excluded"
  }
  return (body, explanation)
}

private func chosen(
  _ request: PlanRequest
) throws(OperationError) -> (any ProductBody, PlanExplanation) {
  let suitable = productFormats.filter { $0.suits(request) }
  var forced = request.options.kernel
  var reason = "forced"
  if let decision = request.options.decision {
    try validate(decision, request)
    (forced, reason) = (decision.kernel, "a loaded decision")
  }
  let roof =
    request.options.deterministic
    ? Roofline(nominal: request.table.isa, request.types)
    : Roofline(measured: request.table.isa, request.types)
  guard let forced else {
    return chooseByTime(request, suitable.filter { $0.isWorthwhile(request) }, roof)
  }
  guard let format = suitable.first(where: { $0.name(request) == forced }) else {
    throw .unknownKernel(name: forced, available: suitable.map { $0.name(request) })
  }
  guard let body = format.pack(request) else {
    throw .unsuitableKernel(name: forced, rows: request.rows, columns: request.columns)
  }
  let candidates = suitable.map { candidate($0, request, roof) }
  return (
    body,
    PlanExplanation(
      candidates: candidates, kernel: forced, reason: reason, peak: roof.machinePeak)
  )
}

private func validate(_ decision: PlanDecision, _ request: PlanRequest) throws(OperationError) {
  if decision != request.decision(kernel: decision.kernel) {
    throw .invalidDecision(
      reason:
        "it was made for \(decision.rows)×\(decision.columns) \(decision.types) with "
        + "\(decision.stored) stored, block \(decision.block), \(decision.layout.rawValue) "
        + "×\(decision.width) on \(decision.isa.rawValue), not for \(request.rows)×"
        + "\(request.columns) \(request.types) with \(request.stored) stored, block "
        + "\(request.block), \(request.layout.rawValue) ×\(request.width) on "
        + request.decision(kernel: decision.kernel).isa.rawValue)
  }
}

private func chooseByTime(
  _ request: PlanRequest, _ worthwhile: [any ProductFormat], _ assumed: Roofline
) -> (any ProductBody, PlanExplanation) {
  var roof = assumed
  // What may not fit is packed before anything is estimated.
  var formats: [any ProductFormat] = []
  var packed: [Int: any ProductBody] = [:]
  for format in worthwhile {
    if format.isTried {
      guard let body = format.pack(request) else { continue }
      packed[formats.count] = body
    }
    formats.append(format)
  }
  func body(_ i: Int) -> (any ProductBody)? { packed[i] ?? formats[i].pack(request) }
  func biased(_ seconds: Double, _ i: Int) -> Double {
    formats[i].isDense ? seconds * denseBias : seconds
  }
  var candidates = formats.map { candidate($0, request, roof) }
  let ranked = candidates.indices.sorted {
    biased(candidates[$0].predictedSeconds, $0) < biased(candidates[$1].predictedSeconds, $1)
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
    let dense = near.first { formats[$0].isDense }
    let sparse = near.filter { $0 != dense }
    let operands = TimingOperands(request)
    func note(_ i: Int, _ body: any ProductBody, _ seconds: Double) {
      candidates[i].measuredSeconds = seconds
      deciding[i] = max(seconds, roof.leastSeconds(toStream: body.packedBytes))
    }
    for i in sparse + (dense.map { [$0] } ?? []) {
      let room = mostTimed - bodies.count - (dense == nil || i == dense ? 0 : 1)
      guard room > 0, let made = body(i) else { continue }
      bodies[i] = made
      let seconds = operands.seconds(of: made)
      // A neighbour's burst of work may have hidden the candidate that should win: a second look.
      if let first = sparse.first, i == dense, ranked[0] == first, let body = bodies[first],
        let before = candidates[first].measuredSeconds, seconds < before
      {
        note(first, body, min(before, operands.seconds(of: body)))
      }
      note(i, made, seconds)
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
      biased(deciding[$0]!, $0) < biased(deciding[$1]!, $1)
    }
    + ranked.filter { bodies[$0] == nil }
  for i in order {
    guard let chosen = bodies[i] ?? body(i) else { continue }
    return (
      chosen,
      PlanExplanation(
        candidates: order.map { candidates[$0] }, kernel: chosen.name, reason: reason,
        peak: roof.machinePeak)
    )
  }
  preconditionFailure("strips of sparse weights and dense weights can always be made")
}
