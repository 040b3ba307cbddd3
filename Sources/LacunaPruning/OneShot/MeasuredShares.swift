// min Σ error_l(d_l) over densities d_l, subject to Σ n_l·d_l = n·d, with measured error curves
//
//     error  │·                      Each layer is pruned to densities d/4, d/√8, d/2, … 1. Of the
//            │ ·.                    line through the points the lower hull counts: its segments
//            │   ·.                  get flatter to the right. All layers start at their least
//            │     ·...              density; then the segment that gains most for each weight is
//            │         ····......·   taken, of whatever layer, until the weights are used up.
//            └─────────────────────
//              d/4  d/2   d     1
//
// For curves of that shape the greedy choice is the optimum, and the last segment is cut so that
// the number of weights is exact.

import LacunaFormats

/// What a layer loses at some densities.
struct MeasuredErrors {
  /// Densities in rising order, the last of them 1, and the relative errors of the outputs.
  let points: [(density: Double, error: Double)]

  /// From a quarter of the density that all layers together are to have, by steps of √2.
  static func densities(around density: Double) -> [Double] {
    var result: [Double] = []
    var next = density / 4
    while next < 1 / 1.1 {
      result.append(next)
      next *= 2.0.squareRoot()
    }
    return result
  }

  /// - Throws: ``OneShotError``
  init(
    _ weights: UnsafeBufferPointer<Float>, _ rows: Int, _ columns: Int, _ calibration: Calibration,
    _ settings: OneShotSettings
  ) throws(OneShotError) {
    if calibration.moments == .norms {
      throw .calibrationTooPoor(
        layer: calibration.name, method: "measuring errors", needed: "products",
        collected: "norms")
    }
    let sparsity = try settings.checkedSparsity(layer: calibration.name)
    var points: [(density: Double, error: Double)] = []
    for density in Self.densities(around: 1 - sparsity) {
      var own = settings
      own.sparsity = 1 - density
      own.reportsErrors = true
      let report = try oneShot(
        weights, rows: rows, columns: columns, calibration: calibration, settings: own
      ).report
      points.append((density, report.error ?? 0))
    }
    self.points = points + [(1, 0)]
  }

  init(points: [(density: Double, error: Double)]) { self.points = points }

  /// The lower hull: what the error falls along each segment, which gets flatter to the right.
  var segments: [(width: Double, gain: Double)] {
    var hull: [(density: Double, error: Double)] = []
    for point in points {
      while hull.count > 1 {
        let (a, b) = (hull[hull.count - 2], hull[hull.count - 1])
        // b stays when it lies below the line from a to the point.
        let line =
          a.error + (point.error - a.error) * (b.density - a.density)
          / (point.density - a.density)
        if b.error < line { break }
        hull.removeLast()
      }
      hull.append(point)
    }
    return zip(hull, hull.dropFirst()).map { ($1.density - $0.density, $0.error - $1.error) }
  }
}

extension OneShotBudget {
  /// The sparsities with the least sum of measured errors.
  ///
  /// - Throws: ``OneShotError/invalidParameter(name:value:allowed:)`` when a layer was not
  ///   measured.
  static func atLeastError(
    _ layers: [OneShotLayerScores], _ sparsity: Double
  ) throws(OneShotError) -> [Double] {
    var curves: [(errors: MeasuredErrors, weights: Int)] = []
    for layer in layers {
      guard let errors = layer.errors else {
        throw .invalidParameter(
          name: "errors of \(layer.name)", value: "not measured", allowed: "measured")
      }
      curves.append((errors, layer.count))
    }
    return densities(of: curves, keeping: 1 - sparsity).map { max(0, 1 - $0) }
  }

  /// The densities of layers of so many weights each that together keep the fraction `density`.
  static func densities(
    of layers: [(errors: MeasuredErrors, weights: Int)], keeping density: Double
  ) -> [Double] {
    var result = layers.map { $0.errors.points[0].density }
    let all = Double(layers.reduce(0) { $0 + $1.weights })
    var left = density * all - zip(result, layers).reduce(0) { $0 + $1.0 * Double($1.1.weights) }
    let segments = layers.indices.flatMap { layer in
      layers[layer].errors.segments.map { (layer: layer, width: $0.width, gain: $0.gain) }
    }.enumerated().sorted {
      func slope(_ segment: (layer: Int, width: Double, gain: Double)) -> Double {
        segment.gain / (segment.width * Double(layers[segment.layer].weights))
      }
      let (a, b) = (slope($0.element), slope($1.element))
      // Equal slopes go in the order of the layers, and of a layer from left to right.
      return a > b || a == b && $0.offset < $1.offset
    }
    for (_, segment) in segments where left > 0 {
      let weights = Double(layers[segment.layer].weights)
      let taken = min(segment.width, left / weights)
      result[segment.layer] += taken
      left -= taken * weights
    }
    return result
  }
}
