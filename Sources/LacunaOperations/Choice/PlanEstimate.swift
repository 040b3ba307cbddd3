// Seconds of one run by a roofline: arithmetic at a share of the peak, and bytes at a cache's rate.

import LacunaFormats

/// A candidate's figures before anything is packed.
func candidate(
  _ format: any ProductFormat, _ request: PlanRequest, _ roof: Roofline
) -> PlanExplanation.Candidate {
  let cost = format.cost(request, roof)
  let (m, k, width) = (Double(request.rows), Double(request.columns), Double(request.width))
  let types = request.types
  let traffic = (k * Double(types.activations.size) + m * Double(types.output.size)) * width
  let arithmetic = cost.operations * cost.work / ((cost.peak ?? roof.peak) * cost.share)
  let seconds =
    max(arithmetic, roof.seconds(bytes: cost.weightBytes)) + roof.seconds(bytes: traffic)
  return PlanExplanation.Candidate(
    kernel: format.name(request), predictedSeconds: seconds,
    bytes: whole(cost.weightBytes + traffic), flops: whole(cost.operations),
    peakShare: seconds > 0 ? cost.operations / seconds / roof.machinePeak : 0)
}

private func whole(_ number: Double) -> Int { Int(exactly: number.rounded()) ?? .max }
