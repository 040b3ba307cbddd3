// NaN and infinity reach exactly the elements of Y that the rules say, whatever computes them.

import LacunaFormats
import LacunaOperations
import Testing

/// The widest right-hand side; narrower ones take the first columns.
private let widest = 100
private let size = 33

/// Small whole numbers, so that every order of summation gives the same: a diagonal of 1…33 and
/// W[0, 1] = 1.
private struct Operands<Scalar: SparseScalar> {
  /// What stands in for a number where X or W holds one.
  enum Kind: CaseIterable { case nanInX, nanInW, infinityMinusInfinity, infinityInX }

  var w = [Scalar](repeating: 0, count: size * size)
  /// [size, widest]: every second right-hand side is plain, so that its neighbour's NaN would show.
  var x = [Scalar](repeating: 1, count: size * widest)

  init(_ kind: Kind) {
    for i in 0..<size { w[i * size + i] = Scalar(i + 1) }
    w[1] = 1
    // A negative row: ReLU has something to do.
    w[2 * size + 2] = -3
    for c in stride(from: 0, to: widest, by: 2) {
      switch kind {
      case .nanInX: x[c] = .nan
      case .nanInW: w[0] = .nan
      case .infinityMinusInfinity: (x[c], x[widest + c]) = (.infinity, -.infinity)
      case .infinityInX: (x[widest + c], x[2 * widest + c]) = (-.infinity, .infinity)
      }
    }
  }

  /// Y in double precision: every weight that `isStored` takes part, zeros as well.
  func product(
    isStored: [Bool], bias: [Scalar]?, activation: Activation
  ) -> [Double] {
    var y = [Double](repeating: 0, count: size * widest)
    for i in 0..<size {
      for c in 0..<widest {
        var sum = Double(bias?[i] ?? 0)
        for j in 0..<size where isStored[i * size + j] {
          sum += Double(w[i * size + j]) * Double(x[j * widest + c])
        }
        // Written as the rule is said, not as the kernels are.
        let (lower, upper) = activation.bounds
        y[i * widest + c] = sum.isNaN ? sum : min(max(sum, lower), upper)
      }
    }
    return y
  }
}

/// What a plan is made from.
private enum Source: CaseIterable {
  case elements, blocks4x4, blocks2x2, blocks2x8, dense

  var block: BlockSize? {
    switch self {
    case .elements, .dense: nil
    case .blocks4x4: try! BlockSize(4, 4)
    case .blocks2x2: try! BlockSize(2, 2)
    case .blocks2x8: try! BlockSize(2, 8)
    }
  }

  func plan<Scalar: SparseScalar>(
    _ w: [Scalar], _ layout: ProductLayout, _ width: Int, _ epilogue: Epilogue<Scalar>,
    _ options: PlanOptions
  ) throws(OperationError) -> Plan<Scalar> {
    if let block {
      let matrix = try! bsr(w, size, size, block)
      return try Plan(matrix, layout: layout, width: width, epilogue: epilogue, options: options)
    }
    if self == .elements {
      let matrix = try! csr(w, size, size)
      return try Plan(matrix, layout: layout, width: width, epilogue: epilogue, options: options)
    }
    return try Plan(
      dense: try! DenseMatrix(rows: size, columns: size, values: w), layout: layout, width: width,
      epilogue: epilogue, options: options)
  }

  /// Which weights the format stores.
  func stored<Scalar: SparseScalar>(_ w: [Scalar]) -> [Bool] {
    let block = self.block ?? .element
    var stored = [Bool](repeating: self == .dense, count: w.count)
    for i in 0..<size {
      for j in 0..<size where w[i * size + j] != 0 {
        let (top, left) = (i / block.rows * block.rows, j / block.columns * block.columns)
        for r in top..<min(top + block.rows, size) {
          for c in left..<min(left + block.columns, size) { stored[r * size + c] = true }
        }
      }
    }
    return stored
  }

  /// The kernels that can be asked for: a forced plan's explanation names them.
  func kernels<Scalar: SparseScalar>(
    _: Scalar.Type, _ options: PlanOptions
  ) throws -> [String] {
    let ones = [Scalar](repeating: 1, count: size * size)
    var options = options
    options.kernel = "dense"
    return try plan(ones, .columns, 1, Epilogue(), options).explanation.candidates.map(\.kernel)
  }
}

@Suite struct NonFiniteTests {
  static let widths = [1, 2, 3, 4, 8, 15, 16, 17, 32, 64, widest]
  static let activations: [Activation] = [.none, .relu, .clamp(-1, 6)]
  static func options(_ isa: ISA, kernel: String? = nil) -> PlanOptions {
    PlanOptions(deterministic: true, kernel: kernel, isa: isa)
  }

