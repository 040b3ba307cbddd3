// A model file as a network that runs.

import LacunaGraph
import LacunaIO

extension ModelFile {
  /// The network of an ONNX file.
  ///
  /// - Throws: ``NetworkError``: the file is of another format, damaged, or has a node that is not supported.
  public func network() throws(NetworkError) -> Graph {
    guard let model = model as? ONNXModel else {
      throw .data(.unsupported(what: "a network", found: "in a file of format \(format.rawValue)"))
    }
    return try model.network()
  }
}
