// Sequences of different lengths side by side, step by step and longest first: no row is computed for padding.
//
//     lengths 2 4 1        step 0: b a c    step 1: b a    step 2: b    step 3: b
//             a b c        rows    0 1 2            3 4            5            6

/// Which rows of a matrix belong to which steps of some sequences. The sequences that have a step are the first ones
/// of those that have the step before, so that each step reads a run of rows and writes another.
struct PackedSequences {
  /// Steps of each sequence.
  let lengths: [Int]
  /// The sequence at each place, longest first; equally long ones stay in order.
  let order: [Int]
  /// The place of each sequence.
  let places: [Int]
  /// How many sequences have each step.
  let counts: [Int]
  /// The row of each step's first sequence.
  let starts: [Int]
  /// Rows of all steps.
  let rows: Int

  /// Not checked: there is a sequence, and each has a step.
  init(lengths: [Int]) {
    self.lengths = lengths
    order = lengths.indices.sorted { (-lengths[$0], $0) < (-lengths[$1], $1) }
    var places = [Int](repeating: 0, count: lengths.count)
    for (place, sequence) in order.enumerated() { places[sequence] = place }
    self.places = places
    var counts = [Int](repeating: 0, count: lengths.max() ?? 0)
    for length in lengths { for t in 0..<length { counts[t] += 1 } }
    self.counts = counts
    var (starts, rows): ([Int], Int) = ([], 0)
    for count in counts {
      starts.append(rows)
      rows += count
    }
    (self.starts, self.rows) = (starts, rows)
  }

  var steps: Int { counts.count }
  var samples: Int { lengths.count }

  /// The row of step `t` of a sequence.
  @inline(__always)
  func row(_ sequence: Int, _ t: Int) -> Int { starts[t] + places[sequence] }
}
