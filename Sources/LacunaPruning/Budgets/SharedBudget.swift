// The sparsity of each tensor at a step, when some of them share a budget

/// The budget of one model: who shares it, and how far the schedule is stretched to meet a limit.
struct SharedBudget {
  let budget: Budget
  /// The tensors that share it, in the model's order.
  private(set) var names: [String] = []
  private var shapes: [[Int]] = []
  /// What the schedule's sparsity is multiplied by.
  private(set) var scale = 1.0

  /// - Throws: ``PruningError/invalidParameter(name:value:allowed:)`` for a limit that cannot be met, or
  ///   granularities that cannot share a threshold.
  init(
    _ settings: PruningSettings, _ resolved: [String: TensorSettings], _ tensors: [PrunableTensor]
  ) throws(PruningError) {
    budget = settings.budget
    let sharing = tensors.filter {
      resolved[$0.name]!.skipped == nil && !resolved[$0.name]!.hasOwnSchedule
    }
    names = sharing.map(\.name)
    shapes = sharing.map(\.shape)
    if budget == .global {
      for tensor in sharing {
        let granularity = resolved[tensor.name]!.granularity
        if granularity.isGrouped || granularity != resolved[sharing[0].name]!.granularity {
          throw .invalidParameter(
            name: "granularity of \(tensor.name)", value: "\(granularity)",
            allowed: "the same for all tensors of a global budget, and no pattern or window")
        }
      }
    }
    if let limit = settings.parameterLimit {
      scale = try Self.scale(
        toMeet: limit, settings, resolved, tensors, sharing, with: self)
    }
  }

  /// The sparsity of each sharing tensor when the schedule says `sparsity`.
  ///
  /// Under a global budget all of them get the model's; the threshold decides what each makes of it.
  func sparsities(at sparsity: Double) -> [String: Double] {
    let scaled = min(sparsity * scale, Double(1).nextDown)
    switch budget {
    case .uniform, .global:
      return Dictionary(uniqueKeysWithValues: names.map { ($0, scaled) })
    case .erdosRenyi:
      let each = erdosRenyiSparsities(of: shapes, sparsity: scaled)
      return Dictionary(uniqueKeysWithValues: zip(names, each))
    }
  }

  private static func scale(
    toMeet limit: Int, _ settings: PruningSettings, _ resolved: [String: TensorSettings],
    _ tensors: [PrunableTensor], _ sharing: [PrunableTensor], with budget: SharedBudget
  ) throws(PruningError) -> Double {
    let final = settings.schedule.finalSparsity
    if final <= 0 {
      throw .invalidParameter(
        name: "final sparsity of the schedule", value: "\(final)",
        allowed: "more than 0 when there is a parameter limit")
    }
    var fixed = 0
    for tensor in tensors {
      let own = resolved[tensor.name]!
      if own.skipped != nil {
        fixed += tensor.weights.count
      } else if own.hasOwnSchedule {
        fixed += mostKept(tensor, own.granularity, sparsity: own.schedule.finalSparsity)
      }
    }
    func kept(_ sparsity: Double) -> Int {
      let each = budget.sparsities(at: sparsity)
      if budget.budget == .global, let first = sharing.first {
        let granularity = resolved[first.name]!.granularity
        var (cells, area) = (0, 1)
        for tensor in sharing {
          let layout = CellLayout(granularity, tensor.weightShape)
          cells += layout.count
          area = max(area, min(layout.block.area, tensor.weights.count))
        }
        return max(keptCount(of: cells, sparsity: sparsity), sharing.count) * area
      }
      var total = 0
      for tensor in sharing {
        total += mostKept(
          tensor, resolved[tensor.name]!.granularity, sparsity: each[tensor.name]!)
      }
      return total
    }
    let least = fixed + kept(Double(1).nextDown)
    if least > limit {
      throw .invalidParameter(
        name: "parameterLimit", value: "\(limit)",
        allowed: "\(least) or more: \(fixed) weights are not part of the budget")
    }
    let allowed = limit - fixed
    let wanted = sparsity(keepingAtMost: allowed, kept)
    return wanted / final
  }

  /// At most how many weights of a tensor survive at a sparsity.
  private static func mostKept(
    _ tensor: PrunableTensor, _ granularity: Granularity, sparsity: Double
  ) -> Int {
    let count = tensor.weights.count
    let shape = tensor.weightShape
    switch granularity {
    case .pattern(let keep, let length):
      return max(
        keptCount(of: count, sparsity: sparsity), shape.mostKept(keep: keep, of: length))
    case .window(let keep, let length):
      return shape.mostKept(
        keep: max(keep, keptCount(of: length, sparsity: sparsity)), of: length)
    case .element, .block, .rows, .columns, .channels:
      let layout = CellLayout(granularity, shape)
      let kept = keptCount(of: layout.count, sparsity: sparsity)
      let (most, overflow) = kept.multipliedReportingOverflow(by: layout.block.area)
      return overflow ? count : min(most, count)
    }
  }
}

extension WeightShape {
  /// How many weights groups keep in all.
  func mostKept(keep: Int, of length: Int) -> Int {
    let (outputs, inputs, segments) =
      layout == .outputMajor
      ? (rows, columns, 1) : (columns, taps == 0 ? 0 : rows / taps, taps)
    return outputs * segments * (inputs / length * keep + min(inputs % length, keep))
  }
}
