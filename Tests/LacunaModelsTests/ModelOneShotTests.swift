// Weights of model files pruned at once, each on its own inputs; everything else byte for byte.
import Foundation
import LacunaFormats
import LacunaIO
import LacunaModels
import LacunaPruning
import TestSupport
import Testing

@Suite struct ModelOneShotTests {
  private func inputs(_ columns: Int, seed: UInt64) throws -> CalibrationSamples {
    var random = SeededGenerator(seed: seed)
    return try CalibrationSamples(
      (0..<50 * columns).map { _ in random.nonzero(Float.self) }, samples: 50, inputs: columns)
  }

  /// Rows, columns and weights of a tensor as a matrix, element by element.
  private func matrix(_ file: ModelFile, _ index: Int) throws -> (Int, Int, [Float]) {
    let tensor = file.tensors[index]
    let (rows, columns) = tensor.view.size(of: tensor.shape)
    return (
      rows, columns, tensor.view.matrixOrder(try file.numbers(index), shape: tensor.shape)
    )
  }

  private func prune(
    _ file: ModelFile, _ pruning: ModelOneShot, to output: String
  ) throws -> [OneShotLayerReport] {
    var (reports, weights): ([OneShotLayerReport], [String: [Float]]) = ([], [:])
    try pruning.prune(file) { name, _ in
      let (_, columns, _) = try matrix(file, file.index(name))
      return try inputs(columns, seed: UInt64(columns))
    } finished: { report, new in
      reports.append(report)
      weights[report.name] = new
    }
    let all = weights
    try ModelOneShot.write(file, to: output, changed: Set(all.keys)) { all[$0]! }
    return reports
  }

  @Test func theOperatorsOfAnONNXModelGetTheLibrarysWeights() throws {
    try withTemporaryFolder { folder in
      let file = try ModelFile(contentsOf: golden("onnx/layers.onnx"))
      let settings = OneShotSettings(method: SparseGPT(), sparsity: 0.5)
      let reports = try prune(
        file, ModelOneShot(layer: settings, exclude: ["conv*"]), to: folder + "/out.onnx")
      #expect(Set(reports.map(\.name)) == ["gemm.w", "turned.w", "matmul.w", "up.w"])
      let pruned = try ModelFile(contentsOf: folder + "/out.onnx")
      for (index, tensor) in file.tensors.enumerated() {
        let (rows, columns, old) = try matrix(file, index)
        let new = try matrix(pruned, index).2
        if !reports.contains(where: { $0.name == tensor.name }) {
          #expect(old == new, "\(tensor.name)")
          continue
        }
        let calibration = try Calibration(
          name: tensor.name, inputs(columns, seed: UInt64(columns)))
        let expected = try old.withUnsafeBufferPointer {
          try oneShot(
            $0, rows: rows, columns: columns, calibration: calibration, settings: settings)
        }
        #expect(new == expected.weights, "\(tensor.name)")
        #expect(expected.report.sparsity > 0.3)
      }
    }
  }

