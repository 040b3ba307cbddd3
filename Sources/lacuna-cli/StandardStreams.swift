// `-` in the place of a file: standard input and standard output.

import Lacuna

/// The path of an input, of which `-` is standard input.
///
/// What a pipe delivers is kept in a file without a name, so that it can be mapped and read again.
func inputPath(_ argument: String) throws -> String {
  if argument != "-" { return argument }
  var status = stat()
  if fstat(STDIN_FILENO, &status) == 0 && status.st_mode & S_IFMT == S_IFREG {
    return "/dev/stdin"
  }
  func failed(_ operation: String) -> FileError {
    .system(path: "standard input", operation: operation, code: errno)
  }
  let folder = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
  var name = Array("\(folder)/lacuna-XXXXXX".utf8CString)
  let descriptor = mkstemp(&name)
  if descriptor < 0 { throw failed("create") }
  unlink(name)
  var buffer = [UInt8](repeating: 0, count: 1 << 20)
  while true {
    let count = read(STDIN_FILENO, &buffer, buffer.count)
    if count < 0 && errno == EINTR { continue }
    if count < 0 { throw failed("read") }
    if count == 0 { break }
    var written = 0
    while written < count {
      let more = buffer.withUnsafeBytes {
        write(descriptor, $0.baseAddress! + written, count - written)
      }
      if more < 0 && errno == EINTR { continue }
      if more < 0 { throw failed("write") }
      written += more
    }
  }
  return "/dev/fd/\(descriptor)"
}

/// The path of an output, of which `-` is standard output.
func outputPath(_ argument: String) -> String {
  argument == "-" ? AtomicFile.standardOutput : argument
}

extension CommonOptions {
  /// Prints `result`; on standard error where the output itself went to standard output.
  func show(
    _ result: some Encodable, besides output: String, as text: () -> String
  ) throws {
    if outputPath(output) != AtomicFile.standardOutput { return try show(result, as: text) }
    if !quiet { Console.standardError(lines: json ? try encoded(result) : text()) }
  }
}
