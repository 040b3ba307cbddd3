// g ← Σ over the parts of a mini-batch, in order: layers whose threads take some samples each.

/// Parts of a mini-batch with gradients of their own. Their number is fixed, so that sums do not depend on that of the
/// threads.
struct BatchParts {
  let count = 4

  /// Samples of the largest part.
  func largest(of batch: Int) -> Int { (batch + count - 1) / count }

  /// Calls `body` with the number of each part that has samples, and with them.
  func run(_ pass: Pass, _ body: (_ part: Int, _ samples: Range<Int>) -> Void) {
    let used = min(count, pass.batch)
    pass.threads.run(tasks: used) { part, _ in
      body(part, pass.batch * part / used..<pass.batch * (part + 1) / used)
    }
  }

  /// Adds up the gradients of each parameter, which `partial` gives for a part in the same order.
  func sum(
    _ parameters: [Parameter], _ pass: Pass,
    _ partial: (_ part: Int) -> [UnsafeMutablePointer<Float>]
  ) {
    let all = (0..<min(count, pass.batch)).map(partial)
    for (i, parameter) in parameters.enumerated() {
      let g = parameter.gradient.pointer
      pass.threads.split(parameter.count, parts: parameter.count / Self.tile) { range in
        let (first, n) = (range.lowerBound, range.count)
        copy(g + first, all[0][i] + first, n)
        for part in all.dropFirst() { accumulate(g + first, part[i] + first, n) }
      }
    }
  }

  /// Elements that are worth a task.
  private static let tile = 16_384
}
