// A struct of any earlier size stays accepted, a later one as long as it asks for nothing unknown.

import CLacuna
import LacunaABI
import TestSupport
import Testing

/// A struct as it might be after two releases: `b` came with the second, `c` with the third.
private struct Grown: VersionedStruct, Equatable {
  var structSize = UInt32(MemoryLayout<Grown>.size)
  var a: Int32 = 0
  var b: Int64 = 0
  var c: Int64 = 0
  static var firstSize: Int { 8 }
}

/// A caller's memory: a `Grown`, and 16 bytes that lie behind it.
private final class Memory {
  let bytes = UnsafeMutableRawPointer.allocate(byteCount: 40, alignment: 8)
  var grown: UnsafeMutablePointer<Grown> { bytes.assumingMemoryBound(to: Grown.self) }
  var behind: [UInt64] { [24, 32].map { bytes.load(fromByteOffset: $0, as: UInt64.self) } }

  init(_ value: Grown, size: Int, behind: UInt8 = 0) {
    bytes.initializeMemory(as: UInt8.self, repeating: behind, count: 40)
    grown.pointee = value
    grown.pointee.structSize = UInt32(size)
  }
  deinit { bytes.deallocate() }
}

@Suite struct StructSizeTests {
  @Test(arguments: [(8, 1, 0, 0), (16, 1, 2, 0), (24, 1, 2, 3)])
  func `Members that an older caller lacks count as zero`(
    size: Int, a: Int, b: Int, c: Int
  ) throws {
    let memory = Memory(Grown(a: 1, b: 2, c: 3), size: size)
    let seen = try descriptor(UnsafePointer(memory.grown), "options")
    #expect((seen.a, seen.b, seen.c) == (Int32(a), Int64(b), Int64(c)))
  }

  @Test func `A later caller's members must be zero`() throws {
    let memory = Memory(Grown(a: 1, b: 2, c: 3), size: 40)
    let seen = try descriptor(UnsafePointer(memory.grown), "options")
    #expect((seen.a, seen.b, seen.c) == (1, 2, 3))
    memory.bytes.storeBytes(of: 1, toByteOffset: 39, as: UInt8.self)
    let failure = #expect(throws: Failure.self) {
      try descriptor(UnsafePointer(memory.grown), "options")
    }
    #expect(failure?.status == .structSize)
    #expect(failure?.text.contains("40") == true && failure?.text.contains("24") == true)
  }

  @Test(arguments: [0, 4, 7, 9, 12, 20, 28, 288, 4096, Int(UInt32.max)])
  func `A size that no version can have is refused`(size: Int) {
    let memory = Memory(Grown(), size: size)
    let failure = #expect(throws: Failure.self) {
      try descriptor(UnsafePointer(memory.grown), "options")
    }
    #expect(failure?.status == .structSize)
  }

  @Test(arguments: [8, 16, 24, 40])
  func `As much is filled as the caller has room for`(size: Int) throws {
    let memory = Memory(Grown(a: -1, b: -1, c: -1), size: size, behind: 0xff)
    try fill(memory.grown, "info") { (info) throws(Failure) in
      (info.a, info.b, info.c) = (1, 2, 3)
    }
    #expect(memory.grown.pointee.structSize == UInt32(size))
    #expect(memory.grown.pointee.a == 1)
    #expect(memory.grown.pointee.b == (size >= 16 ? 2 : -1))
    #expect(memory.grown.pointee.c == (size >= 24 ? 3 : -1))
    #expect(memory.behind == (size >= 40 ? [0, 0] : [.max, .max]))
  }

  @Test func `Nothing is written when filling fails`() {
    var grown = Grown(a: -1, b: -1, c: -1)
    withUnsafeMutablePointer(to: &grown) { pointer in
      _ = #expect(throws: Failure.self) {
        try fill(pointer, "info") { (info) throws(Failure) in
          info.a = 1
          throw Failure(.internalFailure, "on purpose")
        }
      }
    }
    #expect(grown == Grown(a: -1, b: -1, c: -1))
  }

  @Test func `No struct of lacuna.h is smaller than it was at first`() {
    func check<T: VersionedStruct>(_: T.Type) {
      #expect(MemoryLayout<T>.size >= T.firstSize, "\(T.self)")
      #expect(MemoryLayout<T>.size % MemoryLayout<T>.alignment == 0, "\(T.self) has no padding")
    }
    check(lcn_cpu_info.self)
    check(lcn_dense_desc.self)
    check(lcn_csr_desc.self)
    check(lcn_bsr_desc.self)
    check(lcn_mask_desc.self)
    check(lcn_matrix_info.self)
    check(lcn_plan_options.self)
    check(lcn_plan_info.self)
    check(lcn_conv_options.self)
    check(lcn_conv_info.self)
    check(lcn_schedule_desc.self)
    check(lcn_mask_options.self)
    check(lcn_model_options.self)
    check(lcn_model_info.self)
  }

  @Test func `Plan options of the first release make a plan, and later ones that ask for nothing`()
  {
    let matrix = makeDense(2, 3, [1, 2, 3, 4, 5, 6])
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: 512, alignment: 8)
    defer { bytes.deallocate() }
    let options = bytes.assumingMemoryBound(to: lcn_plan_options.self)
    func create(_ size: Int, behind: UInt8) -> Int32 {
      bytes.initializeMemory(as: UInt8.self, repeating: behind, count: 512)
      options.pointee = planOptions(width: 4)
      (bytes + lcn_plan_options.firstSize).initializeMemory(
        as: UInt8.self, repeating: behind, count: 512 - lcn_plan_options.firstSize)
      options.pointee.struct_size = UInt32(size)
      var plan: OpaquePointer?
      let status = lcn_plan_create(matrix, options, &plan)
      expect(lcn_plan_destroy(plan), "LCN_OK")
      return status
    }
    expect(create(lcn_plan_options.firstSize, behind: 0xff), "LCN_OK")
    expect(create(MemoryLayout<lcn_plan_options>.size + 8, behind: 0), "LCN_OK")
    expect(create(MemoryLayout<lcn_plan_options>.size + 256, behind: 0), "LCN_OK")
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }

  @Test func `A later option that is not zero is refused`() {
    let matrix = makeDense(1, 1, [1])
    let size = MemoryLayout<lcn_plan_options>.size
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: size + 8, alignment: 8)
    defer { bytes.deallocate() }
    bytes.initializeMemory(as: UInt8.self, repeating: 0, count: size + 8)
    let options = bytes.assumingMemoryBound(to: lcn_plan_options.self)
    options.pointee = planOptions(width: 4)
    options.pointee.struct_size = UInt32(size + 8)
    bytes.storeBytes(of: 1, toByteOffset: size + 4, as: UInt8.self)
    var plan: OpaquePointer?
    expect(lcn_plan_create(matrix, options, &plan), "LCN_STRUCT_SIZE")
    #expect(lastError().contains("\(size + 8)"))
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }
}
