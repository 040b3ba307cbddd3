// Masks and thresholds against the reference toolkit.

import LacunaFormats
import LacunaPruning
import Testing

@Suite struct GoldenMaskTests {
  /// The reference's rule on weights in its own layout.
  private func mask(
    _ weights: [Float], shape: [Int], sparsity: Double, granularity: Granularity
  ) throws -> MaskOutcome {
    try weights.withUnsafeBufferPointer {
      try magnitudeMask(
        $0, shape: shape, sparsity: sparsity, granularity: granularity, ties: .keepTies,
        layout: .tensorFlow)
    }
  }

  private func granularity(_ block: [Int], _ pooling: String) throws -> Granularity {
    block == [1, 1]
      ? .element
      : .block(
        try BlockSize(block[0], block[1]), pooling: pooling == "MAX" ? .max : .average)
  }

  /// Whether the reference pads an edge by two or more, and then prunes other cells than it pooled.
  private func isDefective(_ shape: [Int], _ block: [Int]) -> Bool {
    shape.count == 2 && zip(shape, block).contains { ($1 - $0 % $1) % $1 >= 2 }
  }

  @Test func masksAndThresholdsAreBitEqual() throws {
    let golden = try Golden.load("masks.json")
    var weights: [String: (values: [Float], shape: [Int])] = [:]
    for name in golden["weights"].keys {
      weights[name] = (golden["weights"][name].floats, golden["weights"][name]["shape"].ints)
    }
    var (equal, refused, defective, thresholds) = (0, 0, 0, 0)
    for item in golden["cases"].array {
      let id = item["id"].string!
      let (values, shape) = weights[item["weights"].string!]!
      let block = item["block"].ints
      let granularity: Granularity
      var sparsity = item["sparsity"].double!
      if item["m_by_n"].isNull {
        granularity = try self.granularity(block, item["pooling"].string!)
      } else {
        let (zeros, of) = (item["m_by_n"][0].int!, item["m_by_n"][1].int!)
        granularity = .pattern(keep: of - zeros, of: of)
        // The reference's patterns do not look at the schedule.
        sparsity = Double(zeros) / Double(of)
      }
      let outcome = try mask(values, shape: shape, sparsity: sparsity, granularity: granularity)
      if item["error"].string != nil {
        // A block that spans a dimension fails there; here it is a mask of whole blocks.
        refused += 1
        let blocks = outcome.mask.blockUnion(try BlockSize(block[0], block[1]))
        #expect(blocks.keptCount == outcome.keptCells, "\(id)")
        continue
      }
      if isDefective(shape, block) {
        defective += 1
        continue
      }
      let expected = [UInt8](item["mask"].data!).flatMap { byte in
        (0..<8).map { Int(byte >> (7 - $0) & 1) }
      }
      #expect(outcome.mask.bits == Array(expected.prefix(values.count)), "\(id) \(shape) \(block)")
      if let threshold = outcome.threshold {
        thresholds += 1
        #expect(
          Float(threshold).bitPattern == item["threshold_hex"].float32!.bitPattern, "\(id)")
      }
      equal += 1
    }
    #expect(equal == 180)
    #expect(thresholds > 0)
    #expect(refused == 20)
    #expect(defective == 20)
  }

  @Test func elementCasesAgree() throws {
    let cases = try Golden.load("cases.json")["mask_elementwise"]["cases"].array
    #expect(cases.count == 18)
    var infinite = 0
    for item in cases {
      let id = item["id"].string!
      let weights = item["weights"].flat
      // There an infinite weight is the largest of all; here it is damage, and refused by its place.
      if let place = weights.firstIndex(where: { !$0.isFinite }) {
        #expect(throws: PruningError.infinite(tensor: "weights", index: place), "\(id)") {
          try mask(
            weights, shape: item["weights"].shape, sparsity: item["sparsity"].double!,
            granularity: .element)
        }
        infinite += 1
        continue
      }
      let outcome = try mask(
        weights, shape: item["weights"].shape, sparsity: item["sparsity"].double!,
        granularity: .element)
      #expect(outcome.mask.bits == item["expect"]["mask"].flat.map { Int($0) }, "\(id)")
      #expect(outcome.mask.keptCount == item["expect"]["nnz"].int!, "\(id)")
      #expect(Float(outcome.threshold!) == Float(item["expect"]["threshold"].double!), "\(id)")
    }
    #expect(infinite == 1)
  }

  @Test func blockCasesAgreeWithTheAlignedRule() throws {
    let cases = try Golden.load("cases.json")["mask_block"]["cases"].array
    #expect(cases.count == 19)
    for item in cases {
      let id = item["id"].string!
      let aligned = item["aligned_reference"]
      let granularity = try granularity(item["block_size"].ints, item["pooling"].string!)
      let outcome = try mask(
        item["weights"].flat, shape: item["weights"].shape, sparsity: item["sparsity"].double!,
        granularity: granularity)
      if aligned.isNull {
        // Rank 3 is an error there and a GEMM view here.
        #expect(id == "rank3_error" && outcome.cells == 1)
        continue
      }
      #expect(outcome.mask.bits == aligned["mask"].flat.map { Int($0) }, "\(id)")
      #expect(Float(outcome.threshold!) == Float(aligned["threshold"].double!), "\(id)")
      if aligned["same_as_tfmot"].bool! {
        #expect(outcome.mask.bits == item["expect"]["mask"].flat.map { Int($0) }, "\(id)")
        #expect(outcome.mask.keptCount == item["expect"]["nnz"].int!, "\(id)")
      }
    }
  }

  @Test func pooledScoresAgree() throws {
    // At a target of 0 the threshold is the least score: peel the grid from there.
    let cases = try Golden.load("cases.json")["factorized_pool"]["cases"].array
    #expect(cases.count == 5)
    for item in cases {
      let window = item["window"].ints
      let scores = item["expect"].flat
      for (rank, score) in scores.sorted(by: >).enumerated() {
        let sparsity = 1 - Double(rank + 1) / Double(scores.count)
        let outcome = try mask(
          item["input"].flat, shape: item["input"].shape, sparsity: sparsity,
          granularity: .block(
            try BlockSize(window[0], window[1]),
            pooling: item["type"].string == "MAX" ? .max : .average))
        #expect(outcome.threshold == Double(score), "\(item.value)")
      }
    }
  }

  @Test func expansionAgrees() throws {
    let cases = try Golden.load("cases.json")["expand_tensor"]["cases"].array
    #expect(cases.count == 4)
    for item in cases {
      // The same product with ones, tried on the pattern of nonzeros.
      let (rows, columns) = (item["input"].shape[0], item["input"].shape[1])
      var grid = try BitMask(rows: rows, columns: columns)
      for (n, value) in item["input"].flat.enumerated() {
        grid[n / columns, n % columns] = value != 0
      }
      let block = try BlockSize(item["block_size"][0].int!, item["block_size"][1].int!)
      let whole = try grid.expanded(
        block, rows: rows * block.rows, columns: columns * block.columns)
      #expect(whole.bits == item["expect"].flat.map { $0 == 0 ? 0 : 1 })
    }
  }

  @Test func patternCasesAgree() throws {
    let cases = try Golden.load("cases.json")["mask_m_by_n"]["cases"].array
    #expect(cases.count == 11)
    for item in cases {
      let id = item["id"].string!
      let (zeros, of) = (item["m_by_n"][0].int!, item["m_by_n"][1].int!)
      let granularity = Granularity.pattern(keep: of - zeros, of: of)
      let shape = item["weights"].shape
      let run = {
        try mask(
          item["weights"].flat, shape: shape, sparsity: Double(zeros) / Double(of),
          granularity: granularity)
      }
      if id == "m_eq_n_error" {
        #expect(throws: PruningError.self) { _ = try run() }
      } else if item["expect"]["error"].isNull {
        #expect(try run().mask.bits == item["expect"]["mask"].flat.map { Int($0) }, "\(id)")
      } else {
        // Ranks 1 and 3 are errors there. Here rank 1 is outputs of one input each, so that no group has
        // anything to drop, and groups of rank 3 run along the inputs of each tap.
        let outcome = try run()
        let kept = shape.count == 1 ? outcome.cells : outcome.cells / of * (of - zeros)
        #expect(outcome.keptCells == kept, "\(id)")
      }
    }
    let rows = try Golden.load("cases.json")["generate_m_by_n_mask_rows"]["cases"].array
    #expect(rows.count == 5)
    for item in rows {
      let (zeros, of) = (item["m_by_n"][0].int!, item["m_by_n"][1].int!)
      let outcome = try item["weights"].flat.withUnsafeBufferPointer {
        try magnitudeMask(
          $0, shape: item["weights"].shape, sparsity: 0.99,
          granularity: .pattern(keep: of - zeros, of: of))
      }
      #expect(outcome.mask.bits == item["expect_mask"].flat.map { Int($0) })
    }
  }

  @Test func patternsAreRecognised() throws {
    let cases = try Golden.load("cases.json")["is_pruned_m_by_n"]["cases"].array
    #expect(cases.count == 12)
    for item in cases {
      let (rows, columns) = (
        item["rows_along_input_channel"].shape[0], item["rows_along_input_channel"].shape[1]
      )
      let (zeros, of) = (item["m_by_n"][0].int!, item["m_by_n"][1].int!)
      let mask = BitMask(
        nonzerosOf: try DenseMatrix(
          rows: rows, columns: columns, values: item["rows_along_input_channel"].flat))
      #expect(
        mask.hasPattern(keep: of - zeros, of: of) == item["expect"].bool!, "\(item.value)")
    }
  }
}
