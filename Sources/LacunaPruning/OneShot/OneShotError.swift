// What can be wrong with pruning from calibration inputs. Every case names the layer and the
// numbers.

import LacunaFormats

/// A refused one-shot pruning request.
public enum OneShotError: Error, Equatable, Sendable {
  /// A calibration value is NaN or infinite.
  case inputNotFinite(layer: String, sample: Int, input: Int)
  /// A batch has another number of inputs than the layer has columns.
  case inputCount(layer: String, expected: Int, actual: Int)
  /// A batch is shorter than its shape and stride ask for.
  case batchTooShort(layer: String, expected: Int, actual: Int)
  /// No sample was given.
  case noSamples(layer: String)
  /// Every input of every sample is zero: nothing distinguishes one weight from another.
  case allInputsZero(layer: String, inputs: Int, samples: Int)
  /// A method needs more of the inputs than was collected of them.
  case calibrationTooPoor(layer: String, method: String, needed: String, collected: String)
  /// H + λI could not be factored at the largest damping.
  case notPositiveDefinite(layer: String, inputs: Int, samples: Int, damping: Double)
  /// A weight is NaN or infinite, at this index of the layer's row-major order.
  case weightNotFinite(layer: String, index: Int)
  /// Weights or a mask have another shape than the layer.
  case shapeMismatch(
    layer: String, what: String, expectedRows: Int, expectedColumns: Int, rows: Int, columns: Int)
  /// A sparsity that the structure cannot have.
  case unreachableSparsity(layer: String, sparsity: Double, structure: String, allowed: String)
  /// A parameter is outside its range.
  case invalidParameter(name: String, value: String, allowed: String)
  /// The mask could not be chosen.
  case pruning(PruningError)
}

extension OneShotError: CustomStringConvertible {
  /// One line: the layer, what is wrong with it, and the numbers.
  public var description: String {
    switch self {
    case .inputNotFinite(let layer, let sample, let input):
      "\(layer): input \(input) of calibration sample \(sample) is not finite"
    case .inputCount(let layer, let expected, let actual):
      "\(layer) has \(expected) inputs, but the calibration has \(actual)"
    case .batchTooShort(let layer, let expected, let actual):
      "\(layer): a calibration batch has \(actual) values, its shape asks for \(expected)"
    case .noSamples(let layer): "\(layer): the calibration has 0 samples, at least 1 is needed"
    case .allInputsZero(let layer, let inputs, let samples):
      "\(layer): all \(inputs) inputs of all \(samples) calibration samples are zero"
    case .calibrationTooPoor(let layer, let method, let needed, let collected):
      "\(layer): \(method) needs the inputs' \(needed), but only \(collected) were collected"
    case .notPositiveDefinite(let layer, let inputs, let samples, let damping):
      "\(layer): the \(inputs)×\(inputs) products of \(samples) samples cannot be factored even "
        + "with \(damping) added to the diagonal"
    case .weightNotFinite(let layer, let index): "\(layer): weight \(index) is not finite"
    case .shapeMismatch(
      let layer, let what, let expectedRows, let expectedColumns, let rows, let columns):
      "\(layer): the \(what) is \(rows)×\(columns), expected \(expectedRows)×\(expectedColumns)"
    case .unreachableSparsity(let layer, let sparsity, let structure, let allowed):
      "\(layer): sparsity \(sparsity) with \(structure), must be \(allowed)"
    case .invalidParameter(let name, let value, let allowed):
      "\(name) is \(value), must be \(allowed)"
    case .pruning(let error): error.description
    }
  }
}

/// Rethrows an error of mask selection.
func choosing<R>(_ body: () throws(PruningError) -> R) throws(OneShotError) -> R {
  do throws(PruningError) { return try body() } catch { throw .pruning(error) }
}
