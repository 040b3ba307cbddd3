// How weights are cut for the strip kernels: panels, column blocks, row blocks.

import LacunaFormats

/// Regions at most, unless there are more column blocks: the tables of a million take 50 MB.
private let mostRegions = 1 << 20

/// What there is to cut: a matrix of weights, or one of groups of them.
struct StripSource {
  let rows: Int, columns: Int
  /// Stored elements, padding of blocks included.
  let stored: Int
  let block: BlockSize
  /// Inputs that one column stands for: 4 for quads, 2 for pairs.
  let inputs: Int
  /// Stored elements of rows before one.
  let storedBefore: (Int) -> Int
}

/// Cuts for the strip kernels.
func packingShape(
  _ request: PlanRequest, _ source: StripSource
) -> (shape: PackingShape, vectors: Int) {
  let block = source.block
  // Groups are multiplied as unsigned bytes or bf16, whatever the activations are given as.
  let types =
    switch source.inputs {
    case 4: ProductTypes.quantized(.u8)
    case 2: ProductTypes.pairs
    default: request.types
    }
  func kernel(_ height: Int) -> Kernel? {
    request.table.kernel(.spmm, variant: "\(height)x\(source.inputs)", types: types)
  }
  let heights = KernelTable.stripHeights.filter { kernel($0)?.mostVectors ?? 0 > 0 }
  let used = stripParts(of: block.rows, heights: heights).map(\.height) + [1]
  let kernels = used.map { kernel($0)! }
  let lanes = kernels[0].vectorBytes / types.accumulator.size
  let density = Double(source.stored) / Double(max(source.rows * source.columns, 1))
  let widest =
    widestPanelBytes(
      strip: used[0], density: density, columns: source.columns) / kernels[0].vectorBytes
  let needed = max(1, (request.width + lanes - 1) / lanes)
  let most = panelVectors(
    widest, of: needed, strip: used[0], kernels: kernels.map(\.mostVectors).min()!)
  let panels = (needed + most - 1) / most
  let vectors = (needed + panels - 1) / panels
  let bytesPerColumn = vectors * kernels[0].vectorBytes
  let share = panelShare(density: density, rows: source.rows)
  let limit = Int(Double(CPUInfo.current.level1Bytes) * share) / bytesPerColumn
  // Each column block has a table: not more of them than stored weights, up to a few.
  let fewest = source.columns / (source.stored + 64)
  let columnBlock = balancedBlock(
    columns: source.columns, limit: max(limit, 16, fewest), unit: block.columns)
  // Sums of a row block stay in half of the second-level cache.
  let tallest = max(CPUInfo.current.level2Bytes / 2 / bytesPerColumn, 64)
  let wanted = max(
    (source.rows + tallest - 1) / tallest,
    request.options.threads > 1 ? (2 * request.options.threads + panels - 1) / panels : 1)
  let mostParts = max(mostRegions / max(source.columns / columnBlock, 1), 1)
  let cuts = balancedCuts(
    rows: source.rows, unit: block.rows, parts: min(wanted, mostParts),
    stored: source.storedBefore)
  return (PackingShape(rowCuts: cuts, columnBlock: columnBlock, heights: heights), vectors)
}

/// What a column block of X takes, of the first-level cache, measured: of sparse weights a strip has few steps in a
/// block, and moving its sums costs more than some rows of X that come from the second-level cache. Blocks that
/// are read in place have to fit.
private func panelShare(density: Double, rows: Int) -> Double {
  if density >= 0.15 || Double(rows) * density <= Double(PackedProduct.mostUsesInPlace) {
    return 0.8
  }
  return density < 0.075 ? 1.4 : 1.1
}

/// Bytes of one row of a panel, measured: a wide panel loads a weight for more multiply-adds, but fewer
/// of its rows fit in the first-level cache, so sums move more often. A tall strip needs less width; a
/// sparse one has less work between two moves; few columns fit whatever the width is.
func widestPanelBytes(strip: Int, density: Double, columns: Int) -> Int {
  if columns <= 128 { return 512 }
  switch strip {
  case 1: return density < 0.15 ? 256 : density < 0.25 ? 320 : 512
  case 2: return density < 0.15 ? 256 : 384
  default: return 256
  }
}

/// Registers of a panel, of at most as many as the kernels have: of a strip of one row five in place of four where that
/// saves a panel. 13 registers are panels of 5, 4 and 4, not of 4, 3, 3 and 3: as fast a multiply-add, fewer walks through
/// the weights.
func panelVectors(_ widest: Int, of needed: Int, strip: Int, kernels: Int) -> Int {
  let saves = strip == 1 && widest == 4 && needed <= 16 && (needed + 4) / 5 < (needed + 3) / 4
  return max(1, min(kernels, saves ? 5 : widest))
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
  var cuts = [0]
  for part in 1..<max(parts, 1) {
    let first = balancedCut(rows, slice: part, of: parts, before: stored)
    let cut = min((first + unit / 2) / unit * unit, rows)
    if cut > cuts.last! && cut < rows { cuts.append(cut) }
  }
  cuts.append(rows)
  return cuts
}
