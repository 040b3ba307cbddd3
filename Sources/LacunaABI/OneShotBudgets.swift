// lcn_oneshot_share, _time, _choose: how sparse each layer of a model should be.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats
import LacunaPruning

/// The budget of a constant; nil for 0, the uniform one.
func oneShotBudget(_ budget: Int32) throws(Failure) -> OneShotBudget? {
  switch Int(budget) {
  case 0: nil
  case LCN_BUDGET_GLOBAL: .global
  case LCN_BUDGET_OWL: .outliers()
  case LCN_BUDGET_LEAST_ERROR: .leastError
  default:
    throw Failure(.invalidArgument, "budget is \(budget), must be one of LCN_BUDGET_…")
  }
}

@c @implementation
public func lcn_oneshot_share(
  _ layers: Int64, _ calibrations: UnsafePointer<OpaquePointer?>?,
  _ weights: UnsafePointer<UnsafePointer<lcn_dense_desc>?>?,
  _ options: UnsafePointer<lcn_oneshot_options>?, _ budget: Int32,
  _ sparsities: UnsafeMutablePointer<Double>?
) -> lcn_status {
  call { () throws(Failure) in
    let count = try dimension(layers, "layers")
    let settings = try settings(try descriptor(options, "options"))
    guard let sparsity = settings.sparsity else {
      throw Failure(.invalidArgument, "groups all keep the same: there is nothing to share")
    }
    guard let budget = try oneShotBudget(budget) else {
      throw Failure(.invalidArgument, "budget is 0: each layer has the sparsity of options")
    }
    let handles = try pointers(calibrations, count, "calibrations")
    let descriptors = try pointers(weights, count, "weights")
    let target = try mutableArray(sparsities, count: count, size: 8, "sparsities")
    var scores: [OneShotLayerScores] = []
    for n in 0..<count {
      let view = try LayerView(handles[n], descriptors[n], nil)
      try view.reserveMemory()
      let packed = try view.weights.copy(Float.self)
      let score = try HandleTable.use(handles[n], .calibration, as: CalibrationObject.self) {
        (object) throws(Failure) in
        try object.with { (calibration) throws(Failure) in
          try packed.withUnsafeElements { (elements) throws(Failure) in
            try Failure.oneShot { () throws(OneShotError) in
              try OneShotLayerScores(
                elements, rows: view.weights.rows, columns: view.weights.columns,
                calibration: calibration, measuring: budget.measures ? settings : nil)
            }
          }
        }
      }
      scores.append(score)
    }
    let found = try Failure.oneShot { () throws(OneShotError) in
      try budget.sparsities(of: scores, sparsity: sparsity)
    }
    target.assumingMemoryBound(to: Double.self).update(from: found, count: count)
  }
}

/// An array of pointers from C.
private func pointers<T>(
  _ start: UnsafePointer<T>?, _ count: Int, _ name: StaticString
) throws(Failure) -> [T] {
  let memory = try array(
    start, count: count, size: MemoryLayout<UnsafeRawPointer>.size, name)
  return Array(UnsafeBufferPointer(start: memory.assumingMemoryBound(to: T.self), count: count))
}

@c @implementation
public func lcn_oneshot_time(
  _ weights: UnsafePointer<lcn_dense_desc>?, _ width: Int64, _ dense: Int32,
  _ seconds: UnsafeMutablePointer<Double>?
) -> lcn_status {
  call { () throws(Failure) in
    let view = try DenseView(weights, "weights")
    if view.type != .f32 {
      throw Failure(.unsupported, "weights are \(view.type), LCN_F32 is timed")
    }
    let width = try dimension(width, "width")
    if width < 1 { throw Failure(.invalidArgument, "width is 0, must be at least 1") }
    let isDense = try flag(dense, "dense")
    guard let seconds else { throw Failure(.nullPointer, "seconds is NULL") }
    // Weights three times, and both sides of the product.
    try reserve(
      try product(view.count, 12, "bytes") + product(view.rows + view.columns, width * 4, "bytes"))
    let packed = try view.copy(Float.self)
    let found = try packed.withUnsafeElements { (elements) throws(Failure) in
      try Failure.oneShot { () throws(OneShotError) in
        try productSeconds(Array(elements), view.rows, view.columns, width, isDense: isDense)
      }
    }
    seconds.pointee = found
  }
}

@c @implementation
public func lcn_oneshot_choose(
  _ layers: Int64, _ choices: UnsafePointer<Int64>?, _ seconds: UnsafePointer<Double>?,
  _ errors: UnsafePointer<Double>?, _ budget: Double, _ chosen: UnsafeMutablePointer<Int64>?
) -> lcn_status {
  call { () throws(Failure) in
    let count = try dimension(layers, "layers")
    let counts = try array(choices, count: count, size: 8, "choices")
      .assumingMemoryBound(to: Int64.self)
    var ends = [0]
    for n in 0..<count {
      let own = try dimension(counts[n], "choices of a layer")
      ends.append(ends[n] + own)
      if ends[n + 1] > largestDimension {
        throw Failure(.sizeOverflow, "there are more than \(largestDimension) choices")
      }
    }
    let times = try array(seconds, count: ends[count], size: 8, "seconds")
      .assumingMemoryBound(to: Double.self)
    let losses = try array(errors, count: ends[count], size: 8, "errors")
      .assumingMemoryBound(to: Double.self)
    let target = try mutableArray(chosen, count: count, size: 8, "chosen")
      .assumingMemoryBound(to: Int64.self)
    try reserve(try product(count, 20_001 * 4, "bytes"))
    let picks = try Failure.oneShot { () throws(OneShotError) in
      try LatencyBudget(seconds: budget).best(
        of: (0..<count).map { n in
          (ends[n]..<ends[n + 1]).map {
            LayerChoice(
              sparsity: 0, structure: .element, seconds: times[$0], error: losses[$0])
          }
        })
    }
    for (n, pick) in picks.enumerated() { target[n] = Int64(pick) }
  }
}
