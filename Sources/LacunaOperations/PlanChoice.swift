// Which body a plan runs: estimated, timed where allowed, and explained.

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

/// What a plan considered, and why it chose what it chose.
public struct PlanExplanation: Sendable, Codable, CustomStringConvertible {
  /// One way to compute the product.
  public struct Candidate: Sendable, Codable {
    /// Its name, such as "spmm-1x1" or "dense".
    public let kernel: String
  }
  /// In the order of the estimate.
  public var candidates: [Candidate]
  /// The chosen one.
  public var kernel: String
  /// Why.
  public var reason: String

  public var description: String { "\(kernel): \(reason)" }
}

/// Bytes of X that a column block may keep in the first-level cache.
private let panelShare = 0.8

/// Cuts for the strip kernels.
func packingShape<Scalar>(
  _ request: PlanRequest, _ source: WeightSource<Scalar>
) -> (shape: PackingShape, vectors: Int) {
  let block = request.block
  let heights = KernelTable.stripHeights.filter {
    request.table.kernel(.spmm, variant: "\($0)x1", dtype: request.dtype) != nil
  }
  let used = stripParts(of: block.rows, heights: heights).map(\.height) + [1]
  let kernels = used.map {
    request.table.kernel(.spmm, variant: "\($0)x1", dtype: request.dtype)!
  }
  let lanes = kernels[0].vectorBytes / request.dtype.size
  // Measured: below 15 % density sums move more often than weights, and narrow panels move fewer.
  let density = Double(request.stored) / Double(max(request.rows * request.columns, 1))
  let narrow = density < 0.15 && request.columns > 96 ? 4 : 8
  let most = min(kernels.map(\.mostVectors).min()!, block.rows == 1 ? narrow : 8)
  let needed = max(1, (request.width + lanes - 1) / lanes)
  let panels = (needed + most - 1) / most
  let vectors = (needed + panels - 1) / panels
  let bytesPerColumn = vectors * kernels[0].vectorBytes
  let limit = Int(Double(CPUInfo.current.level1Bytes) * panelShare) / bytesPerColumn
  let columnBlock = balancedBlock(
    columns: request.columns, limit: max(limit, 16), unit: block.columns)
  // Sums of a row block stay in half of the second-level cache.
  let tallest = max(CPUInfo.current.level2Bytes / 2 / bytesPerColumn, 64)
  let wanted = max(
    (request.rows + tallest - 1) / tallest,
    request.options.threads > 1 ? (2 * request.options.threads + panels - 1) / panels : 1)
  let cuts = balancedCuts(
    rows: request.rows, unit: block.rows, parts: wanted, stored: source.storedBefore)
  return (PackingShape(rowCuts: cuts, columnBlock: columnBlock, heights: heights), vectors)
}

/// A block of at most `limit` columns (but at least one unit, a multiple of it) that divides
/// `columns` evenly.
func balancedBlock(columns: Int, limit: Int, unit: Int) -> Int {
  let units = max(1, (columns + unit - 1) / unit)
  let most = max(1, min(limit, 1 << 16) / unit)
  let blocks = (units + most - 1) / most
  return (units + blocks - 1) / blocks * unit
}

/// Row cuts at multiples of `unit` that give each part about the same stored weights.
func balancedCuts(rows: Int, unit: Int, parts: Int, stored: (Int) -> Int) -> [Int] {
  let total = stored(rows)
  var cuts = [0]
  for part in 1..<max(parts, 1) {
    // Rows cost something even when they are empty: one weight each.
    let target = (total + rows) * part / parts
    var (low, high) = (cuts.last!, rows)
    while low < high {
      let middle = (low + high) / 2
      if stored(middle) + middle < target { low = middle + 1 } else { high = middle }
    }
    let cut = min((low + unit / 2) / unit * unit, rows)
    if cut > cuts.last! && cut < rows { cuts.append(cut) }
  }
  cuts.append(rows)
  return cuts
}

