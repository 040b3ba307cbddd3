// ONNX models that the onnx package wrote: Tests/Golden/onnx, made by the make.py there.
import Foundation
import LacunaIO
import LacunaModels
import TestSupport
import Testing

extension ONNXModel {
  /// The tensor of that name.
  func tensor(_ name: String) throws -> ModelTensor {
    try #require(tensors.first { $0.name == name }, "\(tensors.map(\.name))")
  }

  /// The numbers of the tensor of that name.
  func numbers(_ name: String) throws -> [Double] {
    let index = try #require(tensors.firstIndex { $0.name == name }, "\(tensors.map(\.name))")
    return try TensorNumbers.doubles(try content(index), tensors[index].type, name)
  }
}

func goldenONNX(_ name: String) throws -> ONNXModel {
  try ONNXModel(contentsOf: golden("onnx/\(name).onnx"))
}

@Suite struct ONNXReadingTests {
  @Test(arguments: [
    ("FLOAT", TensorType.f32), ("UINT8", .u8), ("INT8", .i8), ("UINT16", .u16), ("INT16", .i16),
    ("INT32", .i32), ("INT64", .i64), ("BOOL", .bool), ("FLOAT16", .f16), ("DOUBLE", .f64),
    ("UINT32", .u32), ("UINT64", .u64), ("BFLOAT16", .bf16),
  ])
  func everyTypeRawAndTyped(code: String, type: TensorType) throws {
    let model = try goldenONNX("types")
    let expected =
      type == .bool
      ? goldenNumbers(12).map { $0 > 0 ? 1 : 0 }
      : goldenNumbers(12, plus: code.hasPrefix("U") ? 5 : 0)
    for form in ["raw", "typed"] {
      let tensor = try model.tensor("\(code).\(form)")
      #expect(tensor.type == type && tensor.shape == [2, 6] && tensor.encoding == .dense)
      #expect(try model.numbers(tensor.name) == expected, "\(tensor.name)")
    }
  }

  @Test(arguments: [
    ("gemm.w", "Gemm", [4, 6], [0, 1], 1), ("turned.w", "MatMul", [5, 4], [0, 1], 1),
    ("matmul.w", "MatMul", [5, 2], [1, 0], 1), ("conv.w", "Conv", [4, 3, 3, 3], [0, 2, 3, 1], 1),
    ("up.w", "ConvTranspose", [4, 2, 2, 2], [1, 2, 3, 0], 3),
  ])
  func weightsKnowTheirOrientation(
    name: String, operation: String, shape: [Int], axes: [Int], rowAxes: Int
  ) throws {
    let tensor = try goldenONNX("layers").tensor(name)
    #expect(tensor.role == .weight && tensor.operation == operation && tensor.shape == shape)
    #expect(tensor.view.axes == axes && tensor.view.rowAxes == rowAxes)
  }

  @Test func viewsWalkTheMatrixRowByRow() throws {
    let model = try goldenONNX("layers")
    func places(_ name: String) throws -> [Int] {
      let tensor = try model.tensor(name)
      var places: [Int] = []
      tensor.view.forEachRun(of: tensor.shape) { offset, step, count in
        places += (0..<count).map { offset + $0 * step }
      }
      return places
    }
    // [5, 2] by columns; [4, 3, 3, 3] with the channels innermost.
    #expect(try places("matmul.w") == [0, 2, 4, 6, 8, 1, 3, 5, 7, 9])
    #expect(try places("conv.w").prefix(6) == [0, 9, 18, 1, 10, 19])
    #expect(try places("conv.w").sorted() == Array(0..<108))
    #expect(try places("gemm.w") == Array(0..<24))
  }

  @Test func biasesAreNoWeights() throws {
    let model = try goldenONNX("layers")
    #expect(try model.tensor("gemm.b").role == .bias && model.tensor("conv.b").role == .bias)
  }

  @Test(arguments: ["linear", "pairs", "constant"]) func sparseTensors(name: String) throws {
    let model = try goldenONNX("sparse")
    let tensor = try model.tensor(name)
    #expect(tensor.encoding == .sparse(name == "pairs" ? "coordinates" : "linear"))
    #expect(tensor.shape == [3, 4] && tensor.view.axes == [1, 0])
    #expect(try model.numbers(name) == goldenNumbers(12).map { $0 > 1 ? $0 : 0 })
  }

