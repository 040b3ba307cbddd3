// Wrong plan options, operands and blobs have their status, and leave Y alone.

import CLacuna
import LacunaABI
import TestSupport
import Testing

@Suite struct PlanMisuseTests {
  private func plan(width: Int = 2) -> OpaquePointer? {
    let matrix = make([1, 0, 2, 0, 3, 0], 2, 3, format: LCN_CSR)
    var o = planOptions(width: width)
    var plan: OpaquePointer?
    expect(lcn_plan_create(matrix, &o, &plan), "LCN_OK")
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
    return plan
  }

  @Test func `Options out of range are refused`() {
    let matrix = make([1, 0, 2, 0, 3, 0], 2, 3, format: LCN_CSR)
    let bias: [Float] = [1, 2]
    var plan: OpaquePointer?
    func refused(
      _ expected: String, sourceLocation: SourceLocation = #_sourceLocation,
      _ change: (inout lcn_plan_options) -> Void
    ) {
      var o = planOptions()
      change(&o)
      expect(lcn_plan_create(matrix, &o, &plan), expected, sourceLocation: sourceLocation)
      #expect(plan == nil, sourceLocation: sourceLocation)
    }
    for width in [0, -1, Int64.min, 1 << 31, Int64.max] {
      refused(width >= 1 << 31 ? "LCN_SIZE_OVERFLOW" : "LCN_INVALID_ARGUMENT") { $0.width = width }
    }
    for threads in [0, -1, 1025, Int32.max, Int32.min] {
      refused("LCN_INVALID_ARGUMENT") { $0.threads = threads }
    }
    for constant in [-1, 0, 3, Int32.max] {
      refused("LCN_INVALID_ARGUMENT") { $0.layout = constant }
    }
    refused("LCN_INVALID_ARGUMENT") { $0.activation = 5 }
    refused("LCN_INVALID_ARGUMENT") { $0.deterministic = 2 }
    for flag in [-1, 2, Int32.max] {
      refused("LCN_INVALID_ARGUMENT") { $0.exclude_dense = flag }
    }
    refused("LCN_STRUCT_SIZE") { $0.struct_size = 12 }
    refused("LCN_INVALID_ARGUMENT") {
      $0.activation = Int32(LCN_ACTIVATION_CLAMP)
      ($0.clamp_lower, $0.clamp_upper) = (1, 0)
    }
    refused("LCN_INVALID_ARGUMENT") {
      $0.activation = Int32(LCN_ACTIVATION_CLAMP)
      ($0.clamp_lower, $0.clamp_upper) = (.nan, 0)
    }
    for count in [-1, 1, 3, Int64.max] {
      bias.withUnsafeBytes { bytes in
        refused("LCN_SHAPE_MISMATCH") { ($0.bias, $0.bias_count) = (bytes.baseAddress, count) }
      }
    }
    refused("LCN_NULL_POINTER") { $0.bias_count = 2 }
    bias.withUnsafeBytes { bytes in
      refused("LCN_MISALIGNED") { ($0.bias, $0.bias_count) = (bytes.baseAddress! + 1, 2) }
    }
    let endless = [CChar](repeating: 65, count: 1000)
    let invalid: [CChar] = [-1, -2, 0]
    endless.withUnsafeBufferPointer { name in
      refused("LCN_INVALID_ARGUMENT") { $0.kernel = name.baseAddress }
    }
    invalid.withUnsafeBufferPointer { name in
      refused("LCN_INVALID_ARGUMENT") { $0.kernel = name.baseAddress }
    }
    expect(lcn_plan_create(nil, nil, &plan), "LCN_NULL_POINTER")
    expect(lcn_plan_create(matrix, nil, nil), "LCN_NULL_POINTER")
    let other = self.plan()
    expect(lcn_plan_create(other, nil, &plan), "LCN_INVALID_HANDLE", "a plan is no matrix")
    expect(lcn_matrix_destroy(other), "LCN_INVALID_HANDLE", "a plan is no matrix")
    expect(lcn_plan_destroy(other), "LCN_OK")
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }

