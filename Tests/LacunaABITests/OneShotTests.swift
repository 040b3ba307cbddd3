// Calibrations and one-shot pruning through lacuna.h are those of LacunaPruning, and refuse what
// cannot be.

import CLacuna
import LacunaABI
import LacunaFormats
import LacunaPruning
import TestSupport
import Testing

private func oneShotOptions(
  method: Int, sparsity: Double = 0.5, granularity: Int = LCN_GRANULARITY_ELEMENT,
  group: (Int, Int) = (0, 0), refit: Bool = false, damping: Double = 0.01
) -> lcn_oneshot_options {
  lcn_oneshot_options(
    struct_size: UInt32(MemoryLayout<lcn_oneshot_options>.size), method: Int32(method),
    sparsity: sparsity, granularity: Int32(granularity), refit: refit ? 1 : 0, block_rows: 1,
    block_columns: 1, group_keep: Int32(group.0), group_size: Int32(group.1), damping: damping)
}

private func emptyReport() -> lcn_oneshot_report {
  var report = lcn_oneshot_report()
  report.struct_size = UInt32(MemoryLayout<lcn_oneshot_report>.size)
  return report
}

@Suite struct OneShotTests {
  private let rows = 12, columns = 20, samples = 70
  private let weights: [Float]
  private let x: [Float]

  init() {
    weights = randomValues(12, 20, density: 1, seed: 1)
    x = randomValues(70, 20, density: 1, seed: 2)
  }

  /// A calibration with all samples, in two batches, one of each order in memory.
  private func calibration(_ moments: Int = LCN_MOMENTS_DOUBLE) -> OpaquePointer? {
    var handle: OpaquePointer?
    expect(lcn_calibration_create(Int64(columns), Int32(moments), &handle), "LCN_OK")
    expect(lcn_calibration_add(handle, Int32(LCN_ROWS), x, 30, 0), "LCN_OK")
    var turned = [Float](repeating: .nan, count: columns * 44)
    for s in 30..<samples { for j in 0..<columns { turned[j * 44 + s - 30] = x[s * columns + j] } }
    expect(lcn_calibration_add(handle, Int32(LCN_COLUMNS), turned, 40, 44), "LCN_OK")
    return handle
  }

  private func expected(_ settings: OneShotSettings) throws -> OneShotResult {
    let calibration = try Calibration(inputs: columns)
    try x.withUnsafeBufferPointer { x in
      try calibration.add(
        CalibrationBatch(
          UnsafeBufferPointer(rebasing: x[..<600]), samples: 30, inputs: columns))
      try calibration.add(
        CalibrationBatch(
          UnsafeBufferPointer(rebasing: x[600...]), samples: 40, inputs: columns))
    }
    return try weights.withUnsafeBufferPointer {
      try oneShot(
        $0, rows: rows, columns: columns, calibration: calibration, settings: settings)
    }
  }

  @Test func `A calibration counts its samples and dead inputs`() {
    let handle = calibration()
    var info = lcn_calibration_info()
    info.struct_size = UInt32(MemoryLayout<lcn_calibration_info>.size)
    expect(lcn_calibration_get_info(handle, &info), "LCN_OK")
    #expect((info.inputs, info.samples, info.dead_inputs) == (20, 70, 0))
    expect(lcn_calibration_destroy(handle), "LCN_OK")
    expect(lcn_calibration_destroy(handle), "LCN_INVALID_HANDLE")
    expect(lcn_calibration_destroy(nil), "LCN_OK")
  }

