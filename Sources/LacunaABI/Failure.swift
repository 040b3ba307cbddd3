// Swift errors → status codes and the calling thread's last error text.

import CLacuna
import LacunaFormats
import LacunaOperations

/// The numbers of lcn_status, by name.
package enum Status: Int32, CaseIterable {
  case ok = 0
  case nullPointer, invalidArgument, structSize, invalidHandle, sizeOverflow, shapeMismatch
  case invalidStructure, invalidStride, misaligned, bufferTooSmall, outOfMemory, unsupported
  case badData, fileNotFound, io, notANumber, environment, internalFailure

  /// The constant's name in lacuna.h.
  var name: StaticString {
    switch self {
    case .ok: "LCN_OK"
    case .nullPointer: "LCN_NULL_POINTER"
    case .invalidArgument: "LCN_INVALID_ARGUMENT"
    case .structSize: "LCN_STRUCT_SIZE"
    case .invalidHandle: "LCN_INVALID_HANDLE"
    case .sizeOverflow: "LCN_SIZE_OVERFLOW"
    case .shapeMismatch: "LCN_SHAPE_MISMATCH"
    case .invalidStructure: "LCN_INVALID_STRUCTURE"
    case .invalidStride: "LCN_INVALID_STRIDE"
    case .misaligned: "LCN_MISALIGNED"
    case .bufferTooSmall: "LCN_BUFFER_TOO_SMALL"
    case .outOfMemory: "LCN_OUT_OF_MEMORY"
    case .unsupported: "LCN_UNSUPPORTED"
    case .badData: "LCN_BAD_DATA"
    case .fileNotFound: "LCN_FILE_NOT_FOUND"
    case .io: "LCN_IO"
    case .notANumber: "LCN_NOT_A_NUMBER"
    case .environment: "LCN_ENVIRONMENT"
    case .internalFailure: "LCN_INTERNAL"
    }
  }
}

/// A status that is not `ok`, and what was wrong in words.
package struct Failure: Error {
  package let status: Status
  package let text: String

  package init(_ status: Status, _ text: String) { (self.status, self.text) = (status, text) }

  init(_ error: FormatError) {
    let status: Status =
      switch error {
      case .negativeDimension, .invalidBlock: .invalidArgument
      case .sizeOverflow: .sizeOverflow
      case .wrongCount, .shapeMismatch: .shapeMismatch
      case .strideTooSmall: .invalidStride
      case .offsetsStart, .offsetsNotMonotone, .offsetsEnd, .indexOutOfRange,
        .columnsNotIncreasing, .bitPastLastColumn:
        .invalidStructure
      }
    self.init(status, error.description)
  }

  init(_ error: OperationError) {
    switch error {
    case .format(let error): self.init(error)
    case .shapeMismatch, .biasCount, .elementType:
      self.init(.shapeMismatch, error.description)
    case .unknownISA, .unavailableISA: self.init(.environment, error.description)
    case .unknownKernel, .unsuitableKernel, .notUpdatable, .quantization(.updatable):
      self.init(.unsupported, error.description)
    case .outOfRange, .invalidClamp, .quantization:
      self.init(.invalidArgument, error.description)
    case .invalidDecision: self.init(.badData, error.description)
    case .outOfMemory: self.init(.outOfMemory, error.description)
    case .convolution(let error):
      let status: Status =
        switch error {
        case .groupsDoNotDivide, .paddingTooLarge, .kernelOutsideImage, .residual: .shapeMismatch
        case .kernelTooLarge, .updatable, .gradients: .unsupported
        case .tooManyElements: .sizeOverflow
        }
      self.init(status, error.description)
    case .recurrent(let error):
      let status: Status =
        switch error {
        case .length: .invalidArgument
        case .updatable: .unsupported
        case .tooManyElements: .sizeOverflow
        }
      self.init(status, error.description)
    }
  }
}

extension Failure {
  /// Runs `body`, whose errors are the formats' own.
  static func format<R>(_ body: () throws(FormatError) -> R) throws(Failure) -> R {
    do { return try body() } catch { throw Failure(error) }
  }
}

extension Failure {
  /// Runs `body`, whose errors are the operations' own.
  static func operation<R>(_ body: () throws(OperationError) -> R) throws(Failure) -> R {
    do { return try body() } catch { throw Failure(error) }
  }
}

/// Runs the body of one C function: its status, after the text of a failure was kept for the
/// thread.
@inline(__always)
func call(_ body: () throws(Failure) -> Void) -> lcn_status {
  do {
    try body()
    return Status.ok.rawValue
  } catch {
    return report(error)
  }
}

/// Keeps the text for lcn_last_error(), cut at a character's end when it is too long.
@inline(never)
private func report(_ failure: Failure) -> lcn_status {
  guard let buffer = lacuna_thread_error_text() else { return failure.status.rawValue }
  copyText(failure.text, to: buffer, capacity: Int(lacuna_thread_error_capacity()))
  return failure.status.rawValue
}

/// Copies as much of `text` as fits into an array of characters that is a struct's member.
func copyText<Characters: BitwiseCopyable>(_ text: String, to member: inout Characters) {
  withUnsafeMutableBytes(of: &member) { bytes in
    let buffer = bytes.bindMemory(to: CChar.self)
    copyText(text, to: buffer.baseAddress.unsafelyUnwrapped, capacity: buffer.count)
  }
}

/// Copies as much of `text` as fits before a NUL, whole characters only.
func copyText(_ text: String, to buffer: UnsafeMutablePointer<CChar>, capacity: Int) {
  var length = 0
  for scalar in text.unicodeScalars {
    let units = Unicode.UTF8.encode(scalar).unsafelyUnwrapped
    if length + units.count >= capacity { break }
    for unit in units {
      buffer[length] = CChar(bitPattern: unit)
      length += 1
    }
  }
  buffer[length] = 0
}
