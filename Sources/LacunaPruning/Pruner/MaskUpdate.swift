// The new masks of all tensors whose update falls on one step

import LacunaFormats

/// One update: who takes part, with which scores, down to which sparsity.
struct MaskUpdate {
  let settings: PruningSettings
  let resolved: [String: TensorSettings]
  let budget: SharedBudget
  let step: Int
  /// The masks so far.
  let masks: [String: BitMask]
  /// Running saliencies, where the saliency has any.
  let averages: [String: [Float]]

  /// The sparsity wanted of each updating tensor.
  func targets(of tensors: [PrunableTensor]) -> [String: Double] {
    let shared = budget.sparsities(at: settings.schedule.sparsity(at: step))
    return Dictionary(
      uniqueKeysWithValues: tensors.map { tensor in
        let own = resolved[tensor.name]!
        return (
          tensor.name,
          own.hasOwnSchedule ? own.schedule.sparsity(at: step) : shared[tensor.name]!
        )
      })
  }

  /// The outcome for each of `tensors`, in their order.
  func outcomes(
    of tensors: [PrunableTensor], targets: [String: Double]
  ) throws(PruningError) -> [MaskOutcome] {
    let scores = try scores(of: tensors)
    var result: [MaskOutcome?] = Array(repeating: nil, count: tensors.count)
    var sharing: [Int] = []
    for (n, tensor) in tensors.enumerated() {
      if isShared(tensor) {
        sharing.append(n)
      } else {
        switch scores[n] {
        case .f32(let scores):
          result[n] = try outcome(scores, tensor, target: targets[tensor.name]!)
        case .f64(let scores):
          result[n] = try outcome(scores, tensor, target: targets[tensor.name]!)
        }
      }
    }
    if !sharing.isEmpty {
      let target = targets[tensors[sharing[0]].name]!
      let ties = resolved[tensors[sharing[0]].name]!.ties
      let narrow = sharing.compactMap { scores[$0].narrow }
      let outcomes =
        narrow.count == sharing.count
        ? try globalMasks(narrow, sparsity: target, ties: ties)
        : try globalMasks(sharing.map { scores[$0].wide }, sparsity: target, ties: ties)
      for (n, outcome) in zip(sharing, outcomes) { result[n] = outcome }
    }
    return try zip(tensors, result).map { (tensor, outcome) throws(PruningError) in
      guard settings.dynamics == .shrink, let old = masks[tensor.name] else { return outcome! }
      let mask = try masking { () throws(FormatError) in try outcome!.mask.intersection(old) }
      let keptCells = min(outcome!.keptCells, mask.keptCount)
      return MaskOutcome(
        mask: mask, threshold: outcome!.threshold, keptCells: keptCells, cells: outcome!.cells)
    }
  }

  /// Whether a tensor competes with others under one threshold.
  private func isShared(_ tensor: PrunableTensor) -> Bool {
    if case .dropAndGrow = settings.dynamics, masks[tensor.name] != nil { return false }
    return settings.budget == .global && !resolved[tensor.name]!.hasOwnSchedule
  }

  /// The outcome for a tensor that competes within itself.
  private func outcome<Scalar: RankedScalar>(
    _ scores: TensorScores<Scalar>, _ tensor: PrunableTensor, target: Double
  ) throws(PruningError) -> MaskOutcome {
    let kept = max(keptCount(of: scores.cells.count, sparsity: target), scores.alwaysKept)
    if case .dropAndGrow(let fraction, let until, let growth) = settings.dynamics,
      let mask = masks[tensor.name]
    {
      return try exchanged(
        scores, tensor, mask, kept: kept,
        share: MaskDynamics.exchanged(fraction, until: until, step: step), growth)
    }
    return try scores.mask(kept: kept, sparsity: target, ties: resolved[tensor.name]!.ties)
  }

  /// The competing scores of each tensor, in the tensor's own precision.
  private func scores(of tensors: [PrunableTensor]) throws(PruningError) -> [RankedScores] {
    if settings.saliency.isLiveMagnitude {
      return try tensors.map { (tensor) throws(PruningError) in
        switch tensor.weights {
        case .f32(let weights):
          return .f32(try live(tensor, UnsafeBufferPointer(weights)))
        case .f64(let weights):
          return .f64(try live(tensor, UnsafeBufferPointer(weights)))
        }
      }
    }
    var values: [[Float]] = []
    for tensor in tensors {
      if let average = averages[tensor.name] {
        values.append(average)
      } else if settings.saliency.needsObservation {
        throw .missingGradients(tensor: tensor.name, saliency: settings.saliency.name)
      } else {
        values.append(try settings.saliency.accumulated(nil, tensor))
      }
      if let index = values[values.count - 1].firstIndex(where: { !$0.isFinite }) {
        let name = "\(settings.saliency.name) of \(tensor.name)"
        if values[values.count - 1][index].isNaN { throw .notANumber(tensor: name, index: index) }
        throw .infinite(tensor: name, index: index)
      }
    }
    normalise(&values, perTensor: settings.saliency.isScaledPerTensor)
    return try zip(tensors, values).map { (tensor, values) throws(PruningError) in
      let own = resolved[tensor.name]!
      if own.keepsDiagonal {
        return .f32(
          try values.withUnsafeBufferPointer { values throws(PruningError) in
            try TensorScores(
              name: tensor.name, keepingDiagonalOf: values, shape: tensor.weightShape,
              granularity: own.granularity)
          })
      }
      return .f32(
        try TensorScores(
          name: tensor.name, owning: values, shape: tensor.weightShape,
          granularity: own.granularity))
    }
  }

