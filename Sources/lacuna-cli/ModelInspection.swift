// What `lacuna inspect` reports of a model file that is not Lacuna's own: tensor by tensor.

import Lacuna

/// The tensors of a model file, with figures to choose a format by.
struct ModelInspection: Encodable {
  struct Tensor: Encodable {
    var facts: TensorFacts
    /// Dense seconds over sparse seconds by the plan's model, for one column; nil without many zeros.
    var expectedSpeedup: Double?
    /// The kernel that the plan would take.
    var kernel: String?

    private enum CodingKeys: CodingKey { case expectedSpeedup, kernel }

    func encode(to encoder: any Encoder) throws {
      try facts.encode(to: encoder)
      var fields = encoder.container(keyedBy: CodingKeys.self)
      try fields.encodeIfPresent(expectedSpeedup, forKey: .expectedSpeedup)
      try fields.encodeIfPresent(kernel, forKey: .kernel)
    }
  }

  var file: String
  var format: String
  var width: Int
  var elements: Int
  var zeros: Int
  var bytes: Int
  var tensors: [Tensor]

  /// Zeros from which on a sparse product is worth asking about.
  private static let leastSparsity = 0.3

  /// Elements from which on no dense product stands beside the sparse one.
  private static let mostElements = 1 << 30

  init(_ model: ModelFile, width: Int) throws {
    (file, format, self.width) = (model.path, model.format.rawValue, width)
    var tensors: [Tensor] = []
    for index in model.tensors.indices {
      let facts = try TensorFacts(model, index)
      var tensor = Tensor(facts: facts)
      let isWeight = [.weight, .recurrent, .unknown].contains(model.tensors[index].role)
      if facts.sparsity >= Self.leastSparsity, facts.sparsity < 1, isWeight,
        facts.shape.count >= 2, facts.elements <= Self.mostElements
      {
        // By the estimate alone: the same file always gives the same answer.
        let plan = try Plan(
          try model.weights(index), width: width, options: PlanOptions(deterministic: true))
        let candidates = plan.explanation.candidates
        if let dense = candidates.first(where: { $0.kernel == "dense" }),
          let chosen = candidates.first(where: { $0.kernel == plan.explanation.kernel })
        {
          tensor.expectedSpeedup = dense.predictedSeconds / chosen.predictedSeconds
        }
        tensor.kernel = plan.kernelName
      }
      tensors.append(tensor)
    }
    self.tensors = tensors
    elements = tensors.reduce(0) { $0 + $1.facts.elements }
    zeros = tensors.reduce(0) { $0 + $1.facts.zeros }
    bytes = tensors.reduce(0) { $0 + $1.facts.bytes }
  }

  /// The columns, and the order in which they go where the terminal is too narrow for all.
  private static let columns = [
    "tensor", "operator", "shape", "type", "zeros", "block", "bytes", "csr", "bsr", "speed-up",
  ]
  private static let leastImportant = ["csr", "bsr", "operator", "type", "bytes"]

  var text: String {
    let title =
      "\(file.printable()): \(format), \(tensors.count) tensors, \(Numeral.grouped(elements)) elements"
    var (shown, table) = (Self.columns, table(Self.columns, nameLength: 36))
    for column in Self.leastImportant {
      if Self.fits(table) { break }
      shown.removeAll { $0 == column }
      table = self.table(shown, nameLength: 36)
    }
    if !Self.fits(table) { table = self.table(shown, nameLength: 20) }
    return "\(title)\n\n\(table)"
  }

  private static func fits(_ table: String) -> Bool {
    guard let width = Console.outputColumns else { return true }
    return table.split(separator: "\n").allSatisfy { $0.count <= width }
  }

  private func table(_ shown: [String], nameLength: Int) -> String {
    let places = shown.map { Self.columns.firstIndex(of: $0)! }
    var table = TextTable(
      shown, leading: Set(shown.indices.filter { places[$0] <= 3 }))
    func append(_ cells: [String]) { table.append(places.map { cells[$0] }) }
    for tensor in tensors {
      let facts = tensor.facts
      let block =
        facts.block.map { block in
          block == "1×1" ? "" : "\(block) \(Numeral.percent(facts.blockShare ?? 1, digits: 0))"
        } ?? ""
      append([
        Self.shortened(facts.name, to: nameLength),
        facts.operation ?? (facts.role == "unknown" ? "" : facts.role),
        facts.shape.map(String.init).joined(separator: "×"), facts.dtype,
        facts.zeros == 0 ? "" : Numeral.percent(facts.sparsity), facts.pattern ?? block,
        Numeral.grouped(facts.bytes), facts.sizes["csr"].map { Numeral.grouped($0) } ?? "",
        facts.sizes["bsr"].map { Numeral.grouped($0) } ?? "",
        tensor.expectedSpeedup.map { Numeral.fixed($0, digits: 1) + "×" } ?? "",
      ])
    }
    append([
      "all", "", "", "", Numeral.percent(elements == 0 ? 0 : Double(zeros) / Double(elements)), "",
      Numeral.grouped(bytes), "", "", "",
    ])
    return table.rendered()
  }

  /// Names are paths in a graph: the end says more than the beginning.
  static func shortened(_ name: String, to length: Int = 36) -> String {
    name.count <= length ? name : "…" + name.suffix(length - 1)
  }
}
