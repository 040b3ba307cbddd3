// What can be wrong with an architecture, a model, data, or a training run. Every case carries the
// numbers.

import LacunaGraph
import LacunaIO
import LacunaOperations
import LacunaPruning

/// An architecture, data set, checkpoint or training run that cannot be used as asked.
public enum ModelError: Error, Equatable, Sendable {
  /// The architecture has no layers.
  case emptyArchitecture
  /// Two layers have one name.
  case duplicateLayerName(String)
  /// A number in a layer's description is outside its range.
  case invalidLayer(name: String, reason: String)
  /// A layer's window does not fit into its input.
  case windowTooLarge(layer: String, window: String, input: String)
  /// The file holds a model or checkpoint of another architecture.
  case architectureMismatch(expected: String, found: String)
  /// A pruning run goes on with another recipe than it began with.
  case recipeMismatch(expected: String, found: String)
  /// A tensor is absent.
  case missingTensor(String)
  /// A tensor has another shape than the architecture asks for.
  case tensorShape(name: String, expected: [Int], found: [Int])
  /// A tensor is stored in a form that does not fit its use.
  case tensorKind(name: String, expected: String, found: String)
  /// A weight is NaN or infinite.
  case notFinite(tensor: String, index: Int)
  /// A required entry of the metadata is absent or cannot be read.
  case metadata(key: String, reason: String)
  /// Images and labels, or the data and the model, disagree.
  case dataMismatch(what: String, expected: Int, found: Int)
  /// A file could not be read or written, or is malformed.
  case file(FileError)
  /// A pruning recipe or its state is invalid.
  case pruning(PruningError)
  /// One-shot pruning of a layer was refused.
  case oneShot(OneShotError)
  /// The activations that a layer reads have no range.
  case calibration(layer: String, RangeCalibrationError)
  /// The weights cannot be put on few values.
  case codebook(CodebookSearch.Failure)
  /// A product of a layer cannot be planned.
  case operation(layer: String, OperationError)
  /// The network's graph, or its plan, was refused.
  case graph(GraphError)
  /// A label is not the number of a class.
  case labelOutOfRange(index: Int, label: Int, classes: Int)
  /// A training setting is outside its range.
  case invalidSetting(name: String, reason: String)
  /// The loss stopped being a number.
  case diverged(step: Int)
}

extension ModelError: CustomStringConvertible {
  /// One line: the layer, tensor or setting, and the numbers.
  public var description: String {
    switch self {
    case .emptyArchitecture: "the architecture has no layers"
    case .duplicateLayerName(let name): "two layers are named '\(name)'"
    case .invalidLayer(let name, let reason): "layer '\(name)': \(reason)"
    case .windowTooLarge(let layer, let window, let input):
      "layer '\(layer)': a \(window) window does not fit into \(input)"
    case .architectureMismatch(let expected, let found):
      "architecture is \(found), expected \(expected)"
    case .recipeMismatch(let expected, let found):
      "the run was pruned by another recipe: it began with \(expected) and would go on with \(found)"
    case .missingTensor(let name): "tensor '\(name)' is missing"
    case .tensorShape(let name, let expected, let found):
      "tensor '\(name)' has shape \(found), expected \(expected)"
    case .tensorKind(let name, let expected, let found):
      "tensor '\(name)' is stored as \(found), expected \(expected)"
    case .notFinite(let tensor, let index): "tensor '\(tensor)' is not finite at index \(index)"
    case .metadata(let key, let reason): "metadata '\(key)': \(reason)"
    case .dataMismatch(let what, let expected, let found):
      "\(what): found \(found), expected \(expected)"
    case .file(let error): error.description
    case .pruning(let error): error.description
    case .oneShot(let error): error.description
    case .calibration(let layer, let error): "activations before layer '\(layer)': \(error)"
    case .codebook(let error): error.description
    case .operation(let layer, let error): "\(layer): \(error)"
    case .graph(let error): "\(error)"
    case .labelOutOfRange(let index, let label, let classes):
      "label \(label) of sample \(index) is outside 0..<\(classes)"
    case .invalidSetting(let name, let reason): "\(name) \(reason)"
    case .diverged(let step):
      "the loss is not a finite number at step \(step): lower the learning rate"
    }
  }
}

extension ModelError {
  /// The exit code of a command line tool that stops on this error, from `sysexits.h`: 65 for bad
  /// data, 64 for a setting out of range, and the file's own for a file.
  public var exitCode: Int32 {
    switch self {
    case .file(let error): error.exitCode
    case .invalidSetting: 64
    default: 65
    }
  }
}
