// Version, status names and the last error of lacuna.h.

import CLacuna
import LacunaABI
import Testing
import TestSupport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The last error's text of this thread.
func lastError() -> String { String(cString: lcn_last_error()) }

/// `status` by its name, for failure messages.
func name(_ status: lcn_status) -> String { String(cString: lcn_status_string(status)) }

/// Expects `status` to be the constant of that name.
func expect(
  _ status: lcn_status, _ expected: String, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(
    name(status) == expected, "\(what): \(status == LCN_OK ? "no error" : lastError())",
    sourceLocation: sourceLocation)
}

@Suite struct StatusTests {
  @Test func `The version calls agree with the header`() {
    #expect(lcn_abi_version() == Int32(LCN_ABI_VERSION))
    #expect(
      String(cString: lcn_version_string())
        == "\(LCN_VERSION_MAJOR).\(LCN_VERSION_MINOR).\(LCN_VERSION_PATCH)")
  }

  @Test func `Every status has a name of its own and strangers have none`() {
    let names = (0...Int32(LCN_INTERNAL)).map { name($0) }
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { $0.hasPrefix("LCN_") && $0 != "LCN_UNKNOWN_STATUS" })
    for stranger in [-1, Int32(LCN_INTERNAL) + 1, .max, .min] {
      #expect(name(stranger) == "LCN_UNKNOWN_STATUS")
    }
  }

  // These numbers are compiled into programs. A failing line here is an ABI break.
  @Test func `Status numbers never change`() {
    #expect(LCN_OK == 0)
    #expect(LCN_NULL_POINTER == 1)
    #expect(LCN_INVALID_ARGUMENT == 2)
    #expect(LCN_STRUCT_SIZE == 3)
    #expect(LCN_INVALID_HANDLE == 4)
    #expect(LCN_SIZE_OVERFLOW == 5)
    #expect(LCN_SHAPE_MISMATCH == 6)
    #expect(LCN_INVALID_STRUCTURE == 7)
    #expect(LCN_INVALID_STRIDE == 8)
    #expect(LCN_MISALIGNED == 9)
    #expect(LCN_BUFFER_TOO_SMALL == 10)
    #expect(LCN_OUT_OF_MEMORY == 11)
    #expect(LCN_UNSUPPORTED == 12)
    #expect(LCN_BAD_DATA == 13)
    #expect(LCN_FILE_NOT_FOUND == 14)
    #expect(LCN_IO == 15)
    #expect(LCN_NOT_A_NUMBER == 16)
    #expect(LCN_ENVIRONMENT == 17)
    #expect(LCN_INTERNAL == 18)
  }

  @Test func `Each thread keeps the text of its own last failure`() {
    expect(lcn_matrix_get_info(nil, nil), "LCN_NULL_POINTER")
    let here = lastError()
    #expect(!here.isEmpty)
    var thread = pthread_t()
    var there = ("", "")
    withUnsafeMutablePointer(to: &there) { texts in
      let failure = pthread_create(
        &thread, nil,
        { context in
          let texts = context!.assumingMemoryBound(to: (String, String).self)
          texts.pointee.0 = lastError()
          _ = lcn_matrix_destroy(OpaquePointer(bitPattern: 0x1230))
          texts.pointee.1 = lastError()
          return nil
        }, texts)
      #expect(failure == 0)
      pthread_join(thread, nil)
    }
    #expect(there.0 == "")
    #expect(there.1.contains("matrix handle"))
    #expect(lastError() == here)
  }

  @Test func `The processor is described`() {
    var info = lcn_cpu_info()
    info.struct_size = UInt32(MemoryLayout<lcn_cpu_info>.size)
    expect(lcn_get_cpu_info(&info), "LCN_OK")
    let known = [
      LCN_ISA_BASELINE, LCN_ISA_V3, LCN_ISA_V3_VNNI, LCN_ISA_V4, LCN_ISA_V4_VNNI,
      LCN_ISA_V4_VBMI2, LCN_ISA_V4_BF16,
    ]
    #expect(known.contains(Int(info.isa)) && known.contains(Int(info.detected_isa)))
    #expect(info.cores >= 1)
    info.struct_size -= 1
    expect(lcn_get_cpu_info(&info), "LCN_STRUCT_SIZE")
    expect(lcn_get_cpu_info(nil), "LCN_NULL_POINTER")
  }
}
