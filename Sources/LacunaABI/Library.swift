// Version, status names, last error, processor.

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
