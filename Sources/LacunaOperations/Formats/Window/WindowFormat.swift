// Windows of X in registers as candidates for few columns: padded, compressed, filled.

import LacunaFormats

/// ``WindowProduct`` as a candidate, in one of its geometries.
struct WindowFormat: ProductFormat {
  /// Weights in any pattern, padded to the longest lane.
  static let padded = WindowFormat(
    candidateName: "window",
    geometries: [WindowGeometry(lanes: 16, blocks: 2), WindowGeometry(lanes: 8, blocks: 2)])
  /// Only weights in use, with a mask for each step.
  static let compressed = WindowFormat(
    candidateName: "window-compressed",
    geometries: [WindowGeometry(lanes: 16, blocks: 2, compressed: true)])
  /// Patterns that fill every lane, as n:m does.
  static let filled = WindowFormat(
    candidateName: "window-filled", geometries: [WindowGeometry(lanes: 16, blocks: 1)])

  let candidateName: String
  /// The first that the instruction set has a fast kernel for is used.
  let geometries: [WindowGeometry]

  private var isCompressed: Bool { geometries[0].compressed }
  private var isFilled: Bool { geometries[0].blocks == 1 }

  func name(_ request: PlanRequest) -> String { candidateName }
  var isTried: Bool { isFilled }

  private func geometry(_ request: PlanRequest) -> WindowGeometry? {
    geometries.first {
      // A plain reference is no candidate.
      request.table.kernel(.window, variant: $0.variant, types: request.types)?.isa != nil
    }
  }

  func suits(_ request: PlanRequest) -> Bool {
    !request.weights.isDense && geometry(request) != nil
  }

  /// The compressed one reads fewer bytes with more instructions: it wins when the weights outgrow
  /// one core's share of the last-level cache.
  func isWorthwhile(_ request: PlanRequest) -> Bool {
    request.isFew && (!isCompressed || request.stored * 6 > 4 << 20)
  }

  func cost(_ request: PlanRequest, _ roof: Roofline) -> ProductCost {
    let n = request.width
    let size = Double(request.types.weights.size)
    let shares = KernelShares(request.table.isa)
    let work = isFilled ? 1 : KernelShares.windowWork(density: request.density)
    let bytesPerWeight = isCompressed ? size + 0.9 * work : (size + 0.8) * work
    return ProductCost(
      operations: 2 * Double(request.stored) * Double(n),
      weightBytes: (Double(request.stored) * bytesPerWeight).rounded(.down) * Double((n + 7) / 8),
      share: n > 1
        ? shares.windowColumns
        : isCompressed ? shares.windowCompressedVector : shares.windowVector,
      work: work)
  }

  func pack(_ request: PlanRequest) -> (any ProductBody)? {
    guard let geometry = geometry(request) else { return nil }
    return request.weights.floats?.windowWeights(geometry).map {
      WindowProduct(
        $0, name: candidateName, layout: request.layout, epilogue: request.epilogue,
        table: request.table)
    }
  }
}