  @Test(arguments: [
    (LCN_ONESHOT_MAGNITUDE, OneShotMethodName.magnitude), (LCN_ONESHOT_WANDA, .wanda),
    (LCN_ONESHOT_SPARSEGPT, .sparsegpt), (LCN_ONESHOT_OBS, .obs), (LCN_ONESHOT_ALPS, .alps),
  ])
  func `A method gives LacunaPruning's mask and weights`(
    constant: Int, name: OneShotMethodName
  ) throws {
    let handle = calibration()
    defer { expect(lcn_calibration_destroy(handle), "LCN_OK") }
    for group in [(0, 0), (2, 4)] {
      let isGrouped = group.1 > 0
      let expected = try expected(
        OneShotSettings(
          method: name.method, sparsity: isGrouped ? nil : 0.5,
          structure: isGrouped ? .pattern(keep: 2, of: 4) : .element, refit: .automatic))
      // Transposed and padded: strides are free.
      let memory = pinned([Float](repeating: 7, count: columns * 15))
      for i in 0..<rows { for j in 0..<columns { memory[j * 15 + i] = weights[i * columns + j] } }
      var w = denseDesc(rows, columns, memory, rowStride: 1, columnStride: 15)
      let bytes = pinned([UInt8](repeating: 9, count: rows * columns))
      var mask = maskDesc(rows, columns, bytes)
      var options = oneShotOptions(
        method: constant,
        granularity: isGrouped ? LCN_GRANULARITY_PATTERN : LCN_GRANULARITY_ELEMENT, group: group,
        refit: true)
      var report = emptyReport()
      expect(lcn_oneshot_prune(handle, &w, &options, &mask, &report), "LCN_OK")
      for i in 0..<rows {
        for j in 0..<columns {
          #expect((bytes[i * columns + j] == 1) == expected.mask[i, j])
          #expect(abs(memory[j * 15 + i] - expected.weights[i * columns + j]) < 1e-5)
        }
        // Padding is nobody's.
        #expect(memory[i * 15 + 12] == 7)
      }
      #expect(report.kept == Int64(expected.report.kept) && report.samples == 70)
      #expect(abs(report.error - expected.report.error!) < 1e-6)
      #expect(abs(report.error_of_mask - expected.report.errorOfMask!) < 1e-6)
    }
  }

