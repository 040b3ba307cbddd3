// One line of progress: redrawn in place for a person, a line per tenth of the way in a log.

import LacunaReport

/// A progress bar on standard error.
///
///     prune  ━━━━━━━━━━━━━━──────────────  1 240/2 345  loss 0.31  accuracy 89.2 %  1:12 left
///
/// Redrawing happens at most ten times a second, and never when standard error is not a terminal.
struct ProgressBar {
  private let total: Int
  private let title: String
  private let isSilent: Bool
  private let isInteractive = Console.isInteractive
  private let start = ContinuousClock.now
  private var firstStep: Int?
  private var lastDrawing: ContinuousClock.Instant?
  private var lastTenth = 0

  init(total: Int, title: String, isSilent: Bool) {
    self.total = max(total, 1)
    self.title = title
    self.isSilent = isSilent
  }

  /// Shows that `step` steps of the total are done; `detail` follows the count.
  mutating func update(step: Int, detail: @autoclosure () -> String) {
    guard !isSilent else { return }
    let first = firstStep ?? max(step - 1, 0)
    firstStep = first
    let now = ContinuousClock.now
    if isInteractive {
      if let last = lastDrawing, step < total, now - last < .milliseconds(100) { return }
      lastDrawing = now
      let line = [title, bar(step), count(step), detail(), left(step, first, now)]
        .filter { !$0.isEmpty }.joined(separator: "  ")
      // Return to the first column, the line cut to the terminal, erase what is right of it.
      Console.standardErrorWithoutLineEnd(
        "\r\(line.printable().prefix(Console.columns - 1))\u{1B}[K")
    } else {
      let tenth = step * 10 / total
      guard tenth > lastTenth else { return }
      lastTenth = tenth
      let parts = [title, count(step), detail(), left(step, first, now)].filter { !$0.isEmpty }
      Console.standardError(parts.joined(separator: "  "))
    }
  }

  /// Ends the line, so that what is printed next starts on its own.
  func finish() {
    if !isSilent, isInteractive, lastDrawing != nil { Console.standardErrorWithoutLineEnd("\n") }
  }

  private func bar(_ step: Int) -> String {
    let width = 24
    let full = min(width, width * step / total)
    return String(repeating: "━", count: full) + String(repeating: "─", count: width - full)
  }

  private func count(_ step: Int) -> String { "\(Numeral.grouped(step))/\(Numeral.grouped(total))" }

  private func left(_ step: Int, _ first: Int, _ now: ContinuousClock.Instant) -> String {
    let elapsed = (now - start) / .seconds(1)
    guard step < total, step > first, elapsed > 1 else { return "" }
    let seconds = elapsed / Double(step - first) * Double(total - step)
    return "\(Numeral.clock(seconds: seconds)) left"
  }
}
