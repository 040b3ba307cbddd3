// Standard output and standard error, unbuffered, with write errors that are not lost.

/// The two standard streams of the tool.
enum Console {
  /// Prints a result for people and a line end. A full disk or a closed pipe ends the tool with exit code
  /// 74.
  static func standardOutput(_ text: String) {
    write(text.printable(keepingLines: true) + "\n")
  }

  /// Prints JSON and a line end.
  static func standardOutput(json text: String) {
    write(text.printableJSON + "\n")
  }

  private static func write(_ text: String) {
    guard put(text, to: STDOUT_FILENO) else {
      let reason = String(cString: strerror(errno))
      standardError("lacuna: cannot write to standard output: \(reason)")
      exit(.inputOutput)
    }
  }

  /// Prints a message or progress, which is one line whatever names are in it, and a line end.
  static func standardError(_ text: String) {
    _ = put(text.printable() + "\n", to: STDERR_FILENO)
  }

  /// Prints a result for people, or JSON, beside an output that has standard output for itself.
  static func standardError(lines text: String) {
    _ = put(text.printable(keepingLines: true) + "\n", to: STDERR_FILENO)
  }

  /// Progress that stays on its line; for `ProgressBar`.
  static func standardErrorWithoutLineEnd(_ text: String) {
    _ = put(text, to: STDERR_FILENO)
  }

  /// Whether a person watches standard error: only then are escape codes and redrawn lines welcome.
  static var isInteractive: Bool {
    isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }

  /// The width of the terminal in columns; 80 where nobody says.
  static var columns: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// The width of the terminal that standard output is; nil where it is none, and lines may be of any length.
  static var outputColumns: Int? {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  private static func put(_ text: String, to descriptor: Int32) -> Bool {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { systemWrite(descriptor, $0) }
      if written < 0 {
        if errno == EINTR { continue }
        return false
      }
      bytes = bytes.dropFirst(written)
    }
    return true
  }
}

// The system call, under a name that the methods above do not shadow.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(descriptor, bytes.baseAddress, bytes.count)
}
