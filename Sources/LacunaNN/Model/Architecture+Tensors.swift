// Names, shapes and roles of a network's tensors, without building it.

extension Architecture {
  /// The tensors in the order of the layers.
  ///
  /// - Throws: ``ModelError`` when a layer is malformed or does not fit its input.
  public func tensorShapes() throws(ModelError)
    -> [(name: String, shape: [Int], role: Parameter.Role)]
  {
    _ = try shapes()
    var result: [(name: String, shape: [Int], role: Parameter.Role)] = []
    var input = self.input
    for layer in layers {
      result += try layer.tensorShapes(over: input)
      input = try layer.output(of: input)
    }
    return result
  }
}

extension LayerDescription {
  /// Not checked: the layer fits its input.
  fileprivate func tensorShapes(
    over input: Shape
  ) throws(ModelError) -> [(name: String, shape: [Int], role: Parameter.Role)] {
    switch self {
    case .convolution(let name, let filters, let w, _):
      return [
        ("\(name)/kernel", [filters, w.height, w.width, input.channels], .kernel),
        ("\(name)/bias", [filters], .bias),
      ]
    case .depthwiseConvolution(let name, let w):
      return [
        ("\(name)/kernel", [input.channels, w.height, w.width, 1], .kernel),
        ("\(name)/bias", [input.channels], .bias),
      ]
    case .dense(let name, let units, _):
      return [
        ("\(name)/kernel", [units, input.count], .kernel), ("\(name)/bias", [units], .bias),
      ]
    case .batchNormalization(let name, _, _):
      return [
        ("\(name)/gamma", [input.channels], .scale), ("\(name)/beta", [input.channels], .shift),
        ("\(name)/moving_mean", [input.channels], .statistic),
        ("\(name)/moving_variance", [input.channels], .statistic),
      ]
    case .embedding(let name, let vocabulary, let features):
      return [("\(name)/table", [vocabulary, features], .table)]
    case .recurrent(let name, let unit, let units, _):
      return RecurrentParameters.shapes(name, unit: unit, features: input.channels, units: units)
    case .encoderDecoder(let name, let sizes): return sizes.tensorShapes(name)
    case .residual(_, let body, let shortcut, _):
      var result: [(name: String, shape: [Int], role: Parameter.Role)] = []
      for branch in [body, shortcut] {
        var shape = input
        for layer in branch {
          result += try layer.tensorShapes(over: shape)
          shape = try layer.output(of: shape)
        }
      }
      return result
    case .maxPooling, .averagePooling, .relu, .flatten, .dropout, .globalAveragePooling:
      return []
    }
  }
}
