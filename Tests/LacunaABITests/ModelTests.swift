// A model loaded and run through lacuna.h computes what Swift's network computes.

import CLacuna
import LacunaABI
import LacunaFormats
import LacunaIO
import LacunaNN
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite struct ModelTests {
  private func temporary(_ name: String) -> String { "/tmp/lacuna-abi-\(getpid())-\(name)" }

  @Test(arguments: CompressedModel.Form.allCases)
  func `A model computes the same through C`(form: CompressedModel.Form) throws {
    let architecture = Architecture(
      name: "small", input: Shape(features: 12),
      layers: [
        .dense(name: "hidden", units: 9, relu: true), .dense(name: "logits", units: 4, relu: false),
      ])
    let model = try SequentialModel(architecture, threads: 1)
    try model.setWeights([
      "hidden/kernel": randomValues(9, 12, density: 0.3, seed: 1),
      "hidden/bias": randomValues(1, 9, density: 1, seed: 2),
      "logits/kernel": randomValues(4, 9, density: 0.5, seed: 3),
      "logits/bias": randomValues(1, 4, density: 1, seed: 4),
    ])
    let compressed = try CompressedModel(model, form: form)
    let path = temporary("\(form).lacuna")
    defer { unlink(path) }
    try compressed.save(to: path)
    let images = randomValues(11, 12, density: 1, seed: 5)
    let expected = try SparseNetwork(compressed, batch: 4).logits(images)

    var options = lcn_model_options(
      struct_size: UInt32(MemoryLayout<lcn_model_options>.size), threads: 1, batch: 4,
      exclude_dense: 0, arithmetic: 0)
    var handle: OpaquePointer?
    expect(lcn_model_load(path, &options, &handle), "LCN_OK")
    var info = lcn_model_info()
    info.struct_size = UInt32(MemoryLayout<lcn_model_info>.size)
    expect(lcn_model_get_info(handle, &info), "LCN_OK")
    #expect((info.inputs, info.outputs, info.weights) == (12, 4, 2))
    #expect(info.parameters == 9 * 12 + 9 + 4 * 9 + 4)
    #expect(form == .dense ? info.stored == info.parameters : info.stored < info.parameters)
    var output = [Float](repeating: .nan, count: 11 * 4)
    expect(lcn_model_run(handle, images, &output, 11), "LCN_OK")
    #expect(output == expected)
    var weight: OpaquePointer?
    expect(lcn_model_get_weight(handle, 0, &weight), "LCN_OK")
    var wide: OpaquePointer?
    expect(lcn_matrix_cast(weight, Int32(LCN_F32), &wide), "LCN_OK")
    let values = elements(wide, 9, 12)
    let original = randomValues(9, 12, density: 0.3, seed: 1)
    // 8-bit values are within half a step of their row's scale, 16-bit ones within half of their last digit.
    let isRounded = [.quantized, .bf16, .f16].contains(form)
    #expect(zip(values, original).allSatisfy { abs($0 - $1) <= (isRounded ? 0.005 : 0) })
    expect(lcn_matrix_destroy(weight), "LCN_OK")
    expect(lcn_matrix_destroy(wide), "LCN_OK")
    var length = 0
    expect(lcn_model_describe(handle, nil, 0, &length), "LCN_OK")
    #expect(length > 10)

    expect(lcn_model_run(handle, nil, &output, 1), "LCN_NULL_POINTER")
    expect(lcn_model_run(handle, images, nil, 1), "LCN_NULL_POINTER")
    expect(lcn_model_run(handle, images, &output, -1), "LCN_INVALID_ARGUMENT")
    expect(lcn_model_run(handle, images, &output, .max), "LCN_SIZE_OVERFLOW")
    expect(lcn_model_run(handle, images, &output, 0), "LCN_OK")
    for index in [-1, 2, Int64.max, Int64.min] {
      expect(lcn_model_get_weight(handle, index, &weight), "LCN_INVALID_ARGUMENT")
    }
    expect(lcn_model_destroy(handle), "LCN_OK")
    expect(lcn_model_destroy(handle), "LCN_INVALID_HANDLE")
    expect(lcn_model_run(handle, images, &output, 1), "LCN_INVALID_HANDLE")

    // The struct of the first release ends before exclude_dense.
    options.struct_size = 16
    options.exclude_dense = 9
    var older: OpaquePointer?
    expect(lcn_model_load(path, &options, &older), "LCN_OK")
    expect(lcn_model_destroy(older), "LCN_OK")
    options.struct_size = UInt32(MemoryLayout<lcn_model_options>.size)
    expect(lcn_model_load(path, &options, &older), "LCN_INVALID_ARGUMENT")
    options.exclude_dense = 1
    expect(lcn_model_load(path, &options, &older), "LCN_OK")
    var again = [Float](repeating: .nan, count: 11 * 4)
    expect(lcn_model_run(older, images, &again, 11), "LCN_OK")
    for (a, b) in zip(again, expected) { #expect(abs(a - b) < 1e-5) }
    expect(lcn_model_destroy(older), "LCN_OK")

    for batch in [0, -1, Int64.max] {
      options.batch = batch
      #expect(lcn_model_load(path, &options, &handle) != LCN_OK)
    }
    options = lcn_model_options(
      struct_size: UInt32(MemoryLayout<lcn_model_options>.size), threads: 0, batch: 1,
      exclude_dense: 0, arithmetic: 0)
    expect(lcn_model_load(path, &options, &handle), "LCN_INVALID_ARGUMENT")
    for arithmetic in [LCN_F64, LCN_U8, -1] {
      (options.threads, options.arithmetic) = (1, Int32(arithmetic))
      expect(lcn_model_load(path, &options, &handle), "LCN_INVALID_ARGUMENT")
      #expect(lastError().contains("arithmetic is \(arithmetic)"))
    }
    options.arithmetic = Int32(LCN_I8)
    if form == .quantized {
      expect(lcn_model_load(path, &options, &handle), "LCN_OK")
      expect(lcn_model_run(handle, images, &output, 11), "LCN_OK")
      let bytes = try SparseNetwork(compressed, arithmetic: .i8).logits(images)
      #expect(output == bytes && output != expected)
      expect(lcn_model_destroy(handle), "LCN_OK")
    } else {
      expect(lcn_model_load(path, &options, &handle), "LCN_INVALID_ARGUMENT")
      #expect(lastError().contains("arithmetic is i8"))
      #expect(handle == nil)
    }
  }

  @Test func `Files that are no model are told apart`() throws {
    var handle: OpaquePointer?
    expect(lcn_model_load(nil, nil, &handle), "LCN_NULL_POINTER")
    expect(lcn_model_load("/nonexistent/model.lacuna", nil, &handle), "LCN_FILE_NOT_FOUND")
    let path = temporary("garbage.lacuna")
    defer { unlink(path) }
    let file = try #require(fopen(path, "w"))
    fputs("this is no container", file)
    fclose(file)
    expect(lcn_model_load(path, nil, &handle), "LCN_BAD_DATA")
    try LacunaFile(metadata: [:], tensors: []).write(to: path)
    expect(lcn_model_load(path, nil, &handle), "LCN_UNSUPPORTED")
    let endless = [CChar](repeating: 65, count: 5000)
    expect(lcn_model_load(endless, nil, &handle), "LCN_INVALID_ARGUMENT")
  }
}

@Suite struct TensorFileTests {
  @Test func `Single tensors of a file are read and written through C`() throws {
    let path = "/tmp/lacuna-abi-\(getpid())-tensors.lacuna"
    defer { unlink(path) }
    let kernel = randomValues(4, 18, density: 0.3, seed: 11)
    let sparse = CSRMatrix(dense: try DenseMatrix(rows: 4, columns: 18, values: kernel))
    try LacunaFile(
      metadata: ["note": "kept"],
      tensors: [
        NamedTensor(name: "conv", tensor: .weights(SparseTensor(sparse).shaped([4, 3, 3, 2]))),
        NamedTensor(name: "bias", tensor: .dense(shape: [4], values: [1, 2, 3, 4])),
      ]
    ).write(to: path)
    var matrix: OpaquePointer?
    expect(lcn_tensor_read(path, "conv", &matrix), "LCN_OK")
    #expect(elements(matrix, 4, 18) == kernel)
    expect(lcn_tensor_read(path, "bias", &matrix), "LCN_UNSUPPORTED")
    expect(lcn_tensor_read(path, "none", &matrix), "LCN_BAD_DATA")
    expect(lcn_tensor_read(path + "x", "conv", &matrix), "LCN_FILE_NOT_FOUND")
    expect(lcn_tensor_read(path, nil, &matrix), "LCN_NULL_POINTER")
    // Under its own name it keeps its dimensions; under another it is a matrix.
    expect(lcn_tensor_read(path, "conv", &matrix), "LCN_OK")
    expect(lcn_tensor_write(path, "conv", matrix), "LCN_OK")
    expect(lcn_tensor_write(path, "new", matrix), "LCN_OK")
    expect(lcn_tensor_write(path, "", matrix), "LCN_BAD_DATA")
    let file = try LacunaFile(contentsOf: path)
    #expect(file.tensors.map(\.name) == ["conv", "bias", "new"])
    #expect(file.metadata == ["note": "kept"])
    #expect(try file["conv"] == .weights(SparseTensor(sparse).shaped([4, 3, 3, 2])))
    #expect(file["new"] == .weights(SparseTensor(sparse)))
    unlink(path)
    expect(lcn_tensor_write(path, "alone", matrix), "LCN_OK")
    #expect(try LacunaFile(contentsOf: path).tensors.map(\.name) == ["alone"])
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }
}
