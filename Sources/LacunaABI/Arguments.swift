// The rules that every value from C has to pass before it reaches code that may trap.

import CLacuna
import LacunaFormats
import LacunaOperations

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Largest dimension or stride count accepted: 2³¹ − 1. Sums of two are far from overflow.
let largestDimension = Int(Int32.max)
/// Most elements of one block.
let largestBlockArea = 1 << 20

/// `value` as a dimension called `name`.
func dimension(_ value: Int64, _ name: StaticString) throws(Failure) -> Int {
  if value < 0 { throw Failure(.invalidArgument, "\(name) is \(value), must be 0 or more") }
  if value > Int64(largestDimension) {
    throw Failure(.sizeOverflow, "\(name) is \(value), must be at most \(largestDimension)")
  }
  return Int(value)
}

/// `a · b`, or a failure when it does not fit.
func product(_ a: Int, _ b: Int, _ name: StaticString) throws(Failure) -> Int {
  let (product, overflow) = a.multipliedReportingOverflow(by: b)
  if overflow || product > Int.max / 16 {
    throw Failure(.sizeOverflow, "\(name): \(a) · \(b) does not fit the address space")
  }
  return product
}

/// An element type from its constant.
func elementType(_ dtype: Int32) throws(Failure) -> NumberType {
  switch Int(dtype) {
  case LCN_F32: .f32
  case LCN_F64: .f64
  case LCN_BF16: .bf16
  case LCN_F16: .f16
  default:
    throw Failure(
      .invalidArgument, "dtype is \(dtype), must be LCN_F32, LCN_F64, LCN_BF16 or LCN_F16")
  }
}

/// The Swift type of the elements of a matrix.
func storedType(_ type: NumberType) -> any StoredScalar.Type {
  switch type {
  case .f32: Float.self
  case .f64: Double.self
  case .bf16: BFloat16.self
  case .f16: Float16.self
  case .i32, .i8, .u8: preconditionFailure("no matrix holds \(type)")
  }
}

/// The type for what computes with elements and does not widen them.
func arithmetic(_ type: NumberType, _ what: StaticString) throws(Failure) -> DType {
  switch type {
  case .f32: .f32
  case .f64: .f64
  case .bf16, .f16, .i32, .i8, .u8:
    throw Failure(.unsupported, "\(what) is \(name(type)), must be LCN_F32 or LCN_F64")
  }
}

/// What lacuna.h calls a type.
func name(_ type: NumberType) -> String { "LCN_\(type.rawValue.uppercased())" }

/// The constant of an element type.
func constant(_ dtype: DType) -> Int32 { constant(NumberType(dtype)) }

/// The constant of a type of numbers.
func constant(_ type: NumberType) -> Int32 {
  switch type {
  case .f32: Int32(LCN_F32)
  case .f64: Int32(LCN_F64)
  case .i8: Int32(LCN_I8)
  case .u8: Int32(LCN_U8)
  case .bf16: Int32(LCN_BF16)
  case .f16: Int32(LCN_F16)
  case .i32: preconditionFailure("sums have no constant")
  }
}

/// Whether the index type is the 64-bit one.
func isWideIndex(_ type: Int32) throws(Failure) -> Bool {
  switch Int(type) {
  case LCN_I32: false
  case LCN_I64: true
  default: throw Failure(.invalidArgument, "index_type is \(type), must be LCN_I32 or LCN_I64")
  }
}

/// `pointer` to elements of `size` bytes: there when `count` is not 0, and aligned.
func array(
  _ pointer: UnsafeRawPointer?, count: Int, size: Int, _ name: StaticString
) throws(Failure) -> UnsafeRawPointer {
  guard let pointer else {
    // Nothing is read through the stand-in: there are no elements.
    if count == 0 { return UnsafeRawPointer(bitPattern: 64).unsafelyUnwrapped }
    throw Failure(.nullPointer, "\(name) is NULL, but \(count) elements are expected there")
  }
  if Int(bitPattern: pointer) & (size - 1) != 0 {
    throw Failure(.misaligned, "\(name) is not aligned to its \(size)-byte elements")
  }
  return pointer
}

/// As `array`, for an array to be written.
func mutableArray(
  _ pointer: UnsafeMutableRawPointer?, count: Int, size: Int, _ name: StaticString
) throws(Failure) -> UnsafeMutableRawPointer {
  UnsafeMutableRawPointer(
    mutating: try array(UnsafeRawPointer(pointer), count: count, size: size, name))
}

/// Where a handle is to be put; it is NULL there until the call has succeeded.
func result<T>(
  _ pointer: UnsafeMutablePointer<T?>?, _ name: StaticString = "result"
) throws(Failure) -> UnsafeMutablePointer<T?> {
  guard let pointer else { throw Failure(.nullPointer, "\(name) is NULL") }
  if Int(bitPattern: pointer) & (MemoryLayout<UnsafeRawPointer>.alignment - 1) != 0 {
    throw Failure(.misaligned, "\(name) is not aligned")
  }
  pointer.pointee = nil
  return pointer
}

/// Fails when `bytes` more cannot be had: an allocation that fails inside Swift would end the
/// process.
///
/// Asks for more: the allocator's own share, and small things that nobody counts.
func reserve(_ bytes: Int) throws(Failure) {
  if !AvailableMemory.has(bytes + bytes / 8 + 1 << 20) {
    throw Failure(.outOfMemory, "\(bytes) bytes cannot be allocated")
  }
}

/// The text behind a C string of at most `limit` bytes.
func text(
  _ pointer: UnsafePointer<CChar>, limit: Int, _ name: StaticString
) throws(Failure) -> String {
  let length = strnlen(pointer, limit)
  if length == limit {
    throw Failure(.invalidArgument, "\(name) has no end within \(limit) bytes")
  }
  let bytes = UnsafeRawBufferPointer(start: pointer, count: length)
  guard let text = String(validating: bytes.bindMemory(to: UInt8.self), as: UTF8.self) else {
    throw Failure(.invalidArgument, "\(name) is not UTF-8")
  }
  return text
}

/// Whether two arrays of so many bytes share one.
@inline(__always)
func overlap(
  _ a: UnsafeRawPointer, _ aBytes: Int, _ b: UnsafeRawPointer, _ bBytes: Int
) -> Bool {
  let (a, b) = (UInt(bitPattern: a), UInt(bitPattern: b))
  // Wrapping: a pointer from C can be any number.
  return aBytes > 0 && bBytes > 0 && a < b &+ UInt(bBytes) && b < a &+ UInt(aBytes)
}
