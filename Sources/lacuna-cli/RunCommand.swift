// `lacuna run`: input in, output out: a product with a sparse matrix, or a whole network.

import ArgumentParser
import Lacuna

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Multiply an array by a sparse matrix, or run a network on it.",
    subcommands: [RunProduct.self, RunNetwork.self])
}

extension ProductLayout: ExpressibleByArgument {}

/// The array that goes in and the file that comes out.
struct ArrayFlow: ParsableArguments {
  @Argument(
    help: "The input: an array of a .npy, .npz or safetensors file; - reads standard input.",
    completion: .file())
  var input: String

  @Option(help: "Which array of the input, when there are several.")
  var inputName: String?

  @Option(
    name: .shortAndLong,
    help:
      "The .npy file to write, or .npz for the outputs of an ONNX or TFLite network; - is standard output.",
    completion: .file(extensions: ["npy", "npz"]))
  var output: String

  @Option(help: "Threads. [1]")
  var threads = 1

  func validate() throws {
    try check("--threads", threads, in: OptionRange.threads)
  }

  func read() throws -> NumericArray {
    try checkWritable(outputPath(output))
    return try array(of: try ArrayFile(contentsOf: inputPath(input)))
  }

  /// The array that is meant: the named one, or the only one.
  func array(of file: ArrayFile) throws -> NumericArray {
    guard let inputName else { return try file.onlyNumbers() }
    guard let place = file.arrays.firstIndex(where: { $0.name == TensorName(inputName) }) else {
      throw Failure(.usage, "--input-name: \(input) has no array \(inputName)")
    }
    return try file.read(place)
  }

  func write(_ values: [Float], shape: [Int]) throws {
    try NPY.write(try NumericArray(shape: shape, values: .f32(values)), to: outputPath(output))
  }

  /// Seconds of the fastest of as many runs as take a tenth of a second, one at least.
  func time(_ body: () throws -> Void) rethrows -> (seconds: Double, runs: Int) {
    var (best, all, runs) = (Double.infinity, 0.0, 0)
    repeat {
      let start = ContinuousClock.now
      try body()
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      (best, all, runs) = (min(best, seconds), all + seconds, runs + 1)
    } while all < 0.1
    return (best, runs)
  }
}

/// What a run reports.
struct RunFacts: Encodable {
  var output: String
  var shape: [Int]
  var kernel: String
  /// Of the fastest run.
  var seconds: Double
  var runs: Int
  /// Multiplications and additions with what is stored, over the seconds.
  var gigaflops: Double?
  /// What a network of another program does, node by node.
  var steps: [String]?
  /// The same with the time of each.
  var times: [StepTime]?

  var text: String {
    let table = times.map { "\n\n" + StepTime.table($0) } ?? ""
    return line + table
  }

  private var line: String {
    let size = shape.map(String.init).joined(separator: "×")
    let speed = gigaflops.map { ", \(Numeral.fixed($0, digits: 1)) GFLOP/s" } ?? ""
    return "\(output.printable()): \(size) by \(kernel), "
      + "\(Numeral.fixed(seconds * 1e3, digits: 3)) ms (fastest of \(runs))\(speed)"
  }
}

struct RunProduct: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "product",
    abstract: "Y = W·X with a matrix W of any model file.",
    discussion: """
      W is the matrix [out, in] of the tensor, whatever the layout of its file. X is [in, n], and Y [out, n]; with \
      --layout rows X is [batch, in], and Y [batch, out].
      """)

  @OptionGroup var common: CommonOptions

  @Argument(help: "The file of W.", completion: .file())
  var weights: String

  @OptionGroup var flow: ArrayFlow

  @Option(help: "Which tensor is W, when there are several matrices.")
  var name: String?

  @Option(help: "How X and Y lie: columns or rows.")
  var layout = ProductLayout.columns

  func run() throws {
    let file = try ModelFile(contentsOf: weights)
    let index = try file.matrixIndex(name)
    let x = try flow.read()
    let matrix = try file.weights(index)
    let operand: DenseMatrix<Float> = try x.matrix()
    let width = layout == .columns ? operand.columns : operand.rows
    let plan = try Plan(
      matrix, layout: layout, width: width, options: PlanOptions(threads: flow.threads))
    var y = try DenseMatrix<Float>(
      rows: layout == .columns ? matrix.rows : width,
      columns: layout == .columns ? width : matrix.rows)
    let (seconds, runs) = try flow.time { try plan.run(operand, into: &y) }
    try flow.write(y.values, shape: [y.rows, y.columns])
    let facts = RunFacts(
      output: flow.output, shape: [y.rows, y.columns], kernel: plan.kernelName, seconds: seconds,
      runs: runs, gigaflops: 2 * Double(matrix.nnz) * Double(width) / seconds / 1e9)
    try common.show(facts, besides: flow.output) { facts.text }
  }
}

