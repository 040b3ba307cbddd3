// A model file as a network that runs.

import LacunaGraph
import LacunaIO

extension ModelFile {
  /// The network of an ONNX or TFLite file.
  ///
  /// - Throws: ``NetworkError``: the file is of another format, damaged, or has a node that is not supported.
  public func network() throws(NetworkError) -> Graph {
    switch model {
    case let model as ONNXModel: return try model.network()
    case let model as TFLiteModel: return try model.network()
    default:
      throw .data(.unsupported(what: "a network", found: "in a file of format \(format.rawValue)"))
    }
  }
}
