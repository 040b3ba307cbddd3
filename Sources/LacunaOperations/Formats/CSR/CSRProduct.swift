// Y ← bound(W·X + bias + β·Y) straight from CSR: for few columns where no register permute exists.

import CSIMD
import LacunaFormats

/// A product whose weights stay in CSR. Every instruction set has it.
// Sound to share: nothing changes after the initialiser.
final class CSRProduct: ProductBody, @unchecked Sendable {
  private let pattern: CSRPattern
  private let values: AlignedBuffer<UInt8>
  private let types: ProductTypes
  private let layout: ProductLayout
  private let epilogue: EpilogueValues
  private let kernel: Kernel

  var name: String { "csr" }

  init(
    _ weights: any FloatWeights, _ pattern: CSRPattern, layout: ProductLayout,
    epilogue: EpilogueValues, table: KernelTable
  ) {
    (self.pattern, types) = (pattern, weights.types)
    (self.layout, self.epilogue) = (layout, epilogue)
    values = AlignedBuffer(count: pattern.nnz * types.weights.size)
    weights.withUnsafeValues { [values] in
      UnsafeMutableRawBufferPointer(values.elements).copyMemory(from: $0)
    }
    kernel = table.kernel(.csr, types: types)!
  }

  var packedBytes: Int {
    values.count + pattern.columnIndices.byteCount + pattern.rowOffsets.count * 8
  }
  var workspaceBytes: Int { 0 }

  func valueSlots(_ numbers: StoredMatrix<Double>) -> ValueSlots? {
    ValueSlots(
      memory: UnsafeMutableRawPointer(values.pointer), types.weights,
      numbers: (0..<pattern.nnz).map { UInt32($0 + 1) })
  }

  func usefulSlices(width: Int) -> Int { max(1, pattern.rows / 16) }

  /// The first row of share `slice` of `slices` of the entries.
  private func firstRow(_ slice: Int, of slices: Int) -> Int {
    balancedCut(pattern.rows, slice: slice, of: slices) { pattern.rowOffsets[$0] }
  }

  func run(_ call: ProductCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer) {
    let columns = layout == .columns
    let (first, end) = (firstRow(slice, of: slices), firstRow(slice + 1, of: slices))
    if first >= end { return }
    pattern.rowOffsets.withUnsafeBufferPointer { offsets in
      pattern.columnIndices.withUnsafeBytes { indices, bytes in
        offsets.baseAddress!.withMemoryRebound(to: Int64.self, capacity: offsets.count) {
          var arguments = lcn_csr_args(
            offsets: $0, indices: indices, values: values.pointer, x: call.x,
            xInput: Int64(columns ? call.xStride : 1), xColumn: Int64(columns ? 1 : call.xStride),
            y: call.y, yRow: Int64(columns ? call.yStride : 1),
            yColumn: Int64(columns ? 1 : call.yStride), bias: epilogue.bias,
            lower: epilogue.lower, upper: epilogue.upper, beta: call.beta, firstRow: Int64(first),
            endRow: Int64(end), columns: Int64(call.width), indexBytes: Int32(bytes))
          kernel.call(&arguments)
        }
      }
    }
    epilogue.activate(call, layout, rows: first..<end, sides: 0..<call.width)
  }
}
