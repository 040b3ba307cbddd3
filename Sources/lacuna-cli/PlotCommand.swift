// `lacuna plot`: pictures of pruning: the ramp, a tensor, a tensor in motion, a network.

import ArgumentParser
import Lacuna

struct PlotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plot",
    abstract: "Draw a schedule, a pruned tensor, its pruning in motion, or a thinned network.",
    subcommands: [
      PlotRamp.self, PlotTensor.self, PlotAnimation.self, PlotNetwork.self,
    ])
}

/// Where a picture goes.
struct PictureOutput: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The picture to write.", valueName: "FILE.svg"),
    completion: .file(extensions: ["svg"]))
  var output: String

  func write(_ picture: Picture) throws {
    try AtomicFile.write(Array(picture.file().utf8), to: output)
  }
}

/// The matrix that is drawn: an array of a file, or random weights.
struct PictureInput: ParsableArguments {
  @Argument(
    help: "The weights: a model file of any format; - reads standard input. [random weights]",
    completion: .file())
  var input: String?

  @Option(help: "Which tensor of the file. [the largest]")
  var name: String?

  @Option(help: "What the random weights are made from. [1]")
  var seed: UInt64?

  func validate() throws {
    if input == nil {
      try refuse([("--name", name != nil)], "needs a file of tensors")
    } else {
      try refuse([("--seed", seed != nil)], "is for random weights, not for those of a file")
    }
  }

  /// Name, shape and weights as a matrix.
  func matrix() throws -> (name: String, matrix: DenseMatrix<Float>) {
    guard let input else {
      return ("random weights", try randomMatrix(rows: 32, columns: 64, seed: seed ?? 1))
    }
    let file = try ModelFile(contentsOf: inputPath(input))
    let tensors = file.tensors
    if let name {
      guard let place = tensors.firstIndex(where: { $0.name.utf8.elementsEqual(name.utf8) })
      else {
        let names = tensors.map(\.name).joined(separator: ", ")
        throw Failure(.usage, "--name: \(input) has no array \(name); it has \(names)")
      }
      return (name, try file.denseWeights(place))
    }
    let candidates = tensors.indices.filter {
      (tensors[$0].type.isFloatingPoint || tensors[$0].quantization != nil)
        && tensors[$0].elementCount > 0
    }
    guard
      let largest = candidates.max(by: { tensors[$0].elementCount < tensors[$1].elementCount })
    else { throw Failure(.badData, "\(input) holds no floating-point weights") }
    return (tensors[largest].name, try file.denseWeights(largest))
  }
}

/// Weights that look like a trained layer's: bell-shaped, stronger in some rows and columns.
private func randomMatrix(rows: Int, columns: Int, seed: UInt64) throws -> DenseMatrix<Float> {
  var random = PictureGenerator(state: seed)
  func bell() -> Float {
    (0..<6).reduce(0) { sum, _ in sum + Float.random(in: -1...1, using: &random) }
  }
  let rowScale = (0..<rows).map { _ in 0.6 + 0.15 * bell().magnitude }
  let columnScale = (0..<columns).map { _ in 0.6 + 0.15 * bell().magnitude }
  var values: [Float] = []
  for i in 0..<rows {
    for j in 0..<columns { values.append(bell() * rowScale[i] * columnScale[j]) }
  }
  return try DenseMatrix(rows: rows, columns: columns, values: values)
}

/// SplitMix64 (Steele et al. 2014).
private struct PictureGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}

extension DenseMatrix where Scalar == Float {
  /// The matrix with only what magnitude pruning leaves.
  fileprivate func pruned(to sparsity: Double, _ granularity: Granularity) throws -> DenseMatrix {
    let packed = values
    let mask = try packed.withUnsafeBufferPointer {
      try magnitudeMask(
        $0, shape: [rows, columns], sparsity: sparsity, granularity: granularity)
    }.mask
    var result = try DenseMatrix(rows: rows, columns: columns, values: packed)
    try mask.apply(to: &result)
    return result
  }

  /// A close-up of the upper left corner, with squares of the size that fills `width` pixels.
  fileprivate func closeUp(title: String, width: Double, largest: Float) -> Picture {
    let extent = (rows: min(rows, 48), columns: min(columns, 64))
    return values.withUnsafeBufferPointer {
      WeightPicture.closeUp(
        $0, rows: rows, columns: columns, title: title, extent: extent, largest: largest,
        square: max(3, (width / Double(max(extent.columns, 1))).rounded(.down)))
    }
  }

  fileprivate var largest: Float { values.map(\.magnitude).max() ?? 1 }
}

struct PlotRamp: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ramp", abstract: "A schedule: the curve, and the stairs that masks follow.")

  @OptionGroup(title: "Schedule") var recipe: RecipeOptions
  @OptionGroup var picture: PictureOutput

  func run() throws {
    let schedule = try recipe.drawnSchedule()
    try picture.write(schedule.picture(steps: recipe.shownSteps, title: recipe.title))
  }
}