  /// Scores that are the weights as they are.
  @inline(__always)
  private func live<Scalar: RankedScalar>(
    _ tensor: PrunableTensor, _ weights: UnsafeBufferPointer<Scalar>
  ) throws(PruningError) -> TensorScores<Scalar> {
    let own = resolved[tensor.name]!
    if own.keepsDiagonal {
      // Infinities and NaN would hide under the diagonal's scores.
      _ = try TensorScores(
        name: tensor.name, weights, shape: tensor.weightShape, granularity: .element)
      return try TensorScores(
        name: tensor.name, keepingDiagonalOf: weights, shape: tensor.weightShape,
        granularity: own.granularity)
    }
    return try TensorScores(
      name: tensor.name, weights, shape: tensor.weightShape, granularity: own.granularity)
  }

  /// One threshold over all tensors; a tensor that would keep nothing keeps its best cell instead.
  private func globalMasks<Scalar: RankedScalar>(
    _ scores: [TensorScores<Scalar>], sparsity: Double, ties policy: TiePolicy
  ) throws(PruningError) -> [MaskOutcome] {
    let cells = scores.reduce(0) { $0 + $1.cells.count }
    var left = max(
      keptCount(of: cells, sparsity: sparsity), scores.count,
      scores.reduce(0) { $0 + $1.alwaysKept })
    var best: [MaskOutcome?] = Array(repeating: nil, count: scores.count)
    while true {
      let others = scores.indices.filter { best[$0] == nil }
      let place = try topCells(others.map { scores[$0].cells }, kept: left, ties: policy) {
        scores[others[$0]].name
      }
      var ties = place.ties
      let outcomes = try others.map { (n) throws(PruningError) in
        try scores[n].mask(over: place.threshold, ties: &ties)
      }
      let empty = zip(others, outcomes).filter { $0.1.keptCells == 0 }.map(\.0)
      if empty.isEmpty {
        for (n, outcome) in zip(others, outcomes) { best[n] = outcome }
        return best.map { $0! }
      }
      for n in empty { best[n] = try scores[n].mask(kept: 1, sparsity: sparsity, ties: .exactK) }
      left -= empty.count
    }
  }

  /// Drops the least of the active cells and activates as many others.
  private func exchanged<Scalar: RankedScalar>(
    _ scores: TensorScores<Scalar>, _ tensor: PrunableTensor, _ mask: BitMask, kept: Int,
    share: Double, _ growth: MaskDynamics.Growth
  ) throws(PruningError) -> MaskOutcome {
    var cells = try scores.layout.cells(of: mask)
    let grown = min(
      Int((Double(kept) * share).rounded(.down)), cells.rows * cells.columns - kept,
      kept - scores.alwaysKept)
    let active = cells.keptIndices
    let survivors = try chosen(
      min(kept - grown, active.count), of: active, scored: { scores.cells[$0] }, tensor.name)
    cells = try masking { () throws(FormatError) in
      try BitMask(rows: cells.rows, columns: cells.columns)
    }
    for cell in survivors { cells.insert(cell) }
    var candidates = cells.droppedIndices
    let missing = kept - survivors.count
    if missing > 0 {
      switch growth {
      case .random(let seed):
        var random = GrowthGenerator(seed: seed, step: step, name: tensor.name)
        for n in 0..<missing {
          candidates.swapAt(n, Int.random(in: n..<candidates.count, using: &random))
          cells.insert(candidates[n])
        }
      case .gradient:
        guard let gradients = tensor.gradients else {
          throw .missingGradients(tensor: tensor.name, saliency: "RigL growth")
        }
        let pull = try TensorScores(
          name: "gradient of \(tensor.name)", gradients, shape: tensor.weightShape,
          granularity: scores.granularity)
        let chosen = try chosen(
          missing, of: candidates, scored: { pull.cells[$0] }, "gradient of \(tensor.name)")
        for cell in chosen { cells.insert(cell) }
      }
    }
    return MaskOutcome(
      mask: try scores.layout.expanded(cells), threshold: nil, keptCells: cells.keptCount,
      cells: scores.layout.count)
  }

  /// The `count` of `candidates` with the largest scores, in their order.
  private func chosen<Scalar: RankedScalar>(
    _ count: Int, of candidates: [Int], scored: (Int) -> Scalar, _ name: String
  ) throws(PruningError) -> [Int] {
    if count == 0 { return [] }
    let values = candidates.map { scored($0).magnitude }
    let place = try values.withUnsafeBufferPointer { (buffer) throws(PruningError) in
      try topCells([buffer], kept: count, ties: .exactK) { _ in name }
    }
    var ties = place.ties
    return zip(candidates, values).compactMap { candidate, value in
      if value == place.threshold && ties > 0 {
        ties -= 1
        return candidate
      }
      return value > place.threshold ? candidate : nil
    }
  }
}

/// The scores of one tensor, in its own precision.
private enum RankedScores {
  case f32(TensorScores<Float>)
  case f64(TensorScores<Double>)

  /// As f32, when they are.
  var narrow: TensorScores<Float>? {
    if case .f32(let scores) = self { scores } else { nil }
  }

  /// As f64, exact.
  var wide: TensorScores<Double> {
    switch self {
    case .f32(let scores): scores.widened()
    case .f64(let scores): scores
    }
  }
}
