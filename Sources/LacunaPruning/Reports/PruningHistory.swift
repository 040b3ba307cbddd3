// One line per training step: how sparse the model was, and what each update did

/// What a pruner did, step by step.
public struct PruningHistory: Equatable, Sendable {
  /// One training step.
  public struct Entry: Equatable, Sendable {
    /// The training step, counted from 1.
    public let step: Int
    /// Dropped weights over all weights of the model after this step's update.
    public let sparsity: Double
    /// The reports of the tensors whose masks were recomputed; empty at most steps.
    public let updated: [TensorReport]
  }

  /// The steps in order.
  public private(set) var entries: [Entry] = []

  mutating func append(step: Int, _ report: PruningReport, updated: [String]) {
    entries.append(
      Entry(
        step: step, sparsity: report.sparsity,
        updated: updated.isEmpty ? [] : report.tensors.filter { updated.contains($0.name) }))
  }

  /// JSON lines: an object per step, with a list of tensors where masks were recomputed.
  ///
  ///     {"step":100,"update":true,"sparsity":0.53,"tensors":[{"name":"dense","target":0.53,…}]}
  public var jsonLines: String {
    var text = ""
    for entry in entries {
      text += "{\"step\":\(entry.step),\"update\":\(!entry.updated.isEmpty)"
      text += ",\"sparsity\":\(entry.sparsity)"
      if !entry.updated.isEmpty {
        let tensors = entry.updated.map { tensor in
          "{\"name\":\(quoted(tensor.name)),\"target\":\(tensor.target ?? 0)"
            + ",\"sparsity\":\(tensor.sparsity),\"threshold\":\(number(tensor.threshold))"
            + ",\"kept\":\(tensor.kept),\"weights\":\(tensor.weights)"
            + ",\"keptCells\":\(tensor.keptCells ?? 0),\"cells\":\(tensor.cells ?? 0)}"
        }
        text += ",\"tensors\":[" + tensors.joined(separator: ",") + "]"
      }
      text += "}\n"
    }
    return text
  }

  /// CSV: a row for the whole model at each step, under an empty tensor name, and a row per tensor whose
  /// mask was recomputed.
  public var csv: String {
    var text = "step,tensor,target,sparsity,threshold,kept,weights\n"
    for entry in entries {
      text += "\(entry.step),,,\(entry.sparsity),,,\n"
      for tensor in entry.updated {
        let name =
          "\""
          + tensor.name.split(separator: "\"", omittingEmptySubsequences: false)
          .joined(separator: "\"\"") + "\""
        let threshold = tensor.threshold.map { "\($0)" } ?? ""
        text += "\(entry.step),\(name),\(tensor.target ?? 0),\(tensor.sparsity),\(threshold)"
        text += ",\(tensor.kept),\(tensor.weights)\n"
      }
    }
    return text
  }

  /// JSON has no infinity; a threshold that is none is null.
  private func number(_ value: Double?) -> String {
    guard let value, value.isFinite else { return "null" }
    return "\(value)"
  }

  private func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