struct PlotTensor: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tensor",
    abstract: "One tensor with no sparsity, with single weights and with blocks pruned.")

  @OptionGroup var source: PictureInput
  @OptionGroup var picture: PictureOutput

  @Option(help: "The fraction of zeros, 0 or more and below 1.")
  var sparsity = 0.8

  @Option(help: "The block of the third picture.", transform: BlockSize.init(argument:))
  var block = try! BlockSize(1, 2)

  func validate() throws {
    try checkSparsity("--sparsity", sparsity)
  }

  func run() throws {
    let (name, matrix) = try source.matrix()
    let zeros = Numeral.percent(sparsity, digits: 0)
    let largest = matrix.largest
    let views = [
      matrix.closeUp(title: "no sparsity", width: 320, largest: largest),
      try matrix.pruned(to: sparsity, .element).closeUp(
        title: "\(zeros) zeros, 1×1", width: 320, largest: largest),
      try matrix.pruned(to: sparsity, .block(block)).closeUp(
        title: "\(zeros) zeros, \(block.rows)×\(block.columns) blocks", width: 320,
        largest: largest),
    ]
    try picture.write(Picture.row(views, title: name))
  }
}

struct PlotAnimation: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "animation",
    abstract: "A tensor losing its weights along a schedule, as an animated SVG.")

  @OptionGroup var source: PictureInput
  @OptionGroup(title: "Schedule") var recipe: RecipeOptions
  @OptionGroup var picture: PictureOutput

  @Option(help: "Pictures in the animation, 2...60.")
  var frames = 24

  func validate() throws {
    try check("--frames", frames, in: 2...60)
    try refuse(
      [("--frequency", recipe.frequency != nil), ("--compat", recipe.compat != nil)],
      "has no effect on an animation, which follows the curve and not its updates")
  }

  func run() throws {
    let schedule = try recipe.drawnSchedule()
    let (name, matrix) = try source.matrix()
    let (begin, end) = (recipe.chosenKind == .oneShot ? 0 : recipe.first, recipe.last)
    let largest = matrix.largest
    let pictures = try (0..<frames).map { n -> Picture in
      let step = begin + (end - begin) * n / (frames - 1)
      let sparsity = schedule.sparsity(at: step)
      var view = try matrix.pruned(to: sparsity, .element).closeUp(
        title: "", width: 640, largest: largest)
      let caption = "step \(step): \(Numeral.percent(sparsity, digits: 1)) zeros"
      view.content += Mark.text(caption, x: 0, y: view.height + 24, style: "series-name")
      view.content += Mark.rectangle(
        x: 0, y: view.height + 36, width: view.width, height: 6, radius: 3, style: "frame-line")
      view.content += Mark.rectangle(
        x: 0, y: view.height + 36, width: view.width * sparsity, height: 6, radius: 3,
        style: "f-blue")
      view.height += 46
      return view
    }
    try picture.write(
      Animation.loop(
        pictures, name: "pruning",
        title: "\(name), pruned to \(Numeral.percent(recipe.finalSparsity, digits: 0)) zeros"))
  }
}

struct PlotNetwork: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "network",
    abstract: "A small network before and after pruning, its connections thinned.")

  @OptionGroup var picture: PictureOutput

  @Option(help: "Units per layer, inputs first.", transform: LayerSizes.init(argument:))
  var layers = LayerSizes(sizes: [10, 14, 14, 5])

  @Option(help: "The fraction of connections removed, 0 or more and below 1.")
  var sparsity = 0.8

  @Option(help: "What the random weights are made from.")
  var seed: UInt64 = 1

  func validate() throws {
    try checkSparsity("--sparsity", sparsity)
  }

  func run() throws {
    let sizes = layers.sizes
    let before = try sizes.indices.dropFirst().map { n in
      try randomMatrix(rows: sizes[n], columns: sizes[n - 1], seed: seed &+ UInt64(n))
    }
    let after = try before.map { try $0.pruned(to: sparsity, .element) }
    let largest = before.map(\.largest)
    let connections = before.reduce(0) { $0 + $1.rows * $1.columns }
    let left = after.reduce(0) { $0 + BitMask(nonzerosOf: $1).keptCount }
    let views = zip([before, after], ["before: \(connections) connections", "after: \(left)"]).map {
      (matrices, title) in
      NetworkPicture.connections(
        matrices.map { ($0.values, $0.rows, $0.columns) }, title: title, largest: largest)
    }
    try picture.write(
      Picture.row(
        views, title: "\(Numeral.percent(sparsity, digits: 0)) of the connections removed",
        gap: 56))
  }
}

/// `10,14,14,5`.
struct LayerSizes: CustomStringConvertible {
  var sizes: [Int]

  init(sizes: [Int]) { self.sizes = sizes }

  init(argument: String) throws {
    sizes = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard sizes.count >= 2, sizes.allSatisfy({ (1...64).contains($0) }) else {
      throw ValidationError(
        "layers \(argument) are not two or more numbers in 1...64, such as 8,12,4")
    }
  }

  var description: String { sizes.map(String.init).joined(separator: ",") }
}
