// What can go wrong with a file: it cannot be read, it cannot be written, or its bytes are wrong.

import LacunaFormats

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A failure of reading or writing a file. Every case names the path.
public enum FileError: Error, Equatable, Sendable {
  /// The file does not exist or may not be read; `code` is the system's `errno`.
  case unreadable(path: String, code: Int32)
  /// A system call failed while reading or writing; `operation` says which ("write", "rename", …).
  case system(path: String, operation: String, code: Int32)
  /// The file was read, and what it holds is not valid.
  case malformed(path: String, DataProblem)

  /// The file concerned.
  public var path: String {
    switch self {
    case .unreadable(let path, _), .system(let path, _, _), .malformed(let path, _): path
    }
  }

  /// The exit code of a command line tool that stops on this error, from `sysexits.h`: 65 for bad
  /// data, 66 for an input that cannot be read, 74 for a failed read or write.
  public var exitCode: Int32 {
    switch self {
    case .unreadable: 66
    case .system: 74
    case .malformed: 65
    }
  }
}

extension FileError: CustomStringConvertible {
  /// One line: the path, control characters spelled out, and what happened.
  public var description: String {
    // A path may hold anything: it is shown, never obeyed.
    let path = Printable.escaped(path)
    return switch self {
    case .unreadable(_, let code): "\(path): \(String(cString: strerror(code)))"
    case .system(_, let operation, let code):
      "\(path): \(operation) failed: \(String(cString: strerror(code)))"
    case .malformed(_, let problem): "\(path): \(problem)"
    }
  }
}

/// The rule that the bytes of a file break, with the numbers that break it.
public enum DataProblem: Error, Equatable, Sendable {
  /// The first bytes are not those of the format.
  case wrongMagic(format: String, found: String)
  /// The data ends inside `what`, which needs `needed` bytes where `available` are left.
  case truncated(what: String, needed: Int, available: Int)
  /// Bytes are left over after the last item.
  case trailingBytes(count: Int)
  /// A number has another value than the rest of the file asks for.
  case mismatch(what: String, expected: Int, actual: Int)
  /// A number lies outside of what is allowed.
  case outOfRange(what: String, value: Int, lowest: Int, highest: Int)
  /// A number does not fit in 64 bits, or a size made of several does not.
  case overflow(what: String)
  /// `what` asks for more memory than may be used (``ReadingMemory``).
  case memory(what: String, needed: Int, available: Int)
  /// A stored checksum disagrees with the bytes it covers.
  case checksum(what: String, stored: UInt32, computed: UInt32)
  /// The file is of a version, or uses a feature, that this reader does not know.
  case unsupported(what: String, found: String)
  /// Two things have the same name.
  case duplicateName(String)
  /// Something that has to be there is not.
  case absent(what: String)
  /// A compressed stream is damaged.
  case compressedStream(what: String, reason: String)
  /// A text file is wrong in `line`, counted from 1.
  case text(line: Int, reason: String)
  /// The matrix in the file breaks an invariant of its format.
  case matrix(FormatError)
  /// The array or archive member of that name has a problem.
  indirect case inside(String, DataProblem)
}

extension DataProblem: CustomStringConvertible {
  /// One line without the path: the rule, and the numbers that break it.
  public var description: String {
    switch self {
    case .wrongMagic(let format, let found): "not \(format): it starts with \(found)"
    case .truncated(let what, let needed, let available):
      "ends inside \(what): \(needed) bytes needed, \(available) left"
    case .trailingBytes(let count): "\(count) bytes follow the end of the data"
    case .mismatch(let what, let expected, let actual): "\(what) is \(actual), expected \(expected)"
    case .outOfRange(let what, let value, let lowest, let highest):
      "\(what) is \(value), must be in \(lowest)...\(highest)"
    case .overflow(let what): "\(what) is too large"
    case .memory(let what, let needed, let available):
      "\(what) needs \(needed) bytes of memory, \(available) are left"
    case .checksum(let what, let stored, let computed):
      "checksum of \(what) is \(hex(computed)), the file says \(hex(stored))"
    case .unsupported(let what, let found): "\(what) \(found) is not supported"
    case .duplicateName(let name): "the name \"\(name)\" occurs twice"
    case .absent(let what): "\(what) is missing"
    case .compressedStream(let what, let reason): "\(what) is damaged: \(reason)"
    case .text(let line, let reason): "line \(line): \(reason)"
    case .matrix(let error): "\(error)"
    case .inside(let name, let problem): "\(name): \(problem)"
    }
  }
}

/// `value` as 0x and eight digits.
private func hex(_ value: UInt32) -> String {
  let digits = String(value, radix: 16)
  return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
}
