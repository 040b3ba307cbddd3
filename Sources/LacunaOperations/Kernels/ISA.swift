// Which compiled copy of the kernels runs: the best that the processor executes, or LACUNA_ISA's.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An instruction set that kernels were compiled for, in rising order.
public enum ISA: String, CaseIterable, Comparable, Codable, Sendable {
  /// What the package's own target triple allows (SSE2 on x86-64).
  case baseline
  /// x86-64-v3: AVX2 and FMA.
  case v3
  /// x86-64-v4: AVX-512.
  case v4

  /// Bytes of a register.
  var vectorBytes: Int {
    switch self {
    case .baseline: 16
    case .v3: 32
    case .v4: 64
    }
  }

  public static func < (a: ISA, b: ISA) -> Bool {
    allCases.firstIndex(of: a)! < allCases.firstIndex(of: b)!
  }

  /// The variable that overrides the choice.
  public static let environmentVariable = "LACUNA_ISA"

  /// Instruction sets that this build has kernels for and this processor executes, rising.
  public static let available: [ISA] = {
    #if arch(x86_64)
      let cpu = CPUInfo.current
      return [.baseline] + (cpu.hasV3 ? [.v3] : []) + (cpu.hasV4 ? [.v4] : [])
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
