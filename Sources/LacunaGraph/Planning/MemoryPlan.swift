// Where the values of a plan lie in its one arena: those that are never needed together share memory.

/// Places for blocks that live from one step to another.
package struct MemoryPlan {
  package struct Block {
    package var bytes: Int
    /// The step that writes it, and the last one that reads it.
    package var life: ClosedRange<Int>

    package init(bytes: Int, life: ClosedRange<Int>) { (self.bytes, self.life) = (bytes, life) }
  }

  /// Bytes from the start of the arena to each block.
  package private(set) var offsets: [Int]
  /// Bytes of the arena.
  package private(set) var bytes = 0

  /// Cache line, and the alignment of a workspace.
  package static let alignment = 64

  /// Places the largest blocks first, each at the lowest address that no block of an overlapping life covers.
  ///
  /// - Complexity: O(blocks²)
  package init(_ blocks: [Block]) {
    offsets = [Int](repeating: 0, count: blocks.count)
    func padded(_ bytes: Int) -> Int {
      (max(bytes, 1) + Self.alignment - 1) / Self.alignment * Self.alignment
    }
    let order = blocks.indices.sorted {
      (blocks[$1].bytes, $0) < (blocks[$0].bytes, $1)
    }
    // By address, so that gaps are met in rising order.
    var placed: [(start: Int, end: Int, life: ClosedRange<Int>)] = []
    for index in order {
      let (size, life) = (padded(blocks[index].bytes), blocks[index].life)
      var start = 0
      for other in placed where other.life.overlaps(life) {
        if other.start >= start + size { break }
        start = max(start, other.end)
      }
      offsets[index] = start
      let entry = (start: start, end: start + size, life: life)
      let at = placed.firstIndex { $0.start > start } ?? placed.count
      placed.insert(entry, at: at)
      bytes = max(bytes, start + size)
    }
  }
}
