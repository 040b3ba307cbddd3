// Seconds of every step of a plan: where the time of a run goes.

import LacunaFormats
import LacunaOperations

extension GraphPlan {
  /// The least seconds that each of ``steps`` took in some whole runs, with caches as the steps before it leave them.
  ///
  /// A look at the clock between two steps, some 20 ns, is part of them.
  ///
  /// - Parameter runs: how many, 1 at least; the first one, which brings weights and memory to the caches, is not counted
  ///   where there are more.
  /// - Throws: as ``run(_:)``, and ``GraphError/option(_:)`` for fewer runs.
  public func stepSeconds(
    _ arrays: [String: GraphArray], runs: Int = 20
  ) throws(GraphError) -> [Double] {
    if runs < 1 {
      throw .option(.outOfRange(name: "runs", value: runs, minimum: 1, maximum: .max))
    }
    var least = [Double](repeating: .infinity, count: steps.count)
    _ = try run(arrays) { inputs, outputs in
      memory.withAddresses(inputs, outputs) { values, arena in
        ThreadPool.shared.whileAwake(limit: threads) {
          for number in 0..<runs {
            var before = monotonicSeconds()
            for (place, step) in steps.enumerated() {
              run(step, values, arena)
              let after = monotonicSeconds()
              if number > 0 || runs == 1 { least[place] = min(least[place], after - before) }
              before = after
            }
          }
        }
      }
    }
    return least
  }
}
