// Which body a convolution runs: estimated by a roofline, timed where that can change the choice.

import LacunaFormats

/// As for products: a sparse candidate has to be this much faster than dense.
private let denseBias = 0.95
/// Candidates further than this from the best estimate are not timed.
private let timingHorizon = 4.0
/// Candidates that are timed at most.
private let mostTimed = 4

/// What a plan looks at: a name, an estimate, and how to make it.
struct ConvolutionCandidate {
  let name: String
  var isDense = false
  let seconds: Double
  let flops: Double
  let bytes: Double
  let make: () throws(OperationError) -> (any ConvolutionBody)?
}

/// Makes the body that a request asks for, and says why.
///
/// - Parameter product: the weights of a candidate that is a product.
func chooseConvolution(
  _ context: ConvolutionContext, _ all: [ConvolutionCandidate], product: PlanWeights,
  _ roof: Roofline
) throws(OperationError) -> (any ConvolutionBody, PlanExplanation) {
  let options = context.options
  let candidates = all.sorted { $0.seconds < $1.seconds }
  func explained(_ i: Int) -> PlanExplanation.Candidate {
    let c = candidates[i]
    return PlanExplanation.Candidate(
      kernel: c.name, predictedSeconds: c.seconds, bytes: Int(min(c.bytes, 1e18)),
      flops: Int(min(c.flops, 1e18)), peakShare: c.flops / c.seconds / roof.machinePeak)
  }
  if let forced = options.kernel {
    let prefix = PointwiseConvolution.candidateName + "-"
    if forced.hasPrefix(prefix) && PointwiseConvolution.suits(context) {
      let body = try PointwiseConvolution(
        context, product, kernel: String(forced.dropFirst(prefix.count)))
      return (
        body,
        PlanExplanation(
          candidates: candidates.indices.map(explained), kernel: body.name, reason: "forced",
          peak: roof.machinePeak)
      )
    }
    guard let i = candidates.firstIndex(where: { $0.name == forced }) else {
      throw .unknownKernel(name: forced, available: candidates.map(\.name))
    }
    guard let body = try candidates[i].make() else {
      throw .unsuitableKernel(
        name: forced, rows: context.shape.filters, columns: context.shape.patch)
    }
    return (
      body,
      PlanExplanation(
        candidates: candidates.indices.map(explained), kernel: body.name, reason: "forced",
        peak: roof.machinePeak)
    )
  }
  var explanations = candidates.indices.map(explained)
  func finished(_ body: any ConvolutionBody, _ order: [Int], _ reason: String)
    -> (any ConvolutionBody, PlanExplanation)
  {
    (
      body,
      PlanExplanation(
        candidates: order.map { explanations[$0] }, kernel: body.name, reason: reason,
        peak: roof.machinePeak)
    )
  }
  if options.deterministic {
    for i in candidates.indices {
      if let body = try candidates[i].make() {
        return finished(body, Array(candidates.indices), "by the estimate alone")
      }
    }
  }
  let operands = ConvolutionOperands(context)
  var timed: [(index: Int, body: any ConvolutionBody, seconds: Double)] = []
  for i in candidates.indices where timed.count < mostTimed {
    if candidates[i].seconds > candidates[0].seconds * timingHorizon && !timed.isEmpty { continue }
    guard let body = try candidates[i].make() else { continue }
    let seconds = operands.seconds(of: body)
    explanations[i].measuredSeconds = seconds
    explanations[i].peakShare =
      candidates[i].flops / seconds / (roof.machinePeak * Double(options.threads))
    timed.append((i, body, candidates[i].isDense ? seconds * denseBias : seconds))
  }
  timed.sort { $0.seconds < $1.seconds }
  guard let best = timed.first else {
    throw .unsuitableKernel(
      name: candidates[0].name, rows: context.shape.filters, columns: context.shape.patch)
  }
  let others = candidates.indices.filter { i in !timed.contains { $0.index == i } }
  return finished(
    best.body, timed.map(\.index) + others, "the fastest of \(timed.count) timed")
}

extension ConvolutionContext {
  /// The roofs of its types.
  var roof: Roofline {
    options.deterministic
      ? Roofline(nominal: table.isa, types) : Roofline(measured: table.isa, types)
  }

  /// A product as a candidate, of which `others` say how fast it might be: what it is worth is the plan's own business, so it
  /// is always looked at.
  func productCandidate(
    _ weights: PlanWeights, besides others: [ConvolutionCandidate], isDense: Bool
  ) -> ConvolutionCandidate {
    ConvolutionCandidate(
      name: PointwiseConvolution.candidateName, isDense: isDense,
      seconds: others.map(\.seconds).min()! * 0.95, flops: others[0].flops, bytes: others[0].bytes,
      make: { () throws(OperationError) in
        try PointwiseConvolution(self, weights, kernel: nil)
      })
  }
}
