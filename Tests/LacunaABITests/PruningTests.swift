// Schedules, masks and thresholds through lacuna.h are those of LacunaPruning.

import CLacuna
import LacunaABI
import LacunaFormats
import LacunaPruning
import TestSupport
import Testing

private func scheduleDesc(
  kind: Int = LCN_SCHEDULE_POLYNOMIAL, initial: Double = 0.2, final: Double = 0.9,
  power: Double = 3,
  begin: Int = 10, end: Int = 95, frequency: Int = 10
) -> lcn_schedule_desc {
  lcn_schedule_desc(
    struct_size: UInt32(MemoryLayout<lcn_schedule_desc>.size), kind: Int32(kind),
    initial_sparsity: initial, final_sparsity: final, power: power, begin_step: Int64(begin),
    end_step: Int64(end), frequency: Int64(frequency))
}

func maskOptions(
  sparsity: Double, granularity: Int = LCN_GRANULARITY_ELEMENT, block: (Int, Int) = (1, 1),
  ties: Int = LCN_TIES_EXACT, group: (Int, Int) = (0, 0)
) -> lcn_mask_options {
  lcn_mask_options(
    struct_size: UInt32(MemoryLayout<lcn_mask_options>.size), granularity: Int32(granularity),
    sparsity: sparsity, block_rows: Int64(block.0), block_columns: Int64(block.1),
    pooling: Int32(LCN_POOL_AVERAGE), ties: Int32(ties), group_keep: Int32(group.0),
    group_size: Int32(group.1))
}

@Suite struct PruningTests {
  @Test func `Schedules agree with Swift's at every step`() throws {
    let ramp = try PolynomialDecay(initial: 0.2, final: 0.9, begin: 10, end: 95, frequency: 10)
    let constant = try ConstantSparsity(0.5, begin: 3, frequency: 7)
    var rampDesc = scheduleDesc()
    var constantDesc = scheduleDesc(
      kind: LCN_SCHEDULE_CONSTANT, final: 0.5, begin: 3, end: -1, frequency: 7)
    for step in [Int(Int64.min), -1] + Array(0...120) + [Int(Int64.max)] {
      var (sparsity, update) = (-1.0, Int32(-1))
      expect(lcn_schedule_sparsity(&rampDesc, Int64(step), &sparsity), "LCN_OK")
      expect(lcn_schedule_is_update(&rampDesc, Int64(step), &update), "LCN_OK")
      #expect(sparsity == ramp.sparsity(at: step) && (update == 1) == ramp.isUpdate(at: step))
      expect(lcn_schedule_sparsity(&constantDesc, Int64(step), &sparsity), "LCN_OK")
      expect(lcn_schedule_is_update(&constantDesc, Int64(step), &update), "LCN_OK")
      #expect(sparsity == 0.5 && (update == 1) == constant.isUpdate(at: step), "step \(step)")
    }
  }

  @Test func `Schedules out of range are refused`() {
    var sparsity = 0.0
    for wrong in [
      scheduleDesc(kind: 0), scheduleDesc(initial: -0.1), scheduleDesc(final: 1),
      scheduleDesc(final: .nan), scheduleDesc(power: -1), scheduleDesc(begin: -1),
      scheduleDesc(begin: 96), scheduleDesc(frequency: 0), scheduleDesc(frequency: .min),
      scheduleDesc(begin: .min, end: .min),
    ] {
      var d = wrong
      expect(lcn_schedule_sparsity(&d, 5, &sparsity), "LCN_INVALID_ARGUMENT")
    }
    var d = scheduleDesc()
    expect(lcn_schedule_sparsity(&d, 5, nil), "LCN_NULL_POINTER")
    expect(lcn_schedule_sparsity(nil, 5, &sparsity), "LCN_NULL_POINTER")
    expect(lcn_schedule_is_update(&d, 5, nil), "LCN_NULL_POINTER")
    d.struct_size = 3
    expect(lcn_schedule_sparsity(&d, 5, &sparsity), "LCN_STRUCT_SIZE")
  }