struct RunNetwork: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "network",
    abstract:
      "The outputs of a compact .lacuna model or of an ONNX or TFLite network for an array of inputs.",
    discussion: """
      For a .lacuna model the input is [batch, …] with as many values for each as the network takes, images as height × \
      width × channels; the output is [batch, classes], before any softmax.

      For an ONNX or TFLite network the input has the shape that the network takes, sizes that its file leaves open included. \
      Several inputs are arrays of an .npz file under the network's names, and an .npz output takes all outputs. The \
      zeros of its weights are skipped wherever that is faster; --json lists what is done for each node.
      """)

  @OptionGroup var common: CommonOptions

  @Argument(help: "The model.", completion: .file(extensions: ["lacuna", "onnx"]))
  var model: String

  @OptionGroup var flow: ArrayFlow

  @Option(help: NetworkArithmetic.help)
  var arithmetic = NetworkArithmetic.f32

  @Flag(help: "Also time every step of an ONNX or TFLite network, and list the slowest first.")
  var times = false

  func run() throws {
    if let graph = try graph() {
      if arithmetic != .f32 {
        throw Failure(.usage, "--arithmetic is for .lacuna models, not for \(model.printable())")
      }
      let facts = try GraphFlow(flow: flow, model: model, times: times).run(graph)
      return try common.show(facts, besides: flow.output) { facts.text }
    }
    if times {
      throw Failure(.usage, "--times is for ONNX and TFLite networks, not for \(model.printable())")
    }
    let stored = try CompressedModel(LacunaFile(contentsOf: model))
    let x = try flow.read()
    let size = stored.architecture.input.count
    let count = x.shape.first ?? 1
    if x.count != count * size || count == 0 {
      throw Failure(
        .badData,
        "\(flow.input) is \(x.shape), must be [batch, …] of \(size) values for each input")
    }
    let network = try SparseNetwork(
      stored, batch: min(count, 256), threads: flow.threads, arithmetic: arithmetic)
    let values = try x.floats()
    var logits: [Float] = []
    let (seconds, runs) = try flow.time { logits = try network.logits(values) }
    let shape = [count, network.outputs]
    try flow.write(logits, shape: shape)
    let facts = RunFacts(
      output: flow.output, shape: shape,
      kernel: network.steps.map(\.kernel).filter { !$0.isEmpty }.joined(separator: ", "),
      seconds: seconds, runs: runs)
    try common.show(facts, besides: flow.output) { facts.text }
  }
}

extension RunNetwork {
  /// The graph of an ONNX or TFLite file; nil for a .lacuna file.
  private func graph() throws -> Graph? {
    if (try? FileKind(contentsOf: model)) == .lacuna { return nil }
    let file = try ModelFile(contentsOf: model)
    do throws(NetworkError) { return try file.network() } catch {
      throw Failure(.badData, "\(model.printable()): \("\(error)".printable())")
    }
  }
}

extension ModelFile {
  /// The tensor of that name, or the only matrix.
  func matrixIndex(_ name: String?) throws(Failure) -> Int {
    let matrices = tensors.indices.filter { tensors[$0].shape.count >= 2 }
    let names = matrices.prefix(20).map { tensors[$0].name }.joined(separator: ", ")
    guard let name else {
      if matrices.count == 1 { return matrices[0] }
      throw Failure(
        .usage,
        "\(path) holds \(matrices.count) matrices: give --name (\(names.isEmpty ? "none" : names))")
    }
    guard
      let index = tensors.firstIndex(where: { $0.name.utf8.elementsEqual(name.utf8) })
    else { throw Failure(.usage, "--name: \(path) has no tensor \(name); it has \(names)") }
    return index
  }
}