  @Test(arguments: ["io/fortran.npy", "io/fortran-big.npy", "io/big-f4.npy", "io/little-f2.npy"])
  func weightsKeepTheTypeAndOrderOfTheFile(path: String) throws {
    try withTemporaryFolder { folder in
      let file = try ModelFile(contentsOf: golden(path))
      let (rows, columns, old) = try matrix(file, 0)
      let output = folder + "/out.npy"
      _ = try prune(
        file, ModelOneShot(layer: OneShotSettings(method: ALPS(), sparsity: 0.5)), to: output)
      let pruned = try ModelFile(contentsOf: output)
      #expect(pruned.tensors[0].type == file.tensors[0].type)
      // The header, byte for byte.
      let (before, after) = (try fileBytes(golden(path)), try fileBytes(output))
      #expect(before.count == after.count)
      let header = before.count - file.tensors[0].byteCount
      #expect(before.prefix(header) == after.prefix(header))
      let expected = try old.withUnsafeBufferPointer {
        try oneShot(
          $0, rows: rows, columns: columns,
          calibration: Calibration(
            name: file.tensors[0].name, inputs(columns, seed: UInt64(columns))),
          settings: OneShotSettings(method: ALPS(), sparsity: 0.5))
      }
      let new = try matrix(pruned, 0).2
      let unit: Float = file.tensors[0].type == .f16 ? 0x1p-11 : 0
      for (a, b) in zip(new, expected.weights) { #expect((a - b).magnitude <= b.magnitude * unit) }
    }
  }

  /// A convolution 3×3 of 3 channels in `layers.onnx`, [out, in, kH, kW], on the patches of images.
  @Test func convolutionsTakePatchesInTheOrderRowColumnChannel() throws {
    try withTemporaryFolder { folder in
      let file = try ModelFile(contentsOf: golden("onnx/layers.onnx"))
      let old = try file.numbers(file.index("conv.w"))
      let (channels, filters, size) = (3, 4, 9)
      var random = SeededGenerator(seed: 6)
      func images(_ count: Int) -> [Float] {
        (0..<count * channels * size * size).map { _ in random.nonzero(Float.self) }
      }
      func pixel(_ x: [Float], _ n: Int, _ c: Int, _ row: Int, _ column: Int) -> Float {
        x[((n * channels + c) * size + row) * size + column]
      }
      let x = images(4)
      var patches: [Float] = []
      for n in 0..<4 {
        for row in 0..<size - 2 {
          for column in 0..<size - 2 {
            for ky in 0..<3 {
              for kx in 0..<3 {
                for c in 0..<channels { patches.append(pixel(x, n, c, row + ky, column + kx)) }
              }
            }
          }
        }
      }
      // As tools write it: a sample for each place of each image.
      let inputs = folder + "/x.npz"
      try NPZ([
        NamedArray(
          name: "conv.w",
          array: NumericArray(shape: [4, 49, 27], values: .f32(patches)))
      ]).write(to: inputs)
      let place = CalibrationPlace(inputs)
      let pruning = ModelOneShot(
        layer: OneShotSettings(method: ALPS(), sparsity: 0.5), include: ["conv.w"])
      var (report, weights): (OneShotLayerReport?, [Float]) = (nil, [])
      try pruning.prune(file, inputs: { try place.inputs(of: $0, isOnly: $1) }) {
        (report, weights) = ($0, $1)
      }
      let new = weights
      let output = folder + "/out.onnx"
      try ModelOneShot.write(file, to: output, changed: ["conv.w"]) { _ in new }
      let pruned = try ModelFile(contentsOf: output)
      let kernel = try pruned.numbers(pruned.index("conv.w"))
      #expect(kernel.count { $0 == 0 } == filters * 27 / 2)
      // The convolution itself: what it loses is what was reported.
      var (change, energy) = (0.0, 0.0)
      for n in 0..<4 {
        for row in 0..<size - 2 {
          for column in 0..<size - 2 {
            for filter in 0..<filters {
              var (a, b) = (0.0, 0.0)
              for c in 0..<channels {
                for k in 0..<9 {
                  let at = (filter * channels + c) * 9 + k
                  let value = Double(pixel(x, n, c, row + k / 3, column + k % 3))
                  a += (Double(old[at]) - Double(kernel[at])) * value
                  b += Double(old[at]) * value
                }
              }
              (change, energy) = (change + a * a, energy + b * b)
            }
          }
        }
      }
      #expect(report!.samples == 196)
      #expect(abs(report!.error! - change / energy) < 1e-5 * change / energy)
    }
  }

  @Test func inputsAreFoundByTheNamesOfTheLayers() throws {
    try withTemporaryFolder { folder in
      func array(_ rows: Int) throws -> NumericArray {
        try NumericArray(
          shape: [rows, 3], values: .f32([Float](repeating: Float(rows), count: rows * 3)))
      }
      func samples(_ path: String, _ layer: String, isOnly: Bool = false) throws -> Int {
        let source = try CalibrationPlace(path).inputs(of: layer, isOnly: isOnly)
        return try Calibration(name: layer, source).samples
      }
      let archive = folder + "/x.npz"
      try NPZ([
        NamedArray(name: "a", array: array(2)), NamedArray(name: "b/c", array: array(5)),
      ]).write(to: archive)
      #expect(try samples(archive, "a") == 2)
      #expect(try samples(archive, "b/c") == 5)
      #expect(throws: FileError.malformed(path: archive, .absent(what: "an array of inputs of d")))
      {
        try samples(archive, "d")
      }
      // A folder: a file for one layer, batches for another.
      let place = folder + "/x"
      try FileManager.default.createDirectory(
        atPath: place + "/b/c", withIntermediateDirectories: true)
      try NPY.write(array(4), to: place + "/a.npy")
      try NPY.write(array(1), to: place + "/b/c/0.npy")
      try NPY.write(array(6), to: place + "/b/c/1.npy")
      #expect(try samples(place, "a") == 4)
      #expect(try samples(place, "b/c") == 7)
      for absent in ["d", "../x/a", "/a", ""] {
        #expect(throws: FileError.self) { try samples(place, absent) }
      }
      // For a single layer names do not matter.
      #expect(try samples(place + "/a.npy", "w", isOnly: true) == 4)
      #expect(try samples(place + "/b/c", "w", isOnly: true) == 7)
      #expect(throws: FileError.self) { try samples(place + "/a.npy", "w") }
      #expect(throws: FileError.self) { try samples(archive, "w", isOnly: true) }
    }
  }

  @Test func largeWeightsInHalfPrecisionAndNothingToPruneAreRefused() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/w.npy"
      // 60 000 twice: without the second input the first has to carry both.
      try NPY.write(
        NumericArray(shape: [1, 2], values: .f32([60_000, 60_000])).rounded16(), to: path)
      let file = try ModelFile(contentsOf: path)
      let output = folder + "/out.npy"
      #expect(throws: FileError.self) {
        try ModelOneShot.write(file, to: output, changed: [file.tensors[0].name]) { _ in
          [120_000, 0]
        }
      }
      #expect(!FileManager.default.fileExists(atPath: output))
      for pattern in ["*", "nobody"] {
        #expect(throws: ModelPruningError.self) {
          try ModelOneShot(
            layer: OneShotSettings(method: Wanda(), sparsity: 0.5), exclude: [pattern]
          )
          .tensors(file)
        }
      }
    }
  }
}
