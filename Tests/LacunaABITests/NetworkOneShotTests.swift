// Aimed calibrations, shares, choices and whole networks through lacuna.h are those of the library.

import CLacuna
import LacunaABI
import LacunaFormats
import LacunaNN
import LacunaPruning
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite struct NetworkOneShotTests {
  private let rows = 12, columns = 20, samples = 70
  private let weights = randomValues(12, 20, density: 1, seed: 1)
  private let x = randomValues(70, 20, density: 1, seed: 2)
  private let targets = randomValues(70, 12, density: 1, seed: 3)

  private func options(_ sparsity: Double = 0.5) -> lcn_oneshot_options {
    lcn_oneshot_options(
      struct_size: UInt32(MemoryLayout<lcn_oneshot_options>.size),
      method: Int32(LCN_ONESHOT_SPARSEGPT), sparsity: sparsity,
      granularity: Int32(LCN_GRANULARITY_ELEMENT), refit: 0, block_rows: 1, block_columns: 1,
      group_keep: 0, group_size: 0, damping: 0.01)
  }

  @Test(arguments: [true, false])
  func `A layer comes near its targets as in Swift`(adaptsBias: Bool) throws {
    let swift = try AimedCalibration(
      inputs: columns, outputs: rows, adaptsBias: adaptsBias)
    try x.withUnsafeBufferPointer { x in
      try targets.withUnsafeBufferPointer { t in
        try swift.add(
          CalibrationBatch(x, samples: samples, inputs: columns),
          targets: CalibrationBatch(t, samples: samples, inputs: rows))
      }
    }
    let expected = try weights.withUnsafeBufferPointer {
      try oneShot(
        $0, rows: rows, columns: columns, calibration: swift,
        settings: OneShotSettings(method: SparseGPT(), sparsity: 0.5))
    }
    var handle: OpaquePointer?
    let (inputs, outputs) = (Int64(columns), Int64(rows))
    expect(
      lcn_calibration_create_aimed(inputs, outputs, adaptsBias ? 1 : 0, &handle), "LCN_OK")
    defer { expect(lcn_calibration_destroy(handle), "LCN_OK") }
    expect(
      lcn_calibration_add_aimed(
        handle, Int32(LCN_ROWS), x, 0, targets, 0, Int64(samples)), "LCN_OK")
    var info = lcn_calibration_info()
    info.struct_size = UInt32(MemoryLayout<lcn_calibration_info>.size)
    expect(lcn_calibration_get_info(handle, &info), "LCN_OK")
    #expect((info.inputs, info.samples, info.dead_inputs) == (20, 70, 0))
    let memory = pinned(weights)
    var w = denseDesc(rows, columns, memory)
    var o = options()
    var bias = [Float](repeating: .nan, count: rows)
    var report = lcn_oneshot_report()
    report.struct_size = UInt32(MemoryLayout<lcn_oneshot_report>.size)
    if adaptsBias {
      expect(lcn_oneshot_prune_aimed(handle, &w, nil, &o, nil, &report), "LCN_NULL_POINTER")
      expect(lcn_oneshot_prune_aimed(handle, &w, &bias, &o, nil, &report), "LCN_OK")
      #expect(bias == expected.bias!)
    } else {
      expect(lcn_oneshot_prune_aimed(handle, &w, &bias, &o, nil, &report), "LCN_INVALID_ARGUMENT")
      expect(lcn_oneshot_prune_aimed(handle, &w, nil, &o, nil, &report), "LCN_OK")
      #expect(expected.bias == nil)
    }
    #expect((0..<rows * columns).map { memory[$0] } == expected.weights)
    #expect(report.error == expected.report.error! && report.kept == 120)

    // What is for the one kind of calibration is not for the other.
    expect(lcn_oneshot_prune(handle, &w, &o, nil, nil), "LCN_UNSUPPORTED")
    expect(lcn_calibration_add(handle, Int32(LCN_ROWS), x, 5, 0), "LCN_UNSUPPORTED")
    var plain: OpaquePointer?
    expect(lcn_calibration_create(inputs, Int32(LCN_MOMENTS_DOUBLE), &plain), "LCN_OK")
    expect(
      lcn_calibration_add_aimed(plain, Int32(LCN_ROWS), x, 0, targets, 0, 5), "LCN_UNSUPPORTED")
    expect(lcn_oneshot_prune_aimed(plain, &w, &bias, &o, nil, nil), "LCN_UNSUPPORTED")
    expect(lcn_calibration_destroy(plain), "LCN_OK")

    var bad = targets
    bad[3] = .infinity
    expect(
      lcn_calibration_add_aimed(handle, Int32(LCN_ROWS), x, 0, bad, 0, 5), "LCN_NOT_A_NUMBER")
    expect(
      lcn_calibration_add_aimed(handle, Int32(LCN_ROWS), x, 0, targets, 11, 5),
      "LCN_INVALID_STRIDE")
    var none: OpaquePointer?
    expect(lcn_calibration_create_aimed(inputs, outputs, 2, &none), "LCN_INVALID_ARGUMENT")
    expect(lcn_calibration_create_aimed(inputs, 0, 1, &none), "LCN_INVALID_ARGUMENT")
  }

  @Test func `Layers share a sparsity as in Swift`() throws {
    func calibration(_ x: [Float]) throws -> Calibration {
      try Calibration(
        CalibrationSamples(x, samples: x.count / columns, inputs: columns))
    }
    let parts = [Array(x.prefix(30 * columns)), Array(x.suffix(40 * columns))]
    let handles: [OpaquePointer?] = parts.map { part in
      var handle: OpaquePointer?
      expect(lcn_calibration_create(20, Int32(LCN_MOMENTS_DOUBLE), &handle), "LCN_OK")
      expect(
        lcn_calibration_add(handle, Int32(LCN_ROWS), part, Int64(part.count / 20), 0), "LCN_OK")
      return handle
    }
    defer { for handle in handles { expect(lcn_calibration_destroy(handle), "LCN_OK") } }
    let memory = pinned(weights)
    let layers = [denseDesc(12, 20, memory), denseDesc(6, 20, memory)]
    var o = options(0.6)
    for (constant, budget) in [
      (LCN_BUDGET_GLOBAL, OneShotBudget.global), (LCN_BUDGET_OWL, .outliers()),
      (LCN_BUDGET_LEAST_ERROR, .leastError),
    ] {
      let scores = try zip(parts, [12, 6]).map { part, rows in
        try weights.prefix(rows * columns).withUnsafeBufferPointer {
          try OneShotLayerScores(
            $0, rows: rows, columns: columns, calibration: calibration(part),
            measuring: OneShotSettings(method: SparseGPT(), sparsity: 0.6))
        }
      }
      var found = [Double](repeating: -1, count: 2)
      layers.withUnsafeBufferPointer { layers in
        let pointers: [UnsafePointer<lcn_dense_desc>?] = [
          layers.baseAddress!, layers.baseAddress! + 1,
        ]
        expect(lcn_oneshot_share(2, handles, pointers, &o, Int32(constant), &found), "LCN_OK")
        var unused = [0.0, 0.0]
        expect(
          lcn_oneshot_share(2, handles, pointers, &o, 9, &unused), "LCN_INVALID_ARGUMENT")
      }
      #expect(try found == budget.sparsities(of: scores, sparsity: 0.6))
    }
    #expect((0..<rows * columns).map { memory[$0] } == weights)
  }

  @Test func `Choices are the best that fit`() {
    var chosen = [Int64](repeating: -1, count: 2)
    let seconds = [4.0, 2, 1, 4, 2], errors = [0.0, 1, 3, 0, 5]
    expect(lcn_oneshot_choose(2, [3, 2], seconds, errors, 6.1, &chosen), "LCN_OK")
    #expect(chosen == [1, 0])
    expect(lcn_oneshot_choose(2, [3, 2], seconds, errors, 8, &chosen), "LCN_OK")
    #expect(chosen == [0, 0])
    expect(lcn_oneshot_choose(2, [3, 2], seconds, errors, 2.5, &chosen), "LCN_INVALID_ARGUMENT")
    expect(lcn_oneshot_choose(2, [3, 0], seconds, errors, 6, &chosen), "LCN_INVALID_ARGUMENT")
    expect(lcn_oneshot_choose(2, [3, 2], nil, errors, 6, &chosen), "LCN_NULL_POINTER")
    expect(lcn_oneshot_choose(0, nil, nil, nil, 6, nil), "LCN_OK")
    let memory = pinned(weights)
    var w = denseDesc(rows, columns, memory)
    var time = -1.0
    for dense in [0, 1] as [Int32] {
      expect(lcn_oneshot_time(&w, 8, dense, &time), "LCN_OK")
      #expect(time > 0)
    }
    expect(lcn_oneshot_time(&w, 0, 0, &time), "LCN_INVALID_ARGUMENT")
    expect(lcn_oneshot_time(&w, 1, 2, &time), "LCN_INVALID_ARGUMENT")
    expect(lcn_oneshot_time(&w, 1, 0, nil), "LCN_NULL_POINTER")
  }

  @Test func `A network in a file is pruned as in Swift`() throws {
    let path = "/tmp/lacuna-abi-\(getpid())-oneshot"
    let (input, output) = (path + "-in.lacuna", path + "-out.lacuna")
    defer {
      unlink(input)
      unlink(output)
    }
    let architecture = Architecture(
      name: "small", input: Shape(features: 20),
      layers: [
        .dense(name: "hidden", units: 12, relu: true), .dense(name: "last", units: 4, relu: false),
      ])
    let model = try SequentialModel(architecture, seed: 4, threads: 1)
    try CompressedModel(model, form: .dense).save(to: input)
    var request = NetworkOneShotSettings(
      layer: OneShotSettings(method: SparseGPT(), sparsity: 0.6), budget: .leastError)
    try oneShot(
      model, calibration: NetworkSamples(x, valuesPerSample: 20), settings: request)
    var o = options(0.6)
    var network = lcn_network_options()
    network.struct_size = UInt32(MemoryLayout<lcn_network_options>.size)
    (network.patches, network.batch, network.budget) = (32, 1, Int32(LCN_BUDGET_LEAST_ERROR))
    var report = lcn_network_report()
    report.struct_size = UInt32(MemoryLayout<lcn_network_report>.size)
    func prune(count: Int64 = 70, inputs: Int64 = 20) -> lcn_status {
      lcn_oneshot_network(input, output, x, count, inputs, &o, &network, &report)
    }
    expect(prune(), "LCN_OK")
    func pruned() throws -> [String: [Float]] {
      try CompressedModel.load(from: output).makeModel(threads: 1).weights
    }
    #expect(try pruned() == model.weights)
    #expect(report.layers == 2 && report.weights == 288 && abs(report.kept - 115) <= 1)

    // Only the last layer, whose own outputs stay: no bias changes.
    let again = try CompressedModel.load(from: input).makeModel(threads: 1)
    request = NetworkOneShotSettings(
      layer: request.layer, excluded: ["hidden/*"], aim: .own)
    try oneShot(again, calibration: NetworkSamples(x, valuesPerSample: 20), settings: request)
    (network.budget, network.aim) = (0, Int32(LCN_AIM_OWN))
    "hidden/*".withCString {
      network.exclude = $0
      expect(prune(), "LCN_OK")
      network.exclude = nil
    }
    #expect(try pruned() == again.weights)
    #expect(report.layers == 1 && report.measured_latency == 0)

    network.latency = 1
    expect(prune(), "LCN_OK")
    #expect(report.predicted_latency > 0 && report.predicted_latency == report.dense_latency)
    unlink(output)
    network.latency = 1e-12
    expect(prune(), "LCN_INVALID_ARGUMENT")
    network.latency = 0
    expect(prune(inputs: 19), "LCN_SHAPE_MISMATCH")
    expect(prune(count: 0), "LCN_BAD_DATA")
    network.aim = 5
    expect(prune(), "LCN_INVALID_ARGUMENT")
    #expect(access(output, F_OK) != 0)
    expect(
      lcn_oneshot_network("/nonexistent", output, x, 1, 20, &o, nil, nil), "LCN_FILE_NOT_FOUND")
  }
}
