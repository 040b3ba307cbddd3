// Y ← act(W·X + b) by a plan over sparse weights, or over the same weights kept dense.

import LacunaFormats
import LacunaIO
import LacunaOperations

/// What a sparse network multiplies in.
public enum NetworkArithmetic: String, Sendable, Codable, CaseIterable {
  /// Single precision: weights that are stored in 8 bits or on few values are expanded when a plan is packed.
  case f32
  /// Layers whose weights are stored in 8 bits multiply bytes, as `QuantizedPlan` does, with exact sums; other layers
  /// compute in single precision. In a model that knows the ranges of its activations
  /// (``CompressedModel/calibrated(on:by:threads:)``) layers hand bytes to each other, and a NaN or an infinity becomes
  /// the nearest byte. Without them activations become bytes for each product, by the range of each right-hand side (a
  /// sample, or the patch of a pixel), and NaN passes. Either way the logits of a sample do not depend on what it is
  /// computed with.
  case i8
}

/// How a network's kernels are kept in memory for inference.
enum WeightStorage: Equatable {
  /// As stored in the file: sparse tensors become plans for sparse products, never dense matrices.
  case sparse(NetworkArithmetic)
  /// As dense matrices for OpenBLAS: the baseline and the oracle.
  case dense
}

/// A plan of a layer's weights, and what it reads and writes.
struct WeightedProduct {
  let plan: PlanCore
  var reads = ActivationStore.f32, writes = ActivationStore.f32
}

extension StoredTensor {
  /// A product of bytes with the tensor seen as a matrix `[out, in]`; nil for one that is not stored in 8 bits.
  ///
  /// - Parameter width: right-hand sides to expect.
  func byteProduct(
    reads: ActivationStore, writes: ActivationStore, width: Int, epilogue: Epilogue<Float>,
    options: PlanOptions, name: String
  ) throws(ModelError) -> WeightedProduct? {
    guard case .i8(let weights)? = weights?.storage else { return nil }
    let activations: (NumberType, ActivationRange) =
      switch reads {
      case .f32: (.f32, .perSide)
      case .u8(let bytes): (.u8, .fixed(scale: bytes.scale, zeroPoint: bytes.zeroPoint))
      }
    let output: (NumberType, OutputScale?) =
      switch writes {
      case .f32: (.f32, nil)
      case .u8(let bytes): (.u8, bytes)
      }
    do throws(OperationError) {
      return WeightedProduct(
        plan: try PlanCore(
          weights, activations: activations, output: output, width: width, epilogue: epilogue,
          options: options),
        reads: reads, writes: writes)
    } catch { throw .operation(layer: name, error) }
  }

  /// A plan in single precision for the tensor seen as a matrix `[out, in]`.
  ///
  /// - Parameter width: right-hand sides to expect.
  func plan(
    storage: WeightStorage, layout: ProductLayout = .columns, width: Int,
    epilogue: Epilogue<Float>, options: PlanOptions, name: String
  ) throws(ModelError) -> PlanCore {
    guard let weights else {
      throw .tensorKind(name: name, expected: "numbers", found: kindName)
    }
    do throws(OperationError) {
      if storage == .dense {
        return try Plan(
          dense: weights.matrix(of: Float.self).dense(), layout: layout, width: width,
          epilogue: epilogue, options: options
        ).core
      }
      return try Plan(
        weights, layout: layout, width: width, epilogue: epilogue, options: options
      ).core
    } catch { throw .operation(layer: name, error) }
  }

  /// Whether ``NetworkArithmetic/i8`` computes with it.
  var isQuantized: Bool {
    if case .i8? = weights?.storage { true } else { false }
  }

  /// The values of a tensor that is stored dense.
  func denseValues(name: String) throws(ModelError) -> [Float] {
    guard let values = denseValues else {
      throw .tensorKind(name: name, expected: "dense", found: kindName)
    }
    return values
  }
}
