// Names, shapes and roles of a network's tensors, without building it.

extension Architecture {
  /// The tensors in the order of the layers.
  ///
  /// - Throws: ``ModelError`` when a layer is malformed or does not fit its input.
  public func tensorShapes() throws(ModelError)
    -> [(name: String, shape: [Int], role: Parameter.Role)]
  {
    var result: [(name: String, shape: [Int], role: Parameter.Role)] = []
    var input = self.input
    for (layer, output) in zip(layers, try shapes()) {
      let name = layer.name
      switch layer {
      case .convolution(_, let filters, let w, _):
        result.append(("\(name)/kernel", [filters, w.height, w.width, input.channels], .kernel))
        result.append(("\(name)/bias", [filters], .bias))
      case .dense(_, let units, _):
        result.append(("\(name)/kernel", [units, input.count], .kernel))
        result.append(("\(name)/bias", [units], .bias))
      case .batchNormalization:
        result.append(("\(name)/gamma", [input.channels], .scale))
        result.append(("\(name)/beta", [input.channels], .shift))
        result.append(("\(name)/moving_mean", [input.channels], .statistic))
        result.append(("\(name)/moving_variance", [input.channels], .statistic))
      case .maxPooling, .averagePooling, .relu, .flatten, .dropout: break
      }
      input = output
    }
    return result
  }
}
