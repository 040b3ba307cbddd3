// The processor this process runs on: what it can execute, its caches, its cores.

import CCPUFeatures

/// What was detected about the processor, once per process.
public struct CPUInfo: Sendable {
  /// This machine.
  public static let current = CPUInfo(lcn_detect_cpu_features())

  /// Brand string, such as "AMD EPYC"; empty when unknown.
  public let model: String
  /// Processors that this process may use at once: those it may run on, but no more than a
  /// container's CPU quota pays for when this is first asked.
  public let cores: Int
  /// Bytes of cache per core (level 1 data, level 2) and shared (level 3); a typical value when the
  /// system does not tell.
  public let level1Bytes: Int, level2Bytes: Int, level3Bytes: Int
  /// x86-64-v3: AVX2, FMA and their companions. x86-64-v4: AVX-512 F, BW, CD, DQ, VL.
  public let hasV3: Bool, hasV4: Bool
  /// AVX-512 extensions beyond x86-64-v4.
  public let hasVBMI: Bool, hasVBMI2: Bool, hasVNNI: Bool, hasBF16: Bool
  /// Products of bytes on 256 bits, on processors with AVX-512 and without.
  public let hasAVXVNNI: Bool

  private init(_ f: lcn_cpu_features) {
    var f = f
    model = withUnsafeBytes(of: &f.model) { bytes in
      var text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      while text.last == " " { text.removeLast() }
      return text
    }
    cores = min(Int(f.cores), processorsOfQuota() ?? .max)
    level1Bytes = f.l1d_bytes > 0 ? Int(f.l1d_bytes) : 32 << 10
    level2Bytes = f.l2_bytes > 0 ? Int(f.l2_bytes) : 512 << 10
    level3Bytes = f.l3_bytes > 0 ? Int(f.l3_bytes) : 8 << 20
    (hasV3, hasV4) = (f.x86_64_v3, f.x86_64_v4)
    (hasVBMI, hasVBMI2) = (f.avx512_vbmi, f.avx512_vbmi2)
    (hasVNNI, hasBF16) = (f.avx512_vnni, f.avx512_bf16)
    hasAVXVNNI = f.avx_vnni
  }

  /// What decides which instruction sets run.
  public var features: CPUFeatures {
    var features: CPUFeatures = []
    if hasV3 { features.insert(.v3) }
    if hasV4 { features.insert(.v4) }
    if hasAVXVNNI { features.insert(.avxVNNI) }
    if hasVNNI { features.insert(.avx512VNNI) }
    if hasVBMI && hasVBMI2 { features.insert(.avx512VBMI2) }
    if hasBF16 { features.insert(.avx512BF16) }
    return features
  }

  /// The instruction-set extensions as one line of words.
  public var featureNames: [String] {
    [
      ("x86-64-v3", hasV3), ("avx-vnni", hasAVXVNNI), ("x86-64-v4", hasV4),
      ("avx512-vbmi", hasVBMI),
      ("avx512-vbmi2", hasVBMI2), ("avx512-vnni", hasVNNI), ("avx512-bf16", hasBF16),
    ].filter(\.1).map(\.0)
  }
}
