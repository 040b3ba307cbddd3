// The reference toolkit's error cases: refused here as well, or defined, or without a counterpart.

import LacunaFormats
import LacunaOperations
import LacunaPruning
import Testing

@Suite struct GoldenErrorTests {
  /// What becomes of a case of the collection.
  private enum Here {
    /// An error here too.
    case refused(() throws -> Void)
    /// Works here, as a defect of the reference that is mended.
    case defined(() throws -> Void)
    /// About Keras objects and calls that do not exist here, or that a type rules out.
    case noCounterpart
  }

  private struct Unknown: Error {}

  private func blocks(_ rows: Int, _ columns: Int, _ shape: [Int]) throws {
    let found = try mask(
      randomWeights(shape.reduce(1, *), seed: 1), shape: shape, sparsity: 0.5,
      granularity: .block(try BlockSize(rows, columns)), layout: .tensorFlow)
    #expect(found.keptCells == keptCount(of: found.cells, sparsity: 0.5))
  }

  private func here(_ id: String) -> Here? {
    switch id {
    case "block_rank3": .defined { try blocks(2, 2, [1, 4, 4]) }
    case "block_rank4_conv": .defined { try blocks(1, 4, [3, 3, 2, 2]) }
    case "block_rank4_1x1conv": .defined { try blocks(1, 4, [1, 1, 8, 8]) }
    case "block_1x1_rank4_ok": .defined { try blocks(1, 1, [3, 3, 2, 2]) }
    case "pool_MIN": .refused { if Pooling(rawValue: "MIN") == nil { throw Unknown() } }
    case "pool_rank": .defined { try blocks(1, 2, [6]) }
    case "is_pruned_m_gt_n":
      .refused {
        _ = try mask(
          [1, 2, 3, 4], shape: [1, 4], sparsity: 0.5, granularity: .pattern(keep: -1, of: 4))
      }
    case "not_layer", "unsupported_layer", "bidirectional", "timedistributed", "misc_object",
      "subclass_model", "mbn_bad_len", "mbn_float", "mbn_int", "mbn_string_ok_as_iterable",
      "expand_rank", "expand_len", "is_pruned_bad_channel", "summaries_logdir_empty",
      "strip_non_model", "policy_unbuilt", "policy_no_start", "policy_no_end", "policy_middle":
      .noCounterpart
    default: nil
    }
  }

  @Test func everyErrorCaseIsAccountedFor() throws {
    let cases = try Golden.load("cases.json")["errors"]["cases"].array
    #expect(cases.count == 26)
    for item in cases {
      let id = item["id"].string!
      switch try #require(here(id), "\(id) is new") {
      case .refused(let body):
        #expect(item["expect"].string == "error")
        expectRefused(id, body)
      case .defined(let body): try body()
      case .noCounterpart: #expect(item["expect"].string == "error")
      }
    }
  }

  private func expectRefused(_ id: String, _ body: () throws -> Void) {
    #expect(throws: (any Error).self, "\(id)") { try body() }
  }

  @Test func sparseFullyConnectedLayersGiveTheSameNumbers() throws {
    // Those in float, and those in 8 bits whose scale is 1: exact in both.
    let cases = try Golden.load("cases.json")["sparse_fc_tflite"]["cases"].array
      .filter {
        !$0["id"].string!.contains("er-channel") && !$0["id"].string!.contains("PerChannel")
      }
    #expect(cases.count == 7)
    for item in cases {
      let id = item["id"].string!
      let shape = item["weights_[out,in]"].shape
      let dense = try DenseMatrix(
        rows: shape[0], columns: shape[1], values: item["weights_[out,in]"].flat)
      let batch = item["input"].shape[0]
      let input = try DenseMatrix(rows: batch, columns: shape[1], values: item["input"].flat)
      let epilogue = Epilogue<Float>(
        bias: item["bias"].isNull ? nil : item["bias"].flat,
        activation: item["activation"].string == "relu" ? .relu : .none)
      let block = try BlockSize(item["block"][0].int!, item["block"][1].int!)
      let plans = [
        try Plan(CSRMatrix(dense: dense), layout: .rows, width: batch, epilogue: epilogue),
        try Plan(
          BSRMatrix(dense: dense, block: block), layout: .rows, width: batch, epilogue: epilogue),
      ]
      for plan in plans {
        var output = try DenseMatrix<Float>(rows: batch, columns: shape[0])
        try plan.run(input, into: &output)
        #expect(output.values == item["expect_output"].flat, "\(id)")
      }
    }
  }
}
