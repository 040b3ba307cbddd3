// The weights of one direction of one layer: the gates' matrices as one, in any format of a plan.

import LacunaFormats

/// The matrices of all gates, one below the other: [gates · hidden, columns].
public enum GateMatrix: Sendable {
  /// Every element, zeros too.
  case dense(DenseMatrix<Float>)
  /// Single elements.
  case csr(CSRMatrix<Float>)
  /// Blocks, which may reach over the edge between two gates.
  case bsr(BSRMatrix<Float>)
  /// Bytes, by what become bytes in each step, with a range for each sequence (``ActivationRange/perSide``): as
  /// ``QuantizedPlan``, exact and so the same bits everywhere.
  case quantizedCSR(QuantizedCSR)
  /// The same in blocks.
  case quantizedBSR(QuantizedBSR)

  /// Rows: gates · hidden.
  public var rows: Int { stored.rows }
  /// Columns: features of what it multiplies.
  public var columns: Int { stored.columns }

  private var stored: (rows: Int, columns: Int) {
    switch self {
    case .dense(let w): (w.rows, w.columns)
    case .csr(let w): (w.rows, w.columns)
    case .bsr(let w): (w.rows, w.columns)
    case .quantizedCSR(let w): (w.rows, w.columns)
    case .quantizedBSR(let w): (w.rows, w.columns)
    }
  }

  /// Stored weights, padding of blocks included.
  var count: Int {
    switch self {
    case .dense(let w): w.rows * w.columns
    case .csr(let w): w.nnz
    case .bsr(let w): w.blocks * w.block.area
    case .quantizedCSR(let w): w.nnz
    case .quantizedBSR(let w): w.values.count
    }
  }

  /// A plan of X·Wᵀ + bias.
  func plan(
    width: Int, bias: [Float]?, options: PlanOptions
  ) throws(OperationError) -> PlanCore {
    let epilogue = Epilogue(bias: bias)
    func plan(_ source: StoredMatrix<Float>) throws(OperationError) -> PlanCore {
      try Plan(
        source: source, layout: .rows, width: width, epilogue: epilogue, options: options
      ).core
    }
    func plan(_ source: QuantizedSource) throws(OperationError) -> PlanCore {
      try PlanCore(
        source, activations: (.f32, .perSide), layout: .rows, width: width, epilogue: epilogue,
        options: options)
    }
    return switch self {
    case .dense(let w): try plan(StoredMatrix.dense(w))
    case .csr(let w): try plan(StoredMatrix.csr(w))
    case .bsr(let w): try plan(StoredMatrix.bsr(w))
    case .quantizedCSR(let w): try plan(QuantizedSource.csr(w))
    case .quantizedBSR(let w): try plan(QuantizedSource.bsr(w))
    }
  }
}

/// Weights and biases of one direction of one layer, rows in the network's ``GateOrder``.
public struct RecurrentWeights: Sendable {
  /// W [gates · hidden, features of the layer's input].
  public var input: GateMatrix
  /// R [gates · hidden, hidden].
  public var recurrent: GateMatrix
  /// gates · hidden values added to W·x, and to R·h; nil for none. They differ only for a GRU that resets after the
  /// product.
  public var inputBias: [Float]?, recurrentBias: [Float]?

  /// Any matrices; a network checks that they fit.
  public init(
    input: GateMatrix, recurrent: GateMatrix, inputBias: [Float]? = nil,
    recurrentBias: [Float]? = nil
  ) {
    (self.input, self.recurrent) = (input, recurrent)
    (self.inputBias, self.recurrentBias) = (inputBias, recurrentBias)
  }
}
