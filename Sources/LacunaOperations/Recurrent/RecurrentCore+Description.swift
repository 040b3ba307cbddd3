// What was chosen for each product of a recurrent network, in words.

extension RecurrentCore {
  /// Such as "spmm-4x4 + window": the distinct choices for W and for R.
  package var kernelName: String {
    let names = passes.map { pass in
      pass.products.map(\.body.name).joined(separator: " + ")
    }
    return names.enumerated().filter { !names[..<$0].contains($1) }.map(\.element)
      .joined(separator: ", ")
  }

  /// One line: shape, layout, kernels, bytes.
  package var summary: String {
    "\(shape) f32, \(layout.rawValue) ×\(steps) ×\(batch): \(kernelName), \(packedBytes) bytes"
  }

  /// A line for each product, then what it was chosen from.
  package var explanation: String {
    passes.enumerated().map { number, pass in
      let (layer, direction) = number.quotientAndRemainder(dividingBy: shape.direction.count)
      let isReversed = shape.direction == .reverse || direction == 1
      return zip(["W", "R", "R of the candidate"], pass.products).map { name, product in
        "layer \(layer), \(isReversed ? "reverse" : "forward"), \(name): \(product.summary)\n"
          + "\(product.explanation)"
      }.joined(separator: "\n")
    }.joined(separator: "\n")
  }
}