func choose<Scalar: SparseScalar>(
  _ request: PlanRequest, weights: WeightSource<Scalar>, epilogue: EpilogueValues
) throws(OperationError) -> (any ProductBody, PlanExplanation) {
  let sparseName = "spmm-\(request.block)"
  let isDense: Bool = if case .dense = weights { true } else { false }
  let windows = isDense ? [] : WeightSource<Scalar>.windowGeometries(request.table).map(\.name)
  let csr: CSRMatrix<Scalar>? = if case .csr(let matrix) = weights { matrix } else { nil }
  let names =
    (isDense ? [] : [sparseName] + windows) + (csr == nil ? [] : ["csr"]) + ["dense"]
  if let forced = request.options.kernel, !names.contains(forced) {
    throw .unknownKernel(name: forced, available: names)
  }
  let density = Double(request.stored) / Double(max(request.rows * request.columns, 1))
  let wanted: [String] =
    if let forced = request.options.kernel {
      [forced]
    } else if isDense || density > 0.75 {
      ["dense"]
    } else if (1...mostWindowColumns).contains(request.width) {
      windowPreference(request, windows)
        + (csr != nil && request.width <= mostCSRColumns ? ["csr"] : []) + [sparseName]
    } else {
      [sparseName]
    }
  var chosen: (any ProductBody)?
  for name in wanted where chosen == nil {
    chosen =
      if name == "dense" {
        DenseProduct(
          rows: request.rows, columns: request.columns, dtype: request.dtype,
          layout: request.layout, epilogue: epilogue
        ) { weights.writeDense(to: $0, scale: request.scale) }
      } else if name == sparseName {
        makePacked(request, weights, epilogue, name: name)
      } else if name == "csr", let csr {
        CSRProduct(
          csr, scale: request.scale, layout: request.layout, epilogue: epilogue,
          table: request.table)
      } else {
        makeWindow(request, weights, epilogue, name: name)
      }
  }
  guard let body = chosen else {
    throw .unsuitableKernel(name: wanted[0], rows: request.rows, columns: request.columns)
  }
  let name = body.name
  let explanation = PlanExplanation(
    candidates: names.map { .init(kernel: $0) }, kernel: name,
    reason: request.options.kernel != nil ? "forced" : "density \(density)")
  return (body, explanation)
}

private func makePacked<Scalar>(
  _ request: PlanRequest, _ weights: WeightSource<Scalar>, _ epilogue: EpilogueValues,
  name: String
) -> PackedProduct {
  let (shape, vectors) = packingShape(request, weights)
  return PackedProduct(
    weights.packed(shape, scale: request.scale), name: name, layout: request.layout,
    epilogue: epilogue, table: request.table, vectors: vectors)
}

/// Right-hand sides up to which the window kernels are considered.
private let mostWindowColumns = 15

/// Right-hand sides up to which CSR beats panels of X that are mostly padding.
private let mostCSRColumns = 3

/// Window formats in the order in which they are worth trying. The compressed one reads fewer bytes with
/// more instructions: it wins when the weights outgrow the last-level cache's share of one core.
private func windowPreference(_ request: PlanRequest, _ names: [String]) -> [String] {
  let outgrowsCache = request.stored * 6 > 4 << 20
  let order =
    outgrowsCache && request.width == 1
    ? ["window-filled", "window-compressed", "window"] : ["window-filled", "window"]
  return order.filter(names.contains)
}

/// nil when the weights do not fit the format.
private func makeWindow<Scalar>(
  _ request: PlanRequest, _ weights: WeightSource<Scalar>, _ epilogue: EpilogueValues,
  name: String
) -> WindowProduct? {
  for candidate in WeightSource<Scalar>.windowGeometries(request.table)
  where candidate.name == name {
    if let packed = weights.windowWeights(candidate.geometry, scale: request.scale) {
      return WindowProduct(
        packed, name: name, layout: request.layout, epilogue: epilogue, table: request.table)
    }
  }
  return nil
}
