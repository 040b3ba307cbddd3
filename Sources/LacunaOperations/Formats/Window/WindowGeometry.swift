// How many rows a window kernel walks together, and how wide its windows are.

import LacunaFormats

/// The shape of a window format. Each has its kernels; see `WindowVector` in LacunaKernels.
struct WindowGeometry: Hashable, Sendable {
  /// Output rows per group: one per lane of a register.
  let lanes: Int
  /// Blocks of `lanes` inputs per window: 2, or 1 for patterns that fill every lane.
  let blocks: Int
  /// Only the weights in use are stored, with a mask for each step.
  var compressed = false

  /// Inputs per window.
  var inputs: Int { lanes * blocks }
  /// Inputs of a window that a weight may lie at: the last place of two blocks reads as zero.
  var usable: Int { blocks == 1 ? inputs : inputs - 1 }
  /// Bits per place.
  var bits: Int { inputs.trailingZeroBitCount }
  /// Steps whose places share a 32-bit word per lane.
  var stepsPerBundle: Int { 32 / bits }
  /// The kernel's variant in the table.
  var variant: String { "\(lanes)x\(inputs)" + (compressed ? "c" : "") }

  /// Most inputs: the first block of a window is a 16-bit number.
  var mostInputs: Int { (Int(UInt16.max) - 1) * lanes }
}
