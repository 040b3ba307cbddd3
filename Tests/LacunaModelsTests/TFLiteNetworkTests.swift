// TFLite files as networks: what LiteRT makes of them, within rounding; what is not supported names its node.

import LacunaGraph
import LacunaIO
import LacunaModels
import TestSupport
import Testing

private let networks = GoldenNetworks("tflite.npz")

private func model(_ name: String) throws -> [UInt8] { try networks.model(name) }

@Suite struct TFLiteNetworkTests {
  @Test(arguments: networks.names, [true, false])
  func `gives what LiteRT gives`(name: String, fuses: Bool) throws {
    let graph = try ModelFile(bytes: model(name)).network()
    var arrays: [String: GraphArray] = [:]
    for input in graph.inputs {
      let array = try #require(networks["\(name)/x/\(input.name)"])
      arrays[input.name] = try GraphArray(array.shape, array.floats())
    }
    let plan = try GraphPlan(
      graph, options: GraphOptions(threads: fuses ? 1 : 2, deterministic: true, fuses: fuses))
    let found = try plan.run(arrays)
    #expect(!graph.outputs.isEmpty)
    for output in graph.outputs {
      let expected = try #require(networks["\(name)/y/\(output)"])
      let result = try #require(found[output])
      #expect(result.shape == expected.shape)
      let (numbers, wanted) = (try #require(result.floats), try expected.floats())
      let largest = wanted.map { abs($0) }.max() ?? 0
      // No sum has more than two hundred terms; both sides round each.
      for (a, b) in zip(numbers, wanted) where !(abs(a - b) <= 200 * 0x1p-24 * largest) {
        Issue.record("\(output): \(a), LiteRT has \(b)")
        break
      }
    }
  }

  @Test func `zeros around an image belong to the convolutions behind them`() throws {
    let plan = try GraphPlan(try ModelFile(bytes: model("pad-folded")).network())
    #expect(!plan.steps.contains { $0.operation == "pad" })
  }

  @Test func `layouts change at the network's ends alone`() throws {
    let plan = try GraphPlan(try ModelFile(bytes: model("residual")).network())
    // The image comes in, and two results go out, one of them through a product of rows.
    #expect(plan.steps.count { $0.operation == "transpose" } <= 2)
  }

  @Test func `an operator that is not known names its node`() throws {
    // The only operator code of the file, HARD_SWISH, in both fields that hold it.
    let bytes = try model("hard-swish").map { $0 == 117 ? 119 : $0 }
    let error = #expect(throws: NetworkError.self) { try ModelFile(bytes: bytes).network() }
    #expect("\(error!)".contains("119"), "\(error!)")
  }

  @Test func `activations in integers are refused`() throws {
    let file = try ModelFile(contentsOf: golden("tflite/plain_int8.tflite"))
    #expect(throws: NetworkError.self) { try file.network() }
  }

  @Test func `damaged files are refused or read`() throws {
    for name in ["residual", "half-and-sparse", "depth-to-space"] {
      damage(try model(name), stride: 7, seed: 3, rounds: 300) { bytes in
        let graph = try ModelFile(bytes: bytes).network()
        _ = try GraphPlan(graph, options: GraphOptions(deterministic: true, memory: 8 << 20))
      }
    }
  }
}
