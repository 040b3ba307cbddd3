// What sparse data of a file may unfold to.

import LacunaIO

/// Refuses sparse data that would unfold to far more bytes than it takes: a decompression bomb.
///
/// The limit is a factor of 4096 over what is stored, which 99.9 % zeros with 8-byte indices stay
/// ten times below; 16 MB are always allowed.
func checkExpansion(
  _ what: @autoclosure () -> String, stored: Int, unfolded: Int
) throws(DataProblem) {
  let limit = max(16 << 20, stored.multipliedReportingOverflow(by: 4096).partialValue)
  if unfolded > limit {
    throw .outOfRange(
      what: "size of \(what()) without its sparse encoding", value: unfolded, lowest: 0,
      highest: limit)
  }
}
