// `lacuna-bench recurrent`: steps of sparse LSTMs and GRUs against the same with OpenBLAS.

import ArgumentParser
import Lacuna

struct RecurrentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recurrent",
    abstract:
      "Sparse LSTMs and GRUs against cblas_sgemv and _sgemm with the same element-wise part.",
    discussion: """
      Matrices of fewer than \(RecurrentCase.fewestColumns) columns have no zeros. The dense side multiplies by \
      cblas_sgemv where one step of one sequence runs, and by cblas_sgemm where more do.
      """)

  @Option(
    name: .customLong("shape"),
    help: ArgumentHelp(
      "Cell (lstm, gru, gru-after), inputs, hidden units, steps and sequences; or wavernn, g2p, silero; several "
        + "parted by commas. [wavernn,g2p,silero]", valueName: "CELLxINPUTSxHIDDENxSTEPSxBATCH,…"))
  var shapes: List<RecurrentWord>?

  @Option(
    name: .customLong("sparsity"),
    help: ArgumentHelp("Shares of zeros, parted by commas.", valueName: "s,…"))
  var sparsities = List([0.95])

  @Option(
    name: .customLong("block"),
    help: ArgumentHelp("Block shapes, output rows by input columns.", valueName: "RxC,…"))
  var blocks = List([BlockSize(unchecked: 4, 4)])

  @Option(
    name: .customLong("dtype"),
    help: ArgumentHelp("Types of weights: f32, or i8 with 8-bit products.", valueName: "t,…"))
  var dtypes = List([BenchType.f32])

  @Option(
    name: .customLong("rate"),
    help: ArgumentHelp("Steps of a second of real time, for the real-time factor.", valueName: "n"))
  var rate = 24000

  @OptionGroup var choice: ChoiceOptions

  @OptionGroup var measure: MeasureOptions

  func validate() throws {
    for shape in shapes?.elements ?? [] { try shape.checkSize("--shape") }
    try check("--rate", rate, in: 1...1_000_000_000)
    if dtypes.elements.contains(.f64) {
      throw ValidationError("--dtype f64: recurrent layers are f32, or i8")
    }
  }

  func run() throws {
    try measure.prepare()
    let words =
      shapes?.elements ?? ["wavernn", "g2p", "silero"].map { RecurrentWord(listElement: $0)! }
    let options = choice.plans(threads: measure.threads)
    var printer = RowPrinter(
      json: measure.json, header: RecurrentResult.tableHeader, widths: RecurrentResult.tableWidths)
    for dtype in dtypes.elements {
      for block in blocks.elements {
        for sparsity in sparsities.elements {
          for word in words {
            let one = RecurrentCase(
              word: word, sparsity: sparsity, block: block, isQuantized: dtype == .i8, rate: rate)
            let result = try one.measured(measure, options)
            printer.show(result.row, result.tableCells)
          }
        }
      }
    }
  }
}

/// A recurrent layer to measure.
struct RecurrentCase: Sendable {
  var word: RecurrentWord
  var sparsity: Double
  var block: BlockSize
  var isQuantized: Bool
  var rate: Int

  /// A few inputs are worth no sparsity.
  static let fewestColumns = 32

  /// Random weights whose sums are of a few units, and how they are handed over.
  private func matrix(
    columns: Int, seed: UInt64
  ) throws -> (dense: DenseMatrix<Float>, gates: SparseTensor) {
    let rows = word.shape.cell.gates * word.shape.hidden
    var dense: DenseMatrix<Float> = try randomDense(rows: rows, columns: columns, seed: seed)
    let isDense = columns < Self.fewestColumns
    if !isDense {
      let mask = try randomMask(
        rows: rows, columns: columns, block: block, sparsity: sparsity, seed: seed &+ 1)
      try mask.apply(to: &dense)
    }
    let scale = 3 / Float(Double(columns) * (isDense ? 1 : max(1 - sparsity, 0.01))).squareRoot()
    dense.withUnsafeMutableElements { for i in $0.indices { $0[i] *= scale } }
    let matrix =
      block == .element || isDense
      ? StoredMatrix.csr(CSRMatrix(dense: dense)) : .bsr(BSRMatrix(dense: dense, block: block))
    if !isQuantized { return (dense, SparseTensor(matrix)) }
    // The weights that are computed with are those of the bytes.
    let bytes = try QuantizedMatrix(quantizing: matrix)
    return (bytes.dequantized().dense(), SparseTensor(bytes))
  }

  /// Makes random weights and sequences, checks both networks, and times them in turn.
  func measured(_ measure: MeasureOptions, _ options: PlanOptions) throws -> RecurrentResult {
    let shape = word.shape
    let (w, wGates) = try matrix(columns: shape.inputs, seed: measure.seed)
    let (r, rGates) = try matrix(columns: shape.hidden, seed: measure.seed &+ 2)
    func network(_ weights: RecurrentWeights, _ options: PlanOptions) throws -> Recurrent {
      try Recurrent(
        shape, weights: [weights], order: .torch, steps: word.steps, batch: word.batch,
        options: options)
    }
    let sparse = try network(RecurrentWeights(input: wGates, recurrent: rGates), options)
    var others = options
    others.kernel = "dense"
    let dense = try network(
      RecurrentWeights(input: SparseTensor(w), recurrent: SparseTensor(r)), others)
    BLAS.threads = measure.threads
    var generator = SplitMix64(seed: measure.seed &+ 4)
    let x: [Float] = (0..<word.steps * word.batch * shape.inputs).map { _ in generator.nonzero() }
    let check = try RecurrentReference(word: word, w: w, r: r, isQuantized: isQuantized).check(
      sparse(x, batch: word.batch), x: x, "\(sparse.kernelName) \(word.listElement)")
    _ = try RecurrentReference(word: word, w: w, r: r, isQuantized: false).check(
      dense(x, batch: word.batch), x: x, "dense \(word.listElement)")
    let timings = x.withUnsafeBufferPointer { x in
      Stopwatch(budget: measure.time, cache: measure.cache).time(
        [sparse, dense].map { network in
          let y = AlignedBuffer<Float>(count: word.steps * word.batch * shape.outputs)
          let states = AlignedBuffer<Float>(count: 2 * shape.stateCount(batch: word.batch))
          var call = RecurrentCall(
            x: x.baseAddress!, y: y.pointer, steps: word.steps, batch: word.batch)
          // A stream that goes on.
          (call.firstHidden, call.lastHidden) = (UnsafePointer(states.pointer), states.pointer)
          if shape.cell.hasCellState {
            let cell = states.pointer + states.count / 2
            (call.firstCell, call.lastCell) = (UnsafePointer(cell), cell)
          }
          let operands = call
          return {
            network.run(operands)
            keep((y, states))
          }
        })
    }
    return RecurrentResult(
      word: word, sparsity: sparsity,
      stored: BitMask(nonzerosOf: w).keptCount + BitMask(nonzerosOf: r).keptCount, block: block,
      isQuantized: isQuantized, threads: measure.threads, cache: measure.cache, rate: rate,
      kernel: sparse.kernelName, sparse: timings[0], dense: timings[1], check: check)
  }
}
