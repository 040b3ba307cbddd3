// lcn_oneshot_network: a network in a .lacuna file, pruned at once.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats
import LacunaNN
import LacunaPruning

@c @implementation
public func lcn_oneshot_network(
  _ input: UnsafePointer<CChar>?, _ output: UnsafePointer<CChar>?,
  _ samples: UnsafePointer<Float>?, _ count: Int64, _ inputs: Int64,
  _ options: UnsafePointer<lcn_oneshot_options>?, _ network: UnsafePointer<lcn_network_options>?,
  _ report: UnsafeMutablePointer<lcn_network_report>?
) -> lcn_status {
  call { () throws(Failure) in
    let (from, into) = try (file(input), file(output))
    let layer = try settings(try descriptor(options, "options"))
    var request = NetworkOneShotSettings(layer: layer)
    var (latency, batch, threads) = (0.0, 1, 0 as Int32)
    if let network {
      let o = try descriptor(network, "network")
      request.budget = try oneShotBudget(o.budget) ?? .uniform
      switch Int(o.aim) {
      case 0: request.aim = nil
      case LCN_AIM_DENSE: request.aim = .dense
      case LCN_AIM_OWN: request.aim = .own
      default: throw Failure(.invalidArgument, "aim is \(o.aim), must be 0 or one of LCN_AIM_…")
      }
      request.patchesPerSample = try dimension(o.patches, "patches")
      if let exclude = o.exclude {
        request.excluded = try text(exclude, limit: 4096, "exclude").split(separator: ",")
          .map(String.init)
      }
      (latency, threads) = (o.latency, o.threads)
      batch = try dimension(o.batch, "batch")
      if latency != 0 && o.budget != 0 {
        throw Failure(.invalidArgument, "latency and budget exclude each other: it chooses itself")
      }
    }
    let stored = try Failure.model { () throws(ModelError) in
      try StoredNetwork(contentsOf: from, threads: threads == 0 ? nil : Int(threads))
    }
    let width = stored.model.inputShape.count
    if try dimension(inputs, "inputs") != width {
      throw Failure(.shapeMismatch, "inputs is \(inputs), the network reads \(width) values")
    }
    let total = try product(dimension(count, "count"), width, "count · inputs")
    let memory = try array(samples, count: total, size: 4, "samples")
      .assumingMemoryBound(to: Float.self)
    // The samples, the network and its copy; activations of 64 samples are small beside them.
    try reserve(try product(total + 3 * stored.model.parameterCount, 4, "bytes"))
    let calibration = try Failure.model { () throws(ModelError) in
      try NetworkSamples(
        Array(UnsafeBufferPointer(start: memory, count: total)), valuesPerSample: width)
    }
    func prune() throws(Failure) -> (layers: [OneShotLayerReport], time: NetworkLatencyReport?) {
      do {
        if latency == 0 {
          return (
            try oneShot(stored.model, calibration: calibration, settings: request), nil
          )
        }
        let found = try oneShot(
          stored.model, calibration: calibration, settings: request,
          within: LatencyBudget(seconds: latency), batch: batch,
          candidates: LatencyBudget.usualCandidates)
        return (found.layers, found)
      } catch let error as ModelError {
        throw Failure(error)
      } catch let error as OneShotError {
        throw Failure(error)
      } catch { throw Failure(.internalFailure, "\(error)") }
    }
    func run() throws(Failure) -> (layers: [OneShotLayerReport], time: NetworkLatencyReport?) {
      let result = try prune()
      try Failure.model { () throws(ModelError) in try stored.write(to: into) }
      return result
    }
    guard report != nil else {
      _ = try run()
      return
    }
    try fill(report, "report") { (target) throws(Failure) in
      let (layers, time) = try run()
      target.weights = layers.reduce(0) { $0 + Int64($1.weights) }
      target.kept = layers.reduce(0) { $0 + Int64($1.kept) }
      target.layers = Int32(layers.count)
      target.seconds = layers.reduce(0) { $0 + $1.seconds }
      target.dense_latency = time?.denseSeconds ?? 0
      target.predicted_latency = time?.predictedSeconds ?? 0
      target.measured_latency = time?.measuredSeconds ?? 0
    }
  }
}
