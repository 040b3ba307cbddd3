// exp(mean(log(speed-up))) over the shapes, for each sparsity × block.

import Lacuna

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the suite measured so far.
struct SuiteResults {
  private(set) var rows: [Row] = []
  private var products: [(part: SuitePart, result: ProductResult)] = []
  private var cells: [SuitePart: [[String]]] = [:]
  private var finishedParts: Set<SuitePart> = []

  /// Products measured, and other parts finished.
  var done: Int { products.count + finishedParts.count }

  mutating func add(_ result: ProductResult, to part: SuitePart) {
    products.append((part, result))
    rows.append(result.row)
  }

  mutating func add(_ row: Row, _ cells: [String], to part: SuitePart) {
    rows.append(row)
    self.cells[part, default: []].append(cells)
    finishedParts.insert(part)
  }

  /// The tables, with what they were measured on.
  func report(
    _ parts: [SuitePart], _ blocks: [BlockSize], _ sparsities: [Double], _ dtypes: [DType]
  ) -> String {
    var sections: [String] = []
    for part in parts {
      for dtype in dtypes {
        if let table = means(part, dtype, blocks, sparsities) { sections.append(table) }
      }
      if let cells = cells[part] {
        var table = TextTable(
          part == .select ? SelectResult.tableHeader : ConvertResult.tableHeader, leading: [])
        for row in cells { table.append(row) }
        sections.append("\(part.title)\n\(table.rendered())")
      }
    }
    let peaks = dtypes.map {
      "\($0.rawValue) \(Numeral.fixed(Peak.gflops($0), digits: 0)) GF/s"
    }.joined(separator: ", ")
    sections.append(
      "\(CPUInfo.current.model), kernels \(ISA.selected.rawValue), multiply-add peak per core "
        + "\(peaks), dense by OpenBLAS \(BLAS.coreName)")
    return sections.joined(separator: "\n\n")
  }

  /// A row per sparsity, a column per block; nil when nothing was measured.
  private func means(
    _ part: SuitePart, _ dtype: DType, _ blocks: [BlockSize], _ sparsities: [Double]
  ) -> String? {
    let measured = products.filter { $0.part == part && $0.result.dtype == BenchType(dtype) }.map(
      \.result)
    if measured.isEmpty { return nil }
    var table = TextTable(["sparsity"] + blocks.map(\.description), leading: [])
    for sparsity in sparsities {
      table.append(
        [Numeral.percent(sparsity, digits: 0)]
          + blocks.map { block in
            let cell = measured.filter { $0.block == block && $0.sparsity == sparsity }
            let mean = cell.map { log($0.speedup) }.reduce(0, +) / Double(cell.count)
            return Numeral.fixed(exp(mean), digits: 2)
          })
    }
    let slowest = measured.min { $0.speedup < $1.speedup }!
    return "\(part.title) (\(dtype.rawValue))\n\(table.rendered())\nslowest of "
      + "\(measured.count): \(Numeral.fixed(slowest.speedup, digits: 2))× at "
      + "\(slowest.shape.listElement), \(Numeral.percent(slowest.sparsity, digits: 0)), "
      + "block \(slowest.block), \(slowest.kernel)"
  }
}
