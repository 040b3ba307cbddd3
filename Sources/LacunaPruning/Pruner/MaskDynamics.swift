// How one mask follows from the one before it

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// How masks change from update to update.
public enum MaskDynamics: Hashable, Sendable, Codable {
  /// Ranked anew from live weights; a dropped weight can come back by what the optimiser made of it in
  /// the step before an update. The reference toolkit's behaviour.
  case recompute
  /// What is dropped stays dropped: each mask lies inside the one before it.
  case shrink
  /// Sparse training from SET (random growth) and RigL (by gradients): at each update the
  /// `fraction` least salient of the kept cells make place for as many others, which start at zero.
  /// The fraction decays over half a cosine until step `until`.
  case dropAndGrow(fraction: Double, until: Int, growth: Growth)

  /// Which cells come back.
  public enum Growth: Hashable, Sendable, Codable {
    /// Any (Mocanu et al. 2018).
    case random(seed: UInt64)
    /// Those with the largest |∂loss/∂w| (Evci et al. 2020); tensors must carry gradients.
    case gradient
  }

  func check() throws(PruningError) {
    guard case .dropAndGrow(let fraction, let until, _) = self else { return }
    if !(fraction > 0 && fraction < 1) {
      throw .invalidParameter(name: "fraction", value: "\(fraction)", allowed: "between 0 and 1")
    }
    if until < 1 {
      throw .invalidParameter(name: "until", value: "\(until)", allowed: "1 or more")
    }
  }

  /// The share of the kept cells that is exchanged at `step`.
  static func exchanged(_ fraction: Double, until: Int, step: Int) -> Double {
    step >= until ? 0 : fraction / 2 * (1 + cos(Double.pi * Double(step) / Double(until)))
  }
}

/// SplitMix64 (Steele et al. 2014): its whole state is the seed, so growth resumes exactly.
struct GrowthGenerator: RandomNumberGenerator {
  private var state: UInt64

  /// A stream of its own for each tensor and step.
  init(seed: UInt64, step: Int, name: String) {
    // FNV-1a of the name.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    state = seed ^ hash ^ UInt64(bitPattern: Int64(step)) &* 0x9E37_79B9_7F4A_7C15
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
