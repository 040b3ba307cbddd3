// Pictures that explain: the same tensor pruned in different pieces, and a network losing connections.

import Lacuna

extension DemoReport {
  /// One corner of the largest kernel, whole, pruned weight by weight, and in 1×2 blocks; then the same
  /// network before and after as circles and lines.
  func shapes() -> ReportPage.Section {
    var blocks: [ReportPage.Block] = []
    if let kernel = before.max(by: { $0.values.count < $1.values.count }) {
      let sparsity = result.recipe.finalSparsity
      let pair = try? BlockSize(1, 2)
      let pictures = [
        corner(of: kernel, "no sparsity", mask: nil),
        corner(of: kernel, "1×1", mask: mask(kernel, sparsity, .element)),
        pair.map { corner(of: kernel, "1×2", mask: mask(kernel, sparsity, .block($0))) },
      ].compactMap { $0 }
      blocks += [
        .text(
          "What is kept or dropped as one piece decides what the pattern looks like. Single weights keep "
            + "the most accuracy; blocks let one index serve several weights and run nearer to the "
            + "processor's peak. Below, the dense \(kernel.name), untouched and pruned at once to "
            + "\(Numeral.percent(sparsity, digits: 0)) in two ways."),
        .figure(
          pictures,
          caption:
            "48 outputs by 48 inputs of \(kernel.name): all weights, the largest tenth of the "
            + "weights, the largest tenth of the pairs of neighbouring inputs."),
      ]
    }
    if let old = network(before, "before"), let new = network(after, "after") {
      blocks.append(
        .figure(
          [old, new],
          caption:
            "Connections among 24 inputs and 16 units of the hidden layer and the ten classes, "
            + "before and after. The stronger the weight, the stronger the line."))
    }
    return .init("Patterns", blocks)
  }

  private func mask(
    _ kernel: KernelCopy, _ sparsity: Double, _ granularity: Granularity
  ) -> BitMask? {
    try? kernel.values.withUnsafeBufferPointer {
      try magnitudeMask(
        $0, shape: [kernel.rows, kernel.columns], sparsity: sparsity, granularity: granularity
      ).mask
    }
  }

  private func corner(of kernel: KernelCopy, _ title: String, mask: BitMask?) -> Picture {
    let side = 48
    var kernel = kernel
    let largest = kernel.values.withUnsafeMutableBufferPointer { strongMagnitude($0) }
    if let mask {
      for row in 0..<min(side, kernel.rows) {
        for column in 0..<min(side, kernel.columns) where !mask[row, column] {
          kernel.values[row * kernel.columns + column] = 0
        }
      }
    }
    let picture = kernel.values.withUnsafeBufferPointer {
      WeightPicture.closeUp(
        $0, rows: kernel.rows, columns: kernel.columns, title: title, extent: (side, side),
        largest: largest, square: 5)
    }
    return .row([picture], title: title)
  }

  /// A small part of the last two layers; nil when the network has no such layers.
  private func network(_ kernels: [KernelCopy], _ title: String) -> Picture? {
    guard kernels.count >= 2 else { return nil }
    let (hidden, last) = (kernels[kernels.count - 2], kernels[kernels.count - 1])
    let (inputs, units) = (min(24, hidden.columns), min(16, hidden.rows))
    guard last.columns >= units else { return nil }
    // Inputs from the middle of the matrix: the first ones are pixels of the border.
    let start = (hidden.columns - inputs) / 2
    func part(_ kernel: KernelCopy, rows: Int, columns: Range<Int>) -> [Float] {
      (0..<rows).flatMap { row in columns.map { kernel.values[row * kernel.columns + $0] } }
    }
    return .row(
      [
        NetworkPicture.connections(
          [
            (part(hidden, rows: units, columns: start..<start + inputs), units, inputs),
            (part(last, rows: last.rows, columns: 0..<units), last.rows, units),
          ], title: title, width: 370, height: 340)
      ], title: title)
  }
}