  @Test(arguments: [(1, 1), (4, 1), (4, 4), (3, 5)], [0, 0.5, 0.9])
  func `A mask is LacunaPruning's, whatever the strides`(
    block: (Int, Int), sparsity: Double
  ) throws {
    let (rows, columns) = (13, 22)
    let values = randomValues(rows, columns, density: 1, seed: 8)
    let granularity: Granularity =
      block == (1, 1) ? .element : .block(try BlockSize(block.0, block.1))
    let expected = try values.withUnsafeBufferPointer {
      try magnitudeMask(
        $0, shape: [rows, columns], sparsity: sparsity, granularity: granularity
      ).mask
    }
    var options = maskOptions(
      sparsity: sparsity,
      granularity: block == (1, 1) ? LCN_GRANULARITY_ELEMENT : LCN_GRANULARITY_BLOCK, block: block)
    for transposed in [false, true] {
      let stride = (transposed ? rows : columns) + 2
      var padded = [Float](repeating: 9, count: stride * (transposed ? columns : rows))
      for i in 0..<rows {
        for j in 0..<columns {
          padded[transposed ? j * stride + i : i * stride + j] = values[i * columns + j]
        }
      }
      var bytes = [UInt8](repeating: 7, count: rows * columns)
      var kept: Int64 = -1
      padded.withUnsafeMutableBytes { memory in
        var w = denseDesc(
          rows, columns, memory.baseAddress, rowStride: transposed ? 1 : stride,
          columnStride: transposed ? stride : 1)
        bytes.withUnsafeMutableBytes { data in
          var m = maskDesc(rows, columns, data.baseAddress)
          expect(lcn_mask_compute(&w, &options, &m, &kept), "LCN_OK")
          expect(lcn_mask_apply(&w, &m), "LCN_OK")
        }
      }
      #expect(kept == Int64(expected.keptCount))
      for i in 0..<rows {
        for j in 0..<columns {
          let (bit, w) = (
            bytes[i * columns + j], padded[transposed ? j * stride + i : i * stride + j]
          )
          #expect(bit == (expected[i, j] ? 1 : 0), "(\(i), \(j))")
          #expect(w == (expected[i, j] ? values[i * columns + j] : 0), "(\(i), \(j))")
        }
      }
      #expect(padded.count { $0 == 9 } == padded.count - rows * columns, "padding stays")
    }
  }

  @Test func `Doubles are ranked and pooled as doubles`() throws {
    var options = maskOptions(sparsity: 0.5)
    for (values, block, expected) in [
      ([1e-50, 3e-50, 2e-50, 4e-50], 1, [0, 1, 0, 1]),
      ([1e-200, 1e-200, 3e-200, 3e-200], 2, [0, 0, 1, 1]),
      ([3e200, 3e200, 1e200, 1e200], 2, [1, 1, 0, 0]),
    ] as [([Double], Int, [UInt8])] {
      if block > 1 {
        options = maskOptions(
          sparsity: 0.5, granularity: LCN_GRANULARITY_BLOCK, block: (1, block))
        options.pooling = Int32(LCN_POOL_L2)
      }
      var d = denseDesc(1, 4, pinned(values), dtype: LCN_F64)
      let bits = pinned([UInt8](repeating: 9, count: 4))
      var m = maskDesc(1, 4, bits)
      expect(lcn_mask_compute(&d, &options, &m, nil), "LCN_OK")
      #expect((0..<4).map { bits[$0] } == expected, "\(values)")
    }
  }

  @Test func `Infinity and norms beyond the type are refused`() {
    let bits = pinned([UInt8](repeating: 9, count: 4))
    var m = maskDesc(1, 4, bits)
    var options = maskOptions(sparsity: 0.5)
    var infinite = denseDesc(1, 4, pinned([1, 2, -.infinity, 4] as [Float]))
    expect(lcn_mask_compute(&infinite, &options, &m, nil), "LCN_NOT_A_NUMBER")
    #expect(String(cString: lcn_last_error()).contains("[2] is infinite"))
    options = maskOptions(sparsity: 0.5, granularity: LCN_GRANULARITY_BLOCK, block: (1, 2))
    options.pooling = Int32(LCN_POOL_L1)
    var huge = denseDesc(
      1, 4, pinned([Float](repeating: .greatestFiniteMagnitude, count: 4)))
    expect(lcn_mask_compute(&huge, &options, &m, nil), "LCN_NOT_A_NUMBER")
    #expect((0..<4).allSatisfy { bits[$0] == 9 })
  }

