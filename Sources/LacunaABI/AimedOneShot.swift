// lcn_calibration_…_aimed, lcn_oneshot_prune_aimed: a layer that comes near given outputs.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats
import LacunaPruning

@c @implementation
public func lcn_calibration_create_aimed(
  _ inputs: Int64, _ outputs: Int64, _ adaptsBias: Int32,
  _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    let (inputs, outputs) = try (dimension(inputs, "inputs"), dimension(outputs, "outputs"))
    let adaptsBias = try flag(adaptsBias, "adapts_bias")
    try reserve(try product(inputs, product(inputs + outputs, 8, "bytes"), "bytes"))
    let calibration = try Failure.oneShot { () throws(OneShotError) in
      try AimedCalibration(inputs: inputs, outputs: outputs, adaptsBias: adaptsBias)
    }
    try deliver(CalibrationObject(.aimed(calibration)), .calibration, to: out)
  }
}

@c @implementation
public func lcn_calibration_add_aimed(
  _ calibration: OpaquePointer?, _ layout: Int32, _ x: UnsafePointer<Float>?, _ stride: Int64,
  _ targets: UnsafePointer<Float>?, _ targetStride: Int64, _ samples: Int64
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(calibration, .calibration, as: CalibrationObject.self) {
      (object) throws(Failure) in
      try object.withAimed { (calibration) throws(Failure) in
        let inputs = try batch(x, layout, samples, stride, object.inputs, "x", "stride")
        let outputs = try batch(
          targets, layout, samples, targetStride, calibration.outputs, "targets",
          "target_stride")
        // Samples that are widened at a time, twice for the products.
        try reserve(try product(object.inputs * 2 + calibration.outputs, 512 * 8, "bytes"))
        try Failure.oneShot { () throws(OneShotError) in
          try calibration.add(inputs, targets: outputs)
        }
      }
    }
  }
}

@c @implementation
public func lcn_oneshot_prune_aimed(
  _ calibration: OpaquePointer?, _ weights: UnsafePointer<lcn_dense_desc>?,
  _ bias: UnsafeMutablePointer<Float>?, _ options: UnsafePointer<lcn_oneshot_options>?,
  _ mask: UnsafePointer<lcn_mask_desc>?, _ report: UnsafeMutablePointer<lcn_oneshot_report>?
) -> lcn_status {
  call { () throws(Failure) in
    let settings = try settings(try descriptor(options, "options"))
    let view = try LayerView(calibration, weights, mask)
    try view.reserveMemory()
    try filling(report) { () throws(Failure) in
      let packed = try view.weights.copy(Float.self)
      let result = try HandleTable.use(calibration, .calibration, as: CalibrationObject.self) {
        (object) throws(Failure) in
        try object.withAimed { (calibration) throws(Failure) in
          if calibration.adaptsBias {
            _ = try mutableArray(bias, count: view.weights.rows, size: 4, "bias")
          } else if bias != nil {
            throw Failure(.invalidArgument, "bias is given, but adapts_bias was 0")
          }
          return try view.outcome(
            packed.withUnsafeElements { (elements) throws(Failure) in
              try Failure.oneShot { () throws(OneShotError) in
                try oneShot(
                  elements, rows: view.weights.rows, columns: view.weights.columns,
                  calibration: calibration, settings: settings)
              }
            })
        }
      }
      view.weights.write(result.matrix)
      view.mask?.write(result.mask)
      if let bias, let values = result.bias { bias.update(from: values, count: values.count) }
      return result.report
    }
  }
}
