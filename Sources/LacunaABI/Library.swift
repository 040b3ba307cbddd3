// Version, status names, last error, processor.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CCPUFeatures
import CLacuna
import LacunaOperations

/// The address of a static text as a C string.
private func cString(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

@c @implementation
public func lcn_abi_version() -> Int32 { LCN_ABI_VERSION }

// The header's three numbers; Tests/LacunaABITests compares them.
private let version: StaticString = "0.1.0"

@c @implementation
public func lcn_version_string() -> UnsafePointer<CChar>? { cString(version) }

@c @implementation
public func lcn_status_string(_ status: lcn_status) -> UnsafePointer<CChar>? {
  cString(Status(rawValue: status)?.name ?? "LCN_UNKNOWN_STATUS")
}

@c @implementation
public func lcn_last_error() -> UnsafePointer<CChar>? {
  UnsafePointer(lacuna_thread_error_text())
}

@c @implementation
public func lcn_get_cpu_info(_ info: UnsafeMutablePointer<lcn_cpu_info>?) -> lcn_status {
  call { () throws(Failure) in
    try fill(info, "info") { (info) throws(Failure) in
      let isa = try Failure.operation { () throws(OperationError) in try ISA.validated() }
      let features = lcn_detect_cpu_features()
      info.isa = constant(isa)
      info.detected_isa = constant(ISA.detected)
      info.avx512_vnni = features.avx512_vnni ? 1 : 0
      info.avx512_bf16 = features.avx512_bf16 ? 1 : 0
      info.avx512_vbmi2 = features.avx512_vbmi2 ? 1 : 0
      info.cores = Int32(CPUInfo.current.cores)
      info.l1d_bytes = features.l1d_bytes
      info.l2_bytes = features.l2_bytes
      info.l3_bytes = features.l3_bytes
      info.model = features.model
    }
  }
}

private func constant(_ isa: ISA) -> Int32 {
  let constants: [ISA: Int] = [
    .baseline: LCN_ISA_BASELINE, .v3: LCN_ISA_V3, .v4: LCN_ISA_V4, .v3VNNI: LCN_ISA_V3_VNNI,
    .v4VNNI: LCN_ISA_V4_VNNI, .v4VBMI2: LCN_ISA_V4_VBMI2, .v4BF16: LCN_ISA_V4_BF16,
  ]
  guard let constant = constants[isa] else { preconditionFailure("no constant for \(isa)") }
  return Int32(constant)
}
