// Seconds of one run by a roofline: arithmetic at a share of the peak, and bytes at a cache's rate.

import LacunaFormats

/// A candidate's figures before anything is packed.
///
/// Products of sizes are floating-point: no width that a caller may name overflows them.
func estimate(_ kernel: String, _ request: PlanRequest, _ roof: Roofline)
  -> PlanExplanation.Candidate
{
  let size = request.dtype.size
  let n = request.width
  let (m, k, width) = (Double(request.rows), Double(request.columns), Double(n))
  let lanes = request.table.isa.vectorBytes / size
  let vectors = (n + lanes - 1) / lanes
  let traffic = (k + m) * width * Double(size)
  let density = Double(request.stored) / max(m * k, 1)
  let shares = KernelShares(request.table.isa)
  var peak = roof.peak
  let flops: Double
  let weights: Double
  /// Share of the peak that the kernel reaches on useful work, and work per useful work.
  let share: Double
  let work: Double
  if kernel == "dense" {
    flops = 2 * m * k * width
    weights = m * k * Double(size)
    peak = roof.densePeak
    share = Roofline.denseShare(columns: n, isa: .detected)
    work = 1
  } else if kernel.hasPrefix("window") {
    flops = 2 * Double(request.stored) * width
    work = kernel == "window-filled" ? 1 : KernelShares.windowWork(density: density)
    let compressed = kernel == "window-compressed"
    let bytesPerWeight =
      compressed ? Double(size) + 0.9 * work : (Double(size) + 0.8) * work
    weights = (Double(request.stored) * bytesPerWeight).rounded(.down) * Double((n + 7) / 8)
    share =
      n > 1
      ? shares.windowColumns : compressed ? shares.windowCompressedVector : shares.windowVector
  } else if kernel == BlockVectorProduct.candidateName {
    flops = 2 * Double(request.stored) * width
    weights = Double(request.stored * size + request.stored / 8) * Double((n + 5) / 6)
    share = shares.blockVector
    work = 1
  } else if kernel == "csr" {
    flops = 2 * Double(request.stored) * width
    weights = Double(request.stored * (size + 4))
    share = shares.csr
    work = 1
  } else {
    flops = 2 * Double(request.stored) * width
    weights = Double(request.stored * size + request.stored / request.block.rows * 2)
    share =
      shares.strip(rows: request.block.rows, vectors: vectors, density: density)
      * (request.layout == .rows ? shares.transposed : 1)
    work = Double(vectors) * Double(lanes) / Double(max(n, 1))
  }
  let arithmetic = flops * work / (peak * share)
  let bytes = weights + traffic
  let seconds = max(arithmetic, roof.seconds(bytes: weights)) + roof.seconds(bytes: traffic)
  return PlanExplanation.Candidate(
    kernel: kernel, predictedSeconds: seconds, bytes: whole(bytes), flops: whole(flops),
    peakShare: seconds > 0 ? flops / seconds / roof.machinePeak : 0)
}

private func whole(_ number: Double) -> Int { Int(exactly: number.rounded()) ?? .max }