  @Test func `Operands out of range are refused and Y stays`() {
    let plan = plan()
    var memory = [Float](repeating: 5, count: 64)
    memory.withUnsafeMutableBytes { bytes in
      let x = UnsafeRawPointer(bytes.baseAddress!)
      let y = bytes.baseAddress! + 128
      func run(
        _ x: UnsafeRawPointer?, _ xStride: Int64, _ y: UnsafeMutableRawPointer?, _ yStride: Int64,
        _ width: Int64, _ workspace: UnsafeMutableRawPointer? = nil, _ size: Int = 0
      ) -> lcn_status {
        let whole = lcn_plan_run(plan, x, xStride, y, yStride, width, workspace, size)
        let sliced = lcn_plan_run_slice(
          plan, 0, 1, x, xStride, y, yStride, width, workspace, size)
        #expect(whole == sliced)
        return whole
      }
      expect(run(nil, 2, y, 2, 2), "LCN_NULL_POINTER")
      expect(run(x, 2, nil, 2, 2), "LCN_NULL_POINTER")
      expect(run(x + 1, 2, y, 2, 2), "LCN_MISALIGNED")
      expect(run(x, 2, y + 2, 2, 2), "LCN_MISALIGNED")
      expect(run(x, 1, y, 2, 2), "LCN_INVALID_STRIDE")
      expect(run(x, 2, y, 1, 2), "LCN_INVALID_STRIDE")
      expect(run(x, 2, y, 2, -1), "LCN_INVALID_ARGUMENT")
      expect(run(x, 2, y, 2, .min), "LCN_INVALID_ARGUMENT")
      expect(run(x, .max, y, 2, 2), "LCN_SIZE_OVERFLOW")
      expect(run(x, 2, y, .max, .max), "LCN_SIZE_OVERFLOW")
      expect(run(x, -2, y, 2, 2), "LCN_INVALID_ARGUMENT")
      expect(run(x, 2, UnsafeMutableRawPointer(mutating: x), 2, 2), "LCN_INVALID_ARGUMENT")
      expect(run(x, 2, UnsafeMutableRawPointer(mutating: x) + 20, 2, 2), "LCN_INVALID_ARGUMENT")
      expect(run(x, 2, y, 2, 2, nil, 8), "LCN_NULL_POINTER")
      expect(run(x, 2, y, 2, 0), "LCN_OK")
      for (slice, slices): (Int64, Int64) in [
        (0, 0), (-1, 1), (1, 1), (0, -1), (0, 65537), (.max, .max),
      ] {
        expect(
          lcn_plan_run_slice(plan, slice, slices, x, 2, y, 2, 2, nil, 0), "LCN_INVALID_ARGUMENT")
      }
    }
    #expect(memory.allSatisfy { $0 == 5 })
    // Columns of one array may be X and Y when no element is both.
    expect(
      memory.withUnsafeMutableBytes { bytes in
        lcn_plan_run(plan, bytes.baseAddress!, 8, bytes.baseAddress! + 16, 8, 2, nil, 0)
      }, "LCN_OK")
    #expect(memory[4] == 15 && memory[12] == 15 && memory[0] == 5)
    expect(lcn_plan_destroy(plan), "LCN_OK")
  }

  @Test(arguments: [1, 2] as [UInt64])
  func `A damaged blob is refused wherever the damage is`(seed: UInt64) {
    let matrix = make(
      randomValues(6, 9, density: 0.4, seed: seed), 6, 9, format: LCN_BSR, block: (2, 2))
    var plan: OpaquePointer?
    expect(lcn_plan_create(matrix, nil, &plan), "LCN_OK")
    var length = 0
    expect(lcn_plan_serialize(plan, nil, 0, &length), "LCN_OK")
    var blob = [UInt8](repeating: 0, count: length)
    expect(lcn_plan_serialize(plan, &blob, length, &length), "LCN_OK")
    var mapped: OpaquePointer?
    for cut in 0..<length {
      #expect(lcn_plan_map(blob, cut, &mapped) == LCN_BAD_DATA, "cut at \(cut)")
    }
    var random = SeededGenerator(seed: seed)
    for position in 0..<length {
      let bit = UInt8(1) << UInt8.random(in: 0..<8, using: &random)
      blob[position] ^= bit
      let status = lcn_plan_map(blob, length, &mapped)
      #expect(status == LCN_BAD_DATA || status == LCN_UNSUPPORTED, "byte \(position)")
      // With the sum made right again only the numbers themselves protect.
      if position >= 32 {
        forgeChecksum(&blob)
        if lcn_plan_map(blob, length, &mapped) == LCN_OK { _ = lcn_plan_destroy(mapped) }
      }
      blob[position] ^= bit
      forgeChecksum(&blob)
    }
    expect(lcn_plan_map(blob, length, &mapped), "LCN_OK")
    for handle in [plan, mapped] { expect(lcn_plan_destroy(handle), "LCN_OK") }
    expect(lcn_plan_map(nil, 10, &mapped), "LCN_NULL_POINTER")
    expect(lcn_plan_map(blob, -1, &mapped), "LCN_SIZE_OVERFLOW")
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }

  @Test func `A few bytes do not make a dense plan of any size`() {
    let matrix = make(randomValues(6, 9, density: 0.4, seed: 3), 6, 9, format: LCN_CSR)
    var plan: OpaquePointer?
    expect(lcn_plan_create(matrix, nil, &plan), "LCN_OK")
    var length = 0
    expect(lcn_plan_serialize(plan, nil, 0, &length), "LCN_OK")
    var blob = [UInt8](repeating: 0, count: length)
    expect(lcn_plan_serialize(plan, &blob, length, &length), "LCN_OK")
    // The fields that hold the columns and the kernel's name.
    withUnsafeBytes(of: (1 << 30).littleEndian) { blob.replaceSubrange(96..<104, with: $0) }
    blob.replaceSubrange(128..<134, with: Array("dense\0".utf8))
    forgeChecksum(&blob)
    var mapped: OpaquePointer?
    expect(lcn_plan_map(blob, length, &mapped), "LCN_BAD_DATA")
    #expect(lastError().contains("of \(6 << 30) elements"), "\(lastError())")
    blob.replaceSubrange(128..<140, with: Array("spmm-1x1\0\0\0\0".utf8))
    forgeChecksum(&blob)
    expect(lcn_plan_map(blob, length, &mapped), "LCN_OK")
    for handle in [plan, mapped] { expect(lcn_plan_destroy(handle), "LCN_OK") }
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }

  /// The blob's FNV-1a sum over 64-bit words, made right again.
  private func forgeChecksum(_ blob: inout [UInt8]) {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    blob.withUnsafeBytes { bytes in
      for position in stride(from: 32, to: bytes.count, by: 8) {
        hash =
          (hash ^ bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
          &* 0x100_0000_01b3
      }
    }
    withUnsafeBytes(of: hash) { for i in 0..<8 { blob[24 + i] = $0[i] } }
  }
}
