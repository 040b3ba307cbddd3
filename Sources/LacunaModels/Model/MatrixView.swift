// A weight tensor seen as a matrix [out, in]: which axes are outputs, in which order.

/// How the axes of a weight become the rows (outputs) and columns (inputs) of `W` in `W·X`.
///
///     Gemm, transB = 1   [out, in]               axes 0 | 1         rows out
///     MatMul             [in, out]               axes 1 | 0         rows out
///     Conv               [out, in, kH, kW]       axes 0 | 2 3 1     rows out, columns (kH, kW, in)
///     LSTM, W            [directions, 4·h, in]   axes 0 1 | 2       rows gates of each direction
///
/// Blocks and N:M groups are meant in this matrix, whatever the layout of the file.
public struct MatrixView: Equatable, Sendable {
  /// A permutation of the tensor's axes: those of the rows first.
  public let axes: [Int]
  /// How many of ``axes`` make up the rows.
  public let rowAxes: Int

  /// The first axis by all others, as they lie: a vector is one row.
  public init(rank: Int) {
    (axes, rowAxes) = (Array(0..<rank), rank < 2 ? 0 : 1)
  }

  /// Not checked: `axes` is a permutation and `rowAxes` at most its length.
  init(axes: [Int], rowAxes: Int) { (self.axes, self.rowAxes) = (axes, rowAxes) }

  /// Whether the matrix lies in memory as it is.
  public var isIdentity: Bool { axes == Array(axes.indices) }

  /// Rows and columns of a tensor of that shape.
  public func size(of shape: [Int]) -> (rows: Int, columns: Int) {
    (
      axes.prefix(rowAxes).reduce(1) { $0 * shape[$1] },
      axes.dropFirst(rowAxes).reduce(1) { $0 * shape[$1] }
    )
  }

  /// This view of a tensor that a transposition by `permutation` lies before: the axes of the tensor
  /// as it is stored.
  func through(_ permutation: [Int]) -> MatrixView {
    MatrixView(axes: axes.map { permutation[$0] }, rowAxes: rowAxes)
  }

  /// For each element of the matrix, row by row, where it lies in the tensor: calls `body` with the
  /// offset of the first element and the distance of the following ones, a run for each innermost
  /// axis.
  package func forEachRun(
    of shape: [Int], _ body: (_ offset: Int, _ step: Int, _ count: Int) -> Void
  ) {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * shape[axis + 1]
    }
    if shape.contains(0) { return }
    guard let inner = axes.last else { return body(0, 1, 1) }
    let outer = axes.dropLast()
    var index = [Int](repeating: 0, count: outer.count)
    var offset = 0
    while true {
      body(offset, strides[inner], shape[inner])
      var place = outer.count - 1
      while place >= 0 {
        let axis = outer[place]
        index[place] += 1
        offset += strides[axis]
        if index[place] < shape[axis] { break }
        offset -= strides[axis] * shape[axis]
        index[place] = 0
        place -= 1
      }
      if place < 0 { return }
    }
  }
}
