// The weights of one direction of one layer: the gates' matrices as one, in any format and type of a plan.

import LacunaFormats

extension SparseTensor {
  /// A plan of X·Wᵀ + bias in f32. 8-bit weights multiply what become bytes in each step, with a range for each sequence.
  func gatePlan(
    width: Int, bias: [Float]?, options: PlanOptions
  ) throws(OperationError) -> PlanCore {
    let epilogue = Epilogue(bias: bias)
    if case .i8(let matrix) = storage {
      return try PlanCore(
        matrix, activations: (.f32, .perSide), layout: .rows, width: width, epilogue: epilogue,
        options: options)
    }
    return try Plan(self, layout: .rows, width: width, epilogue: epilogue, options: options).core
  }
}

/// Weights and biases of one direction of one layer, rows in the network's ``GateOrder``.
public struct RecurrentWeights: Sendable {
  /// W [gates · hidden, features of the layer's input], the matrices of all gates one below the other. Blocks may reach
  /// over the edge between two gates. In 8 bits it multiplies bytes, with a range for each sequence
  /// (``ActivationRange/perSide``): as ``QuantizedPlan``, exact and so the same bits everywhere. In f64 it is refused.
  public var input: SparseTensor
  /// R [gates · hidden, hidden], likewise.
  public var recurrent: SparseTensor
  /// gates · hidden values added to W·x, and to R·h; nil for none. They differ only for a GRU that resets after the
  /// product.
  public var inputBias: [Float]?, recurrentBias: [Float]?

  /// Any matrices; a network checks that they fit.
  public init(
    input: SparseTensor, recurrent: SparseTensor, inputBias: [Float]? = nil,
    recurrentBias: [Float]? = nil
  ) {
    (self.input, self.recurrent) = (input, recurrent)
    (self.inputBias, self.recurrentBias) = (inputBias, recurrentBias)
  }
}