  @Test(
    "No kernel loses a NaN, makes one, or bounds one: with and without bias and activation",
    arguments: ISA.available, ProductLayout.allCases)
  func everyKernel(isa: ISA, layout: ProductLayout) throws {
    let singles = try sweep(isa, layout, Float.self)
    let doubles = try sweep(isa, layout, Double.self)
    // What there is depends on the instruction set; strips, CSR and dense are always there.
    for name in ["spmm-1x1", "spmm-4x4", "csr", "dense"] {
      #expect(singles.contains(name) && doubles.contains(name), "\(name) was not run")
    }
    if isa.includes(.v3) { #expect(singles.contains("window")) }
    if isa.includes(.v3) { #expect(singles.contains("block-vector")) }
    if isa.includes(.v4) { #expect(singles.contains("window-compressed")) }
  }

  /// The names of the kernels that ran.
  private func sweep<Scalar: SparseScalar>(
    _ isa: ISA, _ layout: ProductLayout, _: Scalar.Type
  ) throws -> Set<String> {
    var ran: Set<String> = []
    let bias = (0..<size).map { Scalar($0 % 5) - 2 }
    for kind in Operands<Scalar>.Kind.allCases {
      let operands = Operands<Scalar>(kind)
      for source in Source.allCases {
        let kernels = try source.kernels(Scalar.self, Self.options(isa))
        #expect(!kernels.isEmpty)
        for (values, activation) in [nil, bias].flatMap({ b in Self.activations.map { (b, $0) } }) {
          let epilogue = Epilogue(bias: values, activation: activation)
          func expected(_ isStored: [Bool]) -> [Double] {
            operands.product(isStored: isStored, bias: values, activation: activation)
          }
          let sparse = expected(source.stored(operands.w))
          let dense = expected([Bool](repeating: true, count: size * size))
          for kernel in kernels {
            for width in Self.widths {
              let plan: Plan<Scalar>
              do throws(OperationError) {
                plan = try source.plan(
                  operands.w, layout, width, epilogue, Self.options(isa, kernel: kernel))
              } catch {
                // A format that these weights do not fit.
                guard case .unsuitableKernel = error else { throw error }
                continue
              }
              ran.insert(kernel)
              let failure = firstDifference(
                run(plan, operands.x, layout, width), kernel == "dense" ? dense : sparse, layout,
                width)
              #expect(
                failure == nil,
                """
                \(kernel) \(Scalar.dtype) \(source) ×\(width) \(kind) \(activation) \
                \(values == nil ? "no bias" : "bias"): \(failure!)
                """)
            }
          }
        }
      }
    }
    return ran
  }

  /// Y as it lies in memory; NaN before the run, because without beta Y is not read.
  private func run<Scalar: SparseScalar>(
    _ plan: Plan<Scalar>, _ x: [Scalar], _ layout: ProductLayout, _ width: Int
  ) -> [Scalar] {
    var from = [Scalar](repeating: 0, count: size * width)
    for j in 0..<size {
      for c in 0..<width {
        from[layout == .columns ? j * width + c : c * size + j] = x[j * widest + c]
      }
    }
    var y = [Scalar](repeating: .nan, count: size * width)
    let (xStride, yStride) = layout == .columns ? (width, width) : (size, size)
    plan.run(from, stride: xStride, into: &y, stride: yStride, width: width)
    return y
  }

  private func firstDifference<Scalar: SparseScalar>(
    _ y: [Scalar], _ expected: [Double], _ layout: ProductLayout, _ width: Int
  ) -> String? {
    for i in 0..<size {
      for c in 0..<width {
        let value = Double(y[layout == .columns ? i * width + c : c * size + i])
        let right = expected[i * widest + c]
        if value != right && !(value.isNaN && right.isNaN) {
          return "[\(i), \(c)] is \(value), expected \(right)"
        }
      }
    }
    return nil
  }

  @Test("What Y starts from passes too, NaN and all", arguments: ProductLayout.allCases, widths)
  func startingValues(layout: ProductLayout, width: Int) throws {
    let operands = Operands<Float>(.infinityInX)
    let ones = try DenseMatrix<Float>(
      rows: layout == .columns ? size : width, columns: layout == .columns ? width : size,
      values: [Float](repeating: 1, count: size * width))
    var y = ones
    let last = layout == .columns ? (size - 1, width - 1) : (width - 1, size - 1)
    y[last.0, last.1] = .nan
    try multiply(
      csr(operands.w, size, size), ones, into: &y, beta: 1, layout: layout,
      epilogue: Epilogue(activation: .relu))
    #expect(y[last.0, last.1].isNaN)
    let numbers = y.values.filter { !$0.isNaN }
    #expect(numbers.count == size * width - 1 && numbers.allSatisfy { $0 >= 0 })
  }

  @Test(
    "A zero keeps its sign through ReLU and clamp", arguments: ISA.available, ProductLayout.allCases
  )
  func negativeZero(isa: ISA, layout: ProductLayout) throws {
    // The strip kernels start from the bias, so that −0 is what comes out of an empty row.
    let empty = try csr([Float](repeating: 0, count: size * size), size, size)
    for activation in [Activation.none, .relu, .clamp(0, 6), .clamp(-1, 0)] {
      let epilogue = Epilogue(bias: [Float](repeating: -0.0, count: size), activation: activation)
      for width in Self.widths {
        let plan = try Plan(
          empty, layout: layout, width: width, epilogue: epilogue,
          options: Self.options(isa, kernel: "spmm-1x1"))
        let y = run(plan, [Float](repeating: 1, count: size * widest), layout, width)
        #expect(y.allSatisfy { $0.sign == .minus && $0 == 0 }, "\(activation) ×\(width)")
      }
    }
  }
}