  @Test func `Schedules answer for every step that fits 64 bits`() {
    for begin in [0, Int.max - 1] {
      for frequency in [1, Int.max] {
        var d = scheduleDesc(initial: 0.1, begin: begin, end: .max, frequency: frequency)
        for step in [Int64.min, -1, 0, 1, .max - 1, .max] {
          var (sparsity, update) = (-1.0, Int32(-1))
          expect(lcn_schedule_sparsity(&d, step, &sparsity), "LCN_OK")
          expect(lcn_schedule_is_update(&d, step, &update), "LCN_OK")
          #expect(sparsity >= 0 && sparsity < 1 && (update == 0 || update == 1), "\(step)")
        }
      }
    }
  }

  @Test func `NaN, odd numbers and wrong shapes are refused`() {
    let w = pinned([1, .nan, 3, 4] as [Float])
    let bits = pinned([UInt8](repeating: 9, count: 8))
    var d = denseDesc(2, 2, w)
    var m = maskDesc(2, 2, bits)
    var options = maskOptions(sparsity: 0.5)
    var threshold = -1.0
    expect(lcn_mask_compute(&d, &options, &m, nil), "LCN_NOT_A_NUMBER")
    expect(lcn_topk_threshold(Int32(LCN_F32), w, 4, 1, &threshold), "LCN_NOT_A_NUMBER")
    #expect((0..<8).allSatisfy { bits[$0] == 9 } && threshold == -1)
    w[1] = -2
    for wrong in [
      maskOptions(sparsity: 1), maskOptions(sparsity: -0.5), maskOptions(sparsity: .nan),
      maskOptions(sparsity: 0.5, granularity: 0), maskOptions(sparsity: 0.5, granularity: 7),
      maskOptions(sparsity: 0.5, granularity: LCN_GRANULARITY_BLOCK, block: (0, 1)),
      maskOptions(sparsity: 0.5, granularity: LCN_GRANULARITY_BLOCK, block: (1, .max)),
      maskOptions(sparsity: 0.5, granularity: LCN_GRANULARITY_PATTERN, group: (2, 2)),
      maskOptions(sparsity: 0.5, granularity: LCN_GRANULARITY_WINDOW, group: (-1, 300)),
      maskOptions(sparsity: 0.5, ties: 5),
    ] {
      options = wrong
      expect(lcn_mask_compute(&d, &options, &m, nil), "LCN_INVALID_ARGUMENT", "\(wrong)")
    }
    options = maskOptions(sparsity: 0.5)
    var other = maskDesc(2, 3, bits)
    expect(lcn_mask_compute(&d, &options, &other, nil), "LCN_SHAPE_MISMATCH")
    expect(lcn_mask_apply(&d, &other), "LCN_SHAPE_MISMATCH")
    expect(lcn_mask_compute(&d, nil, &m, nil), "LCN_NULL_POINTER")
    expect(lcn_mask_compute(nil, &options, &m, nil), "LCN_NULL_POINTER")
    for (count, k) in [(0, 1), (4, 0), (4, 5), (-1, 1), (.max, 1), (4, .min)] as [(Int64, Int64)] {
      expect(lcn_topk_threshold(Int32(LCN_F32), w, count, k, &threshold), "LCN_INVALID_ARGUMENT")
    }
    expect(lcn_topk_threshold(Int32(LCN_F32), w, 4, 3, &threshold), "LCN_OK")
    #expect(threshold == 2)
    expect(lcn_topk_threshold(Int32(LCN_F64), [1.0, -8, 2], 3, 1, &threshold), "LCN_OK")
    #expect(threshold == 8)
  }
}
