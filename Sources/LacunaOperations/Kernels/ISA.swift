// Which compiled copy of the kernels runs: the best that the processor executes, or LACUNA_ISA's.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a processor may execute beyond the package's own target.
public struct CPUFeatures: OptionSet, Hashable, Sendable {
  /// A bit for each feature.
  public let rawValue: Int
  /// The features whose bits are set; bits without a feature are kept.
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// AVX2, FMA and their companions.
  public static let v3 = CPUFeatures(rawValue: 1)
  /// AVX-512 F, BW, CD, DQ, VL.
  public static let v4 = CPUFeatures(rawValue: 2)
  /// Products of bytes on 256 bits: AVX-VNNI.
  public static let avxVNNI = CPUFeatures(rawValue: 4)
  /// Products of bytes on 512 bits: AVX512-VNNI.
  public static let avx512VNNI = CPUFeatures(rawValue: 8)
  /// Bytes spread under masks and permuted on 512 bits: AVX512-VBMI2 and AVX512-VBMI.
  public static let avx512VBMI2 = CPUFeatures(rawValue: 16)
  /// Products of pairs of bf16 on 512 bits: AVX512-BF16.
  public static let avx512BF16 = CPUFeatures(rawValue: 32)
}

/// An instruction set that kernels were compiled for: a name, what a processor has to execute, and a rank.
///
/// They form no ladder: a processor may have AVX-VNNI and no AVX-512, or the other way round. A kernel can be
/// used where ``includes(_:)`` says so; of several the one of the highest rank is.
public struct ISA: RawRepresentable, Hashable, CaseIterable, Codable, Sendable,
  CustomStringConvertible
{
  /// The name, as `LACUNA_ISA` and files spell it.
  public let rawValue: String
  /// What a processor has to execute.
  public let features: CPUFeatures
  /// Bytes of a register.
  package let vectorBytes: Int

  private init(_ name: String, _ features: CPUFeatures, vectorBytes: Int) {
    (rawValue, self.features, self.vectorBytes) = (name, features, vectorBytes)
  }

  /// What the package's own target triple allows (SSE2 on x86-64).
  public static let baseline = ISA("baseline", [], vectorBytes: 16)
  /// x86-64-v3: AVX2 and FMA.
  public static let v3 = ISA("v3", [.v3], vectorBytes: 32)
  /// x86-64-v3 and AVX-VNNI.
  public static let v3VNNI = ISA("v3-vnni", [.v3, .avxVNNI], vectorBytes: 32)
  /// x86-64-v4: AVX-512.
  public static let v4 = ISA("v4", [.v3, .v4], vectorBytes: 64)
  /// x86-64-v4 and AVX512-VNNI.
  public static let v4VNNI = ISA("v4-vnni", [.v3, .v4, .avx512VNNI], vectorBytes: 64)
  /// x86-64-v4, AVX512-VNNI, AVX512-VBMI and AVX512-VBMI2.
  public static let v4VBMI2 = ISA(
    "v4-vbmi2", [.v3, .v4, .avx512VNNI, .avx512VBMI2], vectorBytes: 64)
  /// x86-64-v4, AVX512-VNNI, AVX512-VBMI2 and AVX512-BF16: Zen 4, Sapphire Rapids and later.
  public static let v4BF16 = ISA(
    "v4-bf16", [.v3, .v4, .avx512VNNI, .avx512VBMI2, .avx512BF16], vectorBytes: 64)

  /// All, in rising rank.
  public static let allCases = [baseline, v3, v3VNNI, v4, v4VNNI, v4VBMI2, v4BF16]

  /// The instruction set of that name.
  public init?(rawValue: String) {
    guard let found = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
    self = found
  }

  /// Its place among ``allCases``: of two that a processor has the higher one is better.
  public var rank: Int { Self.allCases.firstIndex(of: self)! }

  /// Whether what runs `other` may be called: a processor that has this has the other as well.
  public func includes(_ other: ISA) -> Bool { features.isSuperset(of: other.features) }

  /// What this is to products of floats: VNNI and VBMI2 are nothing to them, and pairs of bf16 are told by the name
  /// of their kernels.
  package var withoutByteProducts: ISA {
    let features = features.subtracting([.avxVNNI, .avx512VNNI, .avx512VBMI2, .avx512BF16])
    return Self.allCases.last { $0.features == features }!
  }

  /// Whether four products of bytes are one instruction.
  var hasByteProducts: Bool { !features.isDisjoint(with: [.avxVNNI, .avx512VNNI]) }

  /// The name.
  public var description: String { rawValue }

  /// The variable that overrides the choice.
  public static let environmentVariable = "LACUNA_ISA"

  /// Instruction sets that this build has kernels for and this processor executes, in rising rank.
  public static let available: [ISA] = {
    #if arch(x86_64)
      let features = CPUInfo.current.features
      return allCases.filter { features.isSuperset(of: $0.features) }
    #else
      return [.baseline]
    #endif
  }()

  /// The best instruction set of this processor.
  public static var detected: ISA { available.last! }

  /// What kernels use when the caller does not say: ``detected``, unless `LACUNA_ISA` asks for less.
  /// A nonsense value of the variable is reported by ``validated()``; here it changes nothing.
  public static let selected: ISA = (try? chosen(by: environmentValue)) ?? detected

  /// ``selected``, or the error that explains why `LACUNA_ISA` cannot be honoured.
  ///
  /// - Throws: ``OperationError/unknownISA(name:allowed:)`` or
  ///   ``OperationError/unavailableISA(name:available:)``.
  public static func validated() throws(OperationError) -> ISA { try chosen(by: environmentValue) }

  /// The instruction set that `name` asks for; ``detected`` for nil or an empty name.
  ///
  /// - Throws: ``OperationError/unknownISA(name:allowed:)`` for a word that names none,
  ///   ``OperationError/unavailableISA(name:available:)`` for one this processor lacks.
  public static func chosen(by name: String?) throws(OperationError) -> ISA {
    guard let name, !name.isEmpty else { return detected }
    guard let isa = ISA(rawValue: name) else {
      throw .unknownISA(name: name, allowed: allCases.map(\.rawValue))
    }
    if !available.contains(isa) {
      throw .unavailableISA(name: name, available: available.map(\.rawValue))
    }
    return isa
  }

  private static var environmentValue: String? {
    getenv(environmentVariable).map { String(cString: $0) }
  }
}