  @Test func `A refit keeps its mask and lowers the error`() throws {
    let handle = calibration(LCN_MOMENTS_SINGLE)
    defer { expect(lcn_calibration_destroy(handle), "LCN_OK") }
    let memory = pinned(weights)
    var w = denseDesc(rows, columns, memory)
    let bytes = pinned((0..<rows * columns).map { UInt8($0 % 3 == 0 ? 0 : 1) })
    var mask = maskDesc(rows, columns, bytes)
    var report = emptyReport()
    expect(lcn_oneshot_refit(handle, &w, &mask, 0, &report), "LCN_OK")
    for i in 0..<rows * columns { #expect((memory[i] == 0) == (i % 3 == 0)) }
    #expect(report.error < report.error_of_mask && report.error > 0)
    expect(lcn_oneshot_refit(handle, &w, nil, 0, &report), "LCN_NULL_POINTER")
  }

  @Test func `Norms are enough for Wanda and not for SparseGPT`() {
    let handle = calibration(LCN_MOMENTS_NORMS)
    defer { expect(lcn_calibration_destroy(handle), "LCN_OK") }
    let memory = pinned(weights)
    var w = denseDesc(rows, columns, memory)
    var report = emptyReport()
    var sparseGPT = oneShotOptions(method: LCN_ONESHOT_SPARSEGPT)
    expect(lcn_oneshot_prune(handle, &w, &sparseGPT, nil, &report), "LCN_UNSUPPORTED")
    var wanda = oneShotOptions(method: LCN_ONESHOT_WANDA)
    expect(lcn_oneshot_prune(handle, &w, &wanda, nil, &report), "LCN_OK")
    #expect(report.error == -1 && report.kept == 120)
    expect(lcn_oneshot_prune(handle, &w, &wanda, nil, nil), "LCN_OK")
  }

  @Test func `What cannot be is refused and changes nothing`() {
    var handle: OpaquePointer?
    expect(lcn_calibration_create(0, Int32(LCN_MOMENTS_DOUBLE), &handle), "LCN_INVALID_ARGUMENT")
    expect(lcn_calibration_create(-1, Int32(LCN_MOMENTS_DOUBLE), &handle), "LCN_INVALID_ARGUMENT")
    expect(lcn_calibration_create(8, 0, &handle), "LCN_INVALID_ARGUMENT")
    expect(
      lcn_calibration_create(1 << 17, Int32(LCN_MOMENTS_NORMS), &handle), "LCN_INVALID_ARGUMENT")
    expect(
      lcn_calibration_create(1 << 40, Int32(LCN_MOMENTS_NORMS), &handle), "LCN_SIZE_OVERFLOW")
    expect(lcn_calibration_create(8, Int32(LCN_MOMENTS_NORMS), nil), "LCN_NULL_POINTER")
    #expect(handle == nil)

    let calibration = calibration()
    defer { expect(lcn_calibration_destroy(calibration), "LCN_OK") }
    var bad = x
    bad[5 * columns + 3] = .nan
    expect(lcn_calibration_add(calibration, Int32(LCN_ROWS), bad, 70, 0), "LCN_NOT_A_NUMBER")
    #expect(String(cString: lcn_last_error()).contains("input 3 of calibration sample 75"))
    expect(lcn_calibration_add(calibration, Int32(LCN_ROWS), x, 5, 19), "LCN_INVALID_STRIDE")
    expect(lcn_calibration_add(calibration, 0, x, 5, 0), "LCN_INVALID_ARGUMENT")
    expect(lcn_calibration_add(calibration, Int32(LCN_ROWS), nil, 5, 0), "LCN_NULL_POINTER")
    expect(lcn_calibration_add(calibration, Int32(LCN_ROWS), nil, 0, 0), "LCN_OK")
    expect(lcn_calibration_add(nil, Int32(LCN_ROWS), x, 5, 0), "LCN_NULL_POINTER")

    let memory = pinned(weights)
    func prune(_ change: (inout lcn_oneshot_options) -> Void, _ status: String) {
      var w = denseDesc(rows, columns, memory)
      var options = oneShotOptions(method: LCN_ONESHOT_SPARSEGPT)
      change(&options)
      expect(lcn_oneshot_prune(calibration, &w, &options, nil, nil), status)
    }
    prune({ $0.method = 9 }, "LCN_INVALID_ARGUMENT")
    prune({ $0.sparsity = 1 }, "LCN_INVALID_ARGUMENT")
    prune({ $0.sparsity = .nan }, "LCN_INVALID_ARGUMENT")
    prune({ $0.damping = -1 }, "LCN_INVALID_ARGUMENT")
    prune({ $0.granularity = 77 }, "LCN_INVALID_ARGUMENT")
    prune({ $0.granularity = Int32(LCN_GRANULARITY_PATTERN) }, "LCN_INVALID_ARGUMENT")
    prune({ $0.struct_size = 8 }, "LCN_STRUCT_SIZE")
    var options = oneShotOptions(method: LCN_ONESHOT_WANDA)
    var narrow = denseDesc(rows, columns - 1, memory)
    expect(lcn_oneshot_prune(calibration, &narrow, &options, nil, nil), "LCN_SHAPE_MISMATCH")
    var w = denseDesc(rows, columns, memory)
    var mask = maskDesc(rows, columns - 1, pinned([UInt8](repeating: 0, count: rows * columns)))
    expect(lcn_oneshot_prune(calibration, &w, &options, &mask, nil), "LCN_SHAPE_MISMATCH")
    expect(lcn_oneshot_refit(calibration, &w, &mask, 0, nil), "LCN_SHAPE_MISMATCH")
    var wide = denseDesc(6, 20, pinned([Double](repeating: 1, count: 120)), dtype: LCN_F64)
    expect(lcn_oneshot_prune(calibration, &wide, &options, nil, nil), "LCN_UNSUPPORTED")
    for i in 0..<rows * columns { #expect(memory[i] == weights[i]) }
    memory[17] = .infinity
    expect(lcn_oneshot_prune(calibration, &w, &options, nil, nil), "LCN_NOT_A_NUMBER")

    var empty: OpaquePointer?
    expect(lcn_calibration_create(20, Int32(LCN_MOMENTS_DOUBLE), &empty), "LCN_OK")
    memory[17] = 1
    expect(lcn_oneshot_prune(empty, &w, &options, nil, nil), "LCN_BAD_DATA")
    expect(lcn_calibration_destroy(empty), "LCN_OK")
  }
}
