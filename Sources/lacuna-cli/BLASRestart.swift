// A program starts again when OpenBLAS needs another environment than the one it was loaded in.

import Lacuna

/// What OpenBLAS reads from the environment while it is loaded, before any of the program runs.
///
/// For the `main` of a tool alone: a restart takes the process with it, which a library must not
/// do.
enum BLASRestart {
  /// Restarts with OpenBLAS's AVX-512 kernels when the processor has AVX-512 and OpenBLAS, not
  /// knowing the processor, chose narrower ones.
  ///
  /// Returns, having done nothing, when the variable is set, when the kernels are already wide,
  /// when the processor is not, or when the restart fails.
  static func preferWidestCore() {
    if !CPUInfo.current.hasV4 || BLAS.hasWideCore { return }
    restart(setting: "OPENBLAS_CORETYPE", to: "SkylakeX")
  }

  /// Restarts so that OpenBLAS's idle threads sleep at once, as Lacuna's do.
  ///
  /// By default they spin for 2²⁶ cycles (about 20 ms) after a call, and take the processors from
  /// whoever works next.
  static func letIdleThreadsSleep() { restart(setting: "OPENBLAS_THREAD_TIMEOUT", to: "4") }

  private static func restart(setting variable: String, to value: String) {
    if getenv(variable) != nil { return }
    #if os(Linux)
      setenv(variable, value, 1)
      execv("/proc/self/exe", CommandLine.unsafeArgv)
      // Only a failed restart comes here.
      unsetenv(variable)
    #endif
  }
}