  @Test func constantsAndInnerGraphs() throws {
    let model = try goldenONNX("constants")
    #expect(
      Set(model.tensors.map(\.name)) == ["k", "choice.then_branch/w", "choice.else_branch/w"])
    #expect(try model.numbers("k") == goldenNumbers(9))
    #expect(try model.numbers("choice.then_branch/w") == goldenNumbers(6))
    #expect(try model.numbers("choice.else_branch/w") == goldenNumbers(6, plus: 1))
    for tensor in model.tensors { #expect(tensor.role == .weight && tensor.view.axes == [1, 0]) }
  }

  @Test func recurrentWeightsStackGatesAndDirections() throws {
    let model = try goldenONNX("recurrent")
    for (name, role, rows) in [
      ("lstm.w", TensorRole.weight, 8), ("lstm.r", .recurrent, 8), ("gru.w", .weight, 12),
      ("gru.r", .recurrent, 12),
    ] {
      let tensor = try model.tensor(name)
      #expect(tensor.role == role && tensor.view.size(of: tensor.shape).rows == rows, "\(name)")
    }
    #expect(try model.tensor("lstm.b").role == .bias)
  }

  @Test func quantisedWeightsKnowTheirScales() throws {
    let model = try goldenONNX("quantized")
    let columns = try model.tensor("columns.q")
    #expect(columns.operation == "MatMul" && columns.view.axes == [1, 0])
    #expect(columns.quantization?.scales == [0.5, 0.25, 2, 1] && columns.quantization?.axis == 1)
    let one = try model.tensor("one.q")
    #expect(one.operation == "Gemm" && one.view.axes == [0, 1])
    #expect(one.quantization == (try goldenONNX("quantized").tensor("one.q").quantization))
    #expect(one.quantization?.zeroPoints == [128] && one.quantization?.axis == nil)
    #expect(one.quantization?.isSymmetric == false)
    let conv = try model.tensor("conv.q")
    #expect(conv.quantization?.scales == [0.5, 2] && conv.quantization?.axis == 0)
    let integer = try model.tensor("integer.q")
    #expect(integer.quantization?.scales == [1] && integer.quantization?.isSymmetric == true)
    #expect(try model.tensor("columns.s").role == .quantization)
  }

  @Test func elementsBesideTheModel() throws {
    let model = try goldenONNX("external")
    #expect(model.hasExternalData)
    #expect(try model.numbers("first") == goldenNumbers(12))
    #expect(try model.numbers("second") == goldenNumbers(8))
    #expect(try model.tensor("second").byteCount == 32)
    let alone = try ONNXModel(bytes: fileBytes(golden("onnx/external.onnx")))
    #expect(throws: DataProblem.self) { try alone.numbers("first") }
  }

  /// The model's folder is a fence: no path and no link leads out of it.
  @Test func externalDataStaysInsideTheFolder() throws {
    let bytes = try fileBytes(golden("onnx/external.onnx"))
    let data = try fileBytes(golden("onnx/external.data"))
    try withTemporaryFolder { folder in
      let inside = folder + "/model"
      try FileManager.default.createDirectory(atPath: inside, withIntermediateDirectories: true)
      try AtomicFile.write(data, to: folder + "/outside.data")
      func read(_ location: String) throws -> [Double] {
        let path = inside + "/m.onnx"
        // The same number of bytes, so that no length has to change.
        #expect(location.utf8.count == 13)
        var changed = bytes
        let old = Array("external.data".utf8)
        for start in 0...changed.count - 13 where Array(changed[start..<start + 13]) == old {
          changed.replaceSubrange(start..<start + 13, with: Array(location.utf8))
        }
        try AtomicFile.write(changed, to: path)
        return try ONNXModel(contentsOf: path).numbers("first")
      }
      try AtomicFile.write(data, to: inside + "/external.dat_")
      #expect(try read("external.dat_") == goldenNumbers(12))
      #expect(try read("././external.dat_".suffix(13).description) == goldenNumbers(12))
      try FileManager.default.createSymbolicLink(
        atPath: inside + "/inward.data__", withDestinationPath: "external.dat_")
      #expect(throws: Never.self) { try read("inward.data__") }
      try FileManager.default.createSymbolicLink(
        atPath: inside + "/outward.data_", withDestinationPath: "../outside.data")
      try FileManager.default.createSymbolicLink(
        atPath: inside + "/folder", withDestinationPath: "..")
      try AtomicFile.write(data, to: folder + "/x.data")
      for location in [
        "../outside.da", "outward.data_", "folder/x.data", "/etc/hostname", "", ".", "..",
        "absent.data__", "a/../../x.dat",
      ] where location.utf8.count == 13 {
        #expect(throws: (any Error).self, "\(location)") { try read(location) }
      }
    }
  }
}
