// Ctrl-C and termination: the first asks the running command to stop at a whole step, the second ends it.

import Lacuna

/// Asks the running training loop to stop. The signal handler, as a C function, may only touch globals.
private let flag = CancellationFlag()

/// Whether somebody asked the tool to stop.
enum Interruption {
  /// From now on the first SIGINT or SIGTERM only raises the flag that this returns; the next one
  /// ends the program.
  static func caught() -> CancellationFlag {
    // The handler may not run a lazy initialiser: touch the flag before the first signal.
    let raised = flag
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in flag.cancel() }
    action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_RESTART
    // A parent that launches from a worker thread, as Foundation's Process does, leaves them blocked.
    var numbers = sigset_t()
    sigemptyset(&numbers)
    for number in [SIGINT, SIGTERM] {
      sigaction(number, &action, nil)
      sigaddset(&numbers, number)
    }
    pthread_sigmask(SIG_UNBLOCK, &numbers, nil)
    return raised
  }
}
