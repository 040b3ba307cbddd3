// Structs from C of any size that lacuna.h ever gave them: what struct_size says is there, the rest
// as zeros.

import CLacuna

/// A struct of lacuna.h that starts with its own size and may have grown since the first release.
///
///     0          firstSize         MemoryLayout.size
///     ├───────────────┼───────────────────┼──────────────────┤
///       always there    missing in older    members that this
///                       callers: zeros      library lacks: must be zeros
package protocol VersionedStruct {
  /// Bytes of the struct in the first release of this LCN_ABI_VERSION. Never changes.
  static var firstSize: Int { get }
}

extension lcn_cpu_info: VersionedStruct { package static var firstSize: Int { 120 } }
extension lcn_dense_desc: VersionedStruct { package static var firstSize: Int { 48 } }
extension lcn_csr_desc: VersionedStruct { package static var firstSize: Int { 64 } }
extension lcn_bsr_desc: VersionedStruct { package static var firstSize: Int { 80 } }
extension lcn_mask_desc: VersionedStruct { package static var firstSize: Int { 40 } }
extension lcn_matrix_info: VersionedStruct { package static var firstSize: Int { 80 } }
extension lcn_plan_options: VersionedStruct { package static var firstSize: Int { 72 } }
extension lcn_plan_info: VersionedStruct { package static var firstSize: Int { 128 } }
extension lcn_conv_options: VersionedStruct { package static var firstSize: Int { 200 } }
extension lcn_conv_info: VersionedStruct { package static var firstSize: Int { 136 } }
extension lcn_recurrent_weights: VersionedStruct { package static var firstSize: Int { 40 } }
extension lcn_recurrent_options: VersionedStruct { package static var firstSize: Int { 88 } }
extension lcn_recurrent_info: VersionedStruct { package static var firstSize: Int { 144 } }
extension lcn_recurrent_operands: VersionedStruct { package static var firstSize: Int { 96 } }
extension lcn_schedule_desc: VersionedStruct { package static var firstSize: Int { 56 } }
extension lcn_mask_options: VersionedStruct { package static var firstSize: Int { 48 } }
extension lcn_calibration_info: VersionedStruct { package static var firstSize: Int { 32 } }
extension lcn_oneshot_options: VersionedStruct { package static var firstSize: Int { 56 } }
extension lcn_oneshot_report: VersionedStruct { package static var firstSize: Int { 64 } }
extension lcn_network_options: VersionedStruct { package static var firstSize: Int { 48 } }
extension lcn_network_report: VersionedStruct { package static var firstSize: Int { 56 } }
extension lcn_model_options: VersionedStruct { package static var firstSize: Int { 16 } }
extension lcn_model_info: VersionedStruct { package static var firstSize: Int { 48 } }
extension lcn_graph_value: VersionedStruct { package static var firstSize: Int { 32 } }
extension lcn_graph_info: VersionedStruct { package static var firstSize: Int { 40 } }
extension lcn_graph_options: VersionedStruct { package static var firstSize: Int { 24 } }
extension lcn_graph_input: VersionedStruct { package static var firstSize: Int { 32 } }
extension lcn_graph_plan_info: VersionedStruct { package static var firstSize: Int { 40 } }

/// Bytes by which a caller's struct may be larger than this library's. A number that was never set
/// is not followed into memory that is not there.
private let mostExtraBytes = 256

/// The struct behind `pointer`: members that an older caller lacks are zero.
///
/// - Throws: `LCN_STRUCT_SIZE` for a size that no version has, or a newer caller's member that is
///   not zero: it asks for something that this library cannot do.
package func descriptor<T: VersionedStruct>(
  _ pointer: UnsafePointer<T>?, _ name: StaticString
) throws(Failure) -> T {
  guard let pointer else { throw Failure(.nullPointer, "\(name) is NULL") }
  let size = try structSize(UnsafeRawPointer(pointer), T.self, name)
  if size == MemoryLayout<T>.size { return pointer.pointee }
  let bytes = UnsafeRawBufferPointer(start: pointer, count: size)
  if bytes.dropFirst(MemoryLayout<T>.size).contains(where: { $0 != 0 }) {
    throw Failure(
      .structSize,
      "struct_size of \(name) is \(size), this library knows \(MemoryLayout<T>.size), "
        + "and the members behind those are not zero")
  }
  return withUnsafeTemporaryAllocation(of: T.self, capacity: 1) { whole in
    let target = UnsafeMutableRawBufferPointer(whole)
    target.initializeMemory(as: UInt8.self, repeating: 0)
    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(target.count)))
    return whole[0]
  }
}

/// Lets `body` fill a struct of zeros, then writes as much of it as the caller's has room for;
/// members that this library lacks become zero. Nothing is written when `body` throws, and never
/// `struct_size`.
package func fill<T: VersionedStruct>(
  _ pointer: UnsafeMutablePointer<T>?, _ name: StaticString,
  _ body: (inout T) throws(Failure) -> Void
) throws(Failure) {
  guard let pointer else { throw Failure(.nullPointer, "\(name) is NULL") }
  let size = try structSize(UnsafeRawPointer(pointer), T.self, name)
  let target = UnsafeMutableRawBufferPointer(start: pointer, count: size)
  try withUnsafeTemporaryAllocation(of: T.self, capacity: 1) { (whole) throws(Failure) in
    UnsafeMutableRawBufferPointer(whole).initializeMemory(as: UInt8.self, repeating: 0)
    try body(&whole[0])
    let known = UnsafeRawBufferPointer(whole)
    for i in MemoryLayout<UInt32>.size..<size { target[i] = i < known.count ? known[i] : 0 }
  }
}

/// The size that the struct at `pointer` says it has, checked.
private func structSize<T: VersionedStruct>(
  _ pointer: UnsafeRawPointer, _: T.Type, _ name: StaticString
) throws(Failure) -> Int {
  let alignment = MemoryLayout<T>.alignment
  if Int(bitPattern: pointer) & (alignment - 1) != 0 {
    throw Failure(.misaligned, "\(name) is not aligned")
  }
  let size = Int(pointer.load(as: UInt32.self))
  // Every version's size is a multiple of the alignment: C pads structs.
  if size < T.firstSize || size > MemoryLayout<T>.size + mostExtraBytes
    || size & (alignment - 1) != 0
  {
    throw Failure(
      .structSize,
      "struct_size of \(name) is \(size), this library knows "
        + (T.firstSize == MemoryLayout<T>.size
          ? "\(MemoryLayout<T>.size)" : "\(T.firstSize) to \(MemoryLayout<T>.size)"))
  }
  return size
}
